"""One platform's role and another platform's data: no way from here to there, whatever a folder deploys."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import psycopg
import pytest

from stonegate.database.deployment.one_database import apply_database
from stonegate.errors import MigrationFailed, PlatformIsolationViolation, UsageError
from stonegate.fleet.credentials import register_platform, rotate_password
from stonegate.fleet.fanout import apply_fleet
from stonegate.fleet.names import Owner
from stonegate.fleet.records import set_next_password
from stonegate.fleet.survey import Looking, status_fleet
from stonegate.fleet.targets import Target, renew_target, resolve_targets
from stonegate.fleet.tenant import create_tenant
from stonegate.fleet.tenants import TenantReport, create_tenants
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource
from tests.fleet.conftest import Fleet

REACH = """CREATE FUNCTION reach(conninfo text) RETURNS SETOF text LANGUAGE plpgsql {security} AS $$
BEGIN
    RETURN QUERY SELECT r.body FROM dblink(conninfo, 'SELECT body FROM notes') AS r (body text);
END
$$;
"""


async def platform(fleet: Fleet, name: str, source: LazySource) -> Target:
    """A platform with a role of its own and one tenant."""
    await register_platform(fleet.registry, fleet.url, name, user=f"{name}role")
    await create_tenant(fleet.registry, fleet.url, source, Owner(platform=name, schema="app", tenant="one"))
    (target,) = resolve_targets(fleet.registry, fleet.url, name, every=True)
    return target


async def test_no_platform_reaches_another_ones_data(fleet: Fleet) -> None:
    fleet.write("extensions/dblink.sql", "CREATE EXTENSION dblink;\n")
    fleet.write("functions/reach.pssql", REACH.format(security="SECURITY INVOKER"))
    fleet.write("functions/reach_as_owner.pssql", REACH.format(security="SECURITY DEFINER").replace("reach(", "climb("))
    a, b = await platform(fleet, f"{fleet.name}a", fleet.source), await platform(fleet, f"{fleet.name}b", fleet.source)
    password = a.login.passwords[0] if a.login is not None else ""
    into_b = fleet.server.tcp_url(b.database, user=f"{fleet.name}arole", password=password)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(into_b)
    # The server trusts everybody on its socket; a function must not make use of the server's own way in.
    ways = (into_b, f"dbname={b.database}", f"dbname={b.database} user=postgres", fleet.server.url(b.database))
    with psycopg.connect(a.conninfo, autocommit=True) as session:
        for function in ("reach", "climb"):
            for way in ways:
                with pytest.raises(psycopg.Error) as refused:
                    session.execute(f"SELECT * FROM {function}(%s)", (way,)).fetchall()
                assert "first" not in str(refused.value)
                assert any(
                    word in str(refused.value) for word in ("permission denied", "password", "could not establish")
                ), refused.value
        definer = session.execute(
            "SELECT pg_get_userbyid(proowner)::text FROM pg_proc WHERE proname = 'climb'"
        ).fetchone()
        assert definer == (f"{fleet.name}arole",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SET ROLE postgres")
        for statement in (f"ALTER DATABASE {b.database} RENAME TO mine", f"CREATE DATABASE {fleet.name}c"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)
    # The catalogs of reference databases hold the bodies of all routines.
    owners = "SELECT DISTINCT owner::text FROM stonegate.reference_databases"
    assert {(f"{fleet.name}arole",), (f"{fleet.name}brole",)} <= set(fleet.rows("postgres", owners))
    maintenance = fleet.server.tcp_url("postgres", user=f"{fleet.name}arole", password=password)
    with psycopg.connect(maintenance, autocommit=True) as session:
        assert session.execute(owners).fetchall() == [(f"{fleet.name}arole",)]
        assert session.execute("UPDATE stonegate.reference_databases SET catalog = ''").rowcount == 0
        assert session.execute("DELETE FROM stonegate.reference_databases").rowcount == 0


async def test_a_folder_cannot_become_the_administrator_while_it_is_built(fleet: Fleet) -> None:
    fleet.write(
        "migrations/001_climb.pssql",
        "-- stonegate: run-on-fresh\n"
        "DO $$ BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'RESET SESSION AUTHORIZATION';"
        f" EXECUTE 'ALTER ROLE {fleet.name}role SUPERUSER'; END $$;\n",
    )
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    with pytest.raises(MigrationFailed) as refused:
        await create_tenant(
            fleet.registry, fleet.url, fleet.source, Owner(platform=fleet.name, schema="app", tenant="one")
        )
    assert "permission denied" in (refused.value.cause or "")
    assert fleet.rows("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = %s", f"{fleet.name}role") == [(False,)]


async def test_roles_that_a_platform_may_not_take(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="exists already"):
        await register_platform(fleet.registry, fleet.url, fleet.name, user="postgres")
    with pytest.raises(UsageError, match="can do more than a platform's role may: SUPERUSER"):
        await register_platform(fleet.registry, fleet.url, fleet.name, user="postgres", password="postgres")
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role", password="own")
    with pytest.raises(UsageError, match="with another password"):
        await register_platform(fleet.registry, fleet.url, f"{fleet.name}2", user=f"{fleet.name}role", password="no")
    with pytest.raises(PlatformIsolationViolation):
        await register_platform(fleet.registry, fleet.url, f"{fleet.name}2", user=f"{fleet.name}role", password="own")
    verifier = fleet.rows("postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = %s", f"{fleet.name}role")
    assert str(verifier[0][0]).startswith("SCRAM-SHA-256$")


async def test_a_rotation_interrupts_nobody(fleet: Fleet) -> None:
    target = await platform(fleet, fleet.name, fleet.source)
    failures: list[str] = []
    rotations = 0

    async def log_in() -> None:
        """As readers do: the passwords of the registry, and once more with what it says by then."""
        while rotations < 8:
            (current,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
            report = (await apply_fleet([current], fleet.source, renew=refresh)).results[0]
            if report.error is not None:
                failures.append(report.error.cause or report.error.message)

    def refresh(target: Target) -> Target:
        (current,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
        return current

    async def rotate() -> None:
        nonlocal rotations
        while rotations < 8:
            await rotate_password(fleet.registry, fleet.url, fleet.name)
            rotations += 1

    with psycopg.connect(target.conninfo, autocommit=True) as open_session:
        await asyncio.gather(rotate(), log_in(), log_in())
        assert failures == []
        assert open_session.execute("SELECT 1").fetchone() == (1,)
    (now,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    assert now.conninfo != target.conninfo and len(now.conninfos) == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(target.conninfo)


async def test_a_rotation_in_the_middle_of_a_long_run_is_no_trouble(fleet: Fleet) -> None:
    await platform(fleet, fleet.name, fleet.source)
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    rotated: list[str] = []

    def rotate(report: TenantReport) -> None:
        """Between two tenants; the run cannot go on meanwhile."""
        if not rotated:
            rotated.append(report.database)
            thread = threading.Thread(
                target=lambda: asyncio.run(rotate_password(fleet.registry, fleet.url, fleet.name)), daemon=True
            )
            thread.start()
            thread.join()

    owners = [Owner(platform=fleet.name, schema="app", tenant=f"t{number}") for number in range(3)]
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, owners, concurrency=1, on_report=rotate)
    assert [report.error for report in reports] == [None] * 3 and rotated
    # These targets were looked up before.
    looked = await status_fleet(Looking(targets=targets, width=1, renew=partial(renew_target, fleet.registry)))
    assert looked.unread == () and len(looked.seen) == 1
    assert len((await status_fleet(Looking(targets=targets, width=1))).unread) == 1


async def test_a_rotation_that_was_killed_is_finished_by_the_next(fleet: Fleet) -> None:
    await platform(fleet, fleet.name, fleet.source)
    fleet.registry.change(fleet.name, lambda document: set_next_password(document, "half"))
    fleet.rows("postgres", f"ALTER ROLE {fleet.name}role PASSWORD 'half'")
    (half,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    assert len(half.conninfos) == 2
    assert (await apply_fleet([half], fleet.source)).failed == ()
    await rotate_password(fleet.registry, fleet.url, fleet.name, "whole")
    (whole,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    assert (await apply_database(whole.conninfo, LazySource.of_bytes("x", read_tree(fleet.folder)))).error is None
