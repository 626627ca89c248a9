CREATE TABLE users (id text NOT NULL UNIQUE, name text);
CREATE TABLE remarks (writer text REFERENCES users (id), n int CHECK (doubled(n) > 0));
CREATE INDEX ON remarks (doubled(n), writer);
