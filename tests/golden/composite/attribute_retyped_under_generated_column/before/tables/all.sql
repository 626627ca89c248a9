CREATE TYPE c AS (a int, b int);
CREATE TABLE t (a int, g int GENERATED ALWAYS AS ((ROW(a, 1)::c).b) STORED);
CREATE TABLE child () INHERITS (t);
CREATE TABLE u (a int, g int GENERATED ALWAYS AS ((ROW(a, 1)::c).b) STORED);
