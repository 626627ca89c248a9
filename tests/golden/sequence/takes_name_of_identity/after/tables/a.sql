CREATE TABLE a (id int PRIMARY KEY DEFAULT nextval('a_id_seq'), x text);
