CREATE TABLE base (id int);
CREATE TABLE first (a int) INHERITS (base);
