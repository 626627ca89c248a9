"""Each way a column can change: from a table with rows, the generated SQL leads to the catalog of a fresh build."""

from __future__ import annotations

import pytest

from tests.planner.ddl.support import Case, Outcome, assert_converged, change

T = "T x"
SERIAL = change("alter", "column", T, "n", "default")
IDENTITY = change("alter", "column", T, "n", "identity")
ROWS = 'INSERT INTO "T x" (id, n) VALUES (1, 5), (2, 12)'


def table(columns: str, rest: str = "") -> str:
    """CREATE TABLE "T x" with these columns behind its key."""
    return f'CREATE TABLE "T x" (id integer PRIMARY KEY, {columns}){rest};'


def column(aspect: str, before: str, after: str, *, rows: str = "") -> Case:
    """One aspect of the column `n` changes."""
    changes = (change("alter", "column", T, "n", aspect),)
    return Case(f"{aspect}: {before} → {after}", table(before), table(after), changes, rows or ROWS)


SERIAL_TABLE = table("n serial")
NEXT = 'INSERT INTO "T x" (id) VALUES (3) RETURNING n'
RETYPED = (change("alter", "column", T, "n", "type"), change("alter", "column", T, "n", "default"))

CASES = (
    column("type", "n integer", "n bigint"),
    column("type", "n integer DEFAULT 7", "n bigint DEFAULT 7"),
    column("type", "n integer", "n text"),
    column("type", "n text", "n integer"),
    column("type", "n text", "n jsonb"),
    column("type", "n character varying(10) DEFAULT 'x'", "n text DEFAULT 'x'"),
    column("type", "n text DEFAULT 'x'", "n character varying(10) DEFAULT 'x'"),
    column("type", "n text", 'n text COLLATE "C"'),
    column("type", 'n text COLLATE "C"', "n character varying(9)"),
    column("type", "n integer[]", "n bigint[]", rows="INSERT INTO \"T x\" VALUES (1, '{1,2}')"),
    column("type", "n text[]", "n integer[]", rows="INSERT INTO \"T x\" VALUES (1, '{1,2}')"),
    column("type", "n integer", "n boolean"),
    column(
        "type",
        "n integer GENERATED ALWAYS AS (id) STORED",
        "n bigint GENERATED ALWAYS AS (id) STORED",
        rows='INSERT INTO "T x" VALUES (1)',
    ),
    column(
        "type",
        "n smallint GENERATED ALWAYS AS IDENTITY",
        "n bigint GENERATED ALWAYS AS IDENTITY",
        rows='INSERT INTO "T x" VALUES (1)',
    ),
    column("default", "n integer", "n integer DEFAULT 7"),
    column("default", "n integer DEFAULT 7", "n integer"),
    column("default", "n integer DEFAULT 7", "n integer DEFAULT 8"),
    column("not_null", "n integer", "n integer NOT NULL"),
    column("not_null", "n integer NOT NULL", "n integer"),
    column("storage", "n text", "n text"),
    column("compression", "n text", "n text COMPRESSION pglz"),
    column("compression", "n text COMPRESSION pglz", "n text"),
    Case(
        "not null with options",
        table("n integer, a integer, b integer NOT NULL NO INHERIT, c integer NOT NULL")
        + 'ALTER TABLE "T x" ADD NOT NULL n NOT VALID',
        table("n integer NOT NULL, a integer NOT NULL NO INHERIT, b integer NOT NULL, c integer, d integer")
        + 'ALTER TABLE "T x" ADD NOT NULL c NOT VALID, ADD NOT NULL d NOT VALID',
        (
            *(change("alter", "column", T, name, "not_null") for name in ("n", "a", "b", "c")),
            change("create", "column", T, "d"),
        ),
        'INSERT INTO "T x" VALUES (1, 2, 3, 4, 5)',
        since=18,
    ),
    Case("type and default", table("n text DEFAULT 'x'"), table("n integer DEFAULT 3"), RETYPED, ROWS),
    Case("type without default", table("n text DEFAULT 'x'"), table("n integer"), RETYPED, ROWS),
    Case(
        "storage",
        table("n text") + 'ALTER TABLE "T x" ALTER n SET STORAGE MAIN',
        table("n text") + 'ALTER TABLE "T x" ALTER n SET STORAGE EXTERNAL',
        (change("alter", "column", T, "n", "storage"),),
        ROWS,
    ),
    Case(
        "storage of the type",
        table("n numeric, m text") + 'ALTER TABLE "T x" ALTER n SET STORAGE EXTENDED, ALTER m SET STORAGE PLAIN',
        table("n numeric, m text"),
        (change("alter", "column", T, "n", "storage"), change("alter", "column", T, "m", "storage")),
        ROWS,
    ),
    Case(
        "statistics and options",
        table("n integer") + 'ALTER TABLE "T x" ALTER n SET STATISTICS 5, ALTER n SET (n_distinct=7)',
        table("n integer") + 'ALTER TABLE "T x" ALTER id SET STATISTICS 9, ALTER n SET (n_distinct_inherited=7)',
        tuple(
            change("alter", "column", T, *pair)
            for pair in (("n", "statistics"), ("id", "statistics"), ("n", "options"))
        ),
        ROWS,
    ),
    Case(
        "comment",
        table("n integer, m integer") + """COMMENT ON COLUMN "T x".m IS 'gone'""",
        table("n integer, m integer") + """COMMENT ON COLUMN "T x".n IS 'it''s \\ new'""",
        (change("alter", "column", T, "n", "comment"), change("alter", "column", T, "m", "comment")),
        ROWS,
    ),
    Case(
        "privileges",
        table("n integer") + 'GRANT SELECT (n) ON "T x" TO ddl_reader',
        table("n integer")
        + 'GRANT SELECT (n), UPDATE (n) ON "T x" TO ddl_reader; GRANT SELECT (n) ON "T x" TO ddl_writer',
        (change("alter", "column", T, "n", "privileges"),),
        ROWS,
    ),
    # Added and dropped.
    Case(
        "add columns of every kind",
        table("n integer"),
        table(
            "n integer, \"User\" text DEFAULT 'x' NOT NULL, s serial, "
            "i bigint GENERATED BY DEFAULT AS IDENTITY (START 5), "
            'c text COMPRESSION pglz COLLATE "C", d text, g integer GENERATED ALWAYS AS (id + 1) STORED'
        )
        + """ALTER TABLE "T x" ALTER d SET STORAGE EXTERNAL, ALTER d SET STATISTICS 4; COMMENT ON COLUMN "T x".d IS 'd';
        GRANT SELECT (d) ON "T x" TO ddl_reader""",
        tuple(change("create", "column", T, name) for name in ("User", "s", "i", "c", "d", "g")),
        ROWS,
    ),
    Case(
        "add a column with its constraints",
        table("n integer"),
        table("n integer, m integer DEFAULT 3 CHECK (m > 2)") + 'CREATE INDEX t_m ON "T x" (m)',
        (
            change("create", "column", T, "m"),
            change("create", "constraint", T, "T x_m_check"),
            change("create", "index", "t_m", table=T),
        ),
        ROWS,
    ),
    Case(
        "drop columns, generated ones first",
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) STORED"),
        'CREATE TABLE "T x" (id integer PRIMARY KEY);',
        (change("drop", "column", T, "n"), change("drop", "column", T, "g")),
        ROWS,
    ),
    # Generated.
    Case(
        "another expression",
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) STORED"),
        table("n integer, g integer GENERATED ALWAYS AS (n + 2) STORED"),
        (change("alter", "column", T, "g", "generated"),),
        ROWS,
    ),
    Case(
        "an expression is dropped, with a new default",
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) STORED"),
        table("n integer, g integer DEFAULT 4"),
        (change("alter", "column", T, "g", "generated"), change("alter", "column", T, "g", "default")),
        ROWS,
        (('SELECT g FROM "T x" ORDER BY id', [(6,), (13,)]),),
    ),
    Case(
        "recreated as generated",
        table("n integer, g integer"),
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) STORED"),
        (change("recreate", "column", T, "g"),),
        ROWS,
        (('SELECT g FROM "T x" ORDER BY id', [(6,), (13,)]),),
    ),
    Case(
        "virtual becomes real",
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) VIRTUAL NOT NULL"),
        table("n integer, g integer NOT NULL"),
        (change("alter", "column", T, "g", "generated"),),
        ROWS,
        (('SELECT g FROM "T x" ORDER BY id', [(6,), (13,)]),),
        since=18,
    ),
    Case(
        "virtual with another expression",
        table("n integer, g integer GENERATED ALWAYS AS (n + 1) VIRTUAL"),
        table("n integer, g integer GENERATED ALWAYS AS (n + 2) VIRTUAL"),
        (change("alter", "column", T, "g", "generated"),),
        ROWS,
        since=18,
    ),
    # Identity and serial: values go on.
    Case("plain → serial", table("n integer NOT NULL"), SERIAL_TABLE, (SERIAL,), ROWS, ((NEXT, [(13,)]),)),
    Case(
        "plain → serial, with its sequence created before",
        table("n integer NOT NULL"),
        SERIAL_TABLE,
        (change("create", "sequence", "T x_n_seq"), SERIAL),
        ROWS,
        ((NEXT, [(13,)]),),
    ),
    Case(
        "plain → identity",
        table("n integer NOT NULL"),
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        (IDENTITY,),
        ROWS,
        ((NEXT, [(13,)]),),
    ),
    Case(
        "nullable with default → identity",
        table("n integer DEFAULT 4"),
        table("n integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT 5 MINVALUE 3 CACHE 2)"),
        (IDENTITY, change("alter", "column", T, "n", "default"), change("alter", "column", T, "n", "not_null")),
        ROWS,
        ((NEXT, [(17,)]),),
    ),
    Case(
        "descending identity",
        table("n integer NOT NULL"),
        table("n integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1)"),
        (IDENTITY,),
        'INSERT INTO "T x" VALUES (1, -5)',
        ((NEXT, [(-6,)]),),
    ),
    Case(
        "serial → identity",
        SERIAL_TABLE,
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        (IDENTITY, SERIAL, change("drop", "sequence", "T x_n_seq")),
        'INSERT INTO "T x" (id) VALUES (1), (2); DELETE FROM "T x" WHERE id = 2',
        ((NEXT, [(3,)]),),
    ),
    Case(
        "identity → serial",
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        SERIAL_TABLE,
        (IDENTITY, SERIAL),
        'INSERT INTO "T x" (id) VALUES (1), (2); DELETE FROM "T x" WHERE id = 2',
        ((NEXT, [(3,)]),),
    ),
    Case(
        "identity → default",
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        table("n integer DEFAULT 5 NOT NULL"),
        (IDENTITY, SERIAL),
        'INSERT INTO "T x" (id) VALUES (1)',
    ),
    Case(
        "identity → plain and nullable",
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        table("n integer"),
        (change("alter", "column", T, "n", "not_null"), IDENTITY),
        'INSERT INTO "T x" (id) VALUES (1)',
    ),
    Case(
        "identity options",
        table("n integer GENERATED ALWAYS AS IDENTITY"),
        table(
            "n integer GENERATED BY DEFAULT AS IDENTITY"
            " (INCREMENT 10 MINVALUE 100 MAXVALUE 5000 START 200 CACHE 3 CYCLE)"
        ),
        (IDENTITY,),
        'INSERT INTO "T x" (id) VALUES (1)',
        ((NEXT, [(100,)]),),
    ),
    Case(
        "identity options with another type",
        table("n smallint GENERATED ALWAYS AS IDENTITY"),
        table("n bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 70000)"),
        (IDENTITY, change("alter", "column", T, "n", "type")),
        'INSERT INTO "T x" (id) VALUES (1)',
        ((NEXT, [(2,)]),),
    ),
    Case(
        "serial → plain",
        SERIAL_TABLE,
        table("n integer NOT NULL"),
        (SERIAL, change("drop", "sequence", "T x_n_seq")),
        'INSERT INTO "T x" (id) VALUES (1)',
    ),
    Case(
        "serial becomes bigserial",
        SERIAL_TABLE,
        'CREATE TABLE "T x" (id integer PRIMARY KEY, n bigserial);',
        (change("alter", "column", T, "n", "type"), change("alter", "sequence", "T x_n_seq", None, "options")),
        'INSERT INTO "T x" (id) VALUES (1)',
        ((NEXT, [(2,)]),),
    ),
    Case(
        "restored default",
        table("n integer DEFAULT 7"),
        table("n integer DEFAULT 7"),
        (change("alter", "column", T, "n", "default", restored=True),),
        ROWS,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_columns_become_as_declared(case: Case, outcomes: dict[str, Outcome]) -> None:
    assert_converged(case, outcomes)
