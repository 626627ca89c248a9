"""Tables with all their parts, each kind in several forms."""

from __future__ import annotations

from tests.properties.kinds.kind import Kind, in_folder, life

TABLES: dict[str, Kind] = {
    "partitions": Kind(
        forms=in_folder(
            "tables",
            "partitions",
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
        rows={
            "event": "INSERT INTO event (id, at, note) VALUES (1, '2024-02-01', 'a'),\n"
            "    (2, '2024-09-01', 'b'), (3, '1999-01-01', NULL)"
        },
        shows=life("partition"),
    ),
    "inheritance": Kind(
        forms=in_folder(
            "tables",
            "inheritance",
            "CREATE TABLE animal (id integer, name text);\nCREATE TABLE dog (breed text) INHERITS (animal);",
            "CREATE TABLE animal (id integer, name text NOT NULL DEFAULT 'x', age integer);\n"
            "CREATE TABLE dog (breed text, loud boolean) INHERITS (animal);",
            "CREATE TABLE animal (id bigint CHECK (id > 0), name text);\n"
            "CREATE TABLE dog (breed text) INHERITS (animal);",
            "CREATE TABLE animal (id integer, name text);\nCREATE TABLE dog (id integer, name text, breed text);",
        ),
        rows={
            "animal": "INSERT INTO animal (id, name) VALUES (1, 'cat')",
            "dog": "INSERT INTO dog (id, name, breed) VALUES (2, 'rex', 'big')",
        },
        shows=life("inheritance"),
    ),
    "exclusion": Kind(
        forms=in_folder(
            "tables",
            "exclusion",
            "CREATE TABLE booking (id integer, span int4range, EXCLUDE USING gist (span WITH &&));",
            "CREATE TABLE booking (id integer, span int4range, CONSTRAINT booking_span_excl\n"
            "    EXCLUDE USING gist (span WITH &&)\n"
            "    WHERE (id > 0) DEFERRABLE);",
            "CREATE TABLE booking (id integer, span int8range);",
            "CREATE TABLE booking (id integer GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 2), span int4range);",
        ),
        rows={"booking": "INSERT INTO booking (span) VALUES ('[1,3)'), ('[5,9)')"},
        shows=life("exclusion"),
    ),
    "policies": Kind(
        forms=in_folder(
            "tables",
            "policies",
            "CREATE TABLE secret (id integer, owner name);\nALTER TABLE secret ENABLE ROW LEVEL SECURITY;\n"
            "CREATE POLICY own ON secret USING (owner = CURRENT_USER);",
            "CREATE TABLE secret (id integer, owner name);\nALTER TABLE secret ENABLE ROW LEVEL SECURITY,\n"
            "    FORCE ROW LEVEL SECURITY;\n"
            "CREATE POLICY own ON secret AS RESTRICTIVE FOR UPDATE TO pg_monitor\n"
            "    USING (id > 1) WITH CHECK (id > 2);\n"
            "CREATE POLICY look ON secret FOR SELECT USING (true);",
            "CREATE TABLE secret (id bigint, owner name);",
        ),
        rows={"secret": "INSERT INTO secret VALUES (5, 'ann'), (6, NULL)"},
        shows=life("policy"),
    ),
    "foreign keys": Kind(
        forms=in_folder(
            "tables",
            "foreign keys",
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
        rows={"b": "INSERT INTO b (id) VALUES (1), (2)", "a": "INSERT INTO a VALUES (1, 2), (2, NULL)"},
        shows=life("foreign key"),
    ),
    "schema": Kind(
        forms=in_folder(
            "tables",
            "schema",
            'CREATE SCHEMA audit;\nCREATE TABLE audit."Log" (id bigserial PRIMARY KEY, "user" text);',
            "CREATE SCHEMA audit;\nCREATE TYPE audit.level AS ENUM ('low', 'high');\n"
            'CREATE TABLE audit."Log" (id bigserial PRIMARY KEY, "user" text, level audit.level DEFAULT \'low\');\n'
            "GRANT USAGE ON SCHEMA audit TO pg_monitor;",
            'CREATE SCHEMA audit;\nCREATE TABLE audit."Log" (id bigint PRIMARY KEY, "user" varchar(9), "to" date);\n'
            'CREATE VIEW audit."View" AS SELECT "user", count(*) AS n FROM audit."Log" GROUP BY 1;\n'
            "COMMENT ON SCHEMA audit IS 'kept';",
        ),
        rows={"audit.Log": 'INSERT INTO audit."Log" (id, "user") VALUES (1, \'ann\'), (2, NULL)'},
        shows=life("schema"),
    ),
    "columns": Kind(
        forms=in_folder(
            "tables",
            "columns",
            """CREATE TABLE wide (id integer PRIMARY KEY, name text COLLATE "C", size integer DEFAULT 1,
    CHECK (size <> 7), area integer GENERATED ALWAYS AS (size * 2) STORED);""",
            """CREATE TABLE wide (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name varchar(40) COLLATE "POSIX" NOT NULL DEFAULT '', size bigint CHECK (size > 0),
    area bigint GENERATED ALWAYS AS (size * 3) STORED, made timestamptz DEFAULT now());""",
            """CREATE UNLOGGED TABLE wide (id integer PRIMARY KEY, name text, size integer DEFAULT 2,
    UNIQUE NULLS NOT DISTINCT (name, size)) WITH (fillfactor=60);""",
        ),
        rows={"wide": "INSERT INTO wide (id, name, size) VALUES (1, 'a', 3), (2, 'b', 4)"},
        shows=life("column") | life("check") | {"+unique", "-unique"},
    ),
    "indexes": Kind(
        forms=in_folder(
            "tables",
            "indexes",
            "CREATE TABLE found (id integer PRIMARY KEY, a text, b integer, c jsonb);\n"
            "CREATE INDEX found_a ON found (a);",
            "CREATE TABLE found (id integer PRIMARY KEY, a text, b integer, c jsonb);\n"
            "CREATE UNIQUE INDEX found_a ON found (a DESC NULLS LAST) INCLUDE (b) WHERE b > 0;\n"
            "CREATE INDEX found_c ON found USING gin (c jsonb_path_ops);",
            "CREATE TABLE found (id integer PRIMARY KEY, a text, b integer UNIQUE, c jsonb);\n"
            "CREATE INDEX found_a ON found (lower(a), b) WITH (fillfactor=70);\n"
            "CREATE INDEX ON found USING hash (b);",
        ),
        rows={"found": "INSERT INTO found VALUES (1, 'x', 1, '{}'), (2, 'y', NULL, '[1]')"},
        shows=life("index"),
    ),
    "sequence": Kind(
        forms=in_folder(
            "tables",
            "sequence",
            "CREATE SEQUENCE counter;",
            "CREATE SEQUENCE counter AS integer START 5 INCREMENT 2 MAXVALUE 1000 CYCLE;\n"
            "COMMENT ON SEQUENCE counter IS 'odd';",
            "CREATE SEQUENCE counter CACHE 10;\n"
            "CREATE TABLE counted (id bigint PRIMARY KEY DEFAULT nextval('counter'));",
        ),
        rows={"counted": "INSERT INTO counted DEFAULT VALUES"},
        shows=life("sequence"),
    ),
    "statistics": Kind(
        forms=in_folder(
            "tables",
            "statistics",
            "CREATE TABLE measured (id integer PRIMARY KEY, a integer, b integer);\n"
            "CREATE STATISTICS measured_ab ON a, b FROM measured;",
            "CREATE TABLE measured (id integer PRIMARY KEY, a integer, b integer);\n"
            "CREATE STATISTICS measured_ab (ndistinct) ON a, b FROM measured;\n"
            "CREATE RULE quiet AS ON DELETE TO measured DO INSTEAD NOTHING;",
            "CREATE TABLE measured (id integer PRIMARY KEY, a bigint, b integer);\n"
            "CREATE STATISTICS measured_ab (mcv) ON a, b FROM measured;",
        ),
        rows={"measured": "INSERT INTO measured VALUES (1, 2, 3), (2, NULL, 5)"},
        shows=life("statistics"),
    ),
    "comments": Kind(
        forms=in_folder(
            "tables",
            "comments",
            "CREATE TABLE noted (id integer PRIMARY KEY, n integer);\nCOMMENT ON TABLE noted IS 'a';\n"
            "COMMENT ON COLUMN noted.n IS 'b';",
            "CREATE TABLE noted (id integer PRIMARY KEY, n integer);\nCOMMENT ON TABLE noted IS 'another';\n"
            "COMMENT ON CONSTRAINT noted_pkey ON noted IS 'key';\nCREATE INDEX noted_n ON noted (n);\n"
            "COMMENT ON INDEX noted_n IS 'by n';",
            "CREATE TABLE noted (id integer PRIMARY KEY, n integer);\n"
            "COMMENT ON COLUMN noted.n IS 'it''s \"b\"';\nCOMMENT ON TABLE noted IS 'a';",
        ),
        rows={"noted": "INSERT INTO noted VALUES (1, 2), (2, NULL)"},
        shows=life("comment"),
    ),
    "privileges": Kind(
        forms=in_folder(
            "tables",
            "privileges",
            "CREATE TABLE shared (id integer PRIMARY KEY, n integer);\nGRANT SELECT ON shared TO pg_monitor;",
            "CREATE TABLE shared (id integer PRIMARY KEY, n integer);\n"
            "GRANT SELECT (n), UPDATE (n) ON shared TO PUBLIC;\n"
            "GRANT INSERT ON shared TO pg_monitor WITH GRANT OPTION;",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO pg_monitor;\n"
            "CREATE TABLE shared (id integer PRIMARY KEY, n integer);\nREVOKE TRUNCATE ON shared FROM PUBLIC;\n"
            "GRANT SELECT ON shared TO pg_monitor;",
            "CREATE TABLE shared (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n integer);\n"
            "GRANT USAGE ON SEQUENCE shared_id_seq TO pg_monitor WITH GRANT OPTION;\n"
            "COMMENT ON SEQUENCE shared_id_seq IS 'of shared';\n"
            "REVOKE SELECT (n), UPDATE (n) ON shared FROM PUBLIC;\nGRANT INSERT ON shared TO pg_monitor;\n"
            "REVOKE GRANT OPTION FOR INSERT ON shared FROM pg_monitor;\n"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON SEQUENCES FROM pg_monitor;",
            "CREATE TABLE shared (id serial PRIMARY KEY, n integer);\n"
            "GRANT SELECT ON SEQUENCE shared_id_seq TO pg_monitor;\nREVOKE ALL ON shared FROM pg_monitor;",
        ),
        rows={"shared": "INSERT INTO shared VALUES (1, 2), (2, NULL)"},
        shows=life("privilege") | {"+default privilege", "-default privilege"},
    ),
}
