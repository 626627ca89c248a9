CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FUNCTION level_of(mood) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT 1$$;
CREATE CAST (mood AS int) WITH FUNCTION level_of(mood);
CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL);
CREATE VIEW levels AS SELECT id, m::int AS level FROM t;
