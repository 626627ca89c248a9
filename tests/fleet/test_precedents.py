"""Databases that stand where the first one of a fleet stood: they repeat what it did, or go the long way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from stonegate.database import deployment, precedents
from stonegate.database.cache import Cache
from stonegate.database.connect import connect
from stonegate.database.executor.job import Execution
from stonegate.database.survey import ApplyOptions
from stonegate.database.tracking import kept_catalogs
from stonegate.database.tracking.state import read_recorded
from stonegate.fleet.fanout import FanoutOptions, apply_fleet
from stonegate.fleet.names import v2_owner
from stonegate.fleet.targets import Target, resolve_targets
from stonegate.fleet.tenants import create_tenants
from stonegate.model.catalog import Catalog
from stonegate.model.report import ApplyReport, FleetReport
from tests.fleet.conftest import FUNCTION, Fleet

AGAIN = FUNCTION.replace("count(*)", "count(*) + {}")
#: What a deployment records, but for numbers, times, and what the database's name and number are part of.
RECORDS = {
    "functions": "to_jsonb(t) - '{id,deployed_at,plan_checksum}'::text[]",
    "tables": "to_jsonb(t) - '{id,deployed_at,plan_checksum}'::text[]",
    "migrations": "to_jsonb(t) - '{id,executed_at,plan_checksum}'::text[]",
    "changelog": "to_jsonb(t) - '{id,executed_at,plan_checksum}'::text[]",
    "deployments": "to_jsonb(t) - '{id,deployed_at,plan_checksum,stamp,duration_ms}'::text[]",
}
#: Tables with a row for each of two deployments that followed the clone, and the last id before these.
NEW = (("changelog", "(SELECT max(id) - 2 FROM _stonescriptdb_gateway_changelog)"), ("deployments", "1"))
#: An event trigger that ends every CREATE FUNCTION.
REFUSER = """CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not today'; END $$;
CREATE EVENT TRIGGER refuser ON ddl_command_start WHEN TAG IN ('CREATE FUNCTION') EXECUTE FUNCTION refuse()"""

#: One that lets them wait.
SLEEPER = REFUSER.replace("RAISE EXCEPTION 'not today'", "PERFORM pg_sleep(20)")


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Databases on which it was tried, in the order of the outcomes, and whether it was possible."""
    seen: list[tuple[str, bool]] = []
    real = precedents.repeat

    async def note(conn: psycopg.AsyncConnection[Any], *given: Any) -> Execution | None:
        execution = await real(conn, *given)
        seen.append((conn.info.dbname, execution is not None))
        return execution

    monkeypatch.setattr(precedents, "repeat", note)
    monkeypatch.setattr(precedents, "_PRECEDENTS", Cache(8))  # none of another test's
    return seen


async def tenants(fleet: Fleet, *ids: str) -> tuple[Target, ...]:
    fleet.write("functions/count_more.pssql", FUNCTION.replace("count_notes", "count_more"))
    fleet.registry.register(fleet.name)
    await create_tenants(fleet.registry, fleet.url, fleet.source, [v2_owner(fleet.name, "app", each) for each in ids])
    return resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)


async def release(fleet: Fleet, targets: tuple[Target, ...], number: int, **options: Any) -> FleetReport:
    """Deploy a folder whose function was changed; one database at a time."""
    fleet.write("functions/count_notes.pssql", AGAIN.format(number))
    return await apply_fleet(targets, fleet.source, ApplyOptions(**options), FanoutOptions(concurrency=1))


def told(report: FleetReport) -> list[str]:
    return [each.status.value if each.error is None else each.error.code for each in report.results]


def records(fleet: Fleet, target: Target) -> dict[str, list[tuple[object, ...]]]:
    made = "to_jsonb(t) ->> 'change_type' IS DISTINCT FROM 'clone_database'"  # a row that names the database
    return {
        table: fleet.rows(
            target.database, f"SELECT {what} FROM _stonescriptdb_gateway_{table} AS t WHERE {made} ORDER BY id"
        )
        for table, what in RECORDS.items()
    }


def essence(report: ApplyReport) -> tuple[object, ...]:
    steps = [(each.step.id, each.state, each.rows) for each in report.steps]
    return (report.status, steps, report.seeds, report.warnings, report.verified, report.counts)


