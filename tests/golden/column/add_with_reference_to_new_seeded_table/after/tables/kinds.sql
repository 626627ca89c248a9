CREATE TABLE kinds (id int PRIMARY KEY, name text NOT NULL, parent int REFERENCES kinds);
