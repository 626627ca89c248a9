CREATE TABLE animal (id integer NOT NULL);
CREATE TABLE dog () INHERITS (animal);
CREATE TABLE puppy () INHERITS (dog);
