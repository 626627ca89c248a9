"""`stonegate plan`, `diff` and `status` on a fleet: what is alike is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from stonegate.cli.diff import DRIFTED
from stonegate.cli.fleet import FAILED, Chosen, load_fleet_source, looking_at
from stonegate.cli.options import PlanFormat
from stonegate.cli.output import print_lines, show, stderr, stdout, write, write_json
from stonegate.cli.render.alike import render_failures
from stonegate.cli.render.fleet import (
    fleet_plan_document,
    render_diffs,
    render_fleet_markdown,
    render_fleet_plan,
    render_standings,
    standing_document,
    unread_documents,
)
from stonegate.errors import MigrationBlocked
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.cli.plan import PlanRequest
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.database.status import DatabaseDiff, Standing
    from stonegate.fleet.survey import FleetPlan, Looked, Unread
    from stonegate.fleet.targets import Target
    from stonegate.model.plan import PlanOptions

BLOCKED = MigrationBlocked.exit_code

_Seen = TypeVar("_Seen")


def _options(settings: Settings, wanted: PlanOptions | None) -> ApplyOptions:
    from stonegate.database.conninfo import checked_shadow
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.model.plan import PlanOptions

    asked = replace(wanted or PlanOptions(), of_many=True)
    return ApplyOptions(plan=asked, shadow=checked_shadow(settings.shadow_server), create_database=False)


# --- plan -----------------------------------------------------------------------------------------------------------


def plan_many(
    settings: Settings, chosen: Chosen, wanted: PlanOptions, folder: Path | None, request: PlanRequest
) -> int:
    """Show the plan of a fleet; the exit code: 7 unreadable, 4 blocked or rows in the way, 5 drift, 1 changes."""
    from stonegate.fleet.survey import plan_fleet

    source = load_fleet_source(settings, chosen, folder)
    with looking_at(chosen, settings, "planning") as looking:
        plan = asyncio.run(plan_fleet(looking, source, _options(settings, wanted), preflight=request.preflight))
    match request.format:
        case PlanFormat.JSON:
            write_json(fleet_plan_document(plan))
        case PlanFormat.MARKDOWN:
            write(render_fleet_markdown(plan))
        case _:
            show(*render_fleet_plan(stdout(), plan, verbose=request.verbose, preflight=request.preflight))
    _tell_unread(plan.unread)
    return _plan_exit_code(plan, wanted=request.exit_code)


def _plan_exit_code(plan: FleetPlan, *, wanted: bool) -> int:
    from stonegate.database.deployment.reports import blocked_error

    if plan.unread:
        return FAILED
    codes = {blocked_error(group.plan, "").exit_code for group in plan.groups if group.plan.blocked}
    if any(group.findings for group in plan.groups):
        codes.add(BLOCKED)
    if codes:  # as for one database: drift only where it is nothing but drift
        return BLOCKED if BLOCKED in codes else max(codes)
    return 1 if wanted and any(group.plan.has_changes for group in plan.groups) else 0


# --- diff -----------------------------------------------------------------------------------------------------------


def diff_many(settings: Settings, chosen: Chosen, folder: Path | None, *, as_json: bool, verbose: bool) -> int:
    """Show what differs, alike databases once; the exit code: 7 unreadable databases, 5 drift."""
    from stonegate.cli.render.diff import diff_document
    from stonegate.fleet.survey import diff_fleet

    source = load_fleet_source(settings, chosen, folder)
    with looking_at(chosen, settings, "comparing") as looking:
        looked = asyncio.run(diff_fleet(looking, source, _options(settings, None)))
    if as_json:
        _write_documents(looked, lambda _, found: diff_document(found))
    elif looked.seen:
        show(*render_diffs(stdout(), looked, verbose=verbose))
    return _look_exit_code(looked)


# --- status ---------------------------------------------------------------------------------------------------------


def status_many(settings: Settings, chosen: Chosen, *, as_json: bool) -> int:
    """Show the drift report of a fleet; the exit code: 7 unreadable databases, 5 drift."""
    from stonegate.fleet.survey import status_fleet

    with looking_at(chosen, settings, "reading") as looking:
        looked = asyncio.run(status_fleet(looking))
    if as_json:
        _write_documents(looked, standing_document)
    elif looked.seen:
        show(*render_standings(stdout(), looked))
    return _look_exit_code(looked)


# --- what all of them say -------------------------------------------------------------------------------------------


def _write_documents(looked: Looked[_Seen], document: Callable[[Target, _Seen], Any]) -> None:
    documents = [document(target, found) for target, found in looked.seen]
    write_json({"databases": documents, "unread": unread_documents(looked.unread)})


def _look_exit_code(looked: Looked[DatabaseDiff] | Looked[Standing]) -> int:
    """Says last what could not be read."""
    _tell_unread(looked.unread)
    if looked.unread:
        return FAILED
    return DRIFTED if any(found.drift for _, found in looked.seen) else 0


def _tell_unread(unread: tuple[Unread, ...]) -> None:
    console = stderr()
    print_lines(console, render_failures(console, ((each.target.database, each.error) for each in unread)))
