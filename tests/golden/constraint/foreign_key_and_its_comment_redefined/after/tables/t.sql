CREATE TABLE p (id integer PRIMARY KEY, added integer);
CREATE TABLE k (id integer, n integer);
ALTER TABLE k ADD CONSTRAINT k_fk FOREIGN KEY (id) REFERENCES p ON DELETE CASCADE;
COMMENT ON CONSTRAINT k_fk ON k IS 'after';
CREATE TABLE m (n integer);
CREATE INDEX m_n ON m (n);
