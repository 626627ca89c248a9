-- stonegate: allow drop_table
-- stonegate: allow drop_constraint
ALTER TABLE l DROP CONSTRAINT l_t;
ALTER TABLE t RENAME TO t_old;
CREATE TABLE t (id integer CONSTRAINT t_key2 PRIMARY KEY, n bigint);
INSERT INTO t SELECT id, n FROM t_old;
DROP TABLE t_old;
