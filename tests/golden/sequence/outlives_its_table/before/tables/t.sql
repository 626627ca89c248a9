CREATE SEQUENCE numbers;
CREATE TABLE t (id integer);
ALTER SEQUENCE numbers OWNED BY t.id;
