"""Introspection from any session, with extensions, and of what only some versions or databases have."""

from __future__ import annotations

import asyncio
import contextlib
import time

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql

from stonegate.database.connect import Session, connect
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.introspect.fetch import row_types, statements
from stonegate.database.introspect.rows import AggregateRows, OtherRows, RoutineRows, Rows
from stonegate.model.catalog import Catalog, Dependency
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, extension_key
from tests.convergence import catalog_of
from tests.database.rich import READER, SALES, extension_of, named, rich_catalog, rich_template, table, view
from tests.servers import Database, MakeDatabase, Server


def test_members_of_extensions_are_invisible(any_database: Database) -> None:
    names = ("vector",) if any_database.server.major == 16 else ("pg_trgm", "btree_gist", "hstore")
    empty = catalog_of(any_database.url)
    for name in names:
        any_database.rows(f"CREATE EXTENSION {name}")
    found = catalog_of(any_database.url)
    assert tuple(extension.name for extension in found.extensions) == tuple(sorted((*names, "plpgsql")))
    assert replace(found, extensions=empty.extensions) == empty


def test_dependencies_on_extensions(any_database: Database) -> None:
    name, column = ("hstore", "hstore") if any_database.server.major != 16 else ("vector", "vector(3)")
    any_database.rows(f"CREATE EXTENSION {name}")
    any_database.rows(f"CREATE TABLE t (id integer, h {column})")
    key = ObjectKey(ObjectKind.COLUMN, "public", "t", None, "h")
    assert Dependency(dependent=key, on=extension_key(name)) in catalog_of(any_database.url).dependencies


def test_dependent_on_an_extension(any_database: Database) -> None:
    name = extension_of(any_database.server.major)
    any_database.rows(f"CREATE EXTENSION {name}")
    any_database.rows("CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    any_database.rows(f"ALTER FUNCTION f() DEPENDS ON EXTENSION {name}")
    (found,) = catalog_of(any_database.url).others
    assert found.definition == f"ALTER FUNCTION public.f() DEPENDS ON EXTENSION {name}"


async def test_inside_a_transaction_the_session_stays_as_it_is(any_server: Server, make_database: MakeDatabase) -> None:
    database = make_database(any_server, rich_template(any_server))
    async with await connect(database.url, autocommit=False) as conn:
        rich = await read_catalog(conn)
        await conn.execute("SET LOCAL search_path = 'Sales Dept', public")
        await conn.execute("SET enable_mergejoin = on")
        await conn.execute("CREATE TABLE inside (id integer)")
        found = await read_catalog(conn)
        assert found.table(ObjectKey(ObjectKind.TABLE, SALES, "inside")) is not None
        cursor = await conn.execute(
            "SELECT current_setting('search_path'), current_setting('enable_nestloop'), current_setting('jit')"
        )
        assert await cursor.fetchone() == ("'Sales Dept', public".replace("'", '"'), "on", (await jit(database)))
        await conn.rollback()
        assert await read_catalog(conn) == rich


async def jit(database: Database) -> str:
    return str(database.rows("SHOW jit")[0][0])


@pytest.fixture
def expected(any_server: Server) -> Catalog:
    return rich_catalog(any_server)  # not in a test that is a coroutine, since it runs a loop of its own


async def test_outside_of_transactions_and_read_only(any_server: Server, expected: Catalog) -> None:
    async with await connect(rich_template(any_server).url, options="-c default_transaction_read_only=on") as conn:
        await conn.execute("SET search_path = public")
        assert await read_catalog(conn) == expected
        cursor = await conn.execute("SHOW search_path")
        assert await cursor.fetchone() == ("public",)
        async with conn.transaction():
            assert await read_catalog(conn) == expected


def test_any_role_reads_the_same(any_server: Server) -> None:
    found = catalog_of(any_server.url(rich_template(any_server).name, READER))
    hidden = ("user mapping",)  # its options are for its owner
    assert [other for other in found.others if other.kind not in hidden] == [
        other for other in rich_catalog(any_server).others if other.kind not in hidden
    ]
    assert replace(found, others=()) == replace(rich_catalog(any_server), others=())


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("public", ("public",)),
        ("'Sales Dept', \"$user\", Public", ("Sales Dept", "$user", "public")),
        ("'say \"hi\"', x", ('say "hi"', "x")),
        ("''", ()),
    ],
)
def test_search_path_of_the_database(any_database: Database, setting: str, path: tuple[str, ...]) -> None:
    any_database.rows(f'ALTER DATABASE "{any_database.name}" SET search_path = {setting}')
    assert catalog_of(any_database.url).search_path == path


