CREATE TABLE base (id int, v text);
CREATE TABLE child (id int, v text, w int);
