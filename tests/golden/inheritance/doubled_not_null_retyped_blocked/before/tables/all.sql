CREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE staff (salary integer, PRIMARY KEY (id)) INHERITS (people);
