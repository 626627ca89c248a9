"""`stonegate status` and `stonegate history`: what is deployed, and what was done."""

from __future__ import annotations

import asyncio
from itertools import starmap
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.diff import DRIFTED
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, progress, show, stdout, write_json
from stonegate.cli.render.history import (
    DEPLOYMENT_HEADER,
    HISTORY_HEADER,
    count_done,
    deployment_row,
    history_row,
)
from stonegate.cli.render.lines import printable, table
from stonegate.cli.render.status import render_status, status_document
from stonegate.cli.target import DatabaseTarget, SingleTargetOptions, TargetOptions, choose_fleet, require_target
from stonegate.errors import UsageError
from stonegate.settings import read_settings

if TYPE_CHECKING:
    from stonegate.database.tracking.history import DeploymentEntry, DoneStep, HistoryEntry


@grouped
def status(named: TargetOptions, format: options.Format = options.ReportFormat.TEXT) -> None:
    """Say what is deployed, since when, of which folder, and what somebody changed by hand since (exit code 5)."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    chosen = choose_fleet(named, settings)
    if chosen is not None:
        from stonegate.cli.fleet_plan import status_many

        raise typer.Exit(status_many(settings, chosen, as_json=as_json))
    target = require_target(named, settings, None)
    from stonegate.database.status import status_database

    with progress(f"reading {target.name}"):
        found = asyncio.run(status_database(target.conninfo, deployments=1))
    if as_json:
        write_json(status_document(found))
    else:
        show(*render_status(stdout(), found))
    raise typer.Exit(DRIFTED if found.drift else 0)


@grouped
def history(
    single: SingleTargetOptions,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="The newest N lines.")] = 50,
    object_name: Annotated[
        str | None, typer.Option("--object", metavar="NAME", help="Only what was done to this object or a part of it.")
    ] = None,
    forced: Annotated[bool, typer.Option("--forced", help="Only what needed a consent.")] = False,
    deployments: Annotated[bool, typer.Option("--deployments", help="One line for each apply.")] = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List what was done to a database, object by object, newest first."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    if deployments and (object_name is not None or forced):
        raise UsageError(
            "--object and --forced choose among objects, --deployments lists whole applies",
            hint="leave --deployments out",
        )
    settings = read_settings()
    target = require_target(single.named, settings, None)
    if deployments:
        _show_deployments(target, limit, as_json=as_json)
    else:
        _show_entries(target, limit, object_name, forced, as_json=as_json)


def _show_deployments(target: DatabaseTarget, limit: int, *, as_json: bool) -> None:
    with progress(f"reading {target.name}"):
        applies = asyncio.run(_read_deployments(target.conninfo, limit))
    if as_json:
        write_json([asdict(each) | {"objects": count_done(did)} for each, did in applies])
    elif applies:
        show(*table(stdout(), DEPLOYMENT_HEADER, starmap(deployment_row, applies)))
    else:
        show(Text("nothing was done here"))


def _show_entries(target: DatabaseTarget, limit: int, object_name: str | None, forced: bool, *, as_json: bool) -> None:
    with progress(f"reading {target.name}"):
        entries = asyncio.run(_read_history(target.conninfo, limit, object_name, forced))
    if as_json:
        write_json(entries)
    elif entries:
        show(*table(stdout(), HISTORY_HEADER, map(history_row, entries)))
    else:
        where = "here" if object_name is None else f"to {printable(object_name)}"
        show(Text(f"nothing was done {where}" + (" that needed a consent" if forced else "")))


async def _read_history(conninfo: str, limit: int, name: str | None, forced: bool) -> tuple[HistoryEntry, ...]:
    from stonegate.database.connect import connect, using
    from stonegate.database.tracking.history import read_history

    async with using(await connect(conninfo)) as conn:
        return await read_history(conn, limit, object_name=name, forced_only=forced)


async def _read_deployments(conninfo: str, limit: int) -> tuple[tuple[DeploymentEntry, tuple[DoneStep, ...]], ...]:
    from stonegate.database.connect import connect, using
    from stonegate.database.tracking.history import read_deployments, read_done

    async with using(await connect(conninfo)) as conn:
        found = await read_deployments(conn, limit)
        done = await read_done(conn, found)
        return tuple((each, done[each.id]) for each in found)
