"""Tenants on real servers: clones and builds with everything that a clone lacks, half-made ones never seen."""

from __future__ import annotations

import asyncio

import pytest

from stonegate.database.deployment import apply_database
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import Label, parse_label, record_label
from stonegate.errors import DatabaseAlreadyExists, PlatformIsolationViolation
from stonegate.fleet.credentials import register_platform
from stonegate.fleet.names import Owner
from stonegate.fleet.targets import resolve_targets
from stonegate.fleet.tenants import create_tenant, create_tenants, drop_tenants, next_owners
from stonegate.model.report import Status
from tests.fleet.conftest import Fleet


def owner(fleet: Fleet, tenant: str) -> Owner:
    return Owner(platform=fleet.name, schema="app", tenant=tenant)


async def test_a_clone_has_owner_privileges_label_rows_and_records(any_fleet: Fleet) -> None:
    fleet = any_fleet
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "one"))
    name = owner(fleet, "one").database
    assert made.created and made.cloned
    facts = fleet.rows(
        "postgres",
        "SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), datallowconn,"
        " has_database_privilege('pg_monitor', oid, 'CONNECT') FROM pg_database WHERE datname = %s",
        name,
    )
    assert facts[0][0] == f"{fleet.name}role"
    assert parse_label(str(facts[0][1])) == Label(platform=fleet.name, schema="app", tenant="one")
    assert facts[0][2:] == (True, False)
    assert fleet.rows(name, "SELECT body FROM notes ORDER BY id") == [("first",), ("second",)]
    assert fleet.rows(name, "INSERT INTO notes DEFAULT VALUES RETURNING id") == [(3,)]
    owners = fleet.rows(name, "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid > 16384")
    assert owners == [(f"{fleet.name}role",)]
    log = fleet.rows(
        name, "SELECT change_type FROM _stonescriptdb_gateway_changelog WHERE executed_at > now() - interval '1 minute'"
    )
    assert ("clone_database",) in log and ("create_table",) in log
    (target,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    report = await apply_database(target.conninfo, fleet.source)
    assert report.error is None and report.status is Status.UNCHANGED
    assert report.plan is not None and report.plan.mode.value == "unchanged"


async def test_a_folder_whose_migrations_write_rows_is_built_each_time(fleet: Fleet) -> None:
    fleet.write(
        "migrations/001.pssql",
        "-- stonegate: run-on-fresh\nINSERT INTO notes (body) SELECT gen_random_uuid()::text;\n",
    )
    fleet.registry.register(fleet.name)
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, [owner(fleet, "a"), owner(fleet, "b")])
    assert [report.status for report in reports] == ["created", "created"], reports
    assert not any(report.made.cloned for report in reports if report.made)
    bodies = {
        fleet.rows(report.database, "SELECT max(body) FROM notes WHERE body LIKE '%%-%%'")[0] for report in reports
    }
    assert len(bodies) == 2
    (target, _) = resolve_targets(fleet.registry, fleet.url, fleet.name, schema="app")
    assert (await apply_database(target.conninfo, fleet.source)).status is Status.UNCHANGED


async def test_nothing_is_left_of_a_tenant_whose_seeder_fails(fleet: Fleet) -> None:
    fleet.write("seeders/notes.pssql", "INSERT INTO notes (id, body) VALUES (1, repeat('x', 1/0));\n")
    fleet.registry.register(fleet.name)
    (report,) = await create_tenants(fleet.registry, fleet.url, fleet.source, [owner(fleet, "bad")])
    assert report.status == "failed" and report.error is not None
    assert "division by zero" in (report.error.cause or "")
    assert fleet.databases() == []
    assert fleet.registry.platform(fleet.name).databases == ()


async def test_a_second_tenant_needs_no_parsing(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    first, second = fleet.source, fleet.source
    await create_tenant(fleet.registry, fleet.url, first, owner(fleet, "one"))
    made = await create_tenant(fleet.registry, fleet.url, second, owner(fleet, "two"))
    assert first.is_ready and made.cloned and not second.is_ready
    name = owner(fleet, "two").database
    assert fleet.rows(name, "SELECT body FROM notes ORDER BY id") == [("first",), ("second",)]
    (_, two) = resolve_targets(fleet.registry, fleet.url, fleet.name, schema="app")
    assert (await apply_database(two.conninfo, second)).status is Status.UNCHANGED and not second.is_ready


async def test_of_several_at_once_one_makes_it(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    same = owner(fleet, "same")
    made = await asyncio.gather(
        *(create_tenant(fleet.registry, fleet.url, fleet.source, same, if_missing=True) for _ in range(4))
    )
    assert sorted(each.created for each in made) == [False, False, False, True]
    with pytest.raises(DatabaseAlreadyExists):
        await create_tenant(fleet.registry, fleet.url, fleet.source, same)


async def test_a_half_made_database_is_made_again(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    half = owner(fleet, "half")
    await create_tenant(fleet.registry, fleet.url, fleet.source, half)
    fleet.rows(half.database, "DROP TABLE notes")
    fleet.registry.forget(fleet.name, half.database)
    maintenance = await connect_maintenance(fleet.url)
    try:
        label = Label(platform=fleet.name, schema="app", tenant="half", unfinished=True)
        await record_label(maintenance, half.database, label)
    finally:
        await maintenance.close()
    assert (await create_tenant(fleet.registry, fleet.url, fleet.source, half)).created
    assert fleet.rows(half.database, "SELECT count(*) FROM notes") == [(2,)]


async def test_a_foreign_database_of_that_name_is_left_alone(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    mine = owner(fleet, "mine")
    fleet.rows("postgres", f"CREATE DATABASE {mine.database}")
    with pytest.raises(PlatformIsolationViolation, match="nothing in it says whose"):
        await create_tenant(fleet.registry, fleet.url, fleet.source, mine, if_missing=True)
    assert fleet.databases() == [mine.database]


async def test_count_and_prefix_and_drop(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    first = next_owners(fleet.registry, fleet.name, "app", "t", 2, if_missing=False)
    assert [each.tenant for each in first] == ["t1", "t2"]
    await create_tenants(fleet.registry, fleet.url, fleet.source, first)
    more = next_owners(fleet.registry, fleet.name, "app", "t", 1, if_missing=False)
    assert [each.tenant for each in more] == ["t3"]
    again = next_owners(fleet.registry, fleet.name, "app", "t", 2, if_missing=True)
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, again, if_missing=True)
    assert [report.status for report in reports] == ["exists", "exists"]
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name, tenant="t*")
    dropped = await drop_tenants(fleet.registry, targets)
    assert all(report.error is None for report in dropped)
    assert fleet.databases() == [] and fleet.registry.platform(fleet.name).databases == ()
