CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE SEQUENCE numbers;
CREATE TABLE people (
    id integer PRIMARY KEY,
    boss integer REFERENCES people,
    badge integer
);
CREATE UNIQUE INDEX people_badge ON people (badge);
CREATE VIEW bosses AS SELECT boss FROM people;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION keep();
