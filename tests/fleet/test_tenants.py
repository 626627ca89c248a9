"""Tenants on real servers: clones and builds with everything that a clone lacks, half-made ones never seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from stonegate.database.deployment.one_database import apply_database
from stonegate.database.progress import Stage
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants import clone
from stonegate.database.tenants.labels import record_label
from stonegate.database.tenants.make import Session
from stonegate.errors import DatabaseAlreadyExists, MigrationFailed, PlatformIsolationViolation
from stonegate.fleet.adoption import adopt_database
from stonegate.fleet.credentials import register_platform
from stonegate.fleet.ending import Stop
from stonegate.fleet.fanout import FleetEvent, apply_fleet
from stonegate.fleet.names import Owner
from stonegate.fleet.numbering import Numbering
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.targets import resolve_targets
from stonegate.fleet.tenant import create_tenant
from stonegate.fleet.tenants import TenantReport, create_tenants, drop_tenants
from stonegate.model.labels import Label, parse_label
from stonegate.model.report import Status
from tests.fleet.conftest import FUNCTION, Fleet, make_fleet
from tests.servers import MakePrivateServer


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


async def test_a_clone_shows_its_rows_in_materialised_views(fleet: Fleet) -> None:
    views = "CREATE MATERIALIZED VIEW b AS SELECT * FROM a;\nCREATE MATERIALIZED VIEW a AS SELECT body FROM notes;"
    fleet.write("views/v.sql", views)
    fleet.registry.register(fleet.name)
    for tenant in ("one", "two"):  # the second one without parsing
        made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, tenant))
        assert made.cloned
        assert fleet.rows(owner(fleet, tenant).database, "SELECT body FROM b ORDER BY 1") == [("first",), ("second",)]
    for target in resolve_targets(fleet.registry, fleet.url, fleet.name, every=True):
        assert (await apply_database(target.conninfo, fleet.source)).status is Status.UNCHANGED


async def test_a_clone_has_the_settings_of_its_folder(fleet: Fleet) -> None:
    fleet.write("extensions/hstore.sql", "-- schema: extra\n")
    fleet.registry.register(fleet.name)
    made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "one"))
    assert made.cloned
    assert fleet.rows(owner(fleet, "one").database, "SHOW search_path") == [("public, extra",)]
    (target,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    assert (await apply_database(target.conninfo, fleet.source)).status is Status.UNCHANGED


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


async def test_built_ones_are_as_clones_are_whatever_stands_in_template1(
    private_server: MakePrivateServer, tmp_path: Path
) -> None:
    fleet = make_fleet(private_server(18, fsync="off").server, tmp_path)
    fleet.write("migrations/001.pssql", "-- stonegate: run-on-fresh\nINSERT INTO notes (body) VALUES ('x');\n")
    fleet.registry.register(fleet.name)
    with psycopg.connect(fleet.server.url("template1"), autocommit=True) as session:  # nobody can copy it meanwhile
        session.execute("CREATE TABLE left_behind (id int)")
        made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "built"))
    assert made.created and not made.cloned
    assert fleet.rows(owner(fleet, "built").database, "SELECT to_regclass('left_behind')") == [(None,)]


async def test_nothing_is_left_of_a_tenant_whose_seeder_fails(fleet: Fleet) -> None:
    fleet.write("seeders/notes.pssql", "INSERT INTO notes (id, body) VALUES (1, repeat('x', 1/0));\n")
    fleet.registry.register(fleet.name)
    (report,) = await create_tenants(fleet.registry, fleet.url, fleet.source, [owner(fleet, "bad")])
    assert report.status == "failed" and report.error is not None
    assert "division by zero" in (report.error.cause or "")
    assert fleet.databases() == []
    assert fleet.registry.platform(fleet.name).databases == ()


async def test_large_templates_are_copied_as_files(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.registry.register(fleet.name)
    asked: list[str | None] = []

    async def choose(maintenance: Session, template: str) -> clone.Strategy | None:
        asked.append(await clone.choose_strategy(maintenance, template))
        return asked[-1]

    monkeypatch.setattr("stonegate.database.tenants.make.choose_strategy", choose)
    await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "small"))
    monkeypatch.setattr(clone, "FILE_COPY_BYTES", 1024)
    made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "large"))
    assert asked == ["WAL_LOG", "FILE_COPY"] and made.cloned
    assert fleet.rows(owner(fleet, "large").database, "SELECT count(*) FROM notes") == [(2,)]


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


async def test_a_tenant_that_is_made_after_bodies_have_changed_has_them(fleet: Fleet) -> None:
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "one"))
    fleet.write("functions/count_notes.pssql", FUNCTION.replace("count(*)", "count(*) + 7"))
    targets, stages = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True), set()

    def note(event: FleetEvent) -> None:
        stages.add(event.progress and event.progress.stage)

    report = await apply_fleet(targets, fleet.source, on_event=note)
    assert [each.status for each in report.results] == [Status.APPLIED] and Stage.REFERENCE not in stages
    made = await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "two"))
    assert made.created and made.cloned
    query = "SELECT count_notes(), prosrc, pg_get_userbyid(proowner)::text FROM pg_proc WHERE proname = 'count_notes'"
    one, two = (fleet.rows(owner(fleet, tenant).database, query) for tenant in ("one", "two"))
    assert one == two and one[0][0] == 9
    both = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    report = await apply_fleet(both, fleet.source)
    assert [each.status for each in report.results] == [Status.UNCHANGED] * 2


async def test_who_may_not_is_told_who_may(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "one"))
    fleet.rows("postgres", f"CREATE ROLE {fleet.name}weak LOGIN PASSWORD 'weak'")
    weak = fleet.server.tcp_url(user=f"{fleet.name}weak", password="weak")
    with pytest.raises(MigrationFailed, match="may not create databases"):
        await create_tenants(fleet.registry, weak, fleet.source, [owner(fleet, "two")])
    (report,) = await drop_tenants(fleet.registry, resolve_targets(fleet.registry, weak, fleet.name, every=True))
    assert report.error is not None and report.error.hint == "connect as a superuser, or as the role that owns it"
    assert fleet.databases() == [owner(fleet, "one").database]


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


async def test_two_who_count_at_once_get_different_numbers(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    numberings = [Numbering(fleet.registry, fleet.name, "app", "t", 3, if_missing=False) for _ in range(2)]
    assert numberings[0].owners == numberings[1].owners
    both = await asyncio.gather(
        *(
            create_tenants(fleet.registry, fleet.url, fleet.source, each.owners, instead_of=each.instead_of)
            for each in numberings
        )
    )
    assert [[report.status for report in reports] for reports in both] == [["created"] * 3] * 2
    made = {report.database for reports in both for report in reports}
    assert sorted(made) == fleet.databases() and len(made) == 6


async def test_an_owner_keeps_the_database_that_is_recorded(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    own = owner(fleet, "one")
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_by_hand")
    await adopt_database(fleet.registry, fleet.url, own, f"{fleet.name}_by_hand")
    (report,) = await create_tenants(fleet.registry, fleet.url, fleet.source, [own], if_missing=True)
    assert (report.status, report.database) == ("exists", f"{fleet.name}_by_hand")
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_another")
    with pytest.raises(DatabaseAlreadyExists, match="has a database already"):
        await adopt_database(fleet.registry, fleet.url, own, f"{fleet.name}_another")
    with pytest.raises(DatabaseAlreadyExists, match="has a database already"):
        fleet.registry.record(DatabaseRecord(owner=own, database=f"{fleet.name}_another"))


@pytest.mark.parametrize("forced", [False, True])
async def test_a_run_that_is_ended_says_whom_it_did_not_make(fleet: Fleet, forced: bool) -> None:
    fleet.registry.register(fleet.name)
    stop = Stop()

    def end(report: TenantReport) -> None:
        (stop.force if forced else stop.ask)("interrupted")

    owners = [owner(fleet, f"t{number}") for number in range(9)]
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, owners, on_report=end, stop=stop)
    made = {report.database for report in reports if report.error is None}
    facts = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    finished = facts + " AND strpos(shobj_description(oid, 'pg_database'), 'unfinished') = 0"
    there = {str(name) for (name,) in fleet.rows("postgres", finished, fleet.name)}
    assert there == {each.database for each in fleet.registry.platform(fleet.name).databases}
    assert made <= there and 1 <= len(there) < len(owners)
    failures = [report.error.message for report in reports if report.error is not None]
    broken_off = [message for message in failures if message.startswith("interrupted while it was made")]
    assert len(there - made) <= len(broken_off) <= (4 if forced else 0)
    assert {message for message in failures if message not in broken_off} == {"not made: interrupted"}
    again = await create_tenants(fleet.registry, fleet.url, fleet.source, owners, if_missing=True)
    assert [report.status for report in again].count("exists") == len(there) and not any(r.error for r in again)


async def test_a_crash_does_not_set_back_the_sequences_of_a_clone(
    private_server: MakePrivateServer, tmp_path: Path
) -> None:
    """PostgreSQL copies into a clone that the next values of a sequence need not be written to the WAL."""
    private = private_server(18, fsync="off")
    fleet = make_fleet(private.server, tmp_path)
    fleet.registry.register(fleet.name)
    assert (await create_tenant(fleet.registry, fleet.url, fleet.source, owner(fleet, "one"))).cloned
    private.stop("immediate")
    private.start()
    fleet.write("functions/one.pssql", "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    (target,) = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    report = await apply_database(target.conninfo, fleet.source)
    assert (report.status, report.error) == (Status.APPLIED, None)


async def test_a_server_that_is_restarted_is_waited_for(private_server: MakePrivateServer, tmp_path: Path) -> None:
    private = private_server(18, fsync="off")
    fleet = make_fleet(private.server, tmp_path)
    fleet.registry.register(fleet.name)
    owners = [owner(fleet, f"t{number}") for number in range(12)]
    restarted: list[asyncio.Task[None]] = []

    def restart() -> None:
        private.stop("immediate")
        private.start()

    def note(report: TenantReport) -> None:
        if not restarted:
            restarted.append(asyncio.create_task(asyncio.to_thread(restart)))

    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, owners, on_report=note)
    await restarted[0]
    assert [report.error for report in reports] == [None] * 12
    assert fleet.databases() == sorted(report.database for report in reports)
    assert all(fleet.rows(report.database, "SELECT count(*) FROM notes") == [(2,)] for report in reports)
    labels = "SELECT count(*) FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE '%%unfinished%%'"
    assert fleet.rows("postgres", labels) == [(0,)]


async def test_dropping_that_is_ended_says_who_is_still_there(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    await create_tenants(fleet.registry, fleet.url, fleet.source, [owner(fleet, each) for each in "abc"])
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)
    stop = Stop()
    reports = await drop_tenants(fleet.registry, targets, on_report=lambda report: stop.ask("interrupted"), stop=stop)
    told = [None if report.error is None else report.error.message for report in reports]
    assert told == [None, "not dropped: interrupted", "not dropped: interrupted"]
    assert fleet.databases() == [target.database for target in targets[1:]]
    rest = resolve_targets(fleet.registry, fleet.url, fleet.name, tenant=("a", "b", "c"), missing_ok=True)
    assert all(report.error is None for report in await drop_tenants(fleet.registry, rest))
    assert fleet.databases() == []


async def test_count_and_prefix_and_drop(fleet: Fleet) -> None:
    fleet.registry.register(fleet.name)
    first = Numbering(fleet.registry, fleet.name, "app", "t", 2, if_missing=False).owners
    assert [each.tenant for each in first] == ["t1", "t2"]
    await create_tenants(fleet.registry, fleet.url, fleet.source, first)
    more = Numbering(fleet.registry, fleet.name, "app", "t", 1, if_missing=False).owners
    assert [each.tenant for each in more] == ["t3"]
    again = Numbering(fleet.registry, fleet.name, "app", "t", 2, if_missing=True).owners
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, again, if_missing=True)
    assert [report.status for report in reports] == ["exists", "exists"]
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name, tenant="t*")
    dropped = await drop_tenants(fleet.registry, targets)
    assert all(report.error is None for report in dropped)
    assert fleet.databases() == [] and fleet.registry.platform(fleet.name).databases == ()
