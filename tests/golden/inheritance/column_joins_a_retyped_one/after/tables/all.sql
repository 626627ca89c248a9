CREATE TABLE animal (id integer, weight bigint);
CREATE TABLE dog (weight bigint) INHERITS (animal);
