"""The tracking tables: in the original's form, tolerant of what is missing, and quick where nothing has changed."""

from __future__ import annotations

import json

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import AsyncRawCursor

from stonegate.database.connect import Session
from stonegate.database.tracking.history import read_deployments, read_history
from stonegate.database.tracking.records import plan_entries
from stonegate.database.tracking.state import read_state, read_unchanged
from stonegate.database.tracking.tables import create_tracking, ensure_tracking
from stonegate.errors import MigrationFailed
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action
from stonegate.model.tracking import AppliedMigration, DeployedObject, TrackingState
from tests.database.sessions import fetch
from tests.database.tracked import PREFIX, TABLE, TYPE, deploy, migration, plan, routine, step

# As the original made them, with its own limits of length.
ORIGINAL = """
CREATE TABLE _stonescriptdb_gateway_migrations (
    id SERIAL PRIMARY KEY, migration_file VARCHAR(255) NOT NULL UNIQUE, checksum VARCHAR(64) NOT NULL,
    applied_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE _stonescriptdb_gateway_types (
    id SERIAL PRIMARY KEY, type_name VARCHAR(255) NOT NULL UNIQUE, type_kind VARCHAR(50) NOT NULL,
    checksum VARCHAR(64) NOT NULL, source_file VARCHAR(255), deployed_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE _stonescriptdb_gateway_tables (
    id SERIAL PRIMARY KEY, table_name VARCHAR(255) NOT NULL UNIQUE, checksum VARCHAR(64) NOT NULL,
    source_file VARCHAR(255), deployed_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE _stonescriptdb_gateway_functions (
    id SERIAL PRIMARY KEY, function_name VARCHAR(255) NOT NULL, signature TEXT NOT NULL, param_types TEXT[] NOT NULL,
    return_type TEXT, body_checksum VARCHAR(64) NOT NULL, source_file VARCHAR(255),
    deployed_at TIMESTAMPTZ DEFAULT now(), UNIQUE (function_name, param_types));
CREATE TABLE _stonescriptdb_gateway_changelog (
    id SERIAL PRIMARY KEY, change_type VARCHAR(50) NOT NULL, object_name VARCHAR(255) NOT NULL, change_detail JSONB,
    forced BOOLEAN DEFAULT false, executed_at TIMESTAMPTZ DEFAULT now());
INSERT INTO _stonescriptdb_gateway_migrations (migration_file, checksum) VALUES ('001.pssql', 'raw1');
INSERT INTO _stonescriptdb_gateway_tables (table_name, checksum) VALUES ('users', 't1');
INSERT INTO _stonescriptdb_gateway_functions (function_name, signature, param_types, return_type, body_checksum)
    VALUES ('add', 'add(INT, INT)', '{INT,INT}', 'INT', 'b1'), ('gone', 'gone()', '{}', 'VOID', 'b2');
INSERT INTO _stonescriptdb_gateway_changelog (change_type, object_name, change_detail)
    VALUES ('deploy', 'schema', '"76 functions"');
"""


# --- the tables ----------------------------------------------------------------------------------------------------


async def test_reads_a_database_without_any_tracking(conn: Session) -> None:
    assert await read_state(conn) == TrackingState()
    assert await read_unchanged(conn, "digest") is None
    assert await read_history(conn) == ()
    assert await read_deployments(conn) == ()


async def test_makes_the_tables_once_and_for_the_owner_only(conn: Session) -> None:
    await conn.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    async with conn.transaction():
        assert await ensure_tracking(conn)
        assert not await ensure_tracking(conn)
    open_to_all = await fetch(
        conn,
        "SELECT relname FROM pg_class, LATERAL aclexplode(relacl) AS a "
        "WHERE relname LIKE '\\_stonescriptdb%' AND relkind = 'r' AND a.grantee = 0",
    )
    assert open_to_all == []
    assert (await read_state(conn)).is_empty


SHAPE = """
    SELECT c.relname, c.relkind, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attstorage, pg_catalog.pg_get_expr(d.adbin, d.adrelid), NULL
    FROM pg_class AS c
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relname LIKE '\\_stonescriptdb%'
    UNION ALL
    SELECT k.conrelid::regclass::text, k.contype, NULL, k.conname, pg_catalog.pg_get_constraintdef(k.oid), NULL, NULL,
        NULL, c.relacl::text
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
    WHERE c.relname LIKE '\\_stonescriptdb%'
    ORDER BY 1, 2, 3, 4
"""


async def test_makes_the_same_tables_at_once_as_column_by_column(conn: Session) -> None:
    await conn.execute("BEGIN")
    await create_tracking(conn, is_empty=True)
    at_once = await fetch(conn, SHAPE)
    with pytest.raises(psycopg.errors.DuplicateTable):
        await create_tracking(conn, is_empty=True)
    await conn.execute("ROLLBACK")
    await create_tracking(conn)
    assert await fetch(conn, SHAPE) == at_once


