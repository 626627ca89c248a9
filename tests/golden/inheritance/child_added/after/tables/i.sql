CREATE TABLE base (id int, v text);
CREATE TABLE child (w int) INHERITS (base);
CREATE TABLE child2 () INHERITS (base);
