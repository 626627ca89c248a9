CREATE TABLE users (id serial PRIMARY KEY, email text, number integer NOT NULL GENERATED ALWAYS AS IDENTITY);