async def test_adds_every_column_that_is_missing(conn: Session) -> None:
    await ensure_tracking(conn)
    columns = await fetch(
        conn,
        "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnum > 1 AND NOT attisdropped "
        "AND attrelid IN (SELECT oid FROM pg_class WHERE relname LIKE '\\_stonescriptdb%' AND relkind = 'r')",
    )
    assert len(columns) == 68
    # The original's columns are as good as never missing; ours are in tables of the original and of older stonegates.
    ours = {"checksum_version", "identity", "baselined", "plan_checksum", "executed_by", "duration_ms", "excepted"}
    ours |= {"catalog", "catalog_checksum", "live_checksum", "introspection", "outside"}
    for table, column in columns:
        if column in ours:
            await conn.execute(f"ALTER TABLE {table} DROP COLUMN {column}".encode())
            assert (await read_state(conn)).exists
            assert await ensure_tracking(conn), (table, column)
            assert not await ensure_tracking(conn)


async def test_names_stay_qualified_whatever_the_search_path(conn: Session) -> None:
    await conn.execute("CREATE SCHEMA other; SET search_path = other")
    await deploy(conn, plan(TABLE))
    assert (await read_state(conn)).tables[0].name == "users"
    assert await fetch(conn, "SELECT count(*) FROM pg_class WHERE relnamespace = 'other'::regnamespace") == [(0,)]


async def test_says_what_a_role_lacks(conn: Session) -> None:
    await conn.execute("CREATE ROLE feeble")
    try:
        async with conn.transaction(force_rollback=True):
            await conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET LOCAL ROLE feeble")
            with pytest.raises(MigrationFailed, match="tracking tables") as caught:
                await ensure_tracking(conn)
        assert caught.value.sqlstate == "42501"
        assert "GRANT CREATE" in (caught.value.hint or "")
    finally:
        await conn.execute("DROP ROLE feeble")


async def test_reads_twice_in_one_transaction(conn: Session) -> None:
    async with conn.transaction():
        await ensure_tracking(conn)
        assert await read_state(conn) == await read_state(conn)
        assert await read_unchanged(conn, "x") is None
        assert await read_unchanged(conn, "x") is None
        assert await read_history(conn) == await read_history(conn)


async def test_reading_writes_nothing(conn: Session) -> None:
    await deploy(conn, plan(TABLE))
    async with conn.transaction():
        await conn.execute("SET TRANSACTION READ ONLY")
        await read_state(conn)
        assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
        assert len(await read_deployments(conn)) == 1


# --- the original --------------------------------------------------------------------------------------------------


async def test_reads_what_the_original_left(conn: Session) -> None:
    await conn.execute(ORIGINAL.encode())
    state = await read_state(conn)
    assert state.exists
    assert not state.is_empty
    assert state.last is None
    assert state.migrations == (AppliedMigration(name="001.pssql", raw_checksum="raw1", checksum=None),)
    assert state.tables == (DeployedObject(name="users", original_checksum="t1"),)
    assert state.routines[0] == DeployedObject(name="add", param_types=("INT", "INT"), original_checksum="b1")
    assert await read_unchanged(conn, "digest") is None
    (entry,) = await read_history(conn)
    assert (entry.change_type, entry.detail, entry.plan_checksum) == ("deploy", {"detail": "76 functions"}, None)


async def test_the_original_finds_its_own_values_afterwards(conn: Session) -> None:
    await conn.execute(ORIGINAL.encode())
    adopted = plan(
        replace(migration("001.pssql", raw="raw1"), checksum="m ours"),
        TABLE,
        replace(routine("add", "INT", "INT", identity="add(integer, integer)"), original_checksum="b1"),
        migration("002.pssql"),
    )
    await deploy(conn, adopted)
    # What the original asks before it runs or deploys something:
    assert await fetch(conn, f"SELECT checksum FROM {PREFIX}migrations WHERE migration_file = '001.pssql'") == [
        ("raw1",)
    ]
    assert await fetch(
        conn,
        f"SELECT id, body_checksum FROM {PREFIX}functions WHERE function_name = 'add' "
        "AND param_types = ARRAY['INT', 'INT']",
    ) == [(1, "b1")]
    assert await fetch(conn, f"SELECT function_name FROM {PREFIX}functions") == [("add",)]
    # … and what it writes still fits.
    await conn.execute(f"INSERT INTO {PREFIX}migrations (migration_file, checksum) VALUES ('003', 'raw3')".encode())
    await conn.execute(
        f"INSERT INTO {PREFIX}functions (function_name, signature, param_types, return_type, body_checksum, "
        "source_file) VALUES ('add', 'add(INT, INT)', '{INT,INT}', 'INT', 'b9', 'add.pssql') "
        "ON CONFLICT (function_name, param_types) DO UPDATE SET body_checksum = excluded.body_checksum".encode()
    )
    await conn.execute(f"INSERT INTO {PREFIX}changelog (change_type, object_name) VALUES ('x', 'y')".encode())
    state = await read_state(conn)
    assert [(each.name, each.checksum) for each in state.migrations] == [
        ("001.pssql", "m ours"),
        ("002.pssql", adopted.records[3].checksum),
        ("003", None),
    ]
    assert state.routines == (
        DeployedObject(
            name="add",
            param_types=("INT", "INT"),
            identity="add(integer, integer)",
            checksum="ours",
            original_checksum="b9",
            file="functions/a.pssql",
        ),
    )


