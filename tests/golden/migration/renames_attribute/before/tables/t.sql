CREATE TABLE users (id int PRIMARY KEY, home place);
CREATE TABLE places OF place (CHECK (town <> ''), UNIQUE (street, town));
