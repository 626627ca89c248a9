"""What is deployed in a database and what somebody changed there by hand, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from stonegate.cli.render.diff import by_holder, change_document, render_hand_change
from stonegate.cli.render.lines import indented, printable
from stonegate.cli.render.names import count
from stonegate.model.plan import Change

if TYPE_CHECKING:
    from stonegate.database.status import DatabaseStatus
    from stonegate.database.tracking.history import DeploymentEntry


def status_document(found: DatabaseStatus) -> dict[str, Any]:
    """The JSON form."""
    state = found.state
    return {
        "database": found.database,
        "server_version": found.facts.version,
        "deployed": found.deployments[0] if found.deployments else None,
        "deployed_by_original": state.last is None and not state.is_empty,
        "objects": dict(found.objects),
        "migrations": {
            "applied": [migration.name for migration in state.migrations if not migration.baselined],
            "baselined": [migration.name for migration in state.migrations if migration.baselined],
        },
        "moved": found.moved,
        "drift": [change_document(change, drift=True) for change in found.drift],
        "drift_known": found.drift_known,
        "unfinished": [*state.unfinished, *(entry.step for entry in found.ahead)],
        "excepted": list(state.excepted),
        "missing_seeds": sorted(state.missing_seeds),
    }


def render_status(console: Console, found: DatabaseStatus) -> Iterator[Text]:
    """The facts, and the drift object by object."""
    version, state = found.facts.version, found.state
    yield Text.assemble((found.database, "bold"), f", PostgreSQL {version // 10000}.{version % 10000}")
    if found.deployments:
        yield from _deployment(console, found.deployments[0])
    else:
        known = "deployed by stonescriptdb-gateway, not yet by stonegate"
        yield from indented(console, "nothing was deployed here" if state.is_empty else known, 2)
    if found.objects:
        held = ", ".join(count(number, kind) for kind, number in found.objects.items())
        yield from indented(console, f"holds {held}", 2, hang=2)
    if state.migrations:
        baselined = sum(migration.baselined for migration in state.migrations)
        applied = count(len(state.migrations) - baselined, "migration")
        yield from indented(console, f"{applied} applied, {baselined} baselined", 2)
    for step in state.unfinished:
        line = Text.assemble(("unfinished: ", "bold yellow"), printable(step), "; the next apply finishes it")
        yield from indented(console, line, 2, hang=2)
    for entry in found.ahead:
        what = entry.detail.get("reason") or entry.step
        told = f"{printable(str(what))}; the deployment failed behind it, and the next apply goes on from there"
        yield from indented(console, Text.assemble(("unfinished: ", "bold yellow"), told), 2, hang=2)
    for difference in state.excepted:
        yield from indented(console, f"left as it was found: {printable(difference)}", 2, hang=2, style="dim")
    for row in sorted(state.missing_seeds):
        yield from indented(console, f"may be missing: {printable(row)}", 2, hang=2, style="dim")
    if found.deployments:
        yield from _drift(console, found)


def _drift(console: Console, found: DatabaseStatus) -> Iterator[Text]:
    if not found.drift_known:
        why = "something was changed since then, and the stonegate of then read databases in another way"
        if found.state.last is not None and found.state.last.is_by_script:
            why = "it was a script, which no apply has verified"
        told = f"drift unknown: {why}; `stonegate diff` compares with the folder, and the next apply makes it known"
        yield from indented(console, Text(told, style="yellow"), 2, hang=2)
        return
    if not found.drift:
        unseen = found.moved and not found.ahead
        other = " (something that the folder does not declare was changed)" if unseen else ""
        yield from indented(
            console, Text(f"no drift: what was deployed is as it was deployed{other}", style="green"), 2
        )
        return
    yield Text(f"  drift: {count(len(found.drift), 'change')} by hand since then", style="bold yellow")
    yield from render_drift(console, found.drift, 4)


def render_drift(console: Console, drift: tuple[Change, ...], indent: int) -> Iterator[Text]:
    """What was changed by hand, below the table or other object that it is a part of."""
    for holder, changes in by_holder(drift).items():
        yield from indented(console, Text(printable(str(holder)), style="bold"), indent)
        for change in changes:
            yield from render_hand_change(console, change, indent + 2)


def _deployment(console: Console, last: DeploymentEntry) -> Iterator[Text]:
    when = f"{last.deployed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    yield from indented(console, f"deployed {when} by {last.executed_by}, stonegate {last.tool_version}", 2, hang=2)
    yield from indented(console, f"folder {last.fingerprint[:12]}, plan {last.plan_checksum[:12]}", 2, hang=2)
