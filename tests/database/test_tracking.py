"""The tracking tables: in the original's form, tolerant of what is missing, and quick where nothing has changed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import AsyncConnection

from stonegate import __version__
from stonegate.database.connect import connect
from stonegate.database.tracking.history import read_deployments, read_history
from stonegate.database.tracking.tables import (
    DONE,
    STARTED,
    ensure_tracking,
    read_state,
    read_unchanged,
    record_changes,
    record_deployment,
    record_plan,
    record_post_commit,
)
from stonegate.errors import MigrationFailed
from stonegate.model.catalog import Access, Catalog, Schema
from stonegate.model.names import ObjectKey, ObjectKind, routine_key
from stonegate.model.plan import (
    Action,
    ChangeClass,
    Consent,
    Hazard,
    Mode,
    Phase,
    Plan,
    PlanSource,
    Record,
    RecordKind,
    Statement,
    Step,
)
from stonegate.model.report import StepReport
from stonegate.model.tracking import AppliedMigration, DeployedObject, TrackingState
from tests.servers import Database

Conn = AsyncConnection[Any]
PREFIX = "_stonescriptdb_gateway_"

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


@pytest.fixture
async def conn(any_database: Database) -> AsyncIterator[Conn]:
    connection = await connect(any_database.url)
    yield connection
    await connection.close()


async def fetch(conn: Conn, statement: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(statement.encode())).fetchall()


def routine(
    name: str, *types: str, identity: str | None = None, file: str = "functions/a.pssql", checksum: str = "ours"
) -> Record:
    return Record(
        kind=RecordKind.ROUTINE,
        name=name,
        identity=identity or f"{name}({', '.join(each.lower() for each in types)})",
        file=file,
        checksum=checksum,
        original_checksum=f"original {checksum}",
        signature=f"{name}({', '.join(types)})",
        param_types=types,
        return_type="INT",
    )


def migration(name: str, *, baselined: bool = False, raw: str | None = None) -> Record:
    raw = raw or hashlib.sha256(name.encode()).hexdigest()
    return Record(
        kind=RecordKind.MIGRATION,
        name=name,
        identity=name,
        file=f"migrations/{name}",
        checksum=f"ours {raw}"[:64],
        original_checksum=raw,
        baselined=baselined,
    )


TABLE = Record(
    kind=RecordKind.TABLE,
    name="users",
    identity="users",
    file="tables/users.pssql",
    checksum="t ours",
    original_checksum="t1",
)
TYPE = Record(
    kind=RecordKind.TYPE,
    name="mood",
    identity="mood",
    file="types/mood.pssql",
    checksum="y ours",
    original_checksum="y1",
    detail="enum",
)


def plan(*records: Record, digest: str = "digest", steps: tuple[Step, ...] = ()) -> Plan:
    source = PlanSource(fingerprint=f"print of {digest}", digest=digest, path="postgresql")
    return Plan(mode=Mode.CHANGE, source=source, records=records, steps=steps).sealed()


def step(action: Action, key: ObjectKey, **facts: Any) -> Step:
    return Step(id=f"{action.value}:{key}", action=action, phase=Phase.CHANGES, key=key, **facts)


async def deploy(conn: Conn, what: Plan, **facts: Any) -> int:
    async with conn.transaction():
        await ensure_tracking(conn)
        await record_plan(conn, what, steps=[StepReport(step=each) for each in what.steps])
        facts = {"catalog": None, "counts": {}, "duration_ms": 1.5} | facts
        return await record_deployment(conn, what, **facts)


# --- the tables ----------------------------------------------------------------------------------------------------


async def test_reads_a_database_without_any_tracking(conn: Conn) -> None:
    assert await read_state(conn) == TrackingState()
    assert await read_unchanged(conn, "digest") is None
    assert await read_history(conn) == ()
    assert await read_deployments(conn) == ()


async def test_makes_the_tables_once_and_for_the_owner_only(conn: Conn) -> None:
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


async def test_adds_every_column_that_is_missing(conn: Conn) -> None:
    await ensure_tracking(conn)
    columns = await fetch(
        conn,
        "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnum > 1 AND NOT attisdropped "
        "AND attrelid IN (SELECT oid FROM pg_class WHERE relname LIKE '\\_stonescriptdb%' AND relkind = 'r')",
    )
    assert len(columns) == 66
    # The original's columns are as good as never missing; ours are in tables of the original and of older stonegates.
    ours = {"checksum_version", "identity", "baselined", "plan_checksum", "executed_by", "duration_ms", "excepted"}
    ours |= {"catalog", "catalog_checksum", "live_checksum"}
    for table, column in columns:
        if column in ours:
            await conn.execute(f"ALTER TABLE {table} DROP COLUMN {column}".encode())
            assert (await read_state(conn)).exists
            assert await ensure_tracking(conn), (table, column)
            assert not await ensure_tracking(conn)


async def test_names_stay_qualified_whatever_the_search_path(conn: Conn) -> None:
    await conn.execute("CREATE SCHEMA other; SET search_path = other")
    await deploy(conn, plan(TABLE))
    assert (await read_state(conn)).tables[0].name == "users"
    assert await fetch(conn, "SELECT count(*) FROM pg_class WHERE relnamespace = 'other'::regnamespace") == [(0,)]


async def test_says_what_a_role_lacks(conn: Conn) -> None:
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


async def test_reads_twice_in_one_transaction(conn: Conn) -> None:
    async with conn.transaction():
        await ensure_tracking(conn)
        assert await read_state(conn) == await read_state(conn)
        assert await read_unchanged(conn, "x") is None
        assert await read_unchanged(conn, "x") is None
        assert await read_history(conn) == await read_history(conn)


async def test_reading_writes_nothing(conn: Conn) -> None:
    await deploy(conn, plan(TABLE))
    async with conn.transaction():
        await conn.execute("SET TRANSACTION READ ONLY")
        await read_state(conn)
        assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
        assert len(await read_deployments(conn)) == 1


# --- the original --------------------------------------------------------------------------------------------------


async def test_reads_what_the_original_left(conn: Conn) -> None:
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


async def test_the_original_finds_its_own_values_afterwards(conn: Conn) -> None:
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


async def test_rows_become_those_of_the_plan(conn: Conn) -> None:
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


async def test_rows_of_dropped_objects_go(conn: Conn) -> None:
    await deploy(conn, plan(TABLE, TYPE))
    drops = (
        step(Action.DROP, ObjectKey(ObjectKind.TABLE, "public", "users")),
        step(Action.DROP, ObjectKey(ObjectKind.TYPE, "public", "mood")),
    )
    await deploy(conn, plan(steps=drops))
    state = await read_state(conn)
    assert (state.tables, state.types) == ((), ())


async def test_equal_rows_are_not_touched(conn: Conn) -> None:
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


async def test_routines_that_are_one_to_the_original_have_rows_of_their_own(conn: Conn) -> None:
    await deploy(conn, plan(routine("f", "INT"), routine("f", "INT", identity="sales.f(integer)")))
    assert await fetch(conn, f"SELECT function_name, identity FROM {PREFIX}functions ORDER BY id") == [
        ("f", "f(int)"),
        ("sales.f(integer)", "sales.f(integer)"),
    ]


# --- changelog -----------------------------------------------------------------------------------------------------


async def test_one_changelog_row_per_executed_step(conn: Conn) -> None:
    drop = step(
        Action.DROP,
        ObjectKey(ObjectKind.COLUMN, "public", "users", None, "legacy"),
        statements=(Statement(sql="ALTER TABLE users DROP COLUMN legacy"),),
        change_class=ChangeClass.DATALOSS,
        hazards=(Hazard(code="deletes-data", message="the values of users.legacy"),),
        consents=(Consent.parse("drop_column:users.legacy"),),
        reason="no longer declared",
    )
    replaced = step(Action.REPLACE, routine_key("sales", "f", ("integer",)), old_definition="CREATE … old")
    seeded = step(Action.SEED, ObjectKey(ObjectKind.SEED, "public", "roles"))
    ran = step(Action.RUN, ObjectKey(ObjectKind.MIGRATION, "", "001.pssql"))
    what = plan(migration("001.pssql"), steps=(drop, replaced, seeded, ran))
    skipped = step(Action.SKIP, ObjectKey(ObjectKind.TABLE, "public", "t"))
    await ensure_tracking(conn)
    async with conn.transaction():
        reports = [StepReport(step=each) for each in (drop, replaced, skipped, ran)]
        reports += [StepReport(step=seeded, rows=3), StepReport(step=seeded, state="not rehearsed")]
        await record_plan(conn, what, steps=reports, durations={ran.id: 12.5}, executed_by="ci")
    history = await read_history(conn)
    assert [(entry.change_type, entry.object_name, entry.forced) for entry in reversed(history)] == [
        ("drop_column", "users.legacy", True),
        ("replace_function", "sales.f(integer)", False),
        ("run_migration", "001.pssql", False),
        ("seed_rows", "roles", False),
    ]
    assert history[3].detail == {
        "sql": "ALTER TABLE users DROP COLUMN legacy;",
        "class": "dataloss",
        "reason": "no longer declared",
        "hazards": [{"code": "deletes-data", "message": "the values of users.legacy"}],
        "consents": ["drop_column:users.legacy"],
    }
    assert history[2].detail["old_definition"] == "CREATE … old"
    assert history[0].detail["rows"] == 3
    assert (history[1].duration_ms, history[1].plan_checksum, history[1].executed_by) == (12.5, what.checksum, "ci")
    assert await fetch(conn, f"SELECT duration_ms, executed_by FROM {PREFIX}migrations") == [(12.5, "ci")]
    assert [entry.id for entry in await read_history(conn, 1)] == [history[0].id]
    assert [entry.object_name for entry in await read_history(conn, forced_only=True)] == ["users.legacy"]
    assert len(await read_history(conn, object_name="roles")) == 1
    assert len(await read_history(conn, plan_checksum="another")) == 0


async def test_the_session_role_is_named_where_nobody_else_is(conn: Conn) -> None:
    await ensure_tracking(conn)
    await record_changes(conn, "sum", [StepReport(step=step(Action.CREATE, ObjectKey(ObjectKind.SCHEMA, "", "s")))])
    (entry,) = await read_history(conn)
    assert (entry.change_type, entry.executed_by, entry.plan_checksum) == ("create_schema", "postgres", "sum")


# --- deployments and the stamp -------------------------------------------------------------------------------------


async def test_unchanged_from_the_commit_until_something_moves(conn: Conn) -> None:
    async with conn.transaction():
        await conn.execute("CREATE TABLE users (id serial PRIMARY KEY)")
        async with conn.transaction():
            await conn.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        await deploy(conn, plan(TABLE, routine("f")))
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    assert await read_unchanged(conn) == ("digest", "print of digest")
    assert await read_unchanged(conn, "another") is None
    await conn.execute("INSERT INTO users DEFAULT VALUES")
    await conn.execute("VACUUM (ANALYZE) users")
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    await conn.execute("ALTER TABLE users ADD COLUMN by_hand int")
    assert await read_unchanged(conn, "digest") is None
    assert (await read_state(conn)).last is not None


async def test_the_latest_deployment_keeps_its_catalog(conn: Conn) -> None:
    catalog = Catalog(server=180006, schemas=(Schema(name="ä", access=Access(owner="o")),))
    first = await deploy(conn, plan(digest="one"), catalog=catalog)
    second = await deploy(
        conn,
        plan(digest="two"),
        catalog=catalog,
        counts={"create": 3},
        missing_seeds=["roles id = 3", "roles id = 3"],
        excepted=("alter column users.email not_null",),
    )
    state = await read_state(conn)
    assert state.last is not None
    assert (state.last.id, state.last.digest, state.last.fingerprint) == (second, "two", "print of two")
    assert state.last.catalog == catalog
    assert state.missing_seeds == {"roles id = 3"}
    assert state.excepted == ("alter column users.email not_null",)
    assert state.fingerprints == ("print of one", "print of two")
    without = await read_state(conn, with_catalog=False)
    assert without.last == replace(state.last, catalog=None)
    assert await fetch(conn, f"SELECT id FROM {PREFIX}deployments WHERE catalog IS NOT NULL") == [(second,)]
    deployments = await read_deployments(conn)
    assert [entry.id for entry in deployments] == [second, first]
    assert (deployments[0].counts, deployments[0].tool_version) == ({"create": 3}, __version__)
    assert (deployments[0].mode, deployments[0].executed_by, deployments[0].duration_ms) == ("change", "postgres", 1.5)


async def test_a_catalog_in_another_form_counts_as_none(conn: Conn) -> None:
    await deploy(conn, plan(), catalog=Catalog())
    for data in ("'\\x00'", "decode('789cab5600000200011d', 'hex')", "NULL"):
        await conn.execute(f"UPDATE {PREFIX}deployments SET catalog = {data}, catalog_checksum = NULL".encode())
        last = (await read_state(conn)).last
        assert last is not None
        assert last.catalog is None


async def test_post_commit_statements_are_unfinished_until_done(conn: Conn) -> None:
    await conn.execute("CREATE TABLE users (id int)")
    deployment = await deploy(conn, plan(TABLE), post_commit=("index a", "index b"))
    assert (await read_state(conn)).unfinished == ("index a", "index b")
    assert await read_unchanged(conn, "digest") is None
    await record_post_commit(conn, deployment, "index a", STARTED)
    assert (await read_state(conn)).unfinished == ("index a", "index b")
    await conn.execute("CREATE INDEX CONCURRENTLY ON users (id)")
    await record_post_commit(conn, deployment, "index a", DONE)
    assert (await read_state(conn)).unfinished == ("index b",)
    assert await read_unchanged(conn, "digest") is None
    await record_post_commit(conn, deployment, "index b", STARTED)
    await record_post_commit(conn, deployment, "index b", DONE)
    assert (await read_state(conn)).unfinished == ()
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    assert (await read_deployments(conn))[0].post_commit == {"index a": "done", "index b": "done"}


async def test_a_rolled_back_apply_leaves_nothing(conn: Conn) -> None:
    async with conn.transaction(force_rollback=True):
        await deploy(conn, plan(TABLE), catalog=Catalog())
    assert await read_state(conn) == TrackingState()


async def test_digests_with_quotes_and_percent_signs_are_data(conn: Conn) -> None:
    await deploy(conn, plan(digest="a'b%s{}"))
    assert await read_unchanged(conn, "a'b%s{}") == ("a'b%s{}", "print of a'b%s{}")
