CREATE TABLE a (id integer, k integer);
CREATE TABLE b (id bigint);
CREATE SEQUENCE s OWNED BY b.id;
CREATE SEQUENCE r AS integer OWNED BY a.k;
ALTER TABLE b ALTER id SET DEFAULT nextval('s');
ALTER TABLE a ALTER k SET DEFAULT nextval('r');
