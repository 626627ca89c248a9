CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE notes (author int REFERENCES users, n int CHECK (doubled(n) > 0));
CREATE INDEX ON notes (doubled(n), author);
