CREATE TABLE v (id integer PRIMARY KEY, twice integer);
CREATE TABLE w (id integer REFERENCES v);
