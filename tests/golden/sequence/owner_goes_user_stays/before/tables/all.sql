CREATE SEQUENCE s;
CREATE TABLE a (id int DEFAULT nextval('s'), n int);
CREATE TABLE b (id int DEFAULT nextval('s'));
ALTER SEQUENCE s OWNED BY a.id;
