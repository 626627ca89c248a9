"""The reference database: built once, kept closed, shared safely, refused where it would lie."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.database.connect import connect
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.reference.store import (
    Reference,
    ReferenceKey,
    ensure_store,
    list_references,
    prune_references,
    read_stored,
)
from stonegate.database.server.databases import collect_leftovers, connect_maintenance
from stonegate.database.server.facts import Locale, read_session
from stonegate.errors import FunctionDeployFailed, ReferenceUnavailable
from stonegate.model.names import REFERENCE_PREFIX, TEMPORARY_PREFIX, ObjectKey, ObjectKind
from stonegate.source.lazy import LazySource
from tests.database.folders import applied, apply, write
from tests.servers import Database, PrivateServer, Server, psql

USERS = {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, mail varchar(40) DEFAULT 'none');"}


@pytest.fixture
def own_server(private_server: object) -> PrivateServer:
    """A server whose references are this test's own."""
    return private_server()  # type: ignore[operator,no-any-return]


@pytest.fixture
def source(tmp_path: Path) -> LazySource:
    return write(tmp_path, USERS)


async def key_of(url: str, source: LazySource, owner: str | None = None) -> ReferenceKey:
    conn = await connect(url)
    try:
        facts = await read_session(conn)
        return await build_key(conn, source.tree(), facts, owner or facts.role)
    finally:
        await conn.close()


def obtain(url: str, source: LazySource, *, owner: str | None = None, shadow: str | None = None) -> Reference:
    async def run() -> Reference:
        key = await key_of(url, source, owner)
        return await obtain_reference(url, source, key, shadow=shadow)

    return asyncio.run(run())


def own_databases(url: str) -> list[tuple[str, bool, bool]]:
    """Reference and temporary databases: name, open, template."""
    query = (
        "SELECT datname, datallowconn, datistemplate FROM pg_database"
        f" WHERE datname ~ '^({REFERENCE_PREFIX}|{TEMPORARY_PREFIX})' ORDER BY 1"
    )
    return psql(url, query)  # type: ignore[return-value]


# --- built once -----------------------------------------------------------------------------------------------------


def test_it_is_built_once_stored_closed_and_made_a_template(own_server: PrivateServer, source: LazySource) -> None:
    url = own_server.admin_url
    first = obtain(url, source)
    assert first.build_ms is not None and first.is_template and first.database is not None
    table = first.catalog.table(ObjectKey(ObjectKind.TABLE, "public", "users"))
    assert table is not None and table.columns[1].default == "'none'::character varying"
    assert own_databases(url) == [(first.database, False, True)]
    second = obtain(url, source)
    assert second.build_ms is None
    assert second == replace(first, build_ms=None)


def test_two_at_once_build_it_once(own_server: PrivateServer, source: LazySource) -> None:
    url = own_server.admin_url

    async def both() -> list[Reference]:
        key = await key_of(url, source)
        return await asyncio.gather(*(obtain_reference(url, source, key) for _ in range(3)))

    references = asyncio.run(both())
    assert sorted(reference.build_ms is None for reference in references) == [False, True, True]
    assert len({reference.catalog.fingerprint() for reference in references}) == 1
    assert len(own_databases(url)) == 1


def test_many_at_once_make_the_store_once(own_server: PrivateServer) -> None:
    async def many() -> list[bool]:
        sessions = [await connect_maintenance(own_server.admin_url) for _ in range(8)]
        try:
            return await asyncio.gather(*(ensure_store(one) for one in sessions))
        finally:
            for one in sessions:
                await one.close()

    for _ in range(10):
        psql(own_server.admin_url, "DROP SCHEMA IF EXISTS stonegate CASCADE")
        assert asyncio.run(many()) == [True] * 8


