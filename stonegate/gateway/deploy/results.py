"""What clients read of a deployment: counts per kind, seeders, verification, a result for every database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from stonegate.database.tenants.make import Made
from stonegate.errors import every_error
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass, Plan
from stonegate.model.report import ApplyReport, ErrorReport, FleetReport, SeedReport, Status
from stonegate.model.source import SourceTree, Verb
from stonegate.source.lazy import LazySource

#: What hints call by its option, as clients of the gateway say it.
_OPTIONS = {
    "--allow-drift": "allow_drift=true",
    "--allow ": "allow=",
    "--seed-missing": "seed_missing=true",
    "--lock-timeout": "STONEGATE_LOCK_TIMEOUT",
}
#: The counts that `/migrate` tells of each database and of all together, and what `counts_of` calls them.
_TOLD = {
    "migrations_applied": "migrations_applied",
    "functions_updated": "functions_deployed",
    "functions_skipped": "functions_skipped",
    "tables_created": "tables_created",
}
_DEPLOYING = frozenset({Action.CREATE, Action.REPLACE, Action.RECREATE})


class Outcome(Struct, frozen=True, kw_only=True):
    """An answer's status and body, and the databases whose connections must be made anew."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    touched: tuple[str, ...] = ()
    results: tuple[tuple[str, str], ...] = ()  # database and status, for the metrics


def summary_of_made(made: Made, database: str, source: LazySource) -> Outcome:
    """A new database: everything in the folder is in it."""
    if made.report is not None and made.report.error is not None:
        return failure_of_report(made.report)
    tree = source.tree()
    counts = _count_items(tree)
    runs = sum(m.run_on_fresh for m in tree.migrations) if _has_tables(tree) else len(tree.migrations)
    body = {
        "status": "created",
        "database": database,
        "created": made.created,
        **counts,
        "migrations_applied": runs,
        "migrations_baselined": len(tree.migrations) - runs,
        "functions_skipped": 0,
        "seeders": _seeders(made.seeds),
    }
    return Outcome(body=body, touched=(database,), results=((database, "created"),))


def summary_of_single(
    report: ApplyReport, source: LazySource, *, superseded: bool = False, warnings: Iterable[str] = ()
) -> Outcome:
    """`/register` of a database that is there."""
    if report.error is not None:
        return failure_of_report(report)
    counts = counts_of(report, count_routines(source))
    body: dict[str, Any] = {"status": "ready", "database": report.database, "created": False, **counts}
    body["seeders"] = _seeders(report.seeds)
    told = (*report.warnings, *warnings)
    if superseded:
        body["superseded"] = True
    if told:
        body["warnings"] = list(dict.fromkeys(told))
    return Outcome(body=body, touched=_touched([report]), results=((report.database, report.status.value),))


def _seeders(reports: Iterable[SeedReport]) -> list[dict[str, Any]]:
    return [
        {"table": each.table, "inserted": each.inserted, "skipped": each.expected - each.inserted} for each in reports
    ]


def failure_of_report(report: ApplyReport) -> Outcome:
    """A database that was not brought to the folder's state, as the answer."""
    error = report.error
    assert error is not None
    body = error_body(error, report.database)
    if body.get("hint", "").startswith("allow"):
        body["hint"] = f"POST /migrate with {body['hint']}"  # /register takes no consents
    if report.plan is not None:
        body["schema_validation"] = validation_of([report])
    return Outcome(status=error.http_status, body=body, results=((report.database, report.status.value),))


def error_body(error: ErrorReport, database: str) -> dict[str, Any]:
    """The flat envelope of a failure that came back as a value."""
    code = next(kind.public_code() for kind in every_error() if kind.code == error.code)
    body: dict[str, Any] = {"error": code, "message": "; ".join((error.message, *error.details)), "database": database}
    hint = error.hint
    for option, name in _OPTIONS.items():
        hint = hint and hint.replace(option, name)
    optional = {"cause": error.cause, "hint": hint, "sqlstate": error.sqlstate}
    return body | {key: value for key, value in optional.items() if value}


def count_routines(source: LazySource) -> int:
    """How many routines the folder declares."""
    return _count_items(source.tree())["functions_deployed"]


def counts_of(report: ApplyReport, routines: int) -> dict[str, int]:
    """How many things of each kind the apply deployed; of the declared routines the others were as declared."""
    steps = [each.step for each in report.steps]

    def count(kinds: frozenset[ObjectKind], actions: frozenset[Action] = _DEPLOYING) -> int:
        return len({step.key for step in steps if step.kind in kinds and step.action in actions})

    deployed = count(frozenset({ObjectKind.ROUTINE}))
    return {
        "extensions_installed": count(frozenset({ObjectKind.EXTENSION})),
        "types_deployed": count(frozenset({ObjectKind.TYPE})),
        "tables_created": count(frozenset({ObjectKind.TABLE}), frozenset({Action.CREATE})),
        "migrations_applied": sum(step.action is Action.RUN for step in steps),
        "migrations_baselined": sum(step.action is Action.BASELINE for step in steps),
        "functions_deployed": deployed,
        "functions_skipped": max(routines - deployed, 0) if report.error is None else 0,
    }


