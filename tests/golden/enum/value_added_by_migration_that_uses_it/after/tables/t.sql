CREATE TABLE t (id integer, v e DEFAULT 'b' CHECK (v <> 'c'));
