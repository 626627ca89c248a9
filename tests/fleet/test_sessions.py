"""The sessions that a fleet opens: never more than allowed, and those on a platform's databases as its own role."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg import AsyncConnection

from stonegate.errors import LockTimeout, PlatformIsolationViolation
from stonegate.fleet.adoption import adopt_database
from stonegate.fleet.credentials import register_platform
from stonegate.fleet.fanout import FanoutOptions, apply_fleet
from stonegate.fleet.names import v1_owner, v2_owner
from stonegate.fleet.targets import resolve_targets
from stonegate.fleet.tenants import create_tenants
from tests.fleet.conftest import Fleet

#: Every sort of object that has an owner, made by the administrator.
OBJECTS = """
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE sales.pair AS (a int, b int);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 10);
CREATE TABLE sales.orders (id serial PRIMARY KEY, mood mood);
CREATE TABLE parts (id int) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parts DEFAULT;
CREATE SEQUENCE counter;
CREATE VIEW moods AS SELECT mood FROM sales.orders;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM sales.orders;
CREATE FUNCTION secret() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT session_user::text || current_user';
CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE STATISTICS linked (dependencies) ON id, mood FROM sales.orders;
CREATE COLLATION sorted (LOCALE = 'C');
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR CLASS odd FOR TYPE int USING btree AS OPERATOR 3 ===, FUNCTION 1 btint4cmp(int, int);
ALTER SCHEMA public OWNER TO CURRENT_USER; -- as in a cluster that came from PostgreSQL 14
SELECT lo_create(4711);
"""
OWNERS = """
SELECT DISTINCT pg_get_userbyid(owner)::text FROM (
    SELECT nspowner FROM pg_namespace WHERE nspname IN ('sales', 'public')
    UNION ALL SELECT stxowner FROM pg_statistic_ext
    UNION ALL SELECT collowner FROM pg_collation WHERE oid >= 16384
    UNION ALL SELECT dictowner FROM pg_ts_dict WHERE oid >= 16384
    UNION ALL SELECT cfgowner FROM pg_ts_config WHERE oid >= 16384
    UNION ALL SELECT oprowner FROM pg_operator WHERE oid >= 16384
    UNION ALL SELECT opcowner FROM pg_opclass WHERE oid >= 16384
    UNION ALL SELECT opfowner FROM pg_opfamily WHERE oid >= 16384
    UNION ALL SELECT lomowner FROM pg_largeobject_metadata
    UNION ALL SELECT relowner FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'c')
    UNION ALL SELECT proowner FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT typowner FROM pg_type WHERE oid >= 16384
) AS o (owner)
"""


@asynccontextmanager
async def watched(fleet: Fleet, application: str) -> AsyncIterator[list[list[tuple[str, str]]]]:
    """What pg_stat_activity says of an application's sessions while the block runs: database and role of each."""
    samples: list[list[tuple[str, str]]] = []
    query = "SELECT datname::text, usename::text FROM pg_stat_activity WHERE application_name = %s"
    async with await AsyncConnection.connect(fleet.url, autocommit=True) as conn:

        async def watch() -> None:
            while True:
                cursor = await conn.execute(query, (application,))
                samples.append(await cursor.fetchall())
                await asyncio.sleep(0.001)

        watching = asyncio.create_task(watch())
        try:
            yield samples
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


