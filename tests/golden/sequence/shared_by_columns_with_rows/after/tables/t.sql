CREATE SEQUENCE ids;
CREATE TABLE a (id integer PRIMARY KEY DEFAULT nextval('ids'));
CREATE TABLE b (id integer PRIMARY KEY DEFAULT nextval('ids'));
