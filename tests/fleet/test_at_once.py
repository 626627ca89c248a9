"""Two who do the same thing, or opposite things, in the same moment: one of them wins, wholly."""

from __future__ import annotations

import asyncio
import errno
import os
import threading

import psycopg
import pytest

from stonegate.errors import DataDirUnusable, PlatformAlreadyRegistered, PlatformIsolationViolation, StonegateError
from stonegate.fleet import tenant
from stonegate.fleet.adoption import adopt_database
from stonegate.fleet.credentials import register_platform, rotate_password
from stonegate.fleet.fanout import apply_fleet
from stonegate.fleet.names import Owner, v1_owner
from stonegate.fleet.records import PlatformRecord
from stonegate.fleet.registry import Registry
from stonegate.fleet.targets import Target, renew_target, resolve_targets
from stonegate.fleet.tenant import create_tenant
from stonegate.fleet.tenants import TenantReport, create_tenants
from stonegate.gateway.deploy.deployments import create_empty
from tests.fleet.conftest import Fleet
from tests.gateway.inside import deployer_of
from tests.servers import drop_references


def rotate_now(fleet: Fleet) -> None:
    """Change the platform's password while the test's own event loop stands still."""
    thread = threading.Thread(
        target=lambda: asyncio.run(rotate_password(fleet.registry, fleet.url, fleet.name)), daemon=True
    )
    thread.start()
    thread.join()


async def test_of_those_who_register_a_role_one_gets_it(any_fleet: Fleet) -> None:
    fleet = any_fleet
    for number in range(8):
        role = f"{fleet.name}role{number}"
        names = [f"{fleet.name}a{number}", f"{fleet.name}b{number}"] * 2
        ended = await asyncio.gather(
            *(register_platform(fleet.registry, fleet.url, name, user=role, password="own") for name in names),
            return_exceptions=True,
        )
        assert [type(each) for each in ended].count(PlatformRecord) == 1
        refused = (PlatformRecord, PlatformAlreadyRegistered, PlatformIsolationViolation)
        assert [each for each in ended if not isinstance(each, refused)] == []
        assert fleet.rows("postgres", "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", role) == [(True,)]


async def test_a_rotation_beside_a_change_of_the_role_gets_through(fleet: Fleet) -> None:
    role = f"{fleet.name}rolled"
    await register_platform(fleet.registry, fleet.url, fleet.name, user=role, password="first")
    async with await psycopg.AsyncConnection.connect(fleet.url) as other:
        await other.execute(f"ALTER ROLE {role} CONNECTION LIMIT 50")
        rotating = asyncio.create_task(rotate_password(fleet.registry, fleet.url, fleet.name, password="second"))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        while not fleet.rows("postgres", waiting, f'ALTER ROLE "{role}"%'):
            assert not rotating.done()
            await asyncio.sleep(0.01)
    await rotating  # PostgreSQL told it "tuple concurrently updated"
    login = fleet.registry.platform(fleet.name).login
    assert login is not None and login.passwords == ("second",)


async def test_of_those_who_adopt_a_database_one_gets_all_of_it(fleet: Fleet) -> None:
    platforms = [f"{fleet.name}a", f"{fleet.name}b"]
    for name in platforms:
        await register_platform(fleet.registry, fleet.url, name, user=f"{name}role")
    for number in range(5):
        database = f"{fleet.name}_{number}"
        fleet.rows("postgres", f"CREATE DATABASE {database}")
        fleet.rows(database, "CREATE TABLE kept ()")
        ended = await asyncio.gather(
            *(adopt_database(fleet.registry, fleet.url, v1_owner(name, database), database) for name in platforms),
            return_exceptions=True,
        )
        assert [type(each) for each in ended if isinstance(each, Exception)] == [PlatformIsolationViolation]
        recorded = fleet.registry.owner_of(database)
        assert recorded is not None
        facts = "SELECT pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database') FROM pg_database"
        ((role, label),) = fleet.rows("postgres", f"{facts} WHERE datname = %s", database)
        assert role == f"{recorded.owner.platform}role" and f'"{recorded.owner.platform}"' in str(label)
        owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'kept'"
        assert fleet.rows(database, owner) == [(role,)]


