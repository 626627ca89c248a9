"""Failures and executions as values of a report."""

from __future__ import annotations

import time

from stonegate.database.executor.job import Execution
from stonegate.errors import ChangedMigration, Drift, MigrationBlocked, StonegateError, every_error
from stonegate.model.plan import Action, Blocked, Plan
from stonegate.model.report import ApplyReport, ErrorReport, Status

_BLOCKED_CODES = {"drift": Drift, "changed_migration": ChangedMigration}


def report_error(error: StonegateError) -> ErrorReport:
    """The failure as a value."""
    message = error.message if error.place is None else f"{error.place}: {error.message}"
    return ErrorReport(
        code=error.code,
        message=message,
        exit_code=error.exit_code,
        http_status=error.status,
        cause=error.cause,
        hint=error.hint,
        sqlstate=error.sqlstate,
        details=error.details,
    )


def reported_error(report: ErrorReport) -> StonegateError:
    """The failure of a report, to be raised again; its place stands in the message."""
    kind = next(kind for kind in every_error() if kind.code == report.code)
    return kind(report.message, cause=report.cause, hint=report.hint, sqlstate=report.sqlstate, details=report.details)


def blocked_error(plan: Plan, database: str) -> StonegateError:
    """All reasons why a plan may not be applied, in one error: drift if it is nothing but drift (behaviour, §8)."""
    codes = {blocked.code for blocked in plan.blocked}
    kind: type[StonegateError] = MigrationBlocked
    if len(codes) == 1:
        kind = _BLOCKED_CODES.get(next(iter(codes)), MigrationBlocked)
    elif codes <= _BLOCKED_CODES.keys():
        kind = Drift
    allows = dict.fromkeys(blocked.allow for blocked in plan.blocked if blocked.allow)
    hints = dict.fromkeys(blocked.hint for blocked in plan.blocked if blocked.hint)
    return kind(
        "nothing was changed: the plan needs consent",
        details=tuple(_reason(blocked) for blocked in plan.blocked),
        hint=" ".join(allows) or next(iter(hints), None),
        database=database or None,
    )


def _reason(blocked: Blocked) -> str:
    place = f"{blocked.file}:{blocked.line}: " if blocked.file and blocked.line else ""
    end = f" ({blocked.allow})" if blocked.allow else f" ({blocked.hint})" if blocked.hint else ""
    return f"{place}{blocked.reason}{end}"


def unchanged_report(database: str, started: float, plan: Plan | None = None) -> ApplyReport:
    """The report of a database that was found to be as it should."""
    return ApplyReport(status=Status.UNCHANGED, database=database, plan=plan, duration_ms=elapsed_ms(started))


def failed_report(
    error: StonegateError, database: str, started: float, plan: Plan | None = None, warnings: tuple[str, ...] = ()
) -> ApplyReport:
    """The report of an apply that changed nothing; BLOCKED where consent was lacking, else FAILED."""
    is_blocked = isinstance(error, MigrationBlocked) or (plan is not None and bool(plan.blocked))
    return ApplyReport(
        status=Status.BLOCKED if is_blocked else Status.FAILED,
        database=database,
        plan=plan,
        warnings=(*(plan.warnings if plan else ()), *warnings),
        duration_ms=elapsed_ms(started),
        error=report_error(error),
    )


def finished_report(
    execution: Execution,
    plan: Plan,
    database: str,
    started: float,
    *,
    dry_run: bool,
    created: bool = False,
    warnings: tuple[str, ...] = (),
) -> ApplyReport:
    """The report of an apply that committed (or rehearsed); UNCHANGED where nothing had to be done but to look."""
    inserted = any(seed.inserted for seed in execution.seeds)
    did = [r for r in execution.steps if r.step.action not in (Action.VALIDATE, Action.SKIP)]
    status = Status.DRY_RUN if dry_run else Status.APPLIED if did or inserted or created else Status.UNCHANGED
    if execution.late_error is not None:
        status = Status.FAILED
    return ApplyReport(
        status=status,
        database=database,
        plan=plan,
        created_database=created,
        error=report_error(execution.late_error) if execution.late_error is not None else None,
        steps=tuple(execution.steps),
        seeds=tuple(execution.seeds),
        warnings=(*plan.warnings, *warnings, *execution.warnings),
        verified=execution.verified,
        duration_ms=elapsed_ms(started),
    )


def elapsed_ms(started: float) -> float:
    """Milliseconds since `started` (time.monotonic)."""
    return (time.monotonic() - started) * 1000
