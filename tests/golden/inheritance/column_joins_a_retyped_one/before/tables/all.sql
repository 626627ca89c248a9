CREATE TABLE animal (id integer);
CREATE TABLE dog (weight integer) INHERITS (animal);
