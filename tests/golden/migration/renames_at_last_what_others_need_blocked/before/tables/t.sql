CREATE TABLE job (id int PRIMARY KEY, state text);
CREATE TABLE man (id int PRIMARY KEY);
