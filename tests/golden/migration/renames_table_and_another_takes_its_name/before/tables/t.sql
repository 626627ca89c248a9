CREATE TABLE a (id serial PRIMARY KEY, n integer UNIQUE);
CREATE INDEX a_n ON a (n);
