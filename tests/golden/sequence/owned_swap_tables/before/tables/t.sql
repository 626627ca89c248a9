CREATE TABLE a (id integer, k integer);
CREATE TABLE b (id integer);
CREATE SEQUENCE s OWNED BY a.id;
CREATE SEQUENCE r OWNED BY b.id;
ALTER TABLE a ALTER id SET DEFAULT nextval('s');
ALTER TABLE b ALTER id SET DEFAULT nextval('r');
