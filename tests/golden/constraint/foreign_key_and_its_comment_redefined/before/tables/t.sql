CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE k (id integer, n integer);
ALTER TABLE k ADD CONSTRAINT k_fk FOREIGN KEY (id) REFERENCES p;
COMMENT ON CONSTRAINT k_fk ON k IS 'before';
CREATE TABLE m (n integer);
