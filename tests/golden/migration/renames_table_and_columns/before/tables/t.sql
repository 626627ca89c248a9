CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, n integer CHECK (n > 0));
CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users);
CREATE INDEX ON users (n);