def test_encodings_other_than_utf8(any_server: Server) -> None:
    with psycopg.connect(any_server.admin_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
            + (" LOCALE_PROVIDER libc" if any_server.major > 15 else "")
        )
    try:
        with psycopg.connect(any_server.url("latin"), autocommit=True) as connection:
            connection.execute('CREATE TABLE "größe" (id integer)')
        assert [found.name for found in catalog_of(any_server.url("latin")).tables] == ["größe"]

        async def read() -> Catalog:
            async with await psycopg.AsyncConnection.connect(any_server.url("latin"), autocommit=True) as conn:
                await conn.execute("SET client_encoding = 'LATIN1'")
                return await read_catalog(conn)

        assert [found.name for found in asyncio.run(read()).tables] == ["größe"]
    finally:
        with psycopg.connect(any_server.admin_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE latin WITH (FORCE)")


def test_tablespaces(any_server: Server, make_database: MakeDatabase) -> None:
    database = make_database(any_server)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        space = sql.Identifier(f"space_{database.name}")
        connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(space))
        for statement in (
            "CREATE TABLE t (id integer, PRIMARY KEY (id) WITH (fillfactor = 60) USING INDEX TABLESPACE {0} "
            "DEFERRABLE) TABLESPACE {0}",
            "CREATE INDEX i ON t (id) TABLESPACE {0} WHERE id > 1",
            "CREATE MATERIALIZED VIEW m TABLESPACE {0} AS SELECT 1 AS one",
        ):
            connection.execute(sql.SQL(statement).format(space))
        try:
            found = catalog_of(database.url)
            name = f"space_{database.name}"
            t = table(found, "t")
            assert (t.tablespace, view(found, "m").tablespace) == (name, name)
            assert t.constraints[0].definition == (
                f"PRIMARY KEY (id) WITH (fillfactor=60) USING INDEX TABLESPACE {name} DEFERRABLE"
            )
            assert (
                t.indexes[0].definition
                == f"CREATE INDEX i ON public.t USING btree (id) TABLESPACE {name} WHERE (id > 1)"
            )
        finally:
            connection.execute("DROP TABLE t CASCADE")
            connection.execute("DROP MATERIALIZED VIEW m")
            connection.execute(sql.SQL("DROP TABLESPACE {}").format(space))


def test_triggers_of_foreign_keys_switched_off(any_database: Database) -> None:
    any_database.rows("CREATE TABLE a (id integer PRIMARY KEY)")
    any_database.rows("CREATE TABLE b (id integer CONSTRAINT key REFERENCES a)")
    assert catalog_of(any_database.url).others == ()
    any_database.rows("ALTER TABLE b DISABLE TRIGGER ALL")
    (found,) = catalog_of(any_database.url).others
    assert (found.kind, found.identity) == ("trigger state", "foreign key key of public.b at public.b")


def test_invalid_indexes(any_database: Database) -> None:
    any_database.rows("CREATE TABLE t (id integer)")
    any_database.rows("INSERT INTO t VALUES (1), (1)")
    with (
        pytest.raises(psycopg.errors.UniqueViolation),
        psycopg.connect(any_database.url, autocommit=True) as connection,
    ):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY i ON t (id)")
    assert not table(catalog_of(any_database.url), "t").indexes[0].valid


