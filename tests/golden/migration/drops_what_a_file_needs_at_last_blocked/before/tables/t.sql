CREATE TABLE job (id int PRIMARY KEY, state text);
CREATE TABLE former (id int);
