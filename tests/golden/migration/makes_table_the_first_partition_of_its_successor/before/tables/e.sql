CREATE TABLE e (id int, at date, v text, CONSTRAINT e1_pkey PRIMARY KEY (id, at));
CREATE INDEX e1_v_idx ON e (v);
