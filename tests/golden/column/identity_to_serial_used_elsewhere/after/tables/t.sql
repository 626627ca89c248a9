CREATE TABLE z (id serial PRIMARY KEY, x text);
CREATE TABLE b (id integer PRIMARY KEY DEFAULT nextval('z_id_seq'), y text);
CREATE SEQUENCE s;
CREATE TABLE y (id integer PRIMARY KEY DEFAULT nextval('s'));
CREATE TABLE c (id integer PRIMARY KEY DEFAULT nextval('s'));
CREATE TABLE d (id integer);
