CREATE TABLE one (id int, a text);
CREATE TABLE two (b int);
CREATE TABLE c (own date) INHERITS (one, two);
