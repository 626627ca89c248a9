CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0);
CREATE INDEX t_mood ON t (id) WHERE 'x'::mood = 'x'::mood;
