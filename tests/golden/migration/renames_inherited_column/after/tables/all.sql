CREATE TABLE p (nr int CHECK (nr > 0));
CREATE TABLE k (x text) INHERITS (p);
