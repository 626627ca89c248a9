CREATE TABLE p (id int CHECK (id > 0));
CREATE TABLE k (x text) INHERITS (p);
