"""Folders that the gateway's tests deploy."""

from __future__ import annotations

#: Names of `echo_…` functions, and the type that each takes and returns.
ECHOES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "numeric": "numeric",
    "float4": "real",
    "float8": "double precision",
    "money": "money",
    "bool": "boolean",
    "text": "text",
    "varchar": "varchar",
    "bpchar": "bpchar",
    "name": "name",
    "uuid": "uuid",
    "date": "date",
    "time": "time",
    "timetz": "timetz",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "interval": "interval",
    "json": "json",
    "jsonb": "jsonb",
    "bytea": "bytea",
    "bit": 'pg_catalog."bit"',
    "varbit": "bit varying",
    "inet": "inet",
    "cidr": "cidr",
    "macaddr": "macaddr",
    "tsvector": "tsvector",
    "point": "point",
    "mood": "mood",
    "point2": "point2",
    "shape": "shape",
    "email": "email",
    "percent": "percent",
    "int4range": "int4range",
    "numrange": "numrange",
    "daterange": "daterange",
    "tstzrange": "tstzrange",
    "int4multirange": "int4multirange",
    "ints": "integer[]",
    "texts": "text[]",
    "numerics": "numeric[]",
    "bools": "boolean[]",
    "byteas": "bytea[]",
    "moods": "mood[]",
    "points": "point2[]",
    "shapes": "shape[]",
    "emails": "email[]",
    "jsonbs": "jsonb[]",
    "ranges": "int4range[]",
    "any": "anyelement",
}

#: An echo of every kind of type, and functions that misbehave.
TYPES = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');",
    "types/point2.sql": "CREATE TYPE point2 AS (x int, label text, at timestamptz);",
    "types/shape.sql": "CREATE TYPE shape AS (name text, middle point2, corners point2[], tags text[], feels mood);",
    "types/email.sql": "CREATE DOMAIN email AS text CHECK (VALUE ~ '@');",
    "types/percent.sql": "CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);",
    "tables/notes.sql": "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL UNIQUE);",
    "functions/echo.sql": "\n".join(
        f"CREATE FUNCTION echo_{name}(v {type_}) RETURNS {type_} LANGUAGE sql AS 'SELECT v';"
        for name, type_ in ECHOES.items()
    ),
    "functions/shapes.sql": """
        CREATE FUNCTION add(a int, b int DEFAULT 10) RETURNS int LANGUAGE sql AS 'SELECT a + b';
        CREATE FUNCTION total(VARIADIC v int[]) RETURNS bigint LANGUAGE sql AS 'SELECT sum(x) FROM unnest(v) AS x';
        CREATE FUNCTION joined(a text, VARIADIC v text[] DEFAULT '{}') RETURNS text LANGUAGE sql
            AS 'SELECT a || array_to_string(v, ''+'')';
        CREATE FUNCTION put(v anyelement, a anyarray) RETURNS anyarray LANGUAGE sql AS 'SELECT array_append(a, v)';
        CREATE FUNCTION listed(VARIADIC v anyarray) RETURNS anyarray LANGUAGE sql AS 'SELECT v';
        CREATE FUNCTION glued(VARIADIC v "any") RETURNS text LANGUAGE internal STABLE AS 'text_concat';
        CREATE FUNCTION rows_of(OUT r point2, OUT t int) LANGUAGE sql AS 'SELECT (1, ''one'', NULL)::point2, 2';
        CREATE FUNCTION r() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
        CREATE FUNCTION numbers(n int) RETURNS TABLE (i int, word text)
            LANGUAGE sql AS 'SELECT i, ''w'' || i FROM generate_series(1, n) AS i';
        CREATE FUNCTION over(v int) RETURNS text LANGUAGE sql AS 'SELECT ''int''';
        CREATE FUNCTION over(v text) RETURNS text LANGUAGE sql AS 'SELECT ''text''';
        CREATE FUNCTION over(v jsonb) RETURNS text LANGUAGE sql AS 'SELECT ''jsonb''';
        CREATE FUNCTION over(v int[]) RETURNS text LANGUAGE sql AS 'SELECT ''int[]''';
        CREATE FUNCTION vague(v date) RETURNS text LANGUAGE sql AS 'SELECT ''date''';
        CREATE FUNCTION vague(v uuid) RETURNS text LANGUAGE sql AS 'SELECT ''uuid''';
        CREATE FUNCTION zone() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''TimeZone'')';
        CREATE FUNCTION "select"(v text) RETURNS text LANGUAGE sql AS 'SELECT v';
        CREATE FUNCTION ask(question text, texts text[]) RETURNS SETOF text LANGUAGE plpgsql
            AS 'BEGIN RETURN QUERY EXECUTE question USING texts; END';
        CREATE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT current_database()::text';
        CREATE FUNCTION backend() RETURNS int LANGUAGE sql AS 'SELECT pg_backend_pid()';
    """,
    "functions/trouble.sql": """
        CREATE FUNCTION fail(state text, message text) RETURNS int LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION '%', message USING ERRCODE = state, HINT = 'a hint'; END $$;
        CREATE FUNCTION nap(seconds float8) RETURNS int LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_sleep(seconds); RETURN 1; END $$;
        CREATE FUNCTION note(what text) RETURNS int LANGUAGE sql
            AS 'INSERT INTO notes (body) VALUES (what) RETURNING id';
        CREATE FUNCTION note_and_fail(what text) RETURNS int LANGUAGE plpgsql
            AS $$ BEGIN INSERT INTO notes (body) VALUES (what); RAISE EXCEPTION 'no'; END $$;
        CREATE FUNCTION notes_like(what text) RETURNS bigint LANGUAGE sql
            AS 'SELECT count(*) FROM notes WHERE body = what';
        CREATE FUNCTION suicide() RETURNS int LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN 1; END $$;
    """,
}


