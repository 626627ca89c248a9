CREATE TABLE t (id int PRIMARY KEY CHECK (ok(id)));
