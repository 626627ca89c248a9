"""Objects of the rarer kinds, each in several forms: a schema has some of them, a mutation changes the form of one.

Every form is a file by itself, so that any pair of forms is a change that people could make.
"""

from __future__ import annotations

#: kind → (folder, forms).
EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "partitions": (
        "tables",
        (
            """CREATE TABLE event (id integer NOT NULL, at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE INDEX event_at_idx ON event (at);""",
            """CREATE TABLE event (id integer NOT NULL, at date NOT NULL, note text, extra integer DEFAULT 3,
    PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;""",
            """CREATE TABLE event (id integer NOT NULL, at timestamp NOT NULL, note text CHECK (note <> ''))
    PARTITION BY RANGE (id);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM (MINVALUE) TO (100);
CREATE TABLE event_rest PARTITION OF event DEFAULT;""",
            """CREATE TABLE event (id integer NOT NULL, at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE event_late PARTITION OF event FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
COMMENT ON TABLE event_late IS 'later';""",
        ),
    ),
    "inheritance": (
        "tables",
        (
            "CREATE TABLE animal (id integer, name text);\nCREATE TABLE dog (breed text) INHERITS (animal);",
            "CREATE TABLE animal (id integer, name text NOT NULL DEFAULT 'x', age integer);\n"
            "CREATE TABLE dog (breed text, loud boolean) INHERITS (animal);",
            "CREATE TABLE animal (id bigint CHECK (id > 0), name text);\n"
            "CREATE TABLE dog (breed text) INHERITS (animal);",
            "CREATE TABLE animal (id integer, name text);\nCREATE TABLE dog (id integer, name text, breed text);",
        ),
    ),
    "exclusion": (
        "tables",
        (
            "CREATE TABLE booking (id integer, span int4range, EXCLUDE USING gist (span WITH &&));",
            "CREATE TABLE booking (id integer, span int4range, CONSTRAINT alone EXCLUDE USING gist (span WITH &&)\n"
            "    WHERE (id > 0) DEFERRABLE);",
            "CREATE TABLE booking (id integer, span int8range);",
            "CREATE TABLE booking (id integer GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 2), span int4range);",
        ),
    ),
    "range": (
        "types",
        (
            "CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);",
            "CREATE TYPE span AS RANGE (subtype = float8);",
            "CREATE TYPE span AS RANGE (subtype = numeric);\nCOMMENT ON TYPE span IS 'numbers';",
        ),
    ),
    "domain": (
        "types",
        (
            "CREATE DOMAIN \"Zip Code\" AS text CHECK (VALUE ~ '^[0-9]+$');",
            "CREATE DOMAIN \"Zip Code\" AS text DEFAULT '0' NOT NULL CONSTRAINT digits CHECK (VALUE ~ '^[0-9]{5}$');",
            'CREATE DOMAIN "Zip Code" AS varchar(5);',
        ),
    ),
    "schema": (
        "tables",
        (
            'CREATE SCHEMA audit;\nCREATE TABLE audit."Log" (id bigserial PRIMARY KEY, "user" text);',
            "CREATE SCHEMA audit;\nCREATE TYPE audit.level AS ENUM ('low', 'high');\n"
            'CREATE TABLE audit."Log" (id bigserial PRIMARY KEY, "user" text, level audit.level DEFAULT \'low\');\n'
            "GRANT USAGE ON SCHEMA audit TO pg_monitor;",
            'CREATE SCHEMA audit;\nCREATE TABLE audit."Log" (id bigint PRIMARY KEY, "user" varchar(9), "to" date);\n'
            'CREATE VIEW audit."View" AS SELECT "user", count(*) AS n FROM audit."Log" GROUP BY 1;\n'
            "COMMENT ON SCHEMA audit IS 'kept';",
        ),
    ),
    "policies": (
        "tables",
        (
            "CREATE TABLE secret (id integer, owner name);\nALTER TABLE secret ENABLE ROW LEVEL SECURITY;\n"
            "CREATE POLICY own ON secret USING (owner = CURRENT_USER);",
            "CREATE TABLE secret (id integer, owner name);\nALTER TABLE secret ENABLE ROW LEVEL SECURITY,\n"
            "    FORCE ROW LEVEL SECURITY;\n"
            "CREATE POLICY own ON secret AS RESTRICTIVE FOR UPDATE TO pg_monitor\n"
            "    USING (id > 1) WITH CHECK (id > 2);\n"
            "CREATE POLICY look ON secret FOR SELECT USING (true);",
            "CREATE TABLE secret (id bigint, owner name);",
        ),
    ),
    "deferred": (
        "tables",
        (
            "CREATE TABLE a (id integer PRIMARY KEY, b integer);\n"
            "CREATE TABLE b (id integer PRIMARY KEY, a integer);\n"
            "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED;\n"
            "ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a) REFERENCES a;",
            "CREATE TABLE a (id integer PRIMARY KEY, b integer);\n"
            "CREATE TABLE b (id integer PRIMARY KEY, a integer UNIQUE);\n"
            "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b ON DELETE SET NULL;",
            "CREATE TABLE a (id bigint PRIMARY KEY, b bigint);\n"
            "CREATE TABLE b (id bigint PRIMARY KEY, a bigint);\n"
            "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b NOT VALID;\n"
            "ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a) REFERENCES a ON UPDATE CASCADE;",
        ),
    ),
    "chain": (
        "views",
        (
            "CREATE VIEW base AS SELECT 1 AS n;\nCREATE VIEW top AS SELECT n FROM base;",
            "CREATE VIEW base AS SELECT 1 AS n, 2 AS m;\n"
            "CREATE VIEW top WITH (security_barrier) AS SELECT n FROM base;\n"
            "GRANT SELECT ON top TO PUBLIC;",
            "CREATE VIEW base AS SELECT 'x'::text AS n;\nCREATE MATERIALIZED VIEW top AS SELECT n FROM base;\n"
            "CREATE INDEX top_n ON top (n);",
            "CREATE MATERIALIZED VIEW base AS SELECT 1::bigint AS n;\nCREATE VIEW top AS SELECT n + 1 AS n FROM base;",
        ),
    ),
    "atomic": (
        "functions",
        (
            "CREATE FUNCTION atomic(x integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT x + 1; END;",
            "CREATE FUNCTION atomic(x integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN x + 1;\n"
            "REVOKE EXECUTE ON FUNCTION atomic(integer) FROM PUBLIC;",
            "CREATE FUNCTION atomic(y integer) RETURNS bigint LANGUAGE sql STABLE STRICT SET search_path = public\n"
            "    AS 'SELECT y::bigint';\nCOMMENT ON FUNCTION atomic(integer) IS 'one more';",
            "CREATE PROCEDURE atomic(x integer) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NULL; END $$;",
        ),
    ),
    "aggregate": (
        "functions",
        (
            "CREATE FUNCTION add_up(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT a + b';\n"
            "CREATE AGGREGATE grand(integer) (SFUNC = add_up, STYPE = integer, INITCOND = '0');",
            "CREATE FUNCTION add_up(a bigint, b integer) RETURNS bigint LANGUAGE sql AS 'SELECT a + b';\n"
            "CREATE AGGREGATE grand(integer) (SFUNC = add_up, STYPE = bigint, INITCOND = '1');\n"
            "COMMENT ON AGGREGATE grand(integer) IS 'sum';",
        ),
    ),
}

#: Rows for the tables of each kind, as far as all of its forms take them.
ROWS = {
    "partitions": "INSERT INTO event (id, at, note) VALUES (1, '2024-02-01', 'a'),\n"
    "    (2, '2024-09-01', 'b'), (3, '1999-01-01', NULL);",
    "inheritance": "INSERT INTO animal (id, name) VALUES (1, 'cat');\n"
    "INSERT INTO dog (id, name, breed) VALUES (2, 'rex', 'big');",
    "exclusion": "INSERT INTO booking (span) VALUES ('[1,3)'), ('[5,9)');",
    "schema": 'INSERT INTO audit."Log" (id, "user") VALUES (1, \'ann\'), (2, NULL);',
    "policies": "INSERT INTO secret VALUES (5, 'ann'), (6, NULL);",
    "deferred": "INSERT INTO b (id) VALUES (1), (2);\nINSERT INTO a VALUES (1, 2), (2, NULL);",
}


def extra_files(extras: tuple[tuple[str, int], ...]) -> dict[str, str]:
    """Path → text of the chosen kinds in their chosen forms."""
    return {f"{EXTRAS[kind][0]}/extra_{kind}.sql": EXTRAS[kind][1][form] + "\n" for kind, form in extras}
