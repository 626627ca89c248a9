"""Declared rows are found again, whatever their types and keys."""

from __future__ import annotations

import pytest

from stonegate.database.connect import Session
from stonegate.database.seeds.insert import insert_seeds
from stonegate.database.seeds.lookup import ANY_ROW, find_missing
from stonegate.errors import ConnectionFailed, MigrationFailed
from stonegate.model.names import QualifiedName
from tests.database.seed_builder import FILE, keys, query, rows
from tests.database.sessions import fetch

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


async def test_finds_values_of_every_type(conn: Session) -> None:
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


async def test_looks_up_by_primary_key_alone(conn: Session) -> None:
    await conn.execute("CREATE TABLE roles (id int PRIMARY KEY, name text)")
    await conn.execute("INSERT INTO roles VALUES (1, 'renamed by a tenant')")
    seeder = rows("roles", ("id", "name"), ("1", "'admin'"), ("2", "'user'"), ("1 + 2", "NULL"))
    missing = await find_missing(conn, [seeder])
    assert [(seed.key, seed.line, seed.label, seed.file) for seed in missing] == [
        ("id = 2", 12, "roles id = 2", FILE),
        ("id = 3", 13, "roles id = 3", FILE),
    ]


async def test_looks_up_by_composite_keys_in_any_order(conn: Session) -> None:
    await conn.execute('CREATE TABLE "Grants" (role text, "Right" text, note text, PRIMARY KEY (role, "Right"))')
    await conn.execute("""INSERT INTO "Grants" VALUES ('a', 'read')""")
    seeder = rows("Grants", ("note", "Right", "role"), ("'n'", "'read'", "'a'"), ("'n'", "'write'", "'a'"))
    assert await keys(conn, seeder) == ["""role = 'a' AND "Right" = 'write'"""]


async def test_looks_up_by_a_unique_key_when_the_primary_key_is_not_given(conn: Session) -> None:
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


