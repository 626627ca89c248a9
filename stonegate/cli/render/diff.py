"""Differences between a folder and a database, for people and as JSON; drift is marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from stonegate.cli.render.failure import render_warning
from stonegate.cli.render.lines import indented, placed, printable
from stonegate.cli.render.names import count, place, qualified_name
from stonegate.cli.render.plan_json import blocked_document
from stonegate.cli.render.plan_text import SYMBOLS, render_unmanaged, title
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
    for holder, group in by_holder((*changes, *extra)).items():
        yield from indented(console, Text(printable(str(holder)), style="bold"), 0)
        for change in group:
            yield from render_change(console, change, drift=(change.key, change.aspect) in drifted)
    for lines in placed(console, [(title(step), place(step.file, step.line)) for step in missing], 0):
        yield from lines
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
    yield from render_unmanaged(console, plan, verbose=verbose)


def render_change(console: Console, change: Change, *, drift: bool) -> Iterator[Text]:
    """What an apply would do: to which part or aspect, and both values; of drift, what was done by hand."""
    line = Text.assemble(SYMBOLS[change.action], f" {printable(_part(change) or change.action.value)}")
    if drift:
        line.append(f"  {_done_by_hand(change)} by hand", style="bold yellow")
    yield from indented(console, line, 2, hang=2)
    yield from _values(console, change, ("live", change.before), ("declared", change.after), 2)


def render_hand_change(console: Console, change: Change, indent: int) -> Iterator[Text]:
    """What somebody did by hand, told from the change that would undo it: the part or aspect, and both values."""
    symbol = SYMBOLS[Action.DROP if change.action is Action.CREATE else Action.ALTER]
    line = Text.assemble(symbol, f" {printable(_part(change) or _done_by_hand(change))}")
    yield from indented(console, line, indent, hang=2)
    yield from _values(console, change, ("deployed", change.after), ("live", change.before), indent)


def by_holder(changes: Iterable[Change]) -> dict[ObjectKey, list[Change]]:
    """The changes of each table, view or other whole object, in the order in which these come first."""
    found: dict[ObjectKey, list[Change]] = {}
    for change in changes:
        found.setdefault(change.holder, []).append(change)
    return found


def _part(change: Change) -> str:
    """The part of the object, and what is different about it; "" for the object as a whole."""
    part = change.key.member or (str(change.key) if change.table is not None else "")
    return " ".join(filter(None, (part, change.aspect.replace("_", " "))))


def _done_by_hand(change: Change) -> str:
    return "dropped" if change.action is Action.CREATE else "changed"


def _values(
    console: Console, change: Change, former: tuple[str, str | None], latter: tuple[str, str | None], indent: int
) -> Iterator[Text]:
    """Both values below their names, long texts line by line; where there is neither, the reason."""
    (former_name, old), (latter_name, new) = former, latter
    if old is not None and new is not None and "\n" in old + new:
        lines = unified_diff(
            printable(old).splitlines(), printable(new).splitlines(), former_name, latter_name, lineterm="", n=2
        )
        for line in lines:
            style = {"-": "red", "+": "green", "@": "dim"}.get(line[:1], "")
            yield from indented(console, Text("…" if line.startswith("@") else line, style=style), indent + 4, hang=2)
    elif old is not None or new is not None:
        for name, value in (former, latter):
            shown = "(none)" if value is None else printable(value)
            yield from indented(console, Text.assemble((f"{name}: ".rjust(10), "dim"), shown), indent + 2, hang=10)
    elif change.reason:
        yield from indented(console, printable(change.reason), indent + 4, style="dim")
