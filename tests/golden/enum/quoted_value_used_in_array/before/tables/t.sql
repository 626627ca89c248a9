CREATE TABLE t (v e, w e[]);