@pytest.mark.parametrize("most", [4, 8])
async def test_a_fleet_keeps_within_its_connections_and_logs_in_as_the_platform(fleet: Fleet, most: int) -> None:
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    owners = [v2_owner(fleet.name, "app", f"t{number}") for number in range(12)]
    await create_tenants(fleet.registry, fleet.url, fleet.source, owners)
    application = f"{fleet.name}apply"
    server = f"{fleet.url}?application_name={application}"
    targets = resolve_targets(fleet.registry, server, fleet.name, every=True)
    fleet.write("functions/other.pssql", "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    async with watched(fleet, application) as samples:
        report = await apply_fleet(targets, fleet.source, fan=FanoutOptions(concurrency=8, max_connections=most))
    assert report.failed == ()
    assert 2 <= max(map(len, samples)) <= most
    on_tenants = {(name, role) for sample in samples for name, role in sample if name and name.startswith(fleet.name)}
    assert {role for _, role in on_tenants} == {f"{fleet.name}role"}
    assert len({database for database, _ in on_tenants}) > 1


async def test_an_adopted_database_is_the_roles_with_all_that_is_in_it(fleet: Fleet) -> None:
    role, database = f"{fleet.name}role", f"{fleet.name}_main"
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    fleet.rows(database, OBJECTS)
    await register_platform(fleet.registry, fleet.url, fleet.name, user=role)
    await adopt_database(fleet.registry, fleet.url, v1_owner(fleet.name, None), database)
    facts = fleet.rows(
        "postgres",
        "SELECT pg_get_userbyid(datdba)::text, has_database_privilege('public', oid, 'CONNECT'),"
        " has_database_privilege(%s, oid, 'CONNECT') FROM pg_database WHERE datname = %s",
        role,
        database,
    )
    assert facts == [(role, False, True)]
    assert fleet.rows(database, OWNERS) == [(role,)]
    (target,) = resolve_targets(fleet.registry, fleet.url, fleet.name)
    with psycopg.connect(target.conninfo) as session:
        assert session.execute("SELECT secret()").fetchone() == (role + role,)
    report = await apply_fleet([target], fleet.source)
    assert report.failed == ()
    assert fleet.rows(database, OWNERS) == [(role,)]
    await register_platform(fleet.registry, fleet.url, f"{fleet.name}b", user=f"{fleet.name}brole")
    with pytest.raises(PlatformIsolationViolation):
        await adopt_database(fleet.registry, fleet.url, v1_owner(f"{fleet.name}b", None), database)
    fleet.rows("postgres", f"ALTER ROLE {fleet.name}brole PASSWORD 'known'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(fleet.server.tcp_url(database, user=f"{fleet.name}brole", password="known"))


async def test_an_administrator_who_is_no_superuser_adopts_what_is_its_own(any_fleet: Fleet) -> None:
    fleet = any_fleet
    admin, database = f"{fleet.name}admin", f"{fleet.name}_main"
    fleet.rows("postgres", f"CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD 'own'")
    fleet.rows("postgres", f"CREATE DATABASE {database} OWNER {admin}")
    fleet.rows(database, f"SET ROLE {admin}; CREATE TABLE theirs (id int)")
    url = fleet.server.tcp_url(user=admin, password="own")
    await register_platform(fleet.registry, url, fleet.name, user=f"{fleet.name}role")
    await adopt_database(fleet.registry, url, v1_owner(fleet.name, None), database)
    owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'theirs'"
    assert fleet.rows(database, owner) == [(f"{fleet.name}role",)]


@pytest.mark.usefixtures("short_pauses")
async def test_an_adoption_does_not_stand_in_a_queue_that_holds_up_everybody(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stonegate.database.tenants.privileges.LOCK_SECONDS", 0.1)
    role, database = f"{fleet.name}role", f"{fleet.name}_main"
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    fleet.rows(database, "CREATE TABLE busy (id int)")
    await register_platform(fleet.registry, fleet.url, fleet.name, user=role)
    with psycopg.connect(fleet.server.url(database)) as session:
        session.execute("SELECT FROM busy")
        with pytest.raises(LockTimeout, match="other sessions kept a lock"):
            await adopt_database(fleet.registry, fleet.url, v1_owner(fleet.name, None), database)
    assert fleet.registry.platform(fleet.name).databases == ()
    owner = "SELECT pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database') FROM pg_database"
    assert fleet.rows("postgres", f"{owner} WHERE datname = %s", database) == [("postgres", None)]
    await adopt_database(fleet.registry, fleet.url, v1_owner(fleet.name, None), database)