# --- records -------------------------------------------------------------------------------------------------------


async def test_rows_become_those_of_the_plan(conn: Session) -> None:
    await deploy(conn, plan(TABLE, TYPE, routine("f"), routine("f", "INT"), routine("old"), migration("001")))
    moved = routine("f", "INT", file="functions/b.pssql")
    ids = dict(await fetch(conn, f"SELECT param_types::text, id FROM {PREFIX}functions WHERE function_name = 'f'"))
    await deploy(conn, plan(TABLE, routine("f"), moved, routine("new"), migration("002", baselined=True)))
    state = await read_state(conn)
    assert [(each.identity, each.file) for each in state.routines] == [
        ("f()", "functions/a.pssql"),
        ("f(int)", "functions/b.pssql"),
        ("new()", "functions/a.pssql"),
    ]
    after = dict(await fetch(conn, f"SELECT param_types::text, id FROM {PREFIX}functions WHERE function_name = 'f'"))
    assert ids == after
    assert [(each.name, each.baselined) for each in state.migrations] == [("001", False), ("002", True)]
    # Without a record and without a drop nothing is said about types, so nothing is forgotten.
    assert [each.name for each in state.types] == ["mood"]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SJIS"])
async def test_names_are_recorded_as_they_are(conn: Session, encoding: str) -> None:
    name = {"UTF8": "ü", "LATIN1": "ü", "SJIS": "ソ"}[encoding] + " \\ ' \" %s {}"
    await conn.execute(f"SET client_encoding = '{encoding}'".encode())  # as a migration may
    await conn.execute("SET standard_conforming_strings = off")
    await deploy(conn, plan(migration(name), routine(name)))
    await deploy(conn, plan(migration(name), routine(name, checksum="changed")))
    await conn.execute("SET client_encoding = 'UTF8'")
    state = await read_state(conn)
    assert [each.name for each in (*state.migrations, *state.routines)] == [name, name]


async def test_rows_of_dropped_objects_go(conn: Session) -> None:
    await deploy(conn, plan(TABLE, TYPE))
    drops = (
        step(Action.DROP, ObjectKey(ObjectKind.TABLE, "public", "users")),
        step(Action.DROP, ObjectKey(ObjectKind.TYPE, "public", "mood")),
    )
    await deploy(conn, plan(steps=drops))
    state = await read_state(conn)
    assert (state.tables, state.types) == ((), ())


async def test_equal_rows_are_not_touched(conn: Session) -> None:
    what = plan(TABLE, TYPE, routine("f"), migration("001"))
    await deploy(conn, what)
    rows = f"SELECT xmin::text FROM {PREFIX}tables UNION ALL SELECT xmin::text FROM {PREFIX}types UNION ALL " + (
        f"SELECT xmin::text FROM {PREFIX}functions UNION ALL SELECT xmin::text FROM {PREFIX}migrations"
    )
    before = await fetch(conn, rows)
    await deploy(conn, what)
    assert await fetch(conn, rows) == before
    await deploy(conn, plan(TABLE, TYPE, routine("f", checksum="changed"), migration("001", raw="other")))
    assert (await read_state(conn)).migrations[0].raw_checksum == "other"
    assert len(set(await fetch(conn, rows)) - set(before)) == 1  # both changed rows have one new xmin


async def test_only_what_changes_is_sent(conn: Session) -> None:
    before = plan(TABLE, TYPE, routine("f"), routine("g", "INT"), routine("h"))
    await deploy(conn, before)
    state = await read_state(conn)
    after = plan(
        TABLE, TYPE, routine("f"), routine("g", "INT", checksum="changed"), routine("h", file="functions/b.sql")
    )
    (entry,) = plan_entries(conn, after, steps=(), state=state)
    assert [row["name"] for row in json.loads(entry.values[0])] == ["g", "h"]
    assert plan_entries(conn, before, steps=(), state=state) == ()
    (entry,) = plan_entries(conn, plan(routine("f"), routine("h"), routine("new")), steps=(), state=state)
    assert [row["name"] for row in json.loads(entry.values[0])] == ["new"]
    async with AsyncRawCursor(conn) as cursor:
        await cursor.execute(entry.sql.encode(), entry.values)
    assert [each.name for each in (await read_state(conn)).routines] == ["f", "h", "new"]


async def test_routines_that_are_one_to_the_original_have_rows_of_their_own(conn: Session) -> None:
    await deploy(conn, plan(routine("f", "INT"), routine("f", "INT", identity="sales.f(integer)")))
    assert await fetch(conn, f"SELECT function_name, identity FROM {PREFIX}functions ORDER BY id") == [
        ("f", "f(int)"),
        ("sales.f(integer)", "sales.f(integer)"),
    ]