def test_properties_of_postgresql_18(database: Database) -> None:
    database.rows(
        "CREATE TABLE t (id integer CONSTRAINT must NOT NULL NO INHERIT, "
        "twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL, "
        "a integer, b integer, period daterange, site int4range, "
        "CONSTRAINT soft CHECK (a > 0) NOT ENFORCED, CONSTRAINT key PRIMARY KEY (site, period WITHOUT OVERLAPS))"
    )
    database.rows("ALTER TABLE t ADD CONSTRAINT later NOT NULL b NOT VALID")
    database.rows("COMMENT ON CONSTRAINT must ON t IS 'must be'")
    found = table(catalog_of(database.url), "t")
    assert (named(found.columns, "id").not_null, named(found.columns, "id").not_null_options) == (True, "NO INHERIT")
    assert (named(found.columns, "b").not_null, named(found.columns, "b").not_null_options) == (True, "NOT VALID")
    assert named(found.columns, "twice").generated_kind == "virtual"
    assert named(found.constraints, "soft").definition == "CHECK ((a > 0)) NOT ENFORCED"
    assert named(found.constraints, "key").definition == "PRIMARY KEY (site, period WITHOUT OVERLAPS)"
    assert [constraint.kind for constraint in found.constraints] == ["primary key", "check"]
    (comment,) = catalog_of(database.url).others
    assert comment.definition == "COMMENT ON CONSTRAINT must ON public.t IS 'must be'"


@pytest.mark.parametrize("autocommit", [True, False])
async def test_objects_that_come_and_go_meanwhile(database: Database, autocommit: bool) -> None:
    """Another session creates and drops again and again: the catalog is of some moment, never an error."""
    script = "CREATE TABLE t (id serial PRIMARY KEY, CHECK (id > 0)); CREATE INDEX ON t (id); " + (
        "CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION f(t) RETURNS t LANGUAGE sql AS 'SELECT $1'"
    )
    stop = asyncio.Event()
    slowest, reads = 0.0, 0

    async def read(conn: Session) -> Catalog:
        nonlocal slowest, reads
        began = time.monotonic()
        found = await read_catalog(conn)
        slowest, reads = max(slowest, time.monotonic() - began), reads + 1
        return found

    async def pause() -> None:
        """Where objects change faster than they can be read there is an error."""
        before = reads
        await asyncio.sleep(max(0.05, 3 * slowest))
        while reads == before and not stop.is_set():
            await asyncio.sleep(0.001)

    async def churn(other: Session) -> None:
        while not stop.is_set():
            await other.execute(script.encode())
            await pause()
            while True:
                with contextlib.suppress(psycopg.errors.DeadlockDetected):
                    await other.execute("DROP TABLE t CASCADE; DROP FUNCTION IF EXISTS f")
                    break
            await pause()

    async with await connect(database.url) as other, await connect(database.url, autocommit=autocommit) as conn:
        await other.execute("SET search_path = public")
        empty = await read(conn)
        await other.execute(script.encode())
        full = await read(conn)
        await other.execute("DROP TABLE t CASCADE")
        churning = asyncio.create_task(churn(other))
        try:
            for _ in range(40):
                assert await read(conn) in (empty, full)
                await conn.rollback()
        finally:
            stop.set()
            await churning


def test_a_foreign_key_to_a_schema_that_is_not_ours(any_database: Database) -> None:
    any_database.rows("CREATE TABLE information_schema.one (id integer PRIMARY KEY)")
    any_database.rows("CREATE TABLE t (id integer REFERENCES information_schema.one)")
    found = catalog_of(any_database.url)
    assert [(each.name, each.constraints[0].references) for each in found.tables] == [
        ("t", QualifiedName("information_schema", "one"))
    ]


def test_databases_that_say_the_same_have_one_catalog(server: Server, make_database: MakeDatabase) -> None:
    """Whatever their oids are: what was planned and verified for one of a fleet is remembered for the others."""
    one, other = make_database(server), make_database(server)
    other.rows("CREATE TABLE gone (id int)")
    other.rows("DROP TABLE gone")
    for database in (one, other):
        database.rows("CREATE TABLE t (id serial PRIMARY KEY)")
        database.rows("CREATE FUNCTION f(t) RETURNS t LANGUAGE sql AS 'SELECT $1'")
    assert catalog_of(one.url) is catalog_of(other.url)


@pytest.mark.parametrize("kind", [Rows, OtherRows, RoutineRows, AggregateRows])
def test_statements_have_the_columns_that_rows_have_fields(any_database: Database, kind: type) -> None:
    with psycopg.connect(any_database.url) as conn:
        for row, text in zip(row_types(kind), statements(kind), strict=True):
            columns = conn.execute(text.encode()).description or ()
            assert tuple(column.name for column in columns) == row.__struct_fields__, row.__name__
