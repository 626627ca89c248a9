CREATE TABLE animal (id integer NOT NULL);
CREATE TABLE dog (PRIMARY KEY (id)) INHERITS (animal);
