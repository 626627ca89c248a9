CREATE TABLE t (id integer, v text, new c, e text);