async def test_partial_and_expression_indexes_are_no_keys(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (a text, b text)")
    await conn.execute("CREATE UNIQUE INDEX ON t (a) WHERE b IS NULL; CREATE UNIQUE INDEX ON t (lower(a))")
    await conn.execute("CREATE UNIQUE INDEX ON t (b) INCLUDE (a)")
    await conn.execute("INSERT INTO t VALUES ('x', 'one')")
    assert await keys(conn, rows("t", ("a",), ("'x'",), ("'y'",))) == ["a = 'y'"]
    assert await keys(conn, rows("t", ("a", "b"), ("'z'", "'one'"), ("'x'", "'two'"))) == ["b = 'two'"]


async def test_volatile_columns_are_no_key(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id uuid PRIMARY KEY, name text, made timestamptz)")
    await conn.execute("INSERT INTO t VALUES (gen_random_uuid(), 'a', '2020-01-01')")
    columns, volatile = ("id", "name", "made"), ("id", "made")
    seeder = rows("t", columns, ("gen_random_uuid()", "'a'", "now()"), ("DEFAULT", "'b'", "now()"), volatile=volatile)
    assert await keys(conn, seeder) == ["name = 'b'"]


async def test_a_constant_that_means_another_time_each_day_is_no_key(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (name text, made timestamptz, day date)")
    seeder = rows("t", ("name", "made", "day"), ("'now'", "'now'", "'Today'"), ("'b'", "' tomorrow 10:00'", "NULL"))
    await insert_seeds(conn, [seeder])
    await conn.execute("UPDATE t SET made = made - interval '1 day', day = day - 1")
    assert await keys(conn, seeder) == []
    await conn.execute("DELETE FROM t")
    assert await keys(conn, seeder) == ["name = 'now'", "name = 'b' AND day IS NULL"]


async def test_without_a_stable_column_the_table_must_not_be_empty(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id uuid DEFAULT gen_random_uuid())")
    volatile = rows("t", ("id",), ("gen_random_uuid()",), ("gen_random_uuid()",), volatile=("id",))
    defaults = query("t", (), "DEFAULT VALUES")
    assert await keys(conn, volatile, defaults) == [ANY_ROW, ANY_ROW]
    await insert_seeds(conn, [volatile])
    assert await keys(conn, volatile, defaults) == []


async def test_finds_rows_of_nulls_only(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (a int, b text)")
    seeder = rows("t", ("a", "b"), ("NULL", "NULL"))
    assert await keys(conn, seeder) == ["a IS NULL AND b IS NULL"]
    await insert_seeds(conn, [seeder])
    assert await keys(conn, seeder) == []


async def test_a_seeder_without_columns_means_the_declared_order(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (b text, a int)")
    await conn.execute("INSERT INTO t (a, b) VALUES (1, 'x')")
    declared = {QualifiedName("public", "t"): ("a", "b")}
    assert await keys(conn, rows("t", (), ("1", "'x'"), ("2", "'x'")), declared=declared) == ["a = 2 AND b = 'x'"]
    assert await keys(conn, rows("t", (), ("1",), ("3",)), declared=declared) == ["a = 3"]
    await insert_seeds(conn, [rows("t", (), ("1", "'x'"), ("2", "'y'"))], declared=declared, only_missing=True)
    assert await fetch(conn, "SELECT a, b FROM t ORDER BY a") == [(1, "x"), (2, "y")]


async def test_looks_up_the_rows_of_a_query(conn: Session) -> None:
    await conn.execute("CREATE TABLE roles (id int PRIMARY KEY, name text); CREATE TABLE names (name text)")
    await conn.execute("INSERT INTO roles VALUES (1, 'a'), (2, 'b'); INSERT INTO names VALUES ('a')")
    seeder = query("names", ("name",), "SELECT r.name FROM roles AS r JOIN roles AS q ON r.id = q.id")
    assert await keys(conn, seeder) == ["name = 'b'"]
    idiom = query("names", ("name",), "SELECT 'c' WHERE NOT EXISTS (SELECT FROM names WHERE name = 'c')")
    assert await keys(conn, idiom) == ["name = 'c'"]
    await conn.execute("INSERT INTO names VALUES ('b'), ('c')")
    assert await keys(conn, seeder, idiom) == []


async def test_a_query_that_gives_other_rows_each_time_is_not_looked_up(conn: Session) -> None:
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


async def test_expressions_see_the_statements_own_ctes(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    seeder = rows("t", ("id",), ("(SELECT x FROM n)",), ctes="WITH n AS (SELECT 7 AS x) ")
    assert await keys(conn, seeder) == ["id = 7"]
    await insert_seeds(conn, [seeder])
    assert await keys(conn, seeder) == []


async def test_other_schemas_views_and_partitions(conn: Session) -> None:
    await conn.execute('CREATE SCHEMA "Sales"; CREATE TABLE "Sales"."Order" (id int PRIMARY KEY)')
    await conn.execute("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id)")
    await conn.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE VIEW v AS SELECT id FROM p")
    seeders = [rows("Order", ("id",), ("1",), schema="Sales"), rows("p", ("id",), ("1",)), rows("v", ("id",), ("1",))]
    labels = [seed.label for seed in await find_missing(conn, seeders)]
    assert labels == ['"Sales"."Order" id = 1', "p id = 1", "v id = 1"]
    await insert_seeds(conn, seeders[:2])
    assert await keys(conn, *seeders) == []


async def test_long_values_have_labels_of_their_own(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (a text)")
    missing = await find_missing(conn, [rows("t", ("a",), (f"'{'x' * 500}'",), (f"'{'x' * 501}'",))])
    assert len({seed.label for seed in missing}) == 2
    assert all(len(seed.label) < 120 for seed in missing)


async def test_many_rows_are_one_query_per_table(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name text); CREATE TABLE u (a int, b text)")
    many = [(str(number), f"'n{number}'") for number in range(3000)]
    seeders = [rows("t", ("id", "name"), *many), rows("u", ("a", "b"), *many)]
    assert len(await keys(conn, *seeders)) == 6000
    await insert_seeds(conn, seeders)
    assert await keys(conn, *seeders) == []


async def test_names_the_place_of_what_cannot_be_looked_up(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    for seeder, text in (
        (rows("nothing", ("id",), ("1",)), "table nothing does not exist"),
        (rows("t", ("other",), ("1",)), "`other`"),
        (rows("t", ("id",), ("'x'",)), "cannot be looked up"),
    ):
        with pytest.raises(MigrationFailed, match=text) as caught:
            await find_missing(conn, [rows("t", ("id",), ("1",)), seeder])
        assert caught.value.place == f"{FILE}:10"


async def test_a_lost_connection_is_no_mistake_of_the_seeder(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    ending = "1 + pg_terminate_backend(pg_backend_pid())::int"
    with pytest.raises(ConnectionFailed, match="the connection was lost"):
        await find_missing(conn, [rows("t", ("id",), (ending,))])
