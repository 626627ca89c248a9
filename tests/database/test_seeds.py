"""The declared rows: found again whatever their types and keys, inserted where absent, failures named by line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from stonegate.database.connect import connect
from stonegate.database.seeds.insert import ANY_ROW, find_missing, insert_seeds
from stonegate.errors import MigrationFailed
from stonegate.model.names import QualifiedName
from stonegate.source.insert_text import parse_insert
from stonegate.source.parse import load_source
from tests.database.seed_builder import FILE, query, rows
from tests.servers import Database

Conn = AsyncConnection[Any]


@pytest.fixture
async def conn(any_database: Database) -> AsyncIterator[Conn]:
    connection = await connect(any_database.url)
    yield connection
    await connection.close()


async def fetch(conn: Conn, statement: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(statement.encode())).fetchall()


async def keys(conn: Conn, *seeders: Any, **options: Any) -> list[str]:
    return [seed.key for seed in await find_missing(conn, seeders, **options)]


# --- lookups -------------------------------------------------------------------------------------------------------

TYPED = [
    ("text", "'O''Reilly'", "'o''reilly'"),
    ("text", r"E'tab\there'", "'tab here'"),
    ("text", "'50 % {off} $1'", "'50 %% {off} $1'"),
    ("text", "$q$it's$q$", "'its'"),
    ("text", "'x' -- a comment", "'y' -- a comment"),
    ("varchar(5)", "'abc'", "'abcd'"),
    ("char(5)", "'ab'", "'abc'"),
    ("numeric(10,2)", "1.0", "1.01"),
    ("numeric(10,2)", "'1.005'", "1.02"),
    ("numeric", "1.00", "1.001"),
    ("integer", "'42'", "43"),
    ("integer", "40 + 2", "40"),
    ("double precision", "'NaN'", "0"),
    ("boolean", "'yes'", "'no'"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'"),
    ("timestamptz", "'2024-01-01 12:00:00+02'", "'2024-01-01 12:00:00+00'"),
    ("date", "'2024-02-29'", "'2024-03-01'"),
    ("interval", "'1 day'", "'25 hours'"),
    ("jsonb", """'{"a": 1, "b": [1, 2]}'""", """'{"a": 1, "b": [2, 1]}'"""),
    ("json", """'{"b": 2,  "a": 1.0}'""", """'{"b": 2}'"""),
    ("json[]", "ARRAY['1'::json]", "ARRAY['2'::json]"),
    ("text[]", "ARRAY['a', NULL, 'c']", "ARRAY['a', 'c']"),
    ("numeric[]", "'{1.0,2}'", "'{1.1,2}'"),
    ("bytea", r"'\xdeadbeef'", r"'\xdead'"),
    ("inet", "'10.0.0.1/8'", "'10.0.0.2/8'"),
    ("cidr", "'10.0.0.0/8'", "'11.0.0.0/8'"),
    ("point", "'(1,2)'", "'(1,3)'"),
    ("box", "'(1,1),(0,0)'", "'(2,1),(1,0)'"),  # equal by area, hence equal to box's own operator =
    ("int4range", "'[1,5]'", "'[1,5)'"),
    ("bit(3)", "B'101'", "B'100'"),
    ("tsvector", "'a:1 b:2'", "'a:1'"),
    ("money", "'12.50'", "'12.51'"),
    ("mood", "'glad'", "'sad'"),
    ("spot", "ROW(1.0, 'x')", "ROW(1.1, 'x')"),
    ("spot[]", "ARRAY[ROW(1.0, 'x')::spot]", "ARRAY[ROW(1.0, 'y')::spot]"),
    ("short", "'ab'", "'abc'"),
    ("mood", "NULL", "'sad'"),
    ("json", "NULL", "'null'"),
]


async def test_finds_values_of_every_type(conn: Conn) -> None:
    await conn.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    await conn.execute("CREATE TYPE spot AS (x numeric, y text)")
    await conn.execute("CREATE DOMAIN short AS varchar(3) CHECK (length(value) < 4)")
    for number, (kind, present, absent) in enumerate(TYPED):
        table = f"t{number}"
        await conn.execute(f"CREATE TABLE {table} (label text, value {kind})".encode())
        seeder = rows(table, ("label", "value"), ("'one'", present), ("'two'", present))
        await insert_seeds(conn, [seeder])
        assert await keys(conn, seeder) == [], (kind, present)
        gone = rows(table, ("label", "value"), ("'one'", absent), ("'two'", present))
        missing = await find_missing(conn, [gone])
        assert [(seed.row, seed.line) for seed in missing] == [(0, 11)], (kind, absent)
        assert missing[0].key.startswith("label = 'one' AND value ")


async def test_looks_up_by_primary_key_alone(conn: Conn) -> None:
    await conn.execute("CREATE TABLE roles (id int PRIMARY KEY, name text)")
    await conn.execute("INSERT INTO roles VALUES (1, 'renamed by a tenant')")
    seeder = rows("roles", ("id", "name"), ("1", "'admin'"), ("2", "'user'"), ("1 + 2", "NULL"))
    missing = await find_missing(conn, [seeder])
    assert [(seed.key, seed.line, seed.label, seed.file) for seed in missing] == [
        ("id = 2", 12, "roles id = 2", FILE),
        ("id = 3", 13, "roles id = 3", FILE),
    ]


async def test_looks_up_by_composite_keys_in_any_order(conn: Conn) -> None:
    await conn.execute('CREATE TABLE "Grants" (role text, "Right" text, note text, PRIMARY KEY (role, "Right"))')
    await conn.execute("""INSERT INTO "Grants" VALUES ('a', 'read')""")
    seeder = rows("Grants", ("note", "Right", "role"), ("'n'", "'read'", "'a'"), ("'n'", "'write'", "'a'"))
    assert await keys(conn, seeder) == ["""role = 'a' AND "Right" = 'write'"""]


async def test_looks_up_by_a_unique_key_when_the_primary_key_is_not_given(conn: Conn) -> None:
    await conn.execute("CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, name text)")
    await conn.execute("INSERT INTO users (email, name) VALUES ('a@x', 'other'), (NULL, 'nobody')")
    seeder = rows(
        "users",
        ("email", "name"),
        ("'a@x'", "'A'"),
        ("'b@x'", "'B'"),
        ("NULL", "'nobody'"),  # a unique key with NULL identifies nothing: all columns do
        ("NULL::text", "'somebody'"),
    )
    assert await keys(conn, seeder) == ["email = 'b@x'", "email IS NULL AND name = 'somebody'"]


async def test_partial_and_expression_indexes_are_no_keys(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (a text, b text)")
    await conn.execute("CREATE UNIQUE INDEX ON t (a) WHERE b IS NULL; CREATE UNIQUE INDEX ON t (lower(a))")
    await conn.execute("CREATE UNIQUE INDEX ON t (b) INCLUDE (a)")
    await conn.execute("INSERT INTO t VALUES ('x', 'one')")
    assert await keys(conn, rows("t", ("a",), ("'x'",), ("'y'",))) == ["a = 'y'"]
    assert await keys(conn, rows("t", ("a", "b"), ("'z'", "'one'"), ("'x'", "'two'"))) == ["b = 'two'"]


async def test_volatile_columns_are_no_key(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id uuid PRIMARY KEY, name text, made timestamptz)")
    await conn.execute("INSERT INTO t VALUES (gen_random_uuid(), 'a', '2020-01-01')")
    columns, volatile = ("id", "name", "made"), ("id", "made")
    seeder = rows("t", columns, ("gen_random_uuid()", "'a'", "now()"), ("DEFAULT", "'b'", "now()"), volatile=volatile)
    assert await keys(conn, seeder) == ["name = 'b'"]


async def test_without_a_stable_column_the_table_must_not_be_empty(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id uuid DEFAULT gen_random_uuid())")
    volatile = rows("t", ("id",), ("gen_random_uuid()",), ("gen_random_uuid()",), volatile=("id",))
    defaults = query("t", (), "DEFAULT VALUES")
    assert await keys(conn, volatile, defaults) == [ANY_ROW, ANY_ROW]
    await insert_seeds(conn, [volatile])
    assert await keys(conn, volatile, defaults) == []


async def test_finds_rows_of_nulls_only(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (a int, b text)")
    seeder = rows("t", ("a", "b"), ("NULL", "NULL"))
    assert await keys(conn, seeder) == ["a IS NULL AND b IS NULL"]
    await insert_seeds(conn, [seeder])
    assert await keys(conn, seeder) == []


async def test_a_seeder_without_columns_means_the_declared_order(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (b text, a int)")
    await conn.execute("INSERT INTO t (a, b) VALUES (1, 'x')")
    declared = {QualifiedName("public", "t"): ("a", "b")}
    assert await keys(conn, rows("t", (), ("1", "'x'"), ("2", "'x'")), declared=declared) == ["a = 2 AND b = 'x'"]
    assert await keys(conn, rows("t", (), ("1",), ("3",)), declared=declared) == ["a = 3"]
    await insert_seeds(conn, [rows("t", (), ("1", "'x'"), ("2", "'y'"))], declared=declared, only_missing=True)
    assert await fetch(conn, "SELECT a, b FROM t ORDER BY a") == [(1, "x"), (2, "y")]


async def test_looks_up_the_rows_of_a_query(conn: Conn) -> None:
    await conn.execute("CREATE TABLE roles (id int PRIMARY KEY, name text); CREATE TABLE names (name text)")
    await conn.execute("INSERT INTO roles VALUES (1, 'a'), (2, 'b'); INSERT INTO names VALUES ('a')")
    seeder = query("names", ("name",), "SELECT r.name FROM roles AS r JOIN roles AS q ON r.id = q.id")
    assert await keys(conn, seeder) == ["name = 'b'"]
    idiom = query("names", ("name",), "SELECT 'c' WHERE NOT EXISTS (SELECT FROM names WHERE name = 'c')")
    assert await keys(conn, idiom) == ["name = 'c'"]
    await conn.execute("INSERT INTO names VALUES ('b'), ('c')")
    assert await keys(conn, seeder, idiom) == []


async def test_a_query_that_gives_other_rows_each_time_is_not_looked_up(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id text, name text)")
    await conn.execute("CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS $$ SELECT 'a' $$")
    await conn.execute("CREATE SEQUENCE s")
    unsteady = [
        "SELECT gen_random_uuid(), 'a'",
        "SELECT nextval('s')::text, 'a'",
        "SELECT 'a', now()::text",
        "SELECT CURRENT_DATE::text, 'a'",
        "SELECT 'a', 'now'::timestamptz::text",
        "SELECT mine(), 'a'",
        "SELECT x, 'a' FROM (SELECT random()::text AS x) AS r",
    ]
    seeders = [query("t", ("id", "name"), text) for text in unsteady]
    assert await keys(conn, *seeders) == [ANY_ROW] * len(seeders)
    assert await fetch(conn, "SELECT is_called FROM s") == [(False,)]
    reports = await insert_seeds(conn, seeders)
    assert [(report.found, report.inserted) for report in reports] == [(0, len(seeders))]
    assert await keys(conn, *seeders) == []
    await insert_seeds(conn, seeders, only_missing=True)
    assert await fetch(conn, "SELECT count(*) FROM t") == [(len(seeders),)]
    text = "SELECT upper(trim(concat('x', g))), max('y') FROM generate_series(1, 2) AS g GROUP BY g"
    steady = query("t", ("id", "name"), text)
    assert await keys(conn, steady) == ["id = 'X1' AND name = 'y'", "id = 'X2' AND name = 'y'"]


async def test_expressions_see_the_statements_own_ctes(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    seeder = rows("t", ("id",), ("(SELECT x FROM n)",), ctes="WITH n AS (SELECT 7 AS x) ")
    assert await keys(conn, seeder) == ["id = 7"]
    await insert_seeds(conn, [seeder])
    assert await keys(conn, seeder) == []


async def test_other_schemas_views_and_partitions(conn: Conn) -> None:
    await conn.execute('CREATE SCHEMA "Sales"; CREATE TABLE "Sales"."Order" (id int PRIMARY KEY)')
    await conn.execute("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id)")
    await conn.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE VIEW v AS SELECT id FROM p")
    seeders = [rows("Order", ("id",), ("1",), schema="Sales"), rows("p", ("id",), ("1",)), rows("v", ("id",), ("1",))]
    labels = [seed.label for seed in await find_missing(conn, seeders)]
    assert labels == ['"Sales"."Order" id = 1', "p id = 1", "v id = 1"]
    await insert_seeds(conn, seeders[:2])
    assert await keys(conn, *seeders) == []


async def test_long_values_have_labels_of_their_own(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (a text)")
    missing = await find_missing(conn, [rows("t", ("a",), (f"'{'x' * 500}'",), (f"'{'x' * 501}'",))])
    assert len({seed.label for seed in missing}) == 2
    assert all(len(seed.label) < 120 for seed in missing)


async def test_many_rows_are_one_query_per_table(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name text); CREATE TABLE u (a int, b text)")
    many = [(str(number), f"'n{number}'") for number in range(3000)]
    seeders = [rows("t", ("id", "name"), *many), rows("u", ("a", "b"), *many)]
    assert len(await keys(conn, *seeders)) == 6000
    await insert_seeds(conn, seeders)
    assert await keys(conn, *seeders) == []


async def test_names_the_place_of_what_cannot_be_looked_up(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    for seeder, text in (
        (rows("nothing", ("id",), ("1",)), "table nothing does not exist"),
        (rows("t", ("other",), ("1",)), "`other`"),
        (rows("t", ("id",), ("'x'",)), "cannot be looked up"),
    ):
        with pytest.raises(MigrationFailed, match=text) as caught:
            await find_missing(conn, [rows("t", ("id",), ("1",)), seeder])
        assert caught.value.place == f"{FILE}:10"


# --- insertion -----------------------------------------------------------------------------------------------------


async def test_new_tables_get_the_statements_as_written(conn: Conn) -> None:
    await conn.execute("CREATE TABLE a (id serial PRIMARY KEY, name text, made timestamptz)")
    await conn.execute("CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)")
    seeders = [
        rows("a", ("id", "name", "made"), ("1", "'50 % {x}'", "now()"), ("2", "NULL", "DEFAULT"), volatile=("made",)),
        rows("b", ("id", "a"), ("1", "1"), tail="ON CONFLICT (id) DO NOTHING -- really"),
        rows(
            "b", ("id", "a"), ("1", "2"), ("2", "2"), tail="ON CONFLICT (id) DO UPDATE SET a = excluded.a RETURNING *"
        ),
    ]
    reports = await insert_seeds(conn, seeders)
    assert [(report.table, report.expected, report.found, report.inserted) for report in reports] == [
        ("a", 2, 0, 2),
        ("b", 3, 0, 3),
    ]
    assert await fetch(conn, "SELECT id, a FROM b ORDER BY id") == [(1, 2), (2, 2)]


async def test_rows_that_a_migration_wrote_are_left_alone(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (2, 'by a migration')")
    seeder = rows("t", ("id", "name"), ("1", "'a'"), ("2", "'b'"), ("3", "'c' -- last"))
    (report,) = await insert_seeds(conn, [seeder])
    assert (report.expected, report.found, report.inserted) == (3, 1, 2)
    assert await fetch(conn, "SELECT * FROM t ORDER BY id") == [(1, "a"), (2, "by a migration"), (3, "c")]
    (report,) = await insert_seeds(conn, [seeder], only_missing=True)
    assert (report.expected, report.found, report.inserted) == (3, 3, 0)


async def test_absent_rows_keep_the_clauses_of_their_statement(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE)")
    await conn.execute("INSERT INTO t (name) VALUES ('x')")
    seeder = rows(
        "t",
        ("id", "name"),
        ("1", "'x'"),
        ("5", "'x'"),
        ("6", "'y'"),
        overriding="OVERRIDING SYSTEM VALUE",
        tail="ON CONFLICT (name) DO NOTHING",
    )
    await insert_seeds(conn, [seeder], only_missing=True)
    assert await fetch(conn, "SELECT * FROM t ORDER BY id") == [(1, "x"), (6, "y")]


async def test_absent_rows_of_a_query(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(3)); INSERT INTO t VALUES (1, 'old')")
    seeder = query("t", ("id", "name"), "SELECT g, '' FROM generate_series(1, 3) AS g", tail="ON CONFLICT DO NOTHING")
    for expected in ((2, 0, 2), (1, 1, 0)):
        (report,) = await insert_seeds(conn, [seeder])
        assert (report.expected, report.found, report.inserted) == expected
        assert await fetch(conn, "SELECT * FROM t ORDER BY id") == [(1, "old"), (2, ""), (3, "")]
    with pytest.raises(MigrationFailed, match="cannot be inserted") as caught:
        await insert_seeds(conn, [query("t", ("id", "name"), "SELECT '9', 'too long'")])
    assert caught.value.sqlstate == "22001"


async def test_triggers_may_have_written_rows_of_a_later_table(conn: Conn) -> None:
    await conn.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    await conn.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO b VALUES (new.id); RETURN new; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()"
    )
    reports = await insert_seeds(conn, [rows("a", ("id",), ("1",)), rows("b", ("id",), ("1",), ("2",))])
    assert [(report.found, report.inserted) for report in reports] == [(0, 1), (1, 1)]


async def test_identity_always_refuses_explicit_ids_as_postgresql_does(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    with pytest.raises(MigrationFailed) as caught:
        await insert_seeds(conn, [rows("t", ("id",), ("1",))])
    assert caught.value.sqlstate == "428C9"
    assert "OVERRIDING SYSTEM VALUE" in (caught.value.hint or "")
    ignored = rows("t", ("id",), ("70",), overriding="OVERRIDING USER VALUE")
    await insert_seeds(conn, [ignored])
    assert await keys(conn, ignored) == []


# --- sequences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "id serial PRIMARY KEY",
        "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "id smallint PRIMARY KEY DEFAULT nextval('free')",
    ],
)
async def test_sequences_move_past_explicit_ids(conn: Conn, column: str) -> None:
    await conn.execute(b"CREATE SEQUENCE free")
    await conn.execute(f'CREATE TABLE "T" ({column}, name text)'.encode())
    await insert_seeds(conn, [rows("T", ("id", "name"), ("1", "'a'"), ("5", "'b'"))])
    assert await fetch(conn, """INSERT INTO "T" (name) VALUES ('c') RETURNING id""") == [(6,)]
    await insert_seeds(conn, [rows("T", ("id", "name"), ("3", "'d'"))], only_missing=True)
    assert await fetch(conn, """INSERT INTO "T" (name) VALUES ('e') RETURNING id""") == [(7,)]


async def test_sequences_keep_their_step_and_direction(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (START 3 INCREMENT 10), n int)")
    await conn.execute("CREATE TABLE d (id int GENERATED BY DEFAULT AS IDENTITY (START -1 INCREMENT -1), n int)")
    await conn.execute("CREATE TABLE f (id int GENERATED BY DEFAULT AS IDENTITY (MAXVALUE 9), n int)")
    seeders = [rows("t", ("id",), ("13",)), rows("d", ("id",), ("-5",)), rows("f", ("id",), ("9",))]
    await insert_seeds(conn, seeders)  # the last one has no value beyond 9, and stays
    assert await fetch(conn, "INSERT INTO t (n) VALUES (1) RETURNING id") == [(23,)]
    assert await fetch(conn, "INSERT INTO d (n) VALUES (1) RETURNING id") == [(-6,)]
    assert await fetch(conn, "INSERT INTO f (n) VALUES (1) RETURNING id") == [(1,)]


async def test_moving_a_sequence_is_undone_with_the_transaction(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id serial PRIMARY KEY, n int)")
    async with conn.transaction(force_rollback=True):
        await insert_seeds(conn, [rows("t", ("id",), ("7",))])
    assert await fetch(conn, "INSERT INTO t (n) VALUES (1) RETURNING id") == [(1,)]


async def test_a_sequence_of_the_same_transaction_moves_too(conn: Conn) -> None:
    async with conn.transaction():
        await conn.execute('CREATE TABLE "T" (id serial PRIMARY KEY, n int)')
        await insert_seeds(conn, [rows("T", ("id",), ("7",))])
        assert await fetch(conn, """INSERT INTO "T" (n) VALUES (1) RETURNING id""") == [(8,)]
    async with conn.transaction(force_rollback=True):
        await conn.execute('ALTER SEQUENCE "T_id_seq" CACHE 1 NO CYCLE')  # does not make it a new one
        await insert_seeds(conn, [rows("T", ("id",), ("70",))], only_missing=True)
    assert await fetch(conn, """INSERT INTO "T" (n) VALUES (1) RETURNING id""") == [(9,)]


async def test_a_shared_sequence_moves_past_all_its_columns(conn: Conn) -> None:
    await conn.execute("CREATE SEQUENCE s; CREATE TABLE a (id int DEFAULT nextval('s'), n int)")
    await conn.execute("CREATE TABLE b (id bigint DEFAULT nextval('s'), n int)")
    await insert_seeds(conn, [rows("a", ("id",), ("9",)), rows("b", ("id",), ("4",))])
    assert await fetch(conn, "INSERT INTO b (n) VALUES (1) RETURNING id") == [(10,)]


# --- failures ------------------------------------------------------------------------------------------------------


async def test_the_failing_row_is_named_by_its_line(conn: Conn) -> None:
    await conn.execute("CREATE TABLE a (id int PRIMARY KEY)")
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, a int REFERENCES a, n int NOT NULL CHECK (n > 0))")
    before = rows("a", ("id",), ("1",))
    for bad, state, line in (
        (("2", "1", "0"), "23514", 12),
        (("1", "1", "1"), "23505", 12),
        (("2", "9", "1"), "23503", 12),
        (("2", "1", "NULL"), "23502", 12),
        (("2", "1", "'x'"), "22P02", 12),
        (("2", "1", "1 / 0"), "22012", 12),
        (("2", "1", "no_such(1)"), "42883", 12),
    ):
        seeder = rows("t", ("id", "a", "n"), ("1", "1", "1"), bad, ("3", "1", "1"))
        with pytest.raises(MigrationFailed) as caught:
            async with conn.transaction():
                await insert_seeds(conn, [before, seeder])
        assert (caught.value.sqlstate, caught.value.place) == (state, f"{FILE}:{line}")
        assert await fetch(conn, "SELECT count(*) FROM a") == [(0,)]


async def test_the_transaction_goes_on_after_a_failure(conn: Conn) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    async with conn.transaction():
        await conn.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(MigrationFailed):
            await insert_seeds(conn, [rows("t", ("id",), ("2",)), rows("t", ("id",), ("'x'",))])
    assert await fetch(conn, "SELECT id FROM t") == [(1,)]


async def test_a_locked_table_is_left_to_the_caller_to_retry(conn: Conn, any_database: Database) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY); SET lock_timeout = '50ms'")
    other = await connect(any_database.url)
    async with other, other.transaction():
        await other.execute("LOCK TABLE t")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await insert_seeds(conn, [rows("t", ("id",), ("2",))])


# --- from the files ------------------------------------------------------------------------------------------------

TABLES = """
CREATE TABLE roles (id int PRIMARY KEY, name text, made timestamptz DEFAULT now());
CREATE TABLE pairs (a text, b text[], c uuid DEFAULT gen_random_uuid());
"""
SEEDERS = r"""
INSERT INTO roles VALUES (1, 'admin', now()), (2, 'it''s; (a) "q"', DEFAULT);
WITH x AS (SELECT 3 AS id) INSERT INTO roles (id, name) SELECT id, 'from a CTE' FROM x;
INSERT INTO roles (name, id) OVERRIDING SYSTEM VALUE VALUES ('é', 4 /* c */), -- z
   (E'\n', (5)) ON CONFLICT (id) DO UPDATE SET name = excluded.name;
