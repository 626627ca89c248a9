CREATE TABLE users (id integer PRIMARY KEY);
CREATE TABLE people (name text CONSTRAINT users_name_not_null NOT NULL);
COMMENT ON CONSTRAINT users_name_not_null ON people IS 'as pg_dump writes it of a renamed table';
