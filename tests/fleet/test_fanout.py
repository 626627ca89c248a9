"""The fan-out's decisions: who goes first, when it stops, how many at a time; and what is seen of it."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from stonegate.database.deployment.survey import ApplyOptions
from stonegate.database.server.capacity import Capacity, count_locks, databases_at_once
from stonegate.errors import PlatformIsolationViolation, SourceErrors, SyntaxFailure, UsageError
from stonegate.fleet import ending
from stonegate.fleet.adoption import find_database
from stonegate.fleet.ending import PATIENCE_SECONDS, Stop
from stonegate.fleet.fanout import FanoutOptions, FleetEvent, State, apply_fleet
from stonegate.fleet.names import v1_owner, v2_owner
from stonegate.fleet.outcomes import server_is_gone
from stonegate.fleet.survey import Looking, plan_fleet, status_fleet
from stonegate.fleet.targets import Target, renew_target, resolve_targets
from stonegate.fleet.tenants import create_tenants, drop_tenants
from stonegate.model.report import ApplyReport, ErrorReport
from stonegate.model.source import SourceTree
from stonegate.source.files.tree import SourceBytes
from stonegate.source.parse import parse_tree
from tests.fleet.conftest import TABLE, Fleet

CHANGED = "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT '' UNIQUE);"


async def tenants(fleet: Fleet, *ids: str) -> tuple[Target, ...]:
    """Tenants in the first release; the folder is in the second one afterwards."""
    fleet.registry.register(fleet.name)
    owners = [v2_owner(fleet.name, "app", each) for each in ids]
    await create_tenants(fleet.registry, fleet.url, fleet.source, owners)
    fleet.write("tables/notes.pssql", CHANGED)
    return resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)


def told(reports: tuple[ApplyReport, ...]) -> list[str]:
    """Status, or error code, of each."""
    return [report.status.value if report.error is None else report.error.code for report in reports]


async def test_a_canary_that_cannot_be_reached_hands_on(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    fleet.rows("postgres", f"ALTER DATABASE {targets[0].database} ALLOW_CONNECTIONS false")
    order: list[str] = []

    def note(event: FleetEvent) -> None:
        if event.state is State.DONE:
            order.append(event.target.owner.tenant or "")

    report = await apply_fleet(targets, fleet.source, fan=FanoutOptions(canary="1"), on_event=note)
    assert told(report.results) == ["connection_failed", "applied", "applied"]
    assert order == ["a", "b", "c"]


async def test_records_that_cannot_be_read_meanwhile_end_no_run(fleet: Fleet) -> None:
    """They are looked at again where a database is gone; an editor writes a file in two steps."""
    targets = await tenants(fleet, "a", "b")
    gone = (replace(targets[0], database=f"{targets[0].database}_gone"), targets[1])
    renew = partial(renew_target, fleet.registry)
    path = fleet.registry.home(fleet.name) / "platform.json"
    kept = path.read_bytes()
    path.write_bytes(kept[:40])
    looked = await status_fleet(Looking(targets=gone, width=1, renew=renew))
    assert [each.error.code for each in looked.unread] == ["database_not_found"] and len(looked.seen) == 1
    report = await apply_fleet(gone, fleet.source, renew=renew)
    assert told(report.results) == ["database_not_found", "applied"]
    path.write_bytes(kept)


async def test_many_databases_that_are_gone_and_on_record_are_not_waited_for_one_by_one(fleet: Fleet) -> None:
    (target,) = await tenants(fleet, "a")
    gone = tuple(replace(target, database=f"{target.database}_gone{n}") for n in range(20))
    looks: list[Target] = []

    def look(target: Target) -> Target:
        looks.append(target)
        return target

    report = await apply_fleet(gone, fleet.source, renew=look)
    assert told(report.results) == ["database_not_found"] * 20
    assert len(looks) < 20 * 10 / 2  # ten looks are made for one


@pytest.mark.usefixtures("short_pauses")
async def test_a_canary_that_is_locked_or_drifted_hands_on(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c", "d")
    fleet.rows(targets[0].database, "ALTER TABLE notes DROP COLUMN body")
    with psycopg.connect(fleet.server.url(targets[1].database)) as session:
        session.execute("LOCK TABLE notes")
        report = await apply_fleet(
            targets, fleet.source, ApplyOptions(lock_timeout_s=0.1), FanoutOptions(canary="1", concurrency=1)
        )
    assert told(report.results) == ["drift", "lock_timeout", "applied", "applied"]


async def test_a_server_that_never_ran_is_not_waited_for_as_one_that_went_away(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "FIRST_PATIENCE_SECONDS", 0.2)
    targets = [replace(each, server=f"host={tmp_path}") for each in await tenants(fleet, "a", "b", "c")]
    started = time.monotonic()
    report = await apply_fleet(targets, fleet.source)
    assert told(report.results) == ["connection_failed"] * 3
    assert time.monotonic() - started < PATIENCE_SECONDS / 2


async def test_a_tenant_that_is_dropped_in_the_middle_is_no_failure(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c", "d")
    renew = partial(renew_target, fleet.registry)
    assert [report.error for report in await drop_tenants(fleet.registry, targets[:1])] == [None]
    fleet.rows("postgres", f"DROP DATABASE {targets[2].database}")  # by hand: it is on record
    plan = await plan_fleet(Looking(targets=targets, width=2, renew=renew), fleet.source, ApplyOptions())
    assert [len(group.targets) for group in plan.groups] == [2]
    assert [each.target for each in plan.unread] == [targets[2]]
    report = await apply_fleet(targets, fleet.source, fan=FanoutOptions(canary="1"), renew=renew)
    assert told(report.results) == ["dropped", "applied", "database_not_found", "applied"]
    assert [each.database for each in report.failed] == [targets[2].database]
    alone = await apply_fleet(targets[:1], fleet.source, renew=renew)
    assert told(alone.results) == ["database_not_found"]


async def test_a_folder_is_parsed_once_for_all(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    parsed: list[str] = []

    def note(path: str, read: SourceBytes) -> SourceTree:
        parsed.append(path)
        return parse_tree(path, read)

    monkeypatch.setattr("stonegate.source.lazy.parse_tree", note)
    assert told((await apply_fleet(targets, fleet.source)).results) == ["applied"] * 3
    assert len(parsed) == 1
    assert told((await apply_fleet(targets, fleet.source)).results) == ["unchanged"] * 3
    assert len(parsed) == 1  # what is unchanged needs no parsing at all


async def test_unchanged_databases_behind_one_that_fails_still_cost_a_look_alone(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c", "d")
    assert (await apply_fleet(targets, fleet.source)).failed == ()
    fleet.rows("postgres", f"DROP DATABASE {targets[0].database}")
    begun: list[str] = []

    def note(event: FleetEvent) -> None:
        if event.state is State.RUNNING:
            begun.append(event.target.owner.tenant or "")

    report = await apply_fleet(targets, fleet.source, on_event=note)
    assert told(report.results) == ["database_not_found", "unchanged", "unchanged", "unchanged"]
    assert set(begun) == {"a"}


@pytest.mark.parametrize(
    ("words", "is_gone"),
    [
        # As on a server whose lc_messages is German; the SQLSTATE is what login.py finds out.
        ("57P03 FATAL:  das Datenbanksystem startet", True),
        ("55000 FATAL:  Datenbank »x« akzeptiert gegenwärtig keine Verbindungen", False),
        ("28P01 FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen", False),
        ("28000 FATAL:  Rolle »x« existiert nicht", False),
        ("42501 FATAL:  keine Berechtigung für Datenbank »x«", False),
        ("Connection refused", True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  sorry, too many clients already", True),
        ('FATAL:  database "x" is not currently accepting connections', False),
        ('FATAL:  role "x" is not permitted to log in', False),
        ('FATAL:  password authentication failed for user "x"', False),
        ('FATAL:  pg_hba.conf rejects connection for host "::1", user "x", database "x", no encryption', False),
        ('FATAL:  too many connections for database "x"', False),
        ('FATAL:  too many connections for role "x"', True),
    ],
)
def test_waits_for_a_server_that_is_gone_not_for_one_that_refuses(words: str, is_gone: bool) -> None:
    cause = f'connection failed: connection to server at "::1", port 5432 failed: {words}'
    state = words[:5] if words[:2].isdigit() else None
    error = ErrorReport(
        code="connection_failed", message="cannot connect", cause=cause, exit_code=6, http_status=502, sqlstate=state
    )
    assert server_is_gone(error) is is_gone


async def test_what_was_committed_before_the_connection_was_lost_is_reported(fleet: Fleet) -> None:
    """Lost twice: at an index of the one table, and, when that is made, at one of the other."""
    more = "CREATE TABLE more (id int PRIMARY KEY);"
    fleet.write("tables/more.pssql", more)
    (target,) = await tenants(fleet, "a")
    fleet.write("tables/notes.pssql", TABLE + "CREATE INDEX notes_body ON notes (body);")
    fleet.write("tables/more.pssql", more + "CREATE INDEX more_id ON more (id);")
    fleet.write("functions/one.pssql", "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    for file, index in (("001_late", "notes_body ON notes (body)"), ("002_last", "more_id ON more (id)")):
        late = f"-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY {index};"
        fleet.write(f"migrations/{file}.pssql", late)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    reasons: list[str] = []

    def note(event: FleetEvent) -> None:
        if event.state is State.WAITING:
            reasons.append(event.reason or "")

    url = fleet.server.url(target.database)
    async with await AsyncConnection.connect(url) as first, await AsyncConnection.connect(url) as second:
        await first.execute("INSERT INTO notes DEFAULT VALUES")
        await second.execute("INSERT INTO more VALUES (1)")
        running = asyncio.create_task(apply_fleet([target], fleet.source, on_event=note))
        for writer in (first, second):
            while fleet.rows("postgres", end, target.database) != [(True,)]:
                await asyncio.sleep(0.02)
            await writer.commit()
    (report,) = (await running).results
    assert len(reasons) >= 2 and (report.status.value, report.error) == ("applied", None)
    assert {"one", "001_late.pssql", "002_last.pssql"} <= {each.step.key.name for each in report.steps}


async def test_a_named_canary_goes_first_and_stops_the_run_when_it_fails(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    fleet.rows(targets[1].database, "INSERT INTO notes (body) VALUES ('first')")
    report = await apply_fleet(targets, fleet.source, fan=FanoutOptions(canary="b"))
    assert told(report.results) == ["fleet_failed", "migration_failed", "fleet_failed"]
    with pytest.raises(UsageError, match="the canary z is none"):
        await apply_fleet(targets, fleet.source, fan=FanoutOptions(canary="z"))
    with pytest.raises(UsageError, match="the canary ² is none"):
        await apply_fleet(targets, fleet.source, fan=FanoutOptions(canary="²"))
    numbered = replace(targets[0], owner=v2_owner(fleet.name, "app", "2"))
    with pytest.raises(UsageError, match="2 is a tenant, and may be a number"):
        await apply_fleet([numbered, *targets[1:]], fleet.source, fan=FanoutOptions(canary="2"))
    default = await apply_fleet(targets, fleet.source)
    assert told(default.results) == ["applied", "migration_failed", "applied"]


async def test_stop_on_error_starts_nothing_more(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c", "d")
    fleet.rows(targets[0].database, "INSERT INTO notes (body) VALUES ('first')")
    report = await apply_fleet(targets, fleet.source, fan=FanoutOptions(stop_on_error=True, concurrency=1))
    assert told(report.results) == ["migration_failed", *["fleet_failed"] * 3]
    assert "not attempted: " in (report.results[3].error.message if report.results[3].error else "")


async def test_a_forced_stop_rolls_back_what_runs_and_reports_all(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    stop = Stop()
    async with await AsyncConnection.connect(fleet.server.url(targets[0].database)) as long_transaction:
        await long_transaction.execute("SELECT count(*) FROM notes")
        running = asyncio.create_task(apply_fleet(targets, fleet.source, stop=stop))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        while fleet.rows("postgres", waiting, targets[0].database) == [(0,)]:
            await asyncio.sleep(0.02)
        stop.force("interrupted")
        report = await running
    messages = [each.error.message if each.error else "" for each in report.results]
    assert messages[0].startswith("interrupted while it was deployed: rolled back")
    assert messages[1:] == ["not attempted: interrupted"] * 2
    assert told((await apply_fleet(targets, fleet.source)).results) == ["applied"] * 3


async def test_a_wrong_folder_touches_nothing(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a")
    fleet.write("functions/broken.pssql", "CREATE FUNCTION (")
    with pytest.raises((SyntaxFailure, SourceErrors)):
        await apply_fleet(targets, fleet.source)


async def test_databases_of_the_original_are_found_by_name_where_it_is_certain(fleet: Fleet) -> None:
    name = fleet.name
    fleet.registry.register(name)
    for database in (f"{name}_main", f"{name}_x", f"{name}_y_main", f"{name}_y_z"):
        fleet.rows("postgres", f"CREATE DATABASE {database}")
    found = await find_database(fleet.registry, fleet.url, v1_owner(name, None))
    assert found is not None and found.database == f"{name}_main"
    assert await find_database(fleet.registry, fleet.url, v1_owner(name, "x")) is not None
    assert await find_database(fleet.registry, fleet.url, v1_owner(name, "nobody")) is None
    fleet.registry.register(f"{name}_y")
    for owner in (v1_owner(name, "y_main"), v1_owner(name, "y_z"), v1_owner(f"{name}_y", "z")):
        with pytest.raises(PlatformIsolationViolation, match="cannot be told whose"):
            await find_database(fleet.registry, fleet.url, owner)
    assert await find_database(fleet.registry, fleet.url, v1_owner(f"{name}_y", None)) is not None
    with pytest.raises(PlatformIsolationViolation, match="belongs to another platform"):
        await find_database(fleet.registry, fleet.url, v1_owner(name, "y_main"))


def test_as_many_at_a_time_as_there_are_locks_for() -> None:
    default = Capacity(sessions=90, locks=64 * 100)
    assert databases_at_once(count_locks(30, 30), default, 8) == 8
    assert databases_at_once(count_locks(400, 400), default, 8) == 1
    assert databases_at_once(count_locks(5000, 5000), default, 8) == 1
    assert FanoutOptions(concurrency=8, max_connections=6).width == 2