INSERT INTO roles (id, name) (VALUES (6, 'six'), (7, 'seven')) ON CONFLICT DO NOTHING;
INSERT INTO roles (id, name) VALUES (8, 'eight'), (9, 'nine') ORDER BY 1;
INSERT INTO roles (id, name) SELECT 10, 'x' WHERE NOT EXISTS (SELECT 1 FROM roles WHERE id = 10);
INSERT INTO pairs (a, b) VALUES (NULL, ARRAY['x', 'y']::text[]), ($$d$$, '{}');
INSERT INTO pairs DEFAULT VALUES;
"""


async def test_seeders_of_a_folder_go_in_and_come_back(conn: Conn, tmp_path: Path) -> None:
    for folder, text in (("tables", TABLES), ("seeders", SEEDERS)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "all.pssql").write_text(text, encoding="utf-8")
    seeders = load_source(tmp_path).seeders
    await conn.execute(TABLES.encode())
    assert len(await find_missing(conn, seeders)) == 13
    await insert_seeds(conn, seeders)
    assert await find_missing(conn, seeders) == ()
    await conn.execute("DELETE FROM roles WHERE id IN (2, 4, 7, 9); DELETE FROM pairs WHERE a = 'd'")
    assert [(seed.label, seed.line) for seed in await find_missing(conn, seeders)] == [
        ("roles id = 2", 2),
        ("roles id = 4", 4),
        ("roles id = 7", 6),
        ("roles id = 9", 7),
        ("pairs a = 'd' AND b = '{}'", 9),
    ]
    await insert_seeds(conn, seeders, only_missing=True)
    assert await find_missing(conn, seeders) == ()
    names = ["admin", 'it\'s; (a) "q"', "from a CTE", "é", "\n", "six", "seven", "eight", "nine", "x"]
    assert await fetch(conn, "SELECT id, name FROM roles ORDER BY id") == list(enumerate(names, 1))


# --- the text of an INSERT -----------------------------------------------------------------------------------------


TEXTS = [
    ("insert into t values (1)", (), ("", "insert into t", "", "values (1)", "")),
    ('INSERT INTO s."T" AS x (a) VALUES (1), (2)', ("a",), ("", 'INSERT INTO s."T" AS x', "", "VALUES (1), (2)", "")),
    (
        "INSERT /* c */ INTO values (a) OVERRIDING SYSTEM VALUE VALUES ('RETURNING') ON CONFLICT DO NOTHING -- x",
        ("a",),
        (
            "",
            "INSERT /* c */ INTO values",
            "OVERRIDING SYSTEM VALUE",
            "VALUES ('RETURNING')",
            "ON CONFLICT DO NOTHING",
        ),
    ),
    (
        "WITH w AS (SELECT 1) INSERT INTO t (a) (SELECT 1 FROM u JOIN w ON conflict = 1) RETURNING *",
        ("a",),
        ("WITH w AS (SELECT 1)\n", "INSERT INTO t", "", "(SELECT 1 FROM u JOIN w ON conflict = 1)", "RETURNING *"),
    ),
    (
        "INSERT INTO t (SELECT 'ä', $q$)$q$) ON CONFLICT (a) DO NOTHING",
        (),
        ("", "INSERT INTO t", "", "(SELECT 'ä', $q$)$q$)", "ON CONFLICT (a) DO NOTHING"),
    ),
]


@pytest.mark.parametrize(("sql", "columns", "parts"), TEXTS)
def test_takes_an_insert_apart(sql: str, columns: tuple[str, ...], parts: tuple[str, ...]) -> None:
    text = parse_insert(replace(rows("t", columns, ("1",)), sql=sql))
    assert (text.ctes, text.into, text.overriding, text.body, text.tail) == parts
