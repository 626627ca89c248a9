"""Tenants as they are made: a line for each where nobody watches, the count on a terminal, and what became of all."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from stonegate.cli.fleet import FAILED
from stonegate.cli.output import Lines, print_lines, progress, show, stderr, stdout, write_json
from stonegate.cli.output import Watcher as Line
from stonegate.cli.render.alike import render_failures
from stonegate.cli.render.lines import printable
from stonegate.cli.render.names import count
from stonegate.errors import FleetFailed

if TYPE_CHECKING:
    from stonegate.fleet.tenants import TenantReport

NOT_MADE, NOT_DROPPED = "not made", "not dropped"
#: What is told of a state after a number, in this order: `2 created, 20 there already`.
_TOLD = {
    "created": "created",
    "dropped": "dropped",
    "exists": "there already",
    "failed": "failed",
    NOT_MADE: NOT_MADE,
    NOT_DROPPED: NOT_DROPPED,
}


class Working:
    """Who is told of every tenant that is done.

    Attributes:
        shown: the lines of those that succeeded are printed already.
        outcome: the state of all that succeeded, for what is not making.
    """

    def __init__(self, total: int, line: Line, *, shown: bool, outcome: str | None = None) -> None:
        self.total = total
        self.line = line
        self.shown = shown
        self.outcome = outcome
        self.results, self.messages = Lines(stdout()), Lines(stderr())
        self.done = 0
        self.notice = ""

    def take(self, report: TenantReport) -> None:
        """Note a tenant that is done."""
        self.done += 1
        self.line(f"{self.done}/{self.total} {report.database}: {_state(report, self.outcome)}{self.notice}")
        if self.shown:
            self.results(*_line(report, self.outcome, alone=self.total == 1))

    def tell(self, message: str) -> None:
        """Note what the user is to know about the whole."""
        self.notice = f" ({message})"
        if stderr().is_terminal:
            self.line(f"{self.done}/{self.total}{self.notice}")
        else:
            self.messages(Text(message))


@contextlib.contextmanager
def working(total: int, what: str, *, as_json: bool, outcome: str | None = None) -> Iterator[Working]:
    """Watches the making, or whatever else `what` says, of `total` databases.

    Args:
        outcome: the state of all that succeeded, for what is not making.
    """
    with progress(f"{what} {count(total, 'database')}") as line:
        # A terminal has the count while it lasts, which would not leave the results in their place.
        yield Working(total, line, shown=not as_json and not stderr().is_terminal, outcome=outcome)


def show_reports(
    reports: Sequence[TenantReport], *, as_json: bool, outcome: str | None = None, shown: bool = False
) -> int:
    """Print what became of each; the exit code: of its error for a single one, 7 for some of several.

    Args:
        outcome: the state of all that succeeded, for what is not making.
        shown: those that succeeded are printed already.
    """
    failures = [(_name(report), report.error) for report in reports if report.error is not None]
    try:
        if as_json:
            write_json([_document(report, outcome) for report in reports])
        else:
            show(*_summary(reports, outcome, with_each=not shown))
    finally:  # standard error may be read where standard output is not
        console = stderr()
        print_lines(console, render_failures(console, failures))
    if not failures:
        return 0
    return failures[0][1].exit_code if len(reports) == 1 else FAILED


def _summary(reports: Sequence[TenantReport], outcome: str | None, *, with_each: bool) -> Iterator[Text]:
    alone = len(reports) == 1
    if with_each:
        yield from (line for report in reports for line in _line(report, outcome, alone=alone))
    if not alone:
        states = Counter(_never_came(report) or _state(report, outcome) for report in reports)
        told = ", ".join(f"{states[state]} {word}" for state, word in _TOLD.items() if states[state])
        yield Text(told or ("none of them is there" if outcome == "dropped" else "no tenants named"))


def _line(report: TenantReport, outcome: str | None, *, alone: bool) -> Iterator[Text]:
    """The line of a tenant; of many, those that were there already are counted only: cron would tell them every day."""
    state = _state(report, outcome)
    if report.error is not None or (state == "exists" and not alone):
        return
    made = report.made
    took = f", {made.duration_ms:.0f} ms" if made is not None and made.created else ""
    how = ", built" if made is not None and made.created and not made.cloned else ""
    mark = Text.assemble(("✓ ", "bold green"), (printable(report.database), "bold"))
    yield Text.assemble(mark, f" {state}{how}{took}")


def _state(report: TenantReport, outcome: str | None) -> str:
    return "failed" if report.error is not None else outcome or report.status


def _never_came(report: TenantReport) -> str | None:
    """What did not happen to one whose turn never came."""
    if report.error is None or report.error.code != FleetFailed.code:
        return None
    return next((told for told in (NOT_MADE, NOT_DROPPED) if report.error.message.startswith(told)), None)


def _name(report: TenantReport) -> str:
    """The database, or where there is none, the tenant."""
    return report.database or str(report.owner.tenant)


def _document(report: TenantReport, outcome: str | None) -> dict[str, Any]:
    from stonegate.cli.render.report import error_document

    document: dict[str, Any] = {
        "id": report.owner.tenant,
        "database": report.database,
        "status": _state(report, outcome),
    }
    if report.made is not None and report.made.created:
        document |= {
            "cloned": report.made.cloned,
            "duration_ms": round(report.made.duration_ms, 1),
            "seeds": list(report.made.seeds),
        }
    if report.error is not None:
        document["error"] = error_document(report.error)
    return document