async def test_an_owner_adopts_one_of_two_databases(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    names = [f"{fleet.name}_left", f"{fleet.name}_right"]
    for name in names:
        fleet.rows("postgres", f"CREATE DATABASE {name}")
    owner = v1_owner(fleet.name, "one")
    ended = await asyncio.gather(
        *(adopt_database(fleet.registry, fleet.url, owner, name) for name in names), return_exceptions=True
    )
    assert [isinstance(each, StonegateError) for each in ended].count(True) == 1
    labelled = "SELECT datname FROM pg_database WHERE datname = ANY (%s) AND shobj_description(oid, 'pg_database') > ''"
    assert fleet.rows("postgres", labelled, names) == [
        (each.database,) for each in fleet.registry.platform(fleet.name).databases
    ]


async def test_tenants_outlive_their_template(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    owners = [Owner(platform=fleet.name, schema="app", tenant=f"t{number}") for number in range(3)]

    fleet.write("functions/own.sql", f"CREATE FUNCTION {fleet.name}() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")

    def take_template_away(_: TenantReport) -> None:
        drop_references(fleet.server, fleet.source.tree().fingerprint)

    reports = await create_tenants(
        fleet.registry, fleet.url, fleet.source, owners, concurrency=1, on_report=take_template_away
    )
    assert [(report.status, report.error) for report in reports] == [("created", None)] * 3
    assert fleet.databases() == sorted(owner.database for owner in owners)


async def test_nothing_is_left_of_an_empty_database_that_cannot_be_recorded(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stayed, and the same request was refused then, since the database was there."""
    fleet.registry.register(fleet.name)
    deployer = deployer_of(fleet.registry.directory, fleet.url)

    def full(*_: object, **__: object) -> None:
        raise DataDirUnusable("cannot use the data directory", cause=os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "record", full)
        refused = await asyncio.to_thread(create_empty, deployer, fleet.name, "t")
        assert (refused.status, fleet.databases()) == (500, [])
    made = await asyncio.to_thread(create_empty, deployer, fleet.name, "t")
    assert (made.status, fleet.databases()) == (200, [f"{fleet.name}_t"])


async def test_of_two_gateways_one_makes_the_empty_database(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    deployer = deployer_of(fleet.registry.directory, fleet.url)
    for number in range(3):
        work = (asyncio.to_thread(create_empty, deployer, fleet.name, f"t{number}") for _ in range(2))
        assert sorted(made.status for made in await asyncio.gather(*work)) == [200, 409]


async def test_a_password_that_changes_while_a_tenant_is_prepared(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    read_note, rotated = tenant.read_note, []

    def rotate_first(*facts: object) -> bytes | None:
        if not rotated:
            rotated.append(facts)
            rotate_now(fleet)
        return read_note(*facts)  # type: ignore[arg-type]

    monkeypatch.setattr(tenant, "read_note", rotate_first)
    owner = Owner(platform=fleet.name, schema="app", tenant="one")
    assert (await create_tenant(fleet.registry, fleet.url, fleet.source, owner)).created and rotated


async def test_a_password_that_changes_again_while_it_is_looked_up(fleet: Fleet) -> None:
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    owner = Owner(platform=fleet.name, schema="app", tenant="one")
    await create_tenant(fleet.registry, fleet.url, fleet.source, owner)
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    rotate_now(fleet)
    asked: list[Target] = []

    def renew(target: Target) -> Target:
        found = renew_target(fleet.registry, target)
        asked.append(found)
        if len(asked) < 3:
            rotate_now(fleet)
        return found

    fleet.write("functions/another.sql", "CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    assert (await apply_fleet(targets, fleet.source, renew=renew)).failed == () and len(asked) == 3
