CREATE TABLE places (name text);
CREATE TABLE cities (name text);
