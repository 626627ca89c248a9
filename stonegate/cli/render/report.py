"""The report of an apply, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from rich.console import Console
from rich.text import Text

from stonegate.cli.render.alike import render_failures
from stonegate.cli.render.failure import render_warning
from stonegate.cli.render.lines import indented, placed
from stonegate.cli.render.names import (
    DECLARES_NOTHING,
    DONE_OUTCOMES,
    NOTHING_CHANGED,
    count,
    count_objects,
    declares_nothing,
    enumerate_outcomes,
    place,
)
from stonegate.cli.render.plan_json import blocked_document, step_document
from stonegate.cli.render.plan_text import render_blocked, render_changes, title
from stonegate.model.plan import Action, Mode
from stonegate.model.report import ApplyReport, ErrorReport, Status, StepReport

#: Of these there are many at a first deployment: they are counted, and listed with --verbose.
_COUNTED = frozenset({Action.CREATE, Action.SEED, Action.BASELINE, Action.VALIDATE, Action.SKIP})


def report_document(report: ApplyReport) -> dict[str, Any]:
    """The document of behaviour §8; `blocked`, `seeds` and `warnings` say more about it."""
    document: dict[str, Any] = {
        "status": report.status.value,
        "database": report.database,
        "plan_checksum": report.plan.checksum if report.plan is not None else None,
        "counts": report.counts,
        "steps": [_step(step) for step in report.steps],
        "duration_ms": round(report.duration_ms, 1),
        "created_database": report.created_database,
        "verified": report.verified,
        "seeds": list(report.seeds),
        "warnings": list(report.warnings),
    }
    if report.plan is not None and report.plan.blocked:
        document["blocked"] = [blocked_document(reason) for reason in report.plan.blocked]
    if report.error is not None:
        document["error"] = error_document(report.error)
    return document


def error_document(error: ErrorReport) -> dict[str, Any]:
    """The failure; what is not known is left out."""
    facts = {
        "code": error.code,
        "message": error.message,
        "cause": error.cause,
        "hint": error.hint,
        "sqlstate": error.sqlstate,
        "details": list(error.details),
        "exit_code": error.exit_code,
    }
    return {key: value for key, value in facts.items() if value not in (None, [])}


def _step(report: StepReport) -> dict[str, Any]:
    return step_document(report.step) | {"state": report.state, "rows": report.rows}


def render_report(console: Console, report: ApplyReport, *, verbose: bool = False) -> Iterator[Text]:
    """What was done, for standard output; nothing for an apply that did not take place."""
    match report.status:
        case Status.APPLIED | Status.DRY_RUN:
            yield from _done(console, report, verbose)
        case Status.UNCHANGED:
            yield from _warnings(console, report)
            is_first = report.plan is not None and report.plan.mode in (Mode.ADOPTION, Mode.BASELINE)
            what = "unchanged, and recorded as deployed" if is_first else "unchanged, nothing to do"
            line = Text.assemble(("✓ ", "bold green"), (report.database, "bold"), f": {what}", _time(report))
            yield from indented(console, line, 0, hang=2)
        case Status.BLOCKED | Status.FAILED | Status.DROPPED:
            yield from _warnings(console, report)
        case _:
            assert_never(report.status)


def _done(console: Console, report: ApplyReport, verbose: bool) -> Iterator[Text]:
    is_fresh = report.plan is not None and report.plan.mode is Mode.FRESH
    counted = _COUNTED | {Action.ALTER} if is_fresh else _COUNTED
    # What goes in one step and comes back in a later one is told there.
    back = {each.step.key: each for each in report.steps if each.step.action is Action.RECREATE}
    steps = [each for each in report.steps if verbose or each.step.action not in counted or each.state != "done"]
    steps = [each for each in steps if each.step.action is not Action.RECREATE or back[each.step.key] is each]
    rows = [(_title(each), place(each.step.file, each.step.line)) for each in steps]
    for each, lines in zip(steps, placed(console, rows, 2), strict=True):
        yield from lines
        if each.step.action is Action.ALTER and not is_fresh and each.step.reason:
            yield from render_changes(console, each.step)
    if steps:
        yield Text("")
    yield from _warnings(console, report)
    yield from indented(console, _headline(report), 0, hang=2)
    for line in _facts(report):
        yield from indented(console, line, 2, hang=2)


def _title(report: StepReport) -> Text:
    text = title(report.step)
    return text if report.state == "done" else text.append(f"  {report.state}", style="yellow")


def _headline(report: ApplyReport) -> Text:
    did = [each.step for each in report.steps if each.state == "done"]
    summary = enumerate_outcomes(count_objects(did), DONE_OUTCOMES)
    if not summary:
        is_empty = report.plan is not None and declares_nothing(report.plan)
        summary = DECLARES_NOTHING if is_empty else NOTHING_CHANGED
    if report.status is Status.DRY_RUN:
        word = ("dry run, everything was rolled back: ", "bold yellow")
        return Text.assemble(("✓ ", "bold green"), (report.database, "bold"), ": ", word, summary, _time(report))
    return Text.assemble(("✓ ", "bold green"), (report.database, "bold"), f": {summary}", _time(report))


def _facts(report: ApplyReport) -> Iterator[str]:
    if report.created_database:
        yield "the database is new"
    inserted = sum(seed.inserted for seed in report.seeds)
    found = sum(seed.found for seed in report.seeds)
    if inserted:
        yield f"{count(inserted, 'declared row')} inserted"
    if found:
        yield f"{count(found, 'declared row')} found"
    yield "verified: the database is as declared" if report.verified else "not verified"
    if report.plan is not None:
        yield f"plan {report.plan.checksum[:16]}"


def _time(report: ApplyReport) -> tuple[str, str]:
    seconds = report.duration_ms / 1000
    return (f" ({report.duration_ms:.0f} ms)" if seconds < 1 else f" ({seconds:.1f} s)", "dim")


def _warnings(console: Console, report: ApplyReport) -> Iterator[Text]:
    for warning in report.warnings:
        yield from render_warning(console, warning)


def render_refusal(console: Console, report: ApplyReport) -> Iterator[Text]:
    """Why an apply did not take place, for standard error."""
    if report.plan is not None and report.plan.blocked:
        yield from indented(
            console, Text.assemble(("error: ", "bold red"), (f"{report.database}: nothing was changed", "bold")), 0
        )
        yield from render_blocked(console, report.plan.blocked)
    elif report.error is not None:
        yield from render_failures(console, [(report.database, report.error)])
