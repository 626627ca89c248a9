CREATE TABLE e (id integer PRIMARY KEY, a integer, d integer NOT NULL);
