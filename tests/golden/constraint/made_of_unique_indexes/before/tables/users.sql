CREATE TABLE users (id int NOT NULL, email text, nick text, team int, seat int, room int, desk int);
CREATE UNIQUE INDEX users_id ON users (id);
CREATE UNIQUE INDEX users_email_idx ON users (email);
CREATE UNIQUE INDEX seats ON users (team, seat) INCLUDE (room) NULLS NOT DISTINCT WITH (fillfactor = 70);
CREATE UNIQUE INDEX backwards ON users (nick DESC);
CREATE UNIQUE INDEX one ON users (room);
CREATE UNIQUE INDEX two ON users (desk);
CREATE TABLE posts (author int REFERENCES users (id));
