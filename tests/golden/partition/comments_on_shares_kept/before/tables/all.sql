CREATE TABLE p (a int, b varchar(10) CHECK (b <> ''), c text, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE INDEX p_b ON p (b);
CREATE INDEX p_c ON p (c);
ALTER TABLE p1 REPLICA IDENTITY USING INDEX p1_pkey;
COMMENT ON CONSTRAINT p1_pkey ON p1 IS 'key';
COMMENT ON CONSTRAINT p_b_check ON p1 IS 'check';
COMMENT ON INDEX p1_b_idx IS 'of a retyped column';
COMMENT ON INDEX p1_c_idx IS 'of an index with another definition';
