CREATE TABLE t (id integer, v c, w c[], o outer_c, e e);
CREATE INDEX t_a ON t (((v).a));
CREATE TABLE gone (v c);
