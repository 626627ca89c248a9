CREATE TABLE a (id integer PRIMARY KEY);
CREATE INDEX a_id ON a (id);
