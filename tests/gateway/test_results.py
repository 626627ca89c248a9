"""What clients read of a deployment, from reports made by hand: counts, refusals, a result for every database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stonegate.database.tenants.make import Made
from stonegate.gateway.deploy.results import (
    blocked_only_by_drift,
    count_routines,
    error_body,
    summary_of_fleet,
    summary_of_made,
    summary_of_single,
)
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, Mode, Phase, Plan, PlanSource, Step
from stonegate.model.report import ApplyReport, ErrorReport, FleetReport, SeedReport, Status, StepReport
from stonegate.source.files.archive import Caps
from stonegate.source.files.tree import read_archive
from stonegate.source.lazy import LazySource
from tests.gateway.gateway import pack

FUNCTIONS = "; ".join(f"CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT {n}'" for n in range(4))
TABLES = "CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE other (id int); COMMENT ON TABLE item IS 'x'"
FILES = {
    "extensions/citext.sql": "CREATE EXTENSION citext",
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('ok'); CREATE TYPE pair AS (a int); CREATE TYPE way AS ENUM ('in')",
    "functions/f.sql": FUNCTIONS,
    "migrations/1.sql": "UPDATE item SET id = 1",
    "migrations/2.sql": "-- stonegate: run-on-fresh\nUPDATE item SET id = 2",
    "migrations/3.sql": "UPDATE item SET id = 3",
}
REFUSED = ErrorReport(
    code="drift", message="no", exit_code=1, http_status=409, hint="--allow-drift", details=("a", "b")
)
FAILED = ErrorReport(
    code="migration_failed", message="broke", exit_code=1, http_status=500, cause="x", sqlstate="22012"
)
AWAY = ErrorReport(code="connection_failed", message="away", exit_code=1, http_status=503)
NOTHING: dict[str, Any] = {"skip_verification": False, "dry_run": False}


def source_of(files: dict[str, str]) -> LazySource:
    """A folder."""
    return LazySource.of_bytes("schema", read_archive(pack(files), "schema", caps=Caps()))


SOURCE = source_of(FILES | {"tables/item.sql": TABLES})


def step(action: Action, kind: ObjectKind, name: str, *changes: Change) -> StepReport:
    """A step that was done."""
    key = ObjectKey(kind, "public", name)
    made = Step(id=f"{action} {kind} {name}", action=action, phase=Phase.TABLES, key=key, changes=changes)
    return StepReport(step=made)


def change(kind: ChangeClass, name: str, reason: str = "") -> Change:
    """A difference."""
    key = ObjectKey(ObjectKind.TABLE, "public", name)
    return Change(action=Action.ALTER, key=key, aspect="x", change_class=kind, reason=reason)


def plan_with(*blocked: Blocked) -> Plan:
    """A plan that may not be carried out."""
    return Plan(mode=Mode.CHANGE, source=PlanSource(fingerprint="f", digest="d", path="p"), blocked=blocked)


STEPS = (
    step(Action.CREATE, ObjectKind.EXTENSION, "citext"),
    step(Action.CREATE, ObjectKind.TYPE, "mood"),
    step(Action.RECREATE, ObjectKind.TYPE, "pair"),
    step(Action.ALTER, ObjectKind.TYPE, "way"),
    step(Action.CREATE, ObjectKind.TABLE, "item"),
    step(Action.CREATE, ObjectKind.TABLE, "item"),
    step(Action.RECREATE, ObjectKind.TABLE, "other"),
    step(Action.RUN, ObjectKind.MIGRATION, "1"),
    step(Action.RUN, ObjectKind.MIGRATION, "2"),
    step(Action.RUN, ObjectKind.MIGRATION, "3"),
    step(Action.BASELINE, ObjectKind.MIGRATION, "4"),
    step(Action.REPLACE, ObjectKind.ROUTINE, "f0"),
    step(Action.DROP, ObjectKind.ROUTINE, "f9"),
)
DONE = ApplyReport(
    status=Status.APPLIED,
    database="shop_main",
    steps=STEPS,
    seeds=(SeedReport(table="item", expected=5, found=4, inserted=2),),
    duration_ms=1.6,
)
COUNTS = {
    "extensions_installed": 1,
    "types_deployed": 2,
    "tables_created": 1,
    "migrations_applied": 3,
    "migrations_baselined": 1,
    "functions_deployed": 1,
    "functions_skipped": 3,
}
SEEDERS = [{"table": "item", "inserted": 2, "skipped": 3}]


def having(report: ApplyReport, **more: Any) -> ApplyReport:
    """The same with other fields."""
    return msgspec.structs.replace(report, **more)


def test_a_new_database_has_all_of_the_folder() -> None:
    made = summary_of_made(Made(created=True, seeds=DONE.seeds), "shop_main", SOURCE)
    assert (made.status, made.touched, made.results) == (200, ("shop_main",), (("shop_main", "created"),))
    assert made.body == {
        "status": "created",
        "database": "shop_main",
        "created": True,
        "extensions_installed": 1,
        "types_deployed": 3,
        "tables_created": 2,
        "functions_deployed": 4,
        "functions_skipped": 0,
        "migrations_applied": 1,
        "migrations_baselined": 2,
        "seeders": SEEDERS,
    }
    bare = summary_of_made(Made(created=False, report=DONE), "shop_main", source_of(FILES)).body
    assert (bare["migrations_applied"], bare["migrations_baselined"], bare["created"]) == (3, 0, False)
    failed = summary_of_made(Made(created=False, report=having(DONE, error=FAILED)), "shop_main", SOURCE)
    assert (failed.status, failed.body["error"], failed.touched) == (500, "migration_failed", ())


def test_what_was_done_is_counted_once() -> None:
    assert count_routines(SOURCE) == 4
    done = summary_of_single(DONE, SOURCE)
    assert done.body == {"status": "ready", "database": "shop_main", "created": False, **COUNTS, "seeders": SEEDERS}
    assert (done.status, done.touched, done.results) == (200, ("shop_main",), (("shop_main", "applied"),))
    same = having(DONE, status=Status.UNCHANGED, steps=(), seeds=(), warnings=("w", "v", "w"))
    told = summary_of_single(same, SOURCE, superseded=True, warnings=("u", "v"))
    assert (told.touched, told.results) == ((), (("shop_main", "unchanged"),))
    assert (told.body["superseded"], told.body["warnings"]) == (True, ["w", "v", "u"])
    assert (told.body["functions_deployed"], told.body["functions_skipped"]) == (0, 4)
    every = having(DONE, steps=tuple(step(Action.CREATE, ObjectKind.ROUTINE, f"f{n}") for n in range(4)))
    assert summary_of_single(every, SOURCE).body["functions_skipped"] == 0


def test_a_refusal_speaks_to_clients_of_the_gateway() -> None:
    assert error_body(REFUSED, "d") == {
        "error": "drift",
        "message": "no; a; b",
        "database": "d",
        "hint": "allow_drift=true",
    }
    assert error_body(FAILED, "d") == {
        "error": "migration_failed",
        "message": "broke",
        "database": "d",
        "cause": "x",
        "sqlstate": "22012",
    }
    hint = "--allow drop_table:t, --seed-missing, --lock-timeout 5"
    said = error_body(msgspec.structs.replace(FAILED, hint=hint), "d")["hint"]
    assert said == "allow=drop_table:t, seed_missing=true, STONEGATE_LOCK_TIMEOUT 5"
    blocked = Blocked(object="table t", reason="is full", change_class=ChangeClass.DATALOSS)
    report = having(DONE, status=Status.BLOCKED, steps=(), error=REFUSED, plan=plan_with(blocked))
    refused = summary_of_single(report, SOURCE)
    assert (refused.status, refused.touched, refused.results) == (409, (), (("shop_main", "blocked"),))
    assert refused.body["hint"] == "POST /migrate with allow_drift=true"
    assert refused.body["schema_validation"] == {
        "safe_changes": [],
        "dataloss_changes": ["table t: is full"],
        "incompatible_changes": [],
    }
    other = having(DONE, error=msgspec.structs.replace(REFUSED, hint="try again"))
    assert summary_of_single(other, SOURCE).body["hint"] == "try again"
    assert "schema_validation" not in summary_of_single(other, SOURCE).body


def test_several_databases_have_a_result_each() -> None:
    again = having(DONE, database="shop_a", status=Status.UNCHANGED, steps=(), seeds=(), duration_ms=0.2)
    gone = having(again, database="shop_b", status=Status.DROPPED)
    fleet = summary_of_fleet(FleetReport(results=(DONE, again, gone)), SOURCE, **NOTHING)
    first, second, third = fleet.body.pop("results")
    assert first == {
        "database": "shop_main",
        "status": "applied",
        "migrations_applied": 3,
        "functions_updated": 1,
        "functions_skipped": 3,
        "tables_created": 1,
        "execution_time_ms": 2,
        "error": None,
    }
    assert (second["status"], second["functions_skipped"], third["status"]) == ("unchanged", 4, "dropped")
    assert fleet.body == {
        "status": "completed",
        "databases_updated": ["shop_main", "shop_a"],
        "migrations_applied": 3,
        "functions_updated": 1,
        "functions_skipped": 11,
        "tables_created": 1,
        "seeder_validations": [{"table": "item", "expected": 5, "found": 4}],
        "schema_validation": {"safe_changes": [], "dataloss_changes": [], "incompatible_changes": []},
        "verification": {
            "passed": True,
            "extensions_verified": True,
            "types_verified": True,
            "tables_verified": True,
            "functions_verified": True,
            "seeders_verified": True,
            "error_log": None,
        },
    }
    assert (fleet.status, fleet.touched) == (200, ("shop_main",))
    assert fleet.results == (("shop_main", "applied"), ("shop_a", "unchanged"), ("shop_b", "dropped"))


def test_what_is_said_of_all_of_them() -> None:
    again = having(DONE, database="shop_a", status=Status.UNCHANGED, steps=())
    both = FleetReport(results=(DONE, again))
    rehearsed = summary_of_fleet(both, SOURCE, dry_run=True, skip_verification=True)
    assert (rehearsed.body["status"], rehearsed.body["databases_updated"]) == ("dry_run", ["shop_main"])
    assert rehearsed.touched == () and rehearsed.body["verification"]["passed"] is False
    assert "warnings" not in rehearsed.body
    warned = summary_of_fleet(both, SOURCE, **NOTHING, warnings=("w",))
    assert (warned.body["status"], warned.body["warnings"]) == ("completed_with_warnings", ["w"])
    one = FleetReport(results=(DONE, having(again, warnings=("v", "v"))))
    warned = summary_of_fleet(one, SOURCE, **NOTHING)
    assert (warned.body["status"], warned.body["results"][1]["warnings"]) == ("completed_with_warnings", ["v"])
    assert "warnings" not in warned.body["results"][0]
    safe, loss = change(ChangeClass.SAFE, "a", "adds a"), change(ChangeClass.DATALOSS, "b")
    steps = (step(Action.ALTER, ObjectKind.TABLE, "a", safe, loss), step(Action.ALTER, ObjectKind.TABLE, "a", safe))
    changed = having(DONE, steps=steps)
    said = summary_of_fleet(FleetReport(results=(changed, changed)), SOURCE, **NOTHING).body["schema_validation"]
    assert said == {"safe_changes": ["adds a"], "dataloss_changes": [loss.identity], "incompatible_changes": []}


@pytest.mark.parametrize(
    ("errors", "status", "code", "message"),
    [
        ([REFUSED], 409, "drift", "no; a; b"),
        ([FAILED], 500, "migration_failed", "broke"),
        ([AWAY], 503, "connection_failed", "away"),
        ([AWAY, AWAY], 500, "migration_failed", "2 of 2 databases failed; d0: away"),
        ([REFUSED, None], 409, "migration_blocked", "1 of 2 databases failed; d0: no; a; b"),
        ([None, REFUSED, REFUSED], 409, "migration_blocked", "2 of 3 databases failed; d1: no; a; b"),
        ([REFUSED, FAILED], 500, "migration_failed", "2 of 2 databases failed; d0: no; a; b"),
        ([FAILED, None], 500, "migration_failed", "1 of 2 databases failed; d0: broke"),
    ],
)
def test_one_that_failed_fails_them_all(errors: list[ErrorReport | None], status: int, code: str, message: str) -> None:
    ends = [Status.APPLIED if error is None else Status.FAILED for error in errors]
    reports = tuple(
        having(DONE, database=f"d{number}", status=end, error=error, warnings=("w",) if error else ())
        for number, (end, error) in enumerate(zip(ends, errors, strict=True))
    )
    told = summary_of_fleet(FleetReport(results=reports), SOURCE, **NOTHING)
    assert (told.status, told.body["error"], told.body["message"]) == (status, code, message)
    assert told.body["status"] == "failed" and told.body["verification"]["passed"] is False
    good = [report.database for report in reports if report.error is None]
    assert told.body["databases_updated"] == list(told.touched) == good
    assert [name for name, _ in told.results] == [each["database"] for each in told.body["results"]]
    log = [f"{each.database}: {'; '.join((each.error.message, *each.error.details))}" for each in reports if each.error]
    assert told.body["verification"]["error_log"] == "\n".join(log)
    bad = next(each for each in told.body["results"] if each["error"] is not None)
    assert (bad["functions_skipped"], set(bad) - {"warnings"}) == (
        0,
        {
            *("database", "status", "execution_time_ms", "error", "code", "cause", "hint", "sqlstate"),
            *("migrations_applied", "functions_updated", "functions_skipped", "tables_created"),
        },
    )
    first = next(error for error in errors if error is not None)
    assert (bad["error"], bad["code"]) == ("; ".join((first.message, *first.details)), first.code)
    assert (bad["cause"], bad["sqlstate"]) == (first.cause, first.sqlstate)
    assert bad["hint"] == ("allow_drift=true" if first is REFUSED else None)


def test_drift_alone_is_told_from_other_obstacles() -> None:
    drift, other = Blocked(code="drift", object="t", reason="r"), Blocked(object="t", reason="r")
    plans = (plan_with(), plan_with(drift, drift), plan_with(drift, other), plan_with(other))
    assert [blocked_only_by_drift(plan) for plan in plans] == [False, True, False, False]