def result_of(report: ApplyReport, routines: int) -> dict[str, Any]:
    """One database among several; `routines` are declared by the folder."""
    counts = counts_of(report, routines)
    body: dict[str, Any] = {
        "database": report.database,
        "status": report.status.value,
        **{name: counts[count] for name, count in _TOLD.items()},
        "execution_time_ms": round(report.duration_ms),
        "error": None,
    }
    if report.error is not None:
        failure = error_body(report.error, report.database)
        body |= {"error": failure["message"], "code": failure["error"], "cause": failure.get("cause")}
        body |= {"hint": failure.get("hint"), "sqlstate": failure.get("sqlstate")}
    if report.warnings:
        body["warnings"] = list(dict.fromkeys(report.warnings))
    return body


def summary_of_fleet(
    report: FleetReport, source: LazySource, *, dry_run: bool, skip_verification: bool, warnings: tuple[str, ...] = ()
) -> Outcome:
    """`/migrate`: 200 if all finished, else the worst that happened, always with a result for every database.

    Args:
        warnings: about the deployment as a whole.
    """
    routines = count_routines(source)
    results = [result_of(each, routines) for each in report.results]
    done = [each for each in report.results if each.error is None and each.status is not Status.DROPPED]
    each_database = [counts_of(each, routines) for each in report.results]
    warned = bool(warnings) or any(each.warnings for each in done)
    status = "dry_run" if dry_run else "completed_with_warnings" if warned else "completed"
    body: dict[str, Any] = {
        "status": status,
        "databases_updated": [each.database for each in done if each.status is not Status.UNCHANGED or not dry_run],
        **{name: sum(counts[count] for counts in each_database) for name, count in _TOLD.items()},
        "seeder_validations": [
            {"table": seed.table, "expected": seed.expected, "found": seed.found}
            for each in report.results
            for seed in each.seeds
        ],
        "schema_validation": validation_of(report.results),
        "verification": _verification(report, skipped=skip_verification),
        "results": results,
    }
    if warnings:
        body["warnings"] = list(warnings)
    touched = () if dry_run else _touched(done)
    facts = tuple((each.database, each.status.value) for each in report.results)
    failed = [each for each in report.results if each.error is not None]
    if not failed:
        return Outcome(body=body, touched=touched, results=facts)
    return Outcome(
        status=_worst(failed, len(results)), body=body | _failure(failed, len(results)), touched=touched, results=facts
    )


def _worst(failed: list[ApplyReport], total: int) -> int:
    statuses = {each.error.http_status for each in failed if each.error is not None}
    if total == 1:
        return statuses.pop()
    return 409 if statuses == {409} else 500


def _failure(failed: list[ApplyReport], total: int) -> dict[str, Any]:
    """One database says why itself; of several it is the migration as a whole (http-contract, "Endpoints")."""
    first = failed[0].error
    assert first is not None
    body = error_body(first, failed[0].database)
    body["status"] = "failed"
    if total == 1:
        return body
    body["error"] = "migration_blocked" if _worst(failed, total) == 409 else "migration_failed"
    body["message"] = f"{len(failed)} of {total} databases failed; {failed[0].database}: {body['message']}"
    return body


def validation_of(reports: Iterable[ApplyReport]) -> dict[str, list[str]]:
    """The changes by class, each said once however many databases need it."""
    found: dict[ChangeClass, dict[str, None]] = {each: {} for each in ChangeClass}
    for report in reports:
        for step in report.steps:
            for change in step.step.changes:
                found[change.change_class].setdefault(_said(change))
        for blocked in report.plan.blocked if report.plan is not None else ():
            found[blocked.change_class].setdefault(f"{blocked.object}: {blocked.reason}")
    return {f"{each.value}_changes": list(found[each]) for each in ChangeClass}


def _said(change: Change) -> str:
    return change.reason or change.identity


def _verification(report: FleetReport, *, skipped: bool) -> dict[str, Any]:
    passed = not skipped and all(each.error is None for each in report.results)
    failed = ((each.database, each.error) for each in report.results if each.error is not None)
    log = "\n".join(f"{name}: {'; '.join((error.message, *error.details))}" for name, error in failed) or None
    parts = ("extensions", "types", "tables", "functions", "seeders")
    return {"passed": passed, **{f"{part}_verified": passed for part in parts}, "error_log": log}


def _count_items(tree: SourceTree) -> dict[str, int]:
    kinds = [item.key.kind for item in tree.items if item.verb is Verb.CREATE]
    return {
        "extensions_installed": len(tree.extensions),
        "types_deployed": kinds.count(ObjectKind.TYPE),
        "tables_created": kinds.count(ObjectKind.TABLE),
        "functions_deployed": kinds.count(ObjectKind.ROUTINE),
    }


def _has_tables(tree: SourceTree) -> bool:
    return any(item.key.kind is ObjectKind.TABLE for item in tree.items)


def _touched(reports: Iterable[ApplyReport]) -> tuple[str, ...]:
    return tuple(each.database for each in reports if each.status is Status.APPLIED)


def blocked_only_by_drift(plan: Plan) -> bool:
    """True if nothing but hand changes stands in the way."""
    return bool(plan.blocked) and all(blocked.code == "drift" for blocked in plan.blocked)
