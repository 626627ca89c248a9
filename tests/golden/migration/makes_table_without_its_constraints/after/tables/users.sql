CREATE TABLE users (id int PRIMARY KEY, level int);
CREATE TABLE levels (
    id int PRIMARY KEY REFERENCES users,
    level int NOT NULL CHECK (level > 0),
    top int DEFAULT 9,
    span int4range,
    UNIQUE (level, id),
    CHECK (level <= top),
    EXCLUDE USING gist (span WITH &&)
);
