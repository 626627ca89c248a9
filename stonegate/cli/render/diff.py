"""Differences between a folder and a database, for people and as JSON; drift is marked."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from stonegate.cli.render.failure import render_warning
from stonegate.cli.render.lines import indented, placed, printable
from stonegate.cli.render.names import count, place, qualified_name
from stonegate.cli.render.plan_json import blocked_document
from stonegate.cli.render.plan_text import SYMBOLS, title
from stonegate.model.names import ObjectKey
from stonegate.model.plan import Action, Blocked, Change, Phase, Plan, Step

if TYPE_CHECKING:
    from stonegate.database.status import DatabaseDiff


def changes_of(plan: Plan) -> tuple[Change, ...]:
    """The differences that the steps of a plan remove, each once; what is only dropped and restored on the way is none.

    What is created again is dropped by one step and created by another.
    """
    changes = (change for step in plan.steps if step.action is not Action.RUN for change in step.changes)
    return tuple({(change.key, change.aspect): change for change in changes if not change.restored}.values())


def missing_steps(plan: Plan) -> tuple[Step, ...]:
    """What a first deployment would create: there is no difference in detail, everything is missing."""
    made = (step for step in plan.steps if step.action in (Action.CREATE, Action.ALTER) and not step.changes)
    return tuple(step for step in made if step.phase is not Phase.REFRESHES)


def pending_migrations(plan: Plan) -> tuple[str, ...]:
    """Names of migrations that were not applied to the database."""
    return tuple(step.key.name for step in plan.steps if step.action in (Action.RUN, Action.BASELINE))


def not_in_steps(plan: Plan) -> tuple[Blocked, ...]:
    """Differences that no step can remove as things stand: what only a migration can do, and drift."""
    told = {change.key.label for change in changes_of(plan)}
    return tuple(reason for reason in plan.blocked if reason.object not in told)


def diff_document(found: DatabaseDiff) -> dict[str, Any]:
    """The JSON form; `blocked` are the differences that an apply would refuse to remove."""
    drifted = _drifted(found)
    return {
        "database": found.plan.target.database if found.plan.target is not None else None,
        "changes": [change_document(each, drift=(each.key, each.aspect) in drifted) for each in changes_of(found.plan)],
        "missing": [qualified_name(step.key) for step in missing_steps(found.plan) if step.action is Action.CREATE],
        "drift": [change_document(change, drift=True) for change in found.drift],
        "blocked": [blocked_document(reason) for reason in found.plan.blocked],
        "pending_migrations": list(pending_migrations(found.plan)),
        "unmanaged": list(found.plan.unmanaged),
        "warnings": list(found.plan.warnings),
    }


def change_document(change: Change, *, drift: bool) -> dict[str, Any]:
    """One difference; `action` is what would have to be done about it."""
    return {
        "action": change.action.value,
        "kind": change.key.kind.value,
        "object": qualified_name(change.key),
        "aspect": change.aspect,
        "live": change.before,
        "declared": change.after,
        "class": change.change_class.value,
        "drift": drift,
        "reason": change.reason,
        "hint": change.hint,
    }


def _drifted(found: DatabaseDiff) -> frozenset[tuple[ObjectKey, str]]:
    return frozenset((change.key, change.aspect) for change in found.drift)


def count_differences(found: DatabaseDiff) -> int:
    """How many there are."""
    return len(changes_of(found.plan)) + len(missing_steps(found.plan)) + len(not_in_steps(found.plan))


def render_diff(console: Console, found: DatabaseDiff, *, verbose: bool = False, alike: int = 1) -> Iterator[Text]:
    """The differences by object, and what stands beside them.

    Args:
        alike: how many databases they are those of.
    """
    changes, missing, stuck = changes_of(found.plan), missing_steps(found.plan), not_in_steps(found.plan)
    drifted = _drifted(found)
    shown = {(change.key, change.aspect) for change in changes}
    extra = [change for change in found.drift if (change.key, change.aspect) not in shown]
    for owner, group in groupby(changes, key=lambda change: change.holder):
        yield from indented(console, Text(printable(str(owner)), style="bold"), 0)
        for change in group:
            yield from render_change(console, change, drift=(change.key, change.aspect) in drifted)
    for lines in placed(console, [(title(step), place(step.file, step.line)) for step in missing], 0):
        yield from lines
    for change in extra:
        yield from indented(console, Text(printable(str(change.holder)), style="bold"), 0)
        yield from render_change(console, change, drift=True)
    for reason in stuck:
        yield from indented(console, Text.assemble(("✗ ", "red"), printable(reason.reason)), 0, hang=2)
        if reason.hint is not None:
            yield from indented(console, Text.assemble(("hint: ", "bold"), printable(reason.hint)), 4, hang=2)
    yield from _rest(console, found.plan, verbose)
    number = count_differences(found)
    text = count(number, "difference") if number else "no difference"
    drift = f", {count(len(found.drift), 'change')} by hand since the last apply" if found.drift else ""
    name = found.plan.target.database if found.plan.target is not None else "?"
    if alike > 1:
        name = f"each of {alike}"
    yield from indented(console, Text.assemble((f"{name}: ", "bold"), f"{text}{drift}"), 0)


def _rest(console: Console, plan: Plan, verbose: bool) -> Iterator[Text]:
    for warning in plan.warnings:
        yield from render_warning(console, warning)
    if pending := pending_migrations(plan):
        yield from indented(console, f"migrations not applied here: {printable(', '.join(pending))}", 0, hang=2)
    if plan.unmanaged and verbose:
        yield from indented(console, f"unmanaged: {printable(', '.join(plan.unmanaged))}", 0, hang=2, style="dim")
    elif plan.unmanaged:
        yield Text(f"{count(len(plan.unmanaged), 'unmanaged object')} (--verbose lists them)", style="dim")


def render_change(console: Console, change: Change, *, drift: bool, indent: int = 2) -> Iterator[Text]:
    """What is different: the part, the aspect, and both values."""
    symbol, style = SYMBOLS[change.action]
    part = change.key.member or (str(change.key) if change.table is not None else "")
    what = " ".join(filter(None, (part, change.aspect.replace("_", " ")))) or change.action.value
    line = Text.assemble((symbol, style), f" {printable(what)}")
    if drift:
        line.append("  by hand", style="bold yellow")
    yield from indented(console, line, indent, hang=2)
    if change.before is not None and change.after is not None and "\n" in change.before + change.after:
        yield from _text_diff(console, change.before, change.after, indent + 4)
    elif change.before is not None or change.after is not None:
        for word, value in (("live", change.before), ("declared", change.after)):
            shown = "(none)" if value is None else printable(value)
            yield from indented(console, Text.assemble((f"{word}: ".rjust(10), "dim"), shown), indent + 2, hang=10)
    elif change.reason:
        yield from indented(console, printable(change.reason), indent + 4, style="dim")


def _text_diff(console: Console, live: str, declared: str, indent: int) -> Iterator[Text]:
    """Two long texts line by line: - is live, + is declared."""
    lines = unified_diff(printable(live).splitlines(), printable(declared).splitlines(), lineterm="", n=2)
    for line in list(lines)[2:]:
        style = {"-": "red", "+": "green", "@": "dim"}.get(line[:1], "")
        yield from indented(console, Text("…" if line.startswith("@") else line, style=style), indent, hang=2)
