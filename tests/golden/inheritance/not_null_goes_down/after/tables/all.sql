CREATE TABLE animal (id integer);
CREATE TABLE dog (CONSTRAINT tagged NOT NULL id) INHERITS (animal);
CREATE TABLE puppy () INHERITS (dog);
