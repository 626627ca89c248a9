CREATE TABLE b (id int CONSTRAINT a_pkey PRIMARY KEY, x text);
CREATE INDEX a_x_idx ON b (x);
