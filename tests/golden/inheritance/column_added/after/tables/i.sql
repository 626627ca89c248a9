CREATE TABLE base (id int, v text, n int);
CREATE TABLE child (w int) INHERITS (base);
