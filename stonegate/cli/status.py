"""`stonegate status` and `stonegate history`: what is deployed, and what was done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.diff import DRIFTED
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, progress, show, stdout, write_json
from stonegate.cli.render.diff import change_document, render_change
from stonegate.cli.render.lines import indented, printable, table
from stonegate.cli.render.names import count
from stonegate.cli.target import TargetOptions, choose_fleet, require_target
from stonegate.settings import read_settings

if TYPE_CHECKING:
    from stonegate.database.status import DatabaseStatus
    from stonegate.database.tracking.history import DeploymentEntry, HistoryEntry
    from stonegate.model.plan import Change

_DEPLOYMENT_HEADER = ("when", "mode", "folder", "plan", "did", "took", "by")
_HISTORY_HEADER = ("when", "what", "object", "consent", "took", "by")


@grouped
def status(named: TargetOptions, format: options.Format = options.ReportFormat.TEXT) -> None:
    """Say what is deployed, since when, of which folder, and what somebody changed by hand since (exit code 5)."""
    expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    chosen = choose_fleet(named, settings)
    if chosen is not None:
        from stonegate.cli.fleet_plan import status_many

        raise typer.Exit(status_many(settings, chosen, as_json=format is options.ReportFormat.JSON))
    target = require_target(named, settings, None)
    from stonegate.database.status import status_database

    with progress(f"reading {target.name}"):
        found = asyncio.run(status_database(target.conninfo, deployments=1))
    if format is options.ReportFormat.JSON:
        write_json(status_document(found))
    else:
        show(*render_status(stdout(), found))
    raise typer.Exit(DRIFTED if found.drift else 0)


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
        "unfinished": list(state.unfinished),
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
    for difference in state.excepted:
        yield from indented(console, f"left as it was found: {printable(difference)}", 2, hang=2, style="dim")
    for row in sorted(state.missing_seeds):
        yield from indented(console, f"may be missing: {printable(row)}", 2, hang=2, style="dim")
    if found.deployments:
        yield from _drift(console, found)


def _drift(console: Console, found: DatabaseStatus) -> Iterator[Text]:
    if not found.drift:
        other = " (something that the folder does not declare was changed)" if found.moved else ""
        yield from indented(
            console, Text(f"no drift: what was deployed is as it was deployed{other}", style="green"), 2
        )
        return
    yield Text(f"  drift: {count(len(found.drift), 'change')} by hand since then", style="bold yellow")
    yield from render_drift(console, found.drift, 4)


def render_drift(console: Console, drift: tuple[Change, ...], indent: int) -> Iterator[Text]:
    """What was changed by hand, below the table or other object that it is a part of."""
    for holder, changes in groupby(drift, key=lambda change: str(change.table or change.key.owner)):
        yield from indented(console, Text(printable(holder), style="bold"), indent)
        for change in changes:
            yield from render_change(console, change, drift=False, indent=indent + 2)


def _deployment(console: Console, last: DeploymentEntry) -> Iterator[Text]:
    when = f"{last.deployed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    yield from indented(console, f"deployed {when} by {last.executed_by}, stonegate {last.tool_version}", 2, hang=2)
    yield from indented(console, f"folder {last.fingerprint[:12]}, plan {last.plan_checksum[:12]}", 2, hang=2)


def history(
    database: options.Database = None,
    embedded: options.Embedded = False,
    platform: options.Platform = None,
    tenant: options.Tenant = None,
    schema: options.Schema = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="The newest N lines.")] = 50,
    object_name: Annotated[
        str | None, typer.Option("--object", metavar="NAME", help="Only what was done to this object.")
    ] = None,
    forced: Annotated[bool, typer.Option("--forced", help="Only what needed a consent.")] = False,
    deployments: Annotated[bool, typer.Option("--deployments", help="One line for each apply.")] = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List what was done to a database, object by object, newest first."""
    expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    named = TargetOptions(database=database, embedded=embedded, platform=platform, tenant=tenant, schema=schema)
    target = require_target(named, settings, None)
    applies: tuple[DeploymentEntry, ...] = ()
    entries: tuple[HistoryEntry, ...] = ()
    with progress(f"reading {target.name}"):
        if deployments:
            applies = asyncio.run(_read_deployments(target.conninfo, limit))
        else:
            entries = asyncio.run(_read_history(target.conninfo, limit, object_name, forced))
    if format is options.ReportFormat.JSON:
        write_json(applies if deployments else entries)
    elif not applies and not entries:
        show(Text("nothing was done here"))
    elif deployments:
        show(*table(stdout(), _DEPLOYMENT_HEADER, map(_deployment_row, applies)))
    else:
        show(*table(stdout(), _HISTORY_HEADER, map(_history_row, entries)))


async def _read_history(conninfo: str, limit: int, name: str | None, forced: bool) -> tuple[HistoryEntry, ...]:
    from stonegate.database.connect import connect
    from stonegate.database.tracking.history import read_history

    conn = await connect(conninfo)
    try:
        return await read_history(conn, limit, object_name=name, forced_only=forced)
    finally:
        await conn.close()


async def _read_deployments(conninfo: str, limit: int) -> tuple[DeploymentEntry, ...]:
    from stonegate.database.connect import connect
    from stonegate.database.tracking.history import read_deployments

    conn = await connect(conninfo)
    try:
        return await read_deployments(conn, limit)
    finally:
        await conn.close()


def _history_row(entry: HistoryEntry) -> tuple[str, ...]:
    consents = entry.detail.get("consents") or (["yes"] if entry.forced else [])
    return (
        f"{entry.executed_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.change_type.replace("_", " "),
        entry.object_name,
        ", ".join(map(str, consents)),
        "" if entry.duration_ms is None else f"{entry.duration_ms:.0f} ms",
        entry.executed_by or "",
    )


def _deployment_row(entry: DeploymentEntry) -> tuple[str, ...]:
    return (
        f"{entry.deployed_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.mode,
        entry.fingerprint[:12],
        entry.plan_checksum[:12],
        ", ".join(f"{number} {action}" for action, number in entry.counts.items()),
        f"{entry.duration_ms:.0f} ms",
        entry.executed_by,
    )
