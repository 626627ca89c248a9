-- An object of every kind, plain ones and such with all properties: attribute_changes.sql changes them one by one.
CREATE SCHEMA side;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (x integer, y text, z text COLLATE "C");
CREATE DOMAIN short AS varchar(8) COLLATE "C" DEFAULT 'none' NOT NULL CONSTRAINT short_filled CHECK (VALUE <> '');
CREATE DOMAIN plain_domain AS integer;
CREATE FUNCTION span_diff(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE
    STRICT AS 'SELECT x - y';
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = span_diff);
CREATE TYPE text_span AS RANGE (subtype = text, collation = "C");
CREATE COLLATION german (provider = libc, locale = 'C');
CREATE FUNCTION slug(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT lower(value)';
CREATE SEQUENCE numbers AS integer START 100 INCREMENT 5 MINVALUE 10 MAXVALUE 9999 CACHE 7 CYCLE;
CREATE TABLE customer (
    id serial PRIMARY KEY,
    big bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 2 MAXVALUE 5000 CACHE 3 CYCLE),
    name text COLLATE "C" NOT NULL DEFAULT 'no one',
    slug text GENERATED ALWAYS AS (slug(name)) STORED,
    feeling mood DEFAULT 'ok',
    code short,
    place pair,
    price numeric(12, 2),
    note text,
    born date,
    CONSTRAINT customer_name_key UNIQUE (name, price) INCLUDE (note) WITH (fillfactor = 70) DEFERRABLE INITIALLY
    DEFERRED,
    CONSTRAINT customer_checked CHECK (price > 0)
) WITH (fillfactor = 80);
CREATE INDEX customer_feeling ON customer (feeling, price DESC NULLS LAST) INCLUDE (note) WHERE born IS NOT NULL;
CREATE INDEX customer_slug ON customer (lower(name) COLLATE "C" text_pattern_ops, (price + 1));
CREATE UNIQUE INDEX customer_born ON customer (name, code) NULLS NOT DISTINCT;
CREATE INDEX customer_brin ON customer USING brin (born) WITH (pages_per_range = 64);
CREATE STATISTICS customer_numbers (ndistinct, dependencies) ON feeling, price FROM customer;
CREATE TABLE invoice (
    number integer NOT NULL,
    customer_id integer NOT NULL REFERENCES customer ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE,
    a integer, b integer,
    title text,
    period daterange,
    room integer,
    CONSTRAINT invoice_key PRIMARY KEY (number),
    CONSTRAINT invoice_room EXCLUDE USING gist (period WITH &&) WHERE (room > 0)
);
CREATE UNIQUE INDEX invoice_customer ON invoice (customer_id, number);
ALTER TABLE invoice ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON invoice AS RESTRICTIVE FOR UPDATE TO pg_monitor USING (title = current_user) WITH CHECK (room IS
    NOT NULL);
CREATE POLICY everyone ON invoice USING (true);
CREATE TABLE plain (id integer, label text);
CREATE TABLE base (id integer, label text NOT NULL, CONSTRAINT base_positive CHECK (id > 0));
CREATE TABLE derived (label text NOT NULL, own integer) INHERITS (base);
CREATE TABLE typed OF pair (x WITH OPTIONS PRIMARY KEY);
CREATE TABLE measure (at date NOT NULL, site integer, value real, CONSTRAINT measure_pkey PRIMARY KEY (at, site))
    PARTITION BY RANGE (at);
CREATE INDEX measure_value ON measure (value);
CREATE TABLE measure_2024 PARTITION OF measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE measure_rest PARTITION OF measure DEFAULT;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE OF name, price ON customer FOR EACH ROW WHEN (OLD.note IS DISTINCT FROM NEW.note)
    EXECUTE FUNCTION touch('a');
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON customer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION
    touch();
CREATE TRIGGER each AFTER INSERT ON measure FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW customer_view WITH (security_barrier = true) AS SELECT id, name, feeling FROM customer WHERE price > 1
    WITH LOCAL CHECK OPTION;
CREATE TRIGGER instead INSTEAD OF UPDATE ON customer_view FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW simple_view AS SELECT id, label FROM plain;
CREATE RULE protect AS ON DELETE TO simple_view DO INSTEAD NOTHING;
CREATE RULE nothing AS ON DELETE TO plain DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW totals AS SELECT feeling, count(*) AS n, max(note) AS longest FROM customer GROUP BY feeling;
CREATE UNIQUE INDEX totals_feeling ON totals (feeling);
CREATE FUNCTION plus(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN a + b; END';
CREATE FUNCTION several(n integer) RETURNS SETOF integer LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT
    generate_series(1, n); END';
CREATE PROCEDURE work(n integer) LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE FUNCTION state(s integer, v integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT s + v';
CREATE FUNCTION state2(s integer, v integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT s - v';
CREATE FUNCTION finish(s integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT s * 2';
CREATE AGGREGATE total(integer) (SFUNC = state, STYPE = integer, INITCOND = '0');
CREATE FUNCTION mood_eq(mood, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE FUNCTION text_eq(text, mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2::text';
CREATE FUNCTION mood_ne(mood, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text <> $2';
CREATE OPERATOR === (FUNCTION = mood_eq, LEFTARG = mood, RIGHTARG = text, COMMUTATOR = ===, RESTRICT = eqsel, JOIN =
    eqjoinsel);
CREATE OPERATOR === (FUNCTION = text_eq, LEFTARG = text, RIGHTARG = mood, COMMUTATOR = ===);
CREATE OPERATOR !== (FUNCTION = mood_ne, LEFTARG = mood, RIGHTARG = text);
CREATE FUNCTION to_int(mood) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT length($1::text)';
CREATE CAST (mood AS integer) WITH FUNCTION to_int AS ASSIGNMENT;
CREATE FUNCTION backwards(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $2 - $1';
CREATE OPERATOR FAMILY backwards USING btree;
CREATE OPERATOR CLASS backwards FOR TYPE integer USING btree FAMILY backwards AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 backwards(integer, integer);
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION words (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION words ADD MAPPING FOR asciiword, word WITH dict, simple;
CREATE TEXT SEARCH PARSER own_parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES =
    prsd_lextype);
CREATE TEXT SEARCH TEMPLATE own_template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
