"""`stonegate plan`, `diff` and `status` on a fleet: what is alike is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from stonegate.cli.fleet import FAILED, Chosen, counting, fanout_options, load_fleet_source
from stonegate.cli.output import dump_json, print_lines, show, stderr, stdout, write_json
from stonegate.cli.render.alike import enumerate_names, render_failures
from stonegate.cli.render.lines import indented, printable, table
from stonegate.cli.render.names import count
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.database.status import DatabaseDiff, Standing
    from stonegate.database.survey import ApplyOptions
    from stonegate.fleet.survey import FleetPlan, Looked, PlanGroup, Unread
    from stonegate.fleet.targets import Target
    from stonegate.model.plan import PlanOptions

DRIFTED, BLOCKED = 5, 4


def _options(settings: Settings, wanted: PlanOptions | None) -> ApplyOptions:
    from stonegate.database.survey import ApplyOptions
    from stonegate.model.plan import PlanOptions

    return ApplyOptions(plan=wanted or PlanOptions(), shadow=settings.shadow_server, create_database=False)


# --- plan -----------------------------------------------------------------------------------------------------------


def plan_many(
    settings: Settings,
    chosen: Chosen,
    wanted: PlanOptions,
    folder: Path | None,
    *,
    preflight: bool,
    as_json: bool,
    verbose: bool,
    exit_code: bool,
) -> int:
    """Show the plan of a fleet; the exit code: 7 unreadable, 4 blocked or rows in the way, 5 drift, 1 changes."""
    from stonegate.fleet.survey import plan_fleet

    source = load_fleet_source(settings, chosen, folder)
    with counting("planning", len(chosen.targets)) as on_looked:
        plan = asyncio.run(
            plan_fleet(
                chosen.targets,
                source,
                _options(settings, wanted),
                width=fanout_options(settings).width,
                preflight=preflight,
                on_looked=on_looked,
            )
        )
    if as_json:
        write_json(fleet_plan_document(plan))
    else:
        show(*render_fleet_plan(stdout(), plan, verbose=verbose))
    _tell_unread(plan.unread)
    return _plan_exit_code(plan, wanted=exit_code)


def _plan_exit_code(plan: FleetPlan, *, wanted: bool) -> int:
    from stonegate.database.reports import blocked_error

    if plan.unread:
        return FAILED
    codes = {blocked_error(group.plan, "").exit_code for group in plan.groups if group.plan.blocked}
    if any(group.findings for group in plan.groups):
        codes.add(BLOCKED)
    if codes:  # as for one database: drift only where it is nothing but drift
        return BLOCKED if BLOCKED in codes else max(codes)
    return 1 if wanted and any(group.plan.has_changes for group in plan.groups) else 0


def fleet_plan_document(plan: FleetPlan) -> dict[str, Any]:
    """The JSON form: one plan per group."""
    from stonegate.cli.render.plan_json import plan_document

    return {
        "summary": plan.summary,
        "groups": [
            {
                "databases": [target.database for target in group.targets],
                "plan": plan_document(group.plan),
                "preflight": {target.database: list(findings) for target, findings in group.findings},
            }
            for group in plan.groups
        ],
        "unread": unread_documents(plan.unread),
    }


def render_fleet_plan(console: Console, plan: FleetPlan, *, verbose: bool) -> Iterator[Text]:
    """Each group's plan below the names of its databases, the sentence about all of them last."""
    for group in plan.groups:
        yield from _render_group(console, group, verbose=verbose)
        yield Text("")
    yield from indented(console, Text(printable(plan.summary), style="bold"), 0, hang=2)
    troubled = [target.database for group in plan.groups for target, _ in group.findings]
    if troubled:
        told = f"preflight: rows of {count(len(troubled), 'database')} stand in the way: {', '.join(troubled)}"
        yield from indented(console, Text(printable(told), style="bold red"), 0, hang=2)


def _render_group(console: Console, group: PlanGroup, *, verbose: bool) -> Iterator[Text]:
    from stonegate.cli.render.plan_text import render_plan
    from stonegate.fleet.survey import is_unchanged

    title = f"{count(len(group.targets), 'database')}: {_names(group.targets, every=verbose)}"
    yield from indented(console, Text(printable(title), style="bold cyan"), 0, hang=2)
    if is_unchanged(group):
        yield Text("  unchanged, nothing to do", style="dim")
        return
    yield from render_plan(console, group.plan, verbose=verbose, alike=len(group.targets))
    for target, findings in group.findings:
        for finding in findings:
            line = Text.assemble(("preflight: ", "bold red"), printable(f"{target.database}: {finding}"))
            yield from indented(console, line, 2, hang=2)


def _names(targets: tuple[Target, ...], *, every: bool) -> str:
    return enumerate_names([target.database for target in targets], every=every)


# --- diff -----------------------------------------------------------------------------------------------------------


def diff_many(settings: Settings, chosen: Chosen, folder: Path | None, *, as_json: bool, verbose: bool) -> int:
    """Show what differs, alike databases once; the exit code: 7 unreadable databases, 5 drift."""
    from stonegate.cli.render.diff import diff_document
    from stonegate.fleet.survey import diff_fleet

    source = load_fleet_source(settings, chosen, folder)
    with counting("comparing", len(chosen.targets)) as on_looked:
        looked = asyncio.run(
            diff_fleet(
                chosen.targets,
                source,
                _options(settings, None),
                width=fanout_options(settings).width,
                on_looked=on_looked,
            )
        )
    if as_json:
        documents = [diff_document(found) for _, found in looked.seen]
        write_json({"databases": documents, "unread": unread_documents(looked.unread)})
    elif looked.seen:
        show(*render_diffs(stdout(), looked, verbose=verbose))
    _tell_unread(looked.unread)
    if looked.unread:
        return FAILED
    return DRIFTED if any(found.drift for _, found in looked.seen) else 0


