CREATE TABLE users (
    id int CONSTRAINT users_id PRIMARY KEY,
    email text UNIQUE,
    nick text CONSTRAINT backwards UNIQUE,
    team int,
    seat int,
    room int CONSTRAINT two UNIQUE,
    desk int CONSTRAINT one UNIQUE,
    UNIQUE NULLS NOT DISTINCT (team, seat) INCLUDE (room) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON CONSTRAINT users_id ON users IS 'The number of the card';
CREATE TABLE posts (author int REFERENCES users (id));
