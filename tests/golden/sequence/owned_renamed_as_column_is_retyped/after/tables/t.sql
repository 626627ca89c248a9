CREATE TABLE t (id bigint);
CREATE SEQUENCE counts OWNED BY t.id;
ALTER TABLE t ALTER id SET DEFAULT nextval('counts');
