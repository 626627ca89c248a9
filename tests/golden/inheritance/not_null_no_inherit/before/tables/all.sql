CREATE TABLE animal (id integer CONSTRAINT tagged NOT NULL);
CREATE TABLE dog () INHERITS (animal);
