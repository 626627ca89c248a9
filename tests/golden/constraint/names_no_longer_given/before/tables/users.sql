CREATE TABLE users (
    id integer CONSTRAINT users_idx PRIMARY KEY,
    email text CONSTRAINT users_email_idx UNIQUE
);
