CREATE TABLE users (id int PRIMARY KEY, home place);
CREATE TABLE places OF place (CONSTRAINT places_town_check CHECK (city <> ''), CONSTRAINT places_street_town_key UNIQUE (street, city));