#: A small folder; `release` 2 adds a column and changes the function, 3 drops that column.
def release(number: int) -> dict[str, str]:
    """The folder of that release."""
    column = ", extra text" if number == 2 else ""
    return {
        "tables/item.sql": f"CREATE TABLE item (id int PRIMARY KEY{column});",
        "functions/version.sql": f"CREATE FUNCTION version_of() RETURNS int LANGUAGE sql AS 'SELECT {number}';",
    }


#: A table with two declared rows, and a way to lose them.
SEEDED = {
    "tables/role.sql": "CREATE TABLE role (id int PRIMARY KEY, name text NOT NULL, note text);",
    "seeders/role.sql": "INSERT INTO role (id, name) VALUES (1, 'reader'), (2, 'writer');",
    "functions/roles.sql": """
        CREATE FUNCTION roles() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM role';
        CREATE FUNCTION forget(gone int) RETURNS void LANGUAGE sql AS 'DELETE FROM role WHERE id = gone';
        CREATE FUNCTION role_names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM role ORDER BY id';
    """,
}
EXTRA_MIGRATION = {"migrations/2024_note.sql": "UPDATE role SET note = 'kept' WHERE note IS NULL;\n"}

#: Functions that change the database behind the back of whoever deploys.
TRAPS = {
    "tables/item.sql": "CREATE TABLE item (id int PRIMARY KEY, word text); CREATE INDEX item_word ON item (word);",
    "tables/other.sql": "CREATE TABLE other (id int PRIMARY KEY);",
    "functions/version.sql": "CREATE FUNCTION version_of() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "functions/run.sql": "CREATE FUNCTION run(what text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE what; END';",
    "functions/arm.sql": """
        CREATE FUNCTION arm(moment text, what text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE format(
                'CREATE FUNCTION sprung() RETURNS trigger LANGUAGE plpgsql AS %L',
                'BEGIN EXECUTE ' || quote_literal(what) || '; RETURN NULL; END'
            );
            EXECUTE 'CREATE TRIGGER spring ' || moment || ' EXECUTE FUNCTION sprung()';
        END $$;
    """,
}
