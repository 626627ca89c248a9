CREATE SEQUENCE s;
CREATE TABLE b (id int DEFAULT nextval('s'));