async def test_the_others_do_and_record_what_the_first_one_did(
    any_fleet: Fleet, repeated: list[tuple[str, bool]]
) -> None:
    targets = await tenants(any_fleet, "a", "b", "c")
    for number in (1, 2):
        report = await release(any_fleet, targets, number)
        assert told(report) == ["applied"] * 3
        assert [essence(each) for each in report.results[1:]] == [essence(report.results[0])] * 2
        plans = [each.plan for each in report.results]
        assert [plan.target.database if plan and plan.target else "" for plan in plans] == [t.database for t in targets]
        assert all(each.duration_ms > 0 for each in report.results)
    assert repeated == [(target.database, True) for target in targets[1:]] * 2
    first, *others = (records(any_fleet, target) for target in targets)
    for table in RECORDS:
        assert [each[table] for each in others] == [first[table]] * 2, table
    for target in targets:
        assert any_fleet.rows(target.database, "SELECT count_notes()") == [(4,)]
        durations = any_fleet.rows(target.database, "SELECT duration_ms FROM _stonescriptdb_gateway_deployments")
        assert all(0 < row[0] < 60_000 for row in durations)  # type: ignore[operator]
        numbers = "SELECT plan_checksum FROM _stonescriptdb_gateway_{} WHERE id > {} ORDER BY id"
        changed, deployed = (any_fleet.rows(target.database, numbers.format(*t)) for t in NEW)
        assert changed == deployed and len(set(deployed)) == 2
    assert told(await apply_fleet(targets, any_fleet.source)) == ["unchanged"] * 3


async def test_a_database_that_stands_elsewhere_goes_the_long_way(
    fleet: Fleet, repeated: list[tuple[str, bool]]
) -> None:
    targets = await tenants(fleet, "a", "b", "c", "d")
    assert told(await release(fleet, targets[3:], 1)) == ["applied"]
    fleet.rows(targets[1].database, "CREATE OR REPLACE FUNCTION count_more() RETURNS bigint LANGUAGE sql AS 'SELECT 7'")
    assert told(await release(fleet, targets, 2)) == ["applied", "applied", "applied", "applied"]
    assert repeated == [(targets[2].database, True)]
    assert fleet.rows(targets[1].database, "SELECT count_more()") == [(2,)]
    assert {row for target in targets for row in fleet.rows(target.database, "SELECT count_notes()")} == {(4,)}


async def drift(fleet: Fleet, database: str) -> None:
    fleet.rows(database, "ALTER TABLE notes ALTER body SET DEFAULT 'by hand'")


async def lack(fleet: Fleet, database: str) -> None:
    fleet.rows(database, "DELETE FROM notes WHERE id = 2")


async def refuse(fleet: Fleet, database: str) -> None:
    fleet.rows(database, REFUSER)


@pytest.mark.parametrize(
    ("harm", "code"),
    [(drift, "drift"), (lack, "missing_seed"), (refuse, "function_deploy_failed")],
)
async def test_what_goes_otherwise_is_rolled_back_and_told_as_ever(
    fleet: Fleet, repeated: list[tuple[str, bool]], harm: Callable[[Fleet, str], Any], code: str
) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    await harm(fleet, targets[1].database)
    before = records(fleet, targets[1])
    report = await release(fleet, targets, 1)
    assert told(report) == ["applied", code, "applied"]
    assert fleet.rows(targets[1].database, "SELECT count_notes() <= 2") == [(True,)]
    assert records(fleet, targets[1]) == before
    alone = await apply_fleet(targets[1:2], fleet.source)
    assert (alone.results[0].error, alone.results[0].status) == (report.results[1].error, report.results[1].status)
    if code == "function_deploy_failed":
        error = report.results[1].error
        assert error is not None and error.cause == "not today" and "count_notes.pssql:1" in error.message
    assert (targets[2].database, True) in repeated


async def test_a_label_is_looked_at_before_anything_is_repeated(fleet: Fleet) -> None:
    targets = await tenants(fleet, "a", "b")
    ((label,),) = fleet.rows(
        "postgres",
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{targets[1].database}'",
    )
    fleet.rows("postgres", f"COMMENT ON DATABASE {targets[1].database} IS '{str(label).replace(fleet.name, 'other')}'")
    report = await release(fleet, targets, 1)
    assert told(report) == ["applied", "platform_isolation_violation"]
    assert fleet.rows(targets[1].database, "SELECT count_notes()") == [(2,)]


@pytest.mark.parametrize("options", [{"dry_run": True}, {"skip_verification": True}])
async def test_nothing_is_repeated_that_was_not_proven(
    fleet: Fleet, repeated: list[tuple[str, bool]], options: dict[str, bool]
) -> None:
    targets = await tenants(fleet, "a", "b")
    report = await release(fleet, targets, 1, **options)
    assert told(report) == ["dry_run" if "dry_run" in options else "applied"] * 2
    assert repeated == []


