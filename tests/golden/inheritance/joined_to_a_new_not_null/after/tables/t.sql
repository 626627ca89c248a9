CREATE TABLE places (name text, country text NOT NULL DEFAULT 'at');
CREATE TABLE cities (inhabitants integer) INHERITS (places);