def test_what_decides_the_key(server: Server, tmp_path: Path, source: LazySource) -> None:
    key = asyncio.run(key_of(server.admin_url, source))
    other = asyncio.run(key_of(server.admin_url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (id int);"})))
    assert key.digest == asyncio.run(key_of(server.admin_url, source)).digest
    changed = (
        other,
        replace(key, owner="somebody"),
        replace(key, version=key.version + 1),
        replace(key, extensions=(("pg_trgm", "1.6"),)),
        replace(key, locale=replace(key.locale, encoding="LATIN1")),
    )
    assert len({key.digest, *(one.digest for one in changed)}) == 6


def test_it_is_built_on_every_major_version(any_server: Server, source: LazySource) -> None:
    reference = obtain(any_server.admin_url, source)
    assert reference.catalog.table(ObjectKey(ObjectKind.TABLE, "public", "users")) is not None
    assert reference.database is not None
    assert dict.fromkeys(name for name, _, _ in own_databases(any_server.admin_url)).get(reference.database, 0) is None


def test_everything_belongs_to_the_owning_role(own_server: PrivateServer, source: LazySource) -> None:
    url = own_server.admin_url
    psql(url, "CREATE ROLE tenant_owner LOGIN")
    reference = obtain(url, source, owner="tenant_owner")
    table = reference.catalog.table(ObjectKey(ObjectKind.TABLE, "public", "users"))
    assert table is not None and table.access.owner == "tenant_owner"
    assert psql(url, f"SELECT datdba::regrole::text FROM pg_database WHERE datname = '{reference.database}'") == [
        ("tenant_owner",)
    ]


def test_migrations_are_not_run_but_for_those_meant_for_fresh_databases(
    own_server: PrivateServer, tmp_path: Path
) -> None:
    files = USERS | {
        "migrations/001.sql": "CREATE TABLE never (id int);",
        "migrations/002.sql": "-- stonegate: run-on-fresh\nCREATE TABLE always (id int);",
        "seeders/users.sql": "INSERT INTO users VALUES (1);",
    }
    reference = obtain(own_server.admin_url, write(tmp_path, files))
    assert {table.name for table in reference.catalog.tables} == {"users", "always"}
    assert reference.is_template


@pytest.mark.parametrize("statement", ["INSERT INTO users VALUES (1)", "DO $$ BEGIN END $$"])
def test_a_folder_whose_build_writes_rows_is_no_template(
    own_server: PrivateServer, tmp_path: Path, statement: str
) -> None:
    files = USERS | {"migrations/001.sql": f"-- stonegate: run-on-fresh\n{statement};"}
    assert not obtain(own_server.admin_url, write(tmp_path, files)).is_template


# --- not left half-built --------------------------------------------------------------------------------------------


def test_a_folder_that_does_not_deploy_leaves_nothing(own_server: PrivateServer, tmp_path: Path) -> None:
    body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT nothing $$;"
    with pytest.raises(FunctionDeployFailed) as caught:
        obtain(own_server.admin_url, write(tmp_path, USERS | {"functions/f.sql": body}))
    assert caught.value.place is not None and caught.value.place.startswith("functions/f.sql:1")
    assert "reference database" in caught.value.details[-1]
    assert own_databases(own_server.admin_url) == []


def test_what_a_killed_builder_left_is_collected(own_server: PrivateServer, source: LazySource) -> None:
    url = own_server.admin_url
    psql(url, f"CREATE DATABASE {TEMPORARY_PREFIX}ref_dead")
    key = asyncio.run(key_of(url, source))
    psql(url, f"CREATE DATABASE {key.database} IS_TEMPLATE true ALLOW_CONNECTIONS false")
    reference = obtain(url, source)
    assert reference.build_ms is not None, "a database without a row was never finished"
    assert own_databases(url) == [(key.database, False, True)]


def test_a_database_that_is_in_work_is_not_collected(own_server: PrivateServer) -> None:
    url = own_server.admin_url
    psql(url, f"CREATE DATABASE {TEMPORARY_PREFIX}ref_busy")

    async def collect() -> tuple[str, ...]:
        maintenance = await connect_maintenance(url)
        try:
            return await collect_leftovers(maintenance)
        finally:
            await maintenance.close()

    with psycopg.connect(own_server.url(f"{TEMPORARY_PREFIX}ref_busy")) as busy:
        assert asyncio.run(collect()) == ()
        pid = busy.info.backend_pid
    psql(url, "SELECT pg_terminate_backend(%s, 60000)", (pid,))  # returns once it is gone
    assert asyncio.run(collect()) == (f"{TEMPORARY_PREFIX}ref_busy",)


# --- who may --------------------------------------------------------------------------------------------------------


def test_without_the_right_to_create_databases_the_cached_one_is_used_or_refused(
    own_server: PrivateServer, source: LazySource
) -> None:
    psql(own_server.admin_url, "CREATE ROLE modest LOGIN")
    url = own_server.url("postgres", "modest")
    with pytest.raises(ReferenceUnavailable) as caught:
        obtain(url, source)
    assert caught.value.exit_code == 2 and caught.value.hint is not None and "--shadow embedded" in caught.value.hint
    obtain(own_server.admin_url, source, owner="modest")
    assert obtain(url, source).build_ms is None


def test_without_the_right_to_store_it_the_reference_is_built_read_and_dropped(
    own_server: PrivateServer, source: LazySource
) -> None:
    psql(own_server.admin_url, "CREATE ROLE builder LOGIN CREATEDB")
    url = own_server.url("postgres", "builder")
    for _ in range(2):
        reference = obtain(url, source)
        assert reference.build_ms is not None and reference.database is None and not reference.is_template
    assert own_databases(own_server.admin_url) == []


def test_only_builder_and_owner_see_a_catalog_and_strangers_are_not_believed(
    own_server: PrivateServer, source: LazySource
) -> None:
    admin = own_server.admin_url
    psql(admin, "CREATE ROLE one LOGIN CREATEDB; CREATE ROLE two LOGIN CREATEDB")
    obtain(admin, source)  # makes the store
    obtain(own_server.url("postgres", "one"), source)
    seen = "SELECT owner FROM stonegate.reference_databases ORDER BY 1"
    assert psql(own_server.url("postgres", "one"), seen) == [("one",)]
    assert psql(own_server.url("postgres", "two"), seen) == []
    forged = (
        "INSERT INTO stonegate.reference_databases (key, database, fingerprint, owner, facts, is_template, catalog,"
        " build_ms) SELECT '{}', 'x', 'x', 'two', 'x', true, 'x', 1"
    )
    key = asyncio.run(key_of(own_server.url("postgres", "two"), source))
    psql(own_server.url("postgres", "one"), forged.format(key.digest))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        psql(
            own_server.url("postgres", "one"),
            "INSERT INTO stonegate.reference_databases (key, builder, database, fingerprint, owner, facts, is_template,"
            " catalog, build_ms) VALUES ('k', 'postgres', 'x', 'x', 'two', 'x', true, 'x', 1)",
        )
    assert obtain(own_server.url("postgres", "two"), source).build_ms is not None


# --- list and prune -------------------------------------------------------------------------------------------------


def test_references_are_listed_and_pruned(own_server: PrivateServer, tmp_path: Path) -> None:
    url = own_server.admin_url
    first = write(tmp_path, USERS)
    obtain(url, first)
    second = write(tmp_path, {"tables/t.sql": "CREATE TABLE t (id int);"})
    kept = obtain(url, second)

    async def work() -> None:
        maintenance = await connect_maintenance(url)
        try:
            listed = await list_references(maintenance)
            assert [one.fingerprint for one in listed] == [second.tree().fingerprint, first.tree().fingerprint]
            assert all(one.bytes and one.owner == "postgres" and one.is_template for one in listed)
            assert await prune_references(maintenance, unused_for=timedelta(days=1)) == ()
            dropped = await prune_references(maintenance, keep={second.tree().fingerprint})
            assert len(dropped) == 1
            assert [one.database for one in await list_references(maintenance)] == [kept.database]
            assert await read_stored(maintenance, await key_of(url, first)) is None
            assert await prune_references(maintenance) == (kept.database,)
        finally:
            await maintenance.close()

    asyncio.run(work())
    assert own_databases(url) == []


# --- on another server ----------------------------------------------------------------------------------------------


def test_a_shadow_server_builds_it_with_the_owner_of_the_target(
    server: Server, own_server: PrivateServer, source: LazySource
) -> None:
    psql(own_server.admin_url, "CREATE ROLE far_away LOGIN")
    reference = obtain(own_server.url("postgres", "far_away"), source, shadow=server.admin_url)
    try:
        table = reference.catalog.table(ObjectKey(ObjectKind.TABLE, "public", "users"))
        assert table is not None and table.access.owner == "far_away"
        assert own_databases(own_server.admin_url) == []
    finally:
        psql(server.admin_url, f"ALTER DATABASE {reference.database} IS_TEMPLATE false")
        psql(server.admin_url, f"DROP DATABASE {reference.database}")
        psql(server.admin_url, "DROP ROLE far_away")


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(Locale(encoding="UTF8", provider="c", collate="C.UTF-8", ctype="C.UTF-8"), id="there"),
        pytest.param(Locale(encoding="UTF8", provider="c", collate="xx_YY.UTF-8", ctype="xx_YY.UTF-8"), id="unknown"),
        pytest.param(Locale(encoding="UTF8", provider="c", collate="C", ctype="xx_YY.UTF-8"), id="half unknown"),
        pytest.param(
            Locale(encoding="UTF8", provider="i", collate="C.UTF-8", ctype="C.UTF-8", locale="en-US"), id="no ICU"
        ),
    ],
)
def test_a_shadow_server_need_not_have_the_locale_of_the_target(
    server: Server, own_server: PrivateServer, source: LazySource, place: Locale
) -> None:
    async def run() -> tuple[Reference, Reference]:
        key = replace(await key_of(server.admin_url, source), locale=place)
        first, second = [
            await obtain_reference(server.admin_url, source, key, shadow=own_server.admin_url) for _ in range(2)
        ]
        return first, second

    first, second = asyncio.run(run())
    assert first.database == second.database and first.catalog == second.catalog
    assert [name for name, _, _ in own_databases(own_server.admin_url)] == [first.database]
    query = f"SELECT datcollate FROM pg_database WHERE datname = '{first.database}'"
    [(collate,)] = psql(own_server.admin_url, query)
    assert collate == ("C.UTF-8" if place.provider == "c" and place.collate == "C.UTF-8" else "C")


def test_a_shadow_server_of_another_major_version_is_refused(
    server: Server, server16: Server, source: LazySource
) -> None:
    with pytest.raises(ReferenceUnavailable, match="PostgreSQL 16"):
        obtain(server.admin_url, source, shadow=server16.admin_url)


def test_an_apply_that_needs_a_reference_uses_the_shadow(
    database: Database, own_server: PrivateServer, tmp_path: Path
) -> None:
    applied(database.url, write(tmp_path, USERS))
    changed = write(tmp_path, {"tables/users.sql": USERS["tables/users.sql"].replace("DEFAULT 'none'", "")})
    report = apply(database.url, changed, shadow=own_server.admin_url)
    assert report.error is None and report.counts == {"alter": 1}
    assert len(own_databases(own_server.admin_url)) == 1
