CREATE TABLE q (id integer);
CREATE TABLE whole (a text) PARTITION BY RANGE (a);
CREATE TABLE part (a text);
ALTER TABLE ONLY whole ATTACH PARTITION part FOR VALUES FROM ('a') TO ('m');
CREATE INDEX whole_a_idx ON ONLY whole (a text_pattern_ops);
CREATE INDEX part_a_idx ON part (a);
CREATE INDEX part_a_idx1 ON part (a text_pattern_ops);
ALTER INDEX whole_a_idx ATTACH PARTITION part_a_idx1;
