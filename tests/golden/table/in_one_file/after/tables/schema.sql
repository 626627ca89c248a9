CREATE TABLE people (
    id integer PRIMARY KEY,
    boss integer REFERENCES people,
    badge integer
);
CREATE UNIQUE INDEX people_badge ON people (badge);
