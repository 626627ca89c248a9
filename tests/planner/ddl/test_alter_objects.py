"""Tables as a whole, partitions, types, sequences, schemas and privileges: from live to what is declared."""

from __future__ import annotations

import pytest

from stonegate.model.consent import ConsentToken
from stonegate.model.plan import Change
from tests.planner.ddl.support import Case, Outcome, assert_converged, change

T = "T x"
TABLE = 'CREATE TABLE "T x" (id integer NOT NULL, n integer, "Name" text);'
ROWS = """INSERT INTO "T x" VALUES (1, 5, 'a'), (2, 12, 'b')"""


def table_aspects(*aspects: str, name: str = T) -> tuple[Change, ...]:
    return tuple(change("alter", "table", name, None, aspect) for aspect in aspects)


TABLES = (
    Case(
        "created with everything",
        "",
        """CREATE TABLE "New" (id serial PRIMARY KEY, other integer REFERENCES other,
            g integer GENERATED ALWAYS AS (other) STORED, CHECK (other > 0)) WITH (fillfactor=70);
        CREATE INDEX i ON "New" (other); COMMENT ON TABLE "New" IS 'new'; GRANT SELECT ON "New" TO ddl_reader;
        CREATE TRIGGER t BEFORE INSERT ON "New" FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE POLICY p ON "New" USING (id IN (SELECT id FROM other));
        CREATE UNLOGGED TABLE fast (id smallserial, at bigserial)""",
        (change("create", "table", "New"), change("create", "table", "fast")),
        common="""CREATE TABLE other (id integer PRIMARY KEY);
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;""",
    ),
    Case("dropped", TABLE, "", (change("drop", "table", T),), ROWS),
    Case(
        "unlogged, options",
        'CREATE TABLE "T x" (id integer, s serial) WITH (fillfactor=70, autovacuum_enabled=false)',
        'CREATE UNLOGGED TABLE "T x" (id integer, s serial) WITH (fillfactor=80, toast.autovacuum_enabled=true)',
        table_aspects("unlogged", "options"),
        'INSERT INTO "T x" VALUES (1)',
        ignored=("toast.",),
    ),
    Case(
        "logged again",
        'CREATE UNLOGGED TABLE "T x" (id integer)',
        'CREATE TABLE "T x" (id integer)',
        table_aspects("unlogged"),
        'INSERT INTO "T x" VALUES (1)',
    ),
    Case(
        "owner, comment, privileges, identity, settings",
        """COMMENT ON TABLE "T x" IS 'old'; GRANT SELECT ON "T x" TO ddl_reader""",
        """ALTER TABLE "T x" OWNER TO ddl_writer; GRANT SELECT, UPDATE ON "T x" TO ddl_reader WITH GRANT OPTION;
        GRANT SELECT ON "T x" TO PUBLIC; REVOKE TRUNCATE ON "T x" FROM ddl_writer;
        ALTER TABLE "T x" REPLICA IDENTITY FULL""",
        table_aspects("owner", "comment", "privileges", "replica_identity"),
        ROWS,
        common=TABLE,
    ),
    Case(
        "replica identity nothing → default",
        'ALTER TABLE "T x" REPLICA IDENTITY NOTHING',
        "",
        table_aspects("replica_identity"),
        ROWS,
        common=TABLE,
    ),
    Case(
        "typed",
        'CREATE TABLE "T x" OF pair; CREATE TABLE u (a integer, b text)',
        'CREATE TABLE "T x" (a integer, b text); CREATE TABLE u OF pair',
        (*table_aspects("of_type"), *table_aspects("of_type", name="u")),
        'INSERT INTO "T x" VALUES (1)',
        common="CREATE TYPE pair AS (a integer, b text);",
    ),
    Case(
        "a typed table follows its type",
        "CREATE TYPE pair AS (a integer, b text); CREATE TABLE u OF pair",
        "CREATE TYPE pair AS (a bigint, c text); CREATE TABLE u OF pair",
        (
            change("create", "attribute", "pair", "c"),
            change("drop", "attribute", "pair", "b"),
            change("alter", "attribute", "pair", "a", "type"),
        ),
        "INSERT INTO u VALUES (1)",
    ),
    Case(
        "inheritance changes",
        "CREATE TABLE c (x integer, y text) INHERITS (a)",
        "CREATE TABLE c (x integer, y text, z integer); ALTER TABLE c INHERIT b",
        (change("create", "column", "c", "z"), *table_aspects("inherits", name="c")),
        "INSERT INTO c VALUES (1)",
        common="CREATE TABLE a (x integer); CREATE TABLE b (y text, z integer);",
    ),
    Case(
        "what a parent hands down is not what every child wants",
        """CREATE TABLE p (a integer NOT NULL, b integer DEFAULT 1); CREATE TABLE c () INHERITS (p);
        CREATE TABLE d () INHERITS (p)""",
        """CREATE TABLE p (a integer, b bigint DEFAULT 2, n text DEFAULT 'p'); CREATE TABLE c () INHERITS (p);
        ALTER TABLE c ALTER a SET NOT NULL, ALTER b SET DEFAULT 3, ALTER n DROP DEFAULT;
        CREATE TABLE d () INHERITS (p); COMMENT ON COLUMN d.n IS 'n'""",
        (
            change("alter", "column", "p", "a", "not_null"),
            change("alter", "column", "p", "b", "type"),
            change("alter", "column", "p", "b", "default"),
            change("create", "column", "p", "n"),
            change("create", "column", "d", "n"),
        ),
        "INSERT INTO c VALUES (1, 2); INSERT INTO d VALUES (1, 2)",
    ),
)

