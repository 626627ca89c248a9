CREATE TABLE t (id integer);
CREATE SEQUENCE numbers OWNED BY t.id;
ALTER TABLE t ALTER id SET DEFAULT nextval('numbers');