async def test_what_somebody_commits_meanwhile_is_not_taken_for_ours(
    fleet: Fleet, repeated: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = await tenants(fleet, "a", "b")
    real = precedents.aim

    def aim(*given: Any) -> Any:
        fleet.rows(
            targets[1].database, "CREATE OR REPLACE FUNCTION count_more() RETURNS bigint LANGUAGE sql AS 'SELECT 7'"
        )
        return real(*given)

    monkeypatch.setattr(precedents, "aim", aim)
    assert told(await release(fleet, targets, 1)) == ["applied", "applied"]
    assert repeated == [(targets[1].database, False)]
    assert fleet.rows(targets[1].database, "SELECT count_more()") == [(2,)]


async def test_how_rows_are_looked_up_is_not_learned_where_somebody_changed_the_table(
    fleet: Fleet, repeated: list[tuple[str, bool]]
) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    fleet.rows(targets[0].database, "ALTER TABLE notes DROP CONSTRAINT notes_pkey")
    fleet.rows(targets[1].database, "UPDATE notes SET body = 'as somebody likes it' WHERE id = 1")
    assert told(await release(fleet, targets, 1)) == ["drift", "applied", "applied"]
    fleet.rows(targets[2].database, "DELETE FROM notes WHERE id = 1")
    assert told(await release(fleet, targets[1:], 2)) == ["applied", "missing_seed"]


async def test_a_statement_that_takes_too_long_is_not_tried_twice(
    fleet: Fleet, repeated: list[tuple[str, bool]]
) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    fleet.rows(targets[1].database, SLEEPER)
    report = await release(fleet, targets, 1, statement_timeout_s=0.3)
    assert told(report) == ["applied", "function_deploy_failed", "applied"]
    alone = await apply_fleet(targets[1:2], fleet.source, ApplyOptions(statement_timeout_s=0.3))
    assert alone.results[0].error == report.results[1].error
    assert [name for name, _ in repeated] == [targets[2].database]


async def test_a_lock_on_the_records_is_waited_for(fleet: Fleet, repeated: list[tuple[str, bool]]) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    with psycopg.connect(fleet.server.url(targets[1].database)) as other:
        other.execute("LOCK TABLE _stonescriptdb_gateway_functions IN ACCESS EXCLUSIVE MODE")
        release_it = threading.Timer(0.9, other.rollback)
        release_it.start()
        report = await release(fleet, targets, 1, lock_timeout_s=0.5)
        release_it.join()
    assert told(report) == ["applied"] * 3
    assert repeated == [(targets[2].database, True)]


async def test_what_comes_of_records_that_changed_after_the_look_is_not_repeated(
    fleet: Fleet, repeated: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    real = deployment.lock_and_look

    async def look(conn: psycopg.AsyncConnection[Any], *given: Any) -> Any:
        found = await real(conn, *given)
        if conn.info.dbname == targets[0].database:
            fleet.rows(conn.info.dbname, "DELETE FROM _stonescriptdb_gateway_functions")
        return found

    monkeypatch.setattr(deployment, "lock_and_look", look)
    assert told(await release(fleet, targets, 1)) == ["applied"] * 3
    assert repeated == [(targets[2].database, True)]


async def test_a_catalog_that_is_passed_off_as_another_is_nobody_elses(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = await tenants(fleet, "a", "b")
    for target in targets:
        monkeypatch.setattr(kept_catalogs, "_KNOWN", Cache(12))
        async with await connect(fleet.server.url(target.database)) as conn:
            recorded = await read_recorded(conn, is_deployed=True, presume=True)
            assert (recorded.essence != "") == (target is targets[0])
        forge = "UPDATE _stonescriptdb_gateway_deployments SET catalog = %s"
        fleet.rows(targets[1].database, forge, kept_catalogs.compress(Catalog()))


async def test_who_deployed_first_decides_what_is_warned_of(fleet: Fleet, repeated: list[tuple[str, bool]]) -> None:
    targets = await tenants(fleet, "a", "b", "c")
    role = f"{fleet.name}_owner"
    fleet.rows("postgres", f"CREATE ROLE {role}")
    for target in targets:
        fleet.rows("postgres", f"ALTER DATABASE {target.database} OWNER TO {role}")
    fleet.rows(targets[0].database, f"ALTER TABLE _stonescriptdb_gateway_deployments OWNER TO {role}")
    assert told(await release(fleet, targets, 1)) == ["applied"] * 3
    fleet.write("functions/count_again.pssql", FUNCTION.replace("count_notes", "count_again"))
    report = await release(fleet, targets, 2)
    assert [len(each.warnings) for each in report.results] == [1, 0, 0]
    assert repeated[-1] == (targets[2].database, True)