def render_diffs(console: Console, looked: Looked[DatabaseDiff], *, verbose: bool) -> Iterator[Text]:
    """What differs below the names of the databases where it does, the sentence about all of them last."""
    from stonegate.cli.render.diff import count_differences, diff_document, render_diff

    groups: dict[str, list[tuple[Target, DatabaseDiff]]] = {}
    for target, found in looked.seen:
        groups.setdefault(dump_json(diff_document(found) | {"database": None}), []).append((target, found))
    for members in sorted(groups.values(), key=len, reverse=True):
        title = f"{count(len(members), 'database')}: {_names(tuple(target for target, _ in members), every=verbose)}"
        yield from indented(console, Text(printable(title), style="bold cyan"), 0, hang=2)
        yield from render_diff(console, members[0][1], verbose=verbose, alike=len(members))
        yield Text("")
    differing = [target.database for target, found in looked.seen if count_differences(found) or found.drift]
    parts = [f"{len(looked.seen) - len(differing)} as declared"]
    parts += [f"{len(differing)} differ: {', '.join(differing)}"] if differing else []
    unread = f"; {len(looked.unread)} could not be read" if looked.unread else ""
    yield from indented(console, Text(printable(", ".join(parts) + unread), style="bold"), 0, hang=2)


# --- status ---------------------------------------------------------------------------------------------------------


def status_many(settings: Settings, chosen: Chosen, *, as_json: bool) -> int:
    """Show the drift report of a fleet; the exit code: 7 unreadable databases, 5 drift."""
    from stonegate.fleet.survey import status_fleet

    with counting("reading", len(chosen.targets)) as on_looked:
        looked = asyncio.run(status_fleet(chosen.targets, width=fanout_options(settings).width, on_looked=on_looked))
    if as_json:
        documents = [standing_document(target, found) for target, found in looked.seen]
        write_json({"databases": documents, "unread": unread_documents(looked.unread)})
    elif looked.seen:
        show(*render_standings(stdout(), looked))
    _tell_unread(looked.unread)
    if looked.unread:
        return FAILED
    return DRIFTED if any(found.drift for _, found in looked.seen) else 0


def standing_document(target: Target, found: Standing) -> dict[str, Any]:
    """The JSON form of one database."""
    from stonegate.cli.render.diff import change_document

    return {
        "database": target.database,
        "schema": target.owner.schema,
        "tenant": target.owner.tenant,
        "deployed": found.deployed,
        "deployed_by_original": found.by_original,
        "drift": [change_document(change, drift=True) for change in found.drift],
        "unfinished": list(found.unfinished),
    }


def render_standings(console: Console, looked: Looked[Standing]) -> Iterator[Text]:
    """A line per database, what was changed by hand below, and how many have which folder."""
    from stonegate.cli.status import render_drift

    header = ("database", "deployed", "folder", "by", "drift")
    yield from table(console, header, [_row(target, found) for target, found in looked.seen], spare=(3, 1))
    for target, found in looked.seen:
        if found.drift:
            yield Text("")
            yield Text.assemble((printable(target.database), "bold"), ": changed by hand since its last deployment")
            yield from render_drift(console, found.drift, 2)
    folders: dict[str, int] = {}
    for _, found in looked.seen:
        known = "nothing" if found.deployed is None else found.deployed.fingerprint[:12]
        folders[known] = folders.get(known, 0) + 1
    told = ", ".join(
        f"{number} {'has' if number == 1 else 'have'} {name}"
        for name, number in sorted(folders.items(), key=lambda item: -item[1])
    )
    unread = f"; {len(looked.unread)} could not be read" if looked.unread else ""
    drifted = sum(bool(found.drift) for _, found in looked.seen)
    yield Text("")
    yield from indented(
        console,
        Text(f"{count(len(looked.seen), 'database')}: {told}; {drifted} drifted{unread}", style="bold"),
        0,
        hang=2,
    )


def _row(target: Target, found: Standing) -> tuple[str, ...]:
    if found.deployed is None:
        state = "by stonescriptdb-gateway" if found.by_original else "never"
        return (target.database, state, "", "", "")
    last = found.deployed
    drift = count(len(found.drift), "change") if found.drift else "unfinished" if found.unfinished else "none"
    when = f"{last.deployed_at.astimezone():%Y-%m-%d %H:%M:%S}"
    return (target.database, when, last.fingerprint[:12], last.executed_by, drift)


# --- what could not be read -----------------------------------------------------------------------------------------


def unread_documents(unread: tuple[Unread, ...]) -> list[dict[str, Any]]:
    """The JSON form of the databases that could not be looked at."""
    from stonegate.cli.render.report import error_document

    return [{"database": each.target.database, "error": error_document(each.error)} for each in unread]


def _tell_unread(unread: tuple[Unread, ...]) -> None:
    console = stderr()
    print_lines(console, render_failures(console, ((each.target.database, each.error) for each in unread)))
