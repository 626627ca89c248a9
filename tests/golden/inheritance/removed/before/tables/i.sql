CREATE TABLE base (id int, v text);
CREATE TABLE child (w int) INHERITS (base);
