"""What the end of one database means for the others, and reports that stay small however many there are."""

from __future__ import annotations

import re

from msgspec.structs import replace

from stonegate.database.failures.explain import BAD_PASSWORD, CONNECTION_STATES, LETS_NOBODY_IN
from stonegate.database.login import NOBODY_LISTENS
from stonegate.errors import ConnectionFailed, DatabaseNotFound, FleetFailed
from stonegate.model.plan import Plan
from stonegate.model.report import ApplyReport, ErrorReport, Status, StepReport

_GONE = re.compile(
    r"refused|No such file or directory|starting up|shutting down|in recovery|terminating connection|server closed"
    r"|connection is lost|connection failed|consuming input failed|lost during the commit|the connection is closed"
    r"|connection timeout|timeout expired|Broken pipe|reset by peer|EOF detected",
)
#: The server's own refusal, which waiting does not change; psycopg begins it with "connection failed" too.
_REFUSED = re.compile(
    r"not currently accepting connections|not permitted to log in|permission denied for database|pg_hba\.conf"
    r"|authentication failed|no password supplied|SASL|role .* does not exist|invalid database|certificate"
    r"|does not support SSL|sslmode|too many connections for database",
)
#: … of a server that does not speak English: closed, no such role or not in pg_hba.conf, another password, no CONNECT.
_REFUSED_STATES = frozenset({LETS_NOBODY_IN, "28000", BAD_PASSWORD, "42501"})
_NOT_ATTEMPTED = "not attempted"
_AGAIN = "run the same command again: it goes on where this one ended"
#: What says nothing about the folder: the next database is as good a canary.
_HAND_ON = frozenset({"connection_failed", "database_not_found", "lock_timeout", "drift", "stale_plan"})


def is_failure(report: ApplyReport) -> bool:
    """True if the database did not reach what the folder declares."""
    return report.status in (Status.FAILED, Status.BLOCKED)


def is_missing(report: ApplyReport) -> bool:
    """True if there is no such database."""
    return report.error is not None and report.error.code == DatabaseNotFound.code


def hands_on(report: ApplyReport) -> bool:
    """True for a canary that was unreachable, locked or drifted: another one takes the role (behaviour, §9)."""
    return report.error is not None and report.error.code in _HAND_ON


def server_is_gone(error: ErrorReport) -> bool:
    """True if the whole server went away, or the way to it: then waiting helps."""
    text = f"{error.message} {error.cause or ''}"
    is_refused = error.sqlstate in _REFUSED_STATES or _REFUSED.search(text) is not None
    is_gone = (error.sqlstate or "").startswith(CONNECTION_STATES) or _GONE.search(text) is not None
    return error.code == ConnectionFailed.code and is_gone and not is_refused


def nobody_listens(error: ErrorReport) -> bool:
    """True if no server runs at the address."""
    return re.search(NOBODY_LISTENS, f"{error.message} {error.cause or ''}") is not None


def is_bad_password(error: ErrorReport) -> bool:
    """True if the password is not in force any more, or not yet."""
    words = "password authentication failed"
    return error.code == ConnectionFailed.code and (error.sqlstate == BAD_PASSWORD or words in (error.cause or ""))


def ended_early(message: str, hint: str | None = None) -> ErrorReport:
    """The failure of those that a run never came to, or broke off."""
    return ErrorReport(
        code=FleetFailed.code,
        message=message,
        exit_code=FleetFailed.exit_code,
        http_status=FleetFailed.status,
        hint=hint,
    )


def not_attempted(database: str, why: str) -> ApplyReport:
    """The report of a database whose turn never came."""
    error = ended_early(f"{_NOT_ATTEMPTED}: {why}", _AGAIN)
    return ApplyReport(status=Status.FAILED, database=database, error=error)


def given_up(database: str, why: str) -> ApplyReport:
    """The report of a database whose deployment was broken off."""
    error = ended_early(f"{why} while it was deployed: rolled back, unless its commit was under way", _AGAIN)
    return ApplyReport(status=Status.FAILED, database=database, error=error)


def with_earlier(report: ApplyReport, committed: ApplyReport) -> ApplyReport:
    """What an attempt did together with those before it, which were committed and lost their connection behind that."""
    done = tuple(each for each in committed.steps if each.state == "done")
    return replace(
        report,
        status=Status.APPLIED if report.status is Status.UNCHANGED else report.status,
        plan=committed.plan,
        steps=(*done, *report.steps),
        seeds=report.seeds or committed.seeds,
        warnings=tuple(dict.fromkeys((*committed.warnings, *report.warnings))),
    )


def is_not_attempted(report: ApplyReport) -> bool:
    """True if the run ended before the turn of this database came."""
    error = report.error
    return error is not None and error.code == FleetFailed.code and error.message.startswith(_NOT_ATTEMPTED)


class Slimmer:
    """Makes reports of many databases small: equal steps are kept once, and of plans only what a report shows."""

    def __init__(self) -> None:
        self._steps: dict[tuple[object, ...], StepReport] = {}

    def slim(self, report: ApplyReport) -> ApplyReport:
        """The report without its plan's steps, records and catalog."""
        return replace(
            report,
            plan=None if report.plan is None else _slim_plan(report.plan),
            steps=tuple(map(self._shared, report.steps)),
        )

    def _shared(self, report: StepReport) -> StepReport:
        step = report.step
        key = (step.id, step.action, report.state, report.rows, step.file, step.line, step.sql, step.consents)
        kept = self._steps.get(key)
        if kept is None:
            small = replace(report, step=replace(step, seeders=(), old_definition=None))
            kept = self._steps[key] = small
        return kept


def _slim_plan(plan: Plan) -> Plan:
    plan = replace(plan, steps=(), records=(), desired=None, skipped=(), unmanaged=())
    return replace(plan, excepted=(), awaited=(), uncertain=(), warnings=())
