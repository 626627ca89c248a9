"""Declared rows go in where they are absent; sequences follow, and failures are named by line."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.database.connect import Session, connect
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.seeds.facts import read_tables
from stonegate.database.seeds.insert import insert_seeds
from stonegate.database.seeds.lookup import find_missing
from stonegate.database.seeds.targets import targets_of
from stonegate.errors import MigrationFailed
from stonegate.model.names import QualifiedName
from stonegate.source.parse import load_source
from tests.database.seed_builder import FILE, keys, query, rows
from tests.database.sessions import fetch
from tests.servers import Database

# --- insertion -----------------------------------------------------------------------------------------------------


async def test_new_tables_get_the_statements_as_written(conn: Session) -> None:
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


async def test_rows_that_a_migration_wrote_are_left_alone(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (2, 'by a migration')")
    seeder = rows("t", ("id", "name"), ("1", "'a'"), ("2", "'b'"), ("3", "'c' -- last"))
    (report,) = await insert_seeds(conn, [seeder])
    assert (report.expected, report.found, report.inserted) == (3, 1, 2)
    assert await fetch(conn, "SELECT * FROM t ORDER BY id") == [(1, "a"), (2, "by a migration"), (3, "c")]
    (report,) = await insert_seeds(conn, [seeder], only_missing=True)
    assert (report.expected, report.found, report.inserted) == (3, 3, 0)


async def test_absent_rows_keep_the_clauses_of_their_statement(conn: Session) -> None:
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


async def test_absent_rows_of_a_query(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(3)); INSERT INTO t VALUES (1, 'old')")
    seeder = query("t", ("id", "name"), "SELECT g, '' FROM generate_series(1, 3) AS g", tail="ON CONFLICT DO NOTHING")
    for expected in ((2, 0, 2), (1, 1, 0)):
        (report,) = await insert_seeds(conn, [seeder])
        assert (report.expected, report.found, report.inserted) == expected
        assert await fetch(conn, "SELECT * FROM t ORDER BY id") == [(1, "old"), (2, ""), (3, "")]
    with pytest.raises(MigrationFailed, match="cannot be inserted") as caught:
        await insert_seeds(conn, [query("t", ("id", "name"), "SELECT '9', 'too long'")])
    assert caught.value.sqlstate == "22001"


async def test_triggers_may_have_written_rows_of_a_later_table(conn: Session) -> None:
    await conn.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    await conn.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO b VALUES (new.id); RETURN new; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()"
    )
    reports = await insert_seeds(conn, [rows("a", ("id",), ("1",)), rows("b", ("id",), ("1",), ("2",))])
    assert [(report.found, report.inserted) for report in reports] == [(0, 1), (1, 1)]


async def test_identity_always_refuses_explicit_ids_as_postgresql_does(conn: Session) -> None:
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
async def test_sequences_move_past_explicit_ids(conn: Session, column: str) -> None:
    await conn.execute(b"CREATE SEQUENCE free")
    await conn.execute(f'CREATE TABLE "T" ({column}, name text)'.encode())
    await insert_seeds(conn, [rows("T", ("id", "name"), ("1", "'a'"), ("5", "'b'"))])
    assert await fetch(conn, """INSERT INTO "T" (name) VALUES ('c') RETURNING id""") == [(6,)]
    await insert_seeds(conn, [rows("T", ("id", "name"), ("3", "'d'"))], only_missing=True)
    assert await fetch(conn, """INSERT INTO "T" (name) VALUES ('e') RETURNING id""") == [(7,)]


async def test_a_catalog_tells_of_tables_what_the_server_tells(conn: Session) -> None:
    async with conn.transaction(force_rollback=True):
        await conn.execute(
            """CREATE SEQUENCE free INCREMENT -2 MAXVALUE 100 START 90; CREATE SEQUENCE idle;
            CREATE DOMAIN small AS smallint; CREATE DOMAIN smaller AS small CHECK (VALUE > 0);
            CREATE TABLE serials (id serial PRIMARY KEY, gone int, big bigserial, "Odd Name" smallserial);
            ALTER TABLE serials DROP COLUMN gone;
            CREATE TABLE identities (a int GENERATED ALWAYS AS IDENTITY, b bigint GENERATED BY DEFAULT AS IDENTITY);
            CREATE TABLE defaults (a int DEFAULT nextval('free'), b smaller DEFAULT nextval('free') + nextval('idle'),
                c text DEFAULT nextval('free')::text, d numeric DEFAULT nextval('free'), e int, f small);
            ALTER SEQUENCE idle OWNED BY defaults.e;
            CREATE TABLE parts (id bigserial, n int) PARTITION BY LIST (n);
            CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);
            CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
            CREATE TABLE watched (id int); CREATE TRIGGER t BEFORE UPDATE ON watched EXECUTE FUNCTION f();"""
        )
        names = ("serials", "identities", "defaults", "parts", "part", "watched")
        wanted = [QualifiedName("public", name) for name in names]
        asked = await read_tables(conn, [rows(name, ("id",), ("1",)) for name in names])
        told = targets_of(await read_catalog(conn), wanted)
        assert told is not None and list(told) == wanted
        for name in wanted:
            assert replace(told[name], sequences=()) == replace(asked[name].target, sequences=())
            assert set(told[name].sequences) == set(asked[name].target.sequences)
        assert sum(len(target.sequences) for target in told.values()) == 11
        await conn.execute("CREATE VIEW shown AS TABLE watched")
        assert targets_of(await read_catalog(conn), [QualifiedName("public", "shown")]) is None
        await conn.execute("CREATE RULE r AS ON INSERT TO watched DO INSTEAD NOTHING")
        assert targets_of(await read_catalog(conn), wanted) is None


async def test_sequences_keep_their_step_and_direction(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (START 3 INCREMENT 10), n int)")
    await conn.execute("CREATE TABLE d (id int GENERATED BY DEFAULT AS IDENTITY (START -1 INCREMENT -1), n int)")
    await conn.execute("CREATE TABLE f (id int GENERATED BY DEFAULT AS IDENTITY (MAXVALUE 9), n int)")
    seeders = [rows("t", ("id",), ("13",)), rows("d", ("id",), ("-5",)), rows("f", ("id",), ("9",))]
    await insert_seeds(conn, seeders)  # the last one has no value beyond 9, and stays
    assert await fetch(conn, "INSERT INTO t (n) VALUES (1) RETURNING id") == [(23,)]
    assert await fetch(conn, "INSERT INTO d (n) VALUES (1) RETURNING id") == [(-6,)]
    assert await fetch(conn, "INSERT INTO f (n) VALUES (1) RETURNING id") == [(1,)]


async def test_moving_a_sequence_is_undone_with_the_transaction(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id serial PRIMARY KEY, n int)")
    async with conn.transaction(force_rollback=True):
        await insert_seeds(conn, [rows("t", ("id",), ("7",))])
    assert await fetch(conn, "INSERT INTO t (n) VALUES (1) RETURNING id") == [(1,)]


async def test_a_sequence_of_the_same_transaction_moves_too(conn: Session) -> None:
    async with conn.transaction():
        await conn.execute('CREATE TABLE "T" (id serial PRIMARY KEY, n int)')
        await insert_seeds(conn, [rows("T", ("id",), ("7",))])
        assert await fetch(conn, """INSERT INTO "T" (n) VALUES (1) RETURNING id""") == [(8,)]
    async with conn.transaction(force_rollback=True):
        await conn.execute('ALTER SEQUENCE "T_id_seq" CACHE 1 NO CYCLE')  # does not make it a new one
        await insert_seeds(conn, [rows("T", ("id",), ("70",))], only_missing=True)
    assert await fetch(conn, """INSERT INTO "T" (n) VALUES (1) RETURNING id""") == [(9,)]


async def test_a_shared_sequence_moves_past_all_its_columns(conn: Session) -> None:
    await conn.execute("CREATE SEQUENCE s; CREATE TABLE a (id int DEFAULT nextval('s'), n int)")
    await conn.execute("CREATE TABLE b (id bigint DEFAULT nextval('s'), n int)")
    await insert_seeds(conn, [rows("a", ("id",), ("9",)), rows("b", ("id",), ("4",))])
    assert await fetch(conn, "INSERT INTO b (n) VALUES (1) RETURNING id") == [(10,)]


# --- failures ------------------------------------------------------------------------------------------------------


async def test_the_failing_row_is_named_by_its_line(conn: Session) -> None:
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


async def test_the_transaction_goes_on_after_a_failure(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY)")
    async with conn.transaction():
        await conn.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(MigrationFailed):
            await insert_seeds(conn, [rows("t", ("id",), ("2",)), rows("t", ("id",), ("'x'",))])
    assert await fetch(conn, "SELECT id FROM t") == [(1,)]


async def test_a_locked_table_is_left_to_the_caller_to_retry(conn: Session, any_database: Database) -> None:
    await conn.execute("CREATE TABLE t (id int PRIMARY KEY); SET lock_timeout = '50ms'")
    other = await connect(any_database.url)
    async with other, other.transaction():
        await other.execute("LOCK TABLE public.t")
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


async def test_seeders_of_a_folder_go_in_and_come_back(conn: Session, tmp_path: Path) -> None:
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
