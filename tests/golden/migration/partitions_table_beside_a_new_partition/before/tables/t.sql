CREATE TABLE e (a int, d int);
