CREATE TABLE one (id int, a text);
CREATE TABLE two (b int);
CREATE TABLE c (id int, a text, b int, own date);
ALTER TABLE c INHERIT one;
