CREATE TABLE people OF person;
