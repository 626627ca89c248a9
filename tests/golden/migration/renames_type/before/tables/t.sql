CREATE TABLE t (v o DEFAULT 'a', w o[] CHECK (w <> '{a}'));
CREATE INDEX t_v ON t (v) WHERE v = 'a';