EVENTS = "CREATE TABLE e (id integer, at date, CONSTRAINT c CHECK (id > 0)) PARTITION BY RANGE (at);"
PARTITIONS = (
    Case(
        "created, default and nested",
        "",
        """CREATE TABLE e1 PARTITION OF e (id DEFAULT 5 NOT NULL) FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE e2 PARTITION OF e DEFAULT PARTITION BY LIST (id);
        CREATE TABLE e3 PARTITION OF e2 FOR VALUES IN (1, NULL)""",
        tuple(change("create", "table", name) for name in ("e1", "e2", "e3")),
        common=EVENTS,
    ),
    Case(
        "attached",
        "CREATE TABLE f (id integer, at date)",
        "CREATE TABLE f PARTITION OF e FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        (change("create", "constraint", "f", "c"), change("alter", "table", "f", None, "partition")),
        "INSERT INTO f VALUES (1, '2020-02-02')",
        common=EVENTS + "CREATE INDEX i ON e (id);",
    ),
    Case(
        "detached, and another bound",
        """CREATE TABLE f PARTITION OF e FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE g PARTITION OF e FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')""",
        """CREATE TABLE f (id integer, at date, CONSTRAINT c CHECK (id > 0));
        CREATE TABLE g PARTITION OF e FOR VALUES FROM ('2020-01-01') TO ('2022-01-01')""",
        (change("alter", "table", "g", None, "partition"), change("alter", "table", "f", None, "partition")),
        "INSERT INTO e VALUES (1, '2021-02-02')",
        common=EVENTS,
        ignored=("tables",),
    ),
    Case(
        "columns, indexes and keys of a partitioned table",
        "",
        """ALTER TABLE e ADD n text DEFAULT 'x', ALTER id TYPE bigint, ALTER id SET NOT NULL;
        ALTER TABLE e ADD CONSTRAINT k UNIQUE (at, id); CREATE INDEX j ON e (n)""",
        (
            change("create", "column", "e", "n"),
            change("alter", "column", "e", "id", "type"),
            change("alter", "column", "e", "id", "not_null"),
            change("create", "constraint", "e", "k"),
            change("create", "index", "j", table="e"),
        ),
        "INSERT INTO e VALUES (1, '2020-02-02')",
        common=EVENTS + "CREATE TABLE f PARTITION OF e DEFAULT;",
    ),
)

