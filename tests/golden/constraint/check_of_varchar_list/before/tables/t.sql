CREATE TABLE t (id int PRIMARY KEY, state varchar(10), kind varchar(5) CHECK (kind IN ('a', 'b')));
CREATE INDEX t_kind ON t (id) WHERE kind IN ('a', 'b');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
