CREATE TABLE a (b_c serial, x integer);
CREATE TABLE u (x integer);
CREATE TABLE u_v (x integer, seq integer, w integer);
CREATE SEQUENCE u_v_seq OWNED BY u_v.w;
CREATE TABLE t (x integer, id serial, no integer GENERATED ALWAYS AS IDENTITY);
