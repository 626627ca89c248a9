CREATE TABLE a_b (c serial, x integer);
CREATE TABLE u (x integer, v integer GENERATED ALWAYS AS IDENTITY);
CREATE TABLE u_v (x integer);
CREATE SEQUENCE t_id_seq START 7;
CREATE SEQUENCE t_no_seq;
CREATE TABLE t (x integer);
