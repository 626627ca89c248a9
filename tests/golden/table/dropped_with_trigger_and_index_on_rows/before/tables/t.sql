CREATE TABLE kept (id int);
CREATE TABLE t (id int, v text);
CREATE INDEX t_code ON t (code(t));
CREATE TRIGGER changed BEFORE UPDATE ON t FOR EACH ROW WHEN (code(old) <> code(new)) EXECUTE FUNCTION note();
CREATE TABLE p (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TRIGGER changed BEFORE UPDATE ON p FOR EACH ROW WHEN (code(old) <> code(new)) EXECUTE FUNCTION note();
