CREATE TABLE t (v e DEFAULT 'a', w e[] CHECK (w <> '{a}'));
CREATE INDEX t_v ON t (v) WHERE v = 'a';