TYPES = (
    Case(
        "enum labels",
        "CREATE TYPE m AS ENUM ('b', 'd')",
        "CREATE TYPE m AS ENUM ('a''s', 'b', 'c', 'c2', 'd', 'e')",
        (change("alter", "type", "m", None, "labels"),),
    ),
    Case(
        "labels of an empty enum",
        "CREATE TYPE m AS ENUM ()",
        "CREATE TYPE m AS ENUM ('a', 'b')",
        (change("alter", "type", "m", None, "labels"),),
    ),
    Case(
        "types created and dropped",
        "CREATE TYPE gone AS ENUM ('a'); CREATE DOMAIN d AS text; CREATE TYPE r AS RANGE (subtype = integer)",
        """CREATE TYPE "New" AS (a integer, "B b" text COLLATE "C"); COMMENT ON COLUMN "New"."B b" IS 'b';
        CREATE DOMAIN "D" AS "New"[] NOT NULL CONSTRAINT c CHECK (array_length(VALUE, 1) > 0);
        CREATE TYPE s AS RANGE (subtype = text, collation = "C"); GRANT USAGE ON TYPE s TO ddl_reader;
        REVOKE USAGE ON DOMAIN "D" FROM PUBLIC; ALTER TYPE "New" OWNER TO ddl_writer""",
        (
            *(change("drop", "type", name) for name in ("gone", "d", "r")),
            *(change("create", "type", name) for name in ("New", "D", "s")),
        ),
    ),
    Case(
        "recreated",
        "CREATE TYPE m AS ENUM ('a', 'b')",
        "CREATE TYPE m AS ENUM ('b'); COMMENT ON TYPE m IS 'm'",
        (change("recreate", "type", "m"),),
    ),
    Case(
        "attributes",
        "CREATE TYPE pair AS (a integer, b text, c text); COMMENT ON COLUMN pair.c IS 'c'",
        """CREATE TYPE pair AS (a bigint, c text COLLATE "C", "D" integer[]);
        COMMENT ON COLUMN pair.a IS 'a'; COMMENT ON COLUMN pair."D" IS 'd'; COMMENT ON TYPE pair IS 'pair'""",
        (
            change("alter", "attribute", "pair", "a", "type"),
            change("alter", "attribute", "pair", "a", "comment"),
            change("alter", "attribute", "pair", "c", "type"),
            change("alter", "attribute", "pair", "c", "comment"),
            change("drop", "attribute", "pair", "b"),
            change("create", "attribute", "pair", "D"),
            change("alter", "type", "pair", None, "comment"),
        ),
    ),
    Case(
        "domain",
        """CREATE DOMAIN d AS integer DEFAULT 1 NOT NULL CONSTRAINT gone CHECK (VALUE > 0)
        CONSTRAINT other CHECK (VALUE > 1) CONSTRAINT renamed CHECK (VALUE > 3) CONSTRAINT same CHECK (VALUE > 7);
        ALTER DOMAIN d ADD CONSTRAINT later CHECK (VALUE > 5) NOT VALID""",
        """CREATE DOMAIN d AS integer DEFAULT 2 CONSTRAINT other CHECK (VALUE > 2) CONSTRAINT "New" CHECK (VALUE > 3)
        CONSTRAINT later CHECK (VALUE > 5) CONSTRAINT added CHECK (VALUE > 6) CONSTRAINT same CHECK (VALUE > 7);
        COMMENT ON CONSTRAINT added ON DOMAIN d IS 'a'; COMMENT ON CONSTRAINT same ON DOMAIN d IS 's'""",
        (
            change("alter", "type", "d", None, "default"),
            change("alter", "type", "d", None, "not_null"),
            change("alter", "type", "d", None, "constraints", token=ConsentToken.DROP_CONSTRAINT),
            change("alter", "constraint", "d", "same", "comment"),
        ),
        'INSERT INTO "T x" VALUES (9)',
        common='CREATE TABLE "T x" (n integer);',
    ),
    Case(
        "owner and privileges of types",
        "CREATE TYPE m AS ENUM ('a'); CREATE DOMAIN d AS integer",
        """CREATE TYPE m AS ENUM ('a'); CREATE DOMAIN d AS integer; ALTER TYPE m OWNER TO ddl_writer;
        ALTER DOMAIN d OWNER TO ddl_writer; GRANT USAGE ON TYPE m TO ddl_reader WITH GRANT OPTION;
        REVOKE USAGE ON TYPE d FROM PUBLIC; COMMENT ON DOMAIN d IS 'd'""",
        tuple(
            change("alter", "type", name, None, aspect)
            for name in ("m", "d")
            for aspect in ("owner", "privileges", "comment")
        ),
    ),
)

SEQUENCES = (
    Case(
        "options",
        "CREATE SEQUENCE s AS integer; CREATE SEQUENCE down INCREMENT -1; SELECT nextval('s')",
        """CREATE SEQUENCE s AS bigint INCREMENT 5 MINVALUE 100 MAXVALUE 900 START 200 CACHE 4 CYCLE;
        CREATE SEQUENCE down AS smallint INCREMENT -2 MAXVALUE -50 MINVALUE -60 START -55""",
        (
            change("alter", "sequence", "s", None, "options"),
            change("alter", "sequence", "down", None, "options"),
        ),
        expected=(("SELECT nextval('s')", [(100,)]), ("SELECT nextval('down')", [(-55,)])),
    ),
    Case(
        "owner column, persistence, access",
        """CREATE SEQUENCE s; CREATE SEQUENCE u OWNED BY "T x".n; COMMENT ON SEQUENCE s IS 's'""",
        """CREATE UNLOGGED SEQUENCE s; CREATE SEQUENCE u; CREATE SEQUENCE v OWNED BY "T x".n;
        GRANT USAGE ON SEQUENCE s TO ddl_reader; ALTER SEQUENCE s OWNER TO ddl_writer""",
        (
            *(
                change("alter", "sequence", "s", None, aspect)
                for aspect in ("unlogged", "comment", "privileges", "owner")
            ),
            change("create", "sequence", "v"),
        ),
        common=TABLE,
        ignored=("u",),
    ),
    Case(
        "given to a column and taken away",
        """CREATE SEQUENCE s; CREATE SEQUENCE u OWNED BY "T x".n""",
        """CREATE SEQUENCE s OWNED BY "T x".id; CREATE SEQUENCE u""",
        (change("alter", "sequence", "s", None, "owned_by"), change("alter", "sequence", "u", None, "owned_by")),
        common=TABLE,
    ),
    Case(
        "the live name of a serial's sequence counts",
        """CREATE TABLE t (id serial); ALTER SEQUENCE t_id_seq RENAME TO other""",
        """CREATE TABLE t (id serial); ALTER SEQUENCE t_id_seq CACHE 7; COMMENT ON SEQUENCE t_id_seq IS 'c'""",
        (
            change("alter", "sequence", "t_id_seq", None, "options"),
            change("alter", "sequence", "t_id_seq", None, "comment"),
        ),
        expected=(("SELECT cache_size FROM pg_sequences WHERE schemaname = current_schema", [(7,)]),),
        ignored=("t_id_seq", "other", "tables"),
    ),
)

CASES = (*TABLES, *PARTITIONS, *TYPES, *SEQUENCES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_objects_become_as_declared(case: Case, outcomes: dict[str, Outcome]) -> None:
    assert_converged(case, outcomes)
