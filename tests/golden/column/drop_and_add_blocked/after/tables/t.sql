CREATE TABLE t (id integer PRIMARY KEY, remark text);
