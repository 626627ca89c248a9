"""What many databases have in common is shown once: their plan, what differs in them, what is deployed there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.text import Text

from stonegate.cli.render.alike import enumerate_names
from stonegate.cli.render.diff import change_document, count_differences, diff_document, render_diff
from stonegate.cli.render.lines import indented, printable, table
from stonegate.cli.render.names import count, summarise
from stonegate.cli.render.plan_json import plan_document
from stonegate.cli.render.plan_markdown import LONGEST_COMMENT, code_span, escape, folder_of, plan_lines
from stonegate.cli.render.plan_text import render_plan
from stonegate.cli.render.report import error_document
from stonegate.cli.render.status import render_drift
from stonegate.fleet.survey import is_unchanged

if TYPE_CHECKING:
    from stonegate.database.status import DatabaseDiff, Standing
    from stonegate.fleet.survey import FleetPlan, Looked, PlanGroup, Unread
    from stonegate.fleet.targets import Target

_MOST_UNREAD = 12
_LINE = 200  # characters that a group in one line may take


def fleet_plan_document(plan: FleetPlan) -> dict[str, Any]:
    """The JSON form: one plan per group."""
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


def render_fleet_plan(console: Console, plan: FleetPlan, *, verbose: bool, preflight: bool = False) -> Iterator[Text]:
    """Each group's plan below the names of its databases, the sentences about all of them last.

    Args:
        preflight: rows were looked at, so that finding none is said.
    """
    for group in plan.groups:
        yield from _render_group(console, group, verbose=verbose)
        yield Text("")
    yield from indented(console, Text(printable(plan.summary), style="bold"), 0, hang=2)
    troubled = [target.database for group in plan.groups for target, _ in group.findings]
    if troubled:
        told = f"preflight: rows of {count(len(troubled), 'database')} stand in the way: {', '.join(troubled)}"
        yield from indented(console, Text(printable(told), style="bold red"), 0, hang=2)
    elif preflight and plan.groups:
        yield Text("preflight: no row stands in the way")


def _render_group(console: Console, group: PlanGroup, *, verbose: bool) -> Iterator[Text]:
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


def render_fleet_markdown(plan: FleetPlan) -> str:
    """The plan as a comment of a pull request: each group in full as long as there is room, then one line for each."""
    number = sum(len(group.targets) for group in plan.groups) + len(plan.unread)
    parts = [f"### stonegate: plan for {count(number, 'database')}", "", f"**{escape(plan.summary)}**", ""]
    parts += _unread_markdown(plan.unread)
    room = LONGEST_COMMENT - sum(map(len, parts))
    for place, group in enumerate(plan.groups):
        names = enumerate_names([code_span(target.database) for target in group.targets])
        title = f"{count(len(group.targets), 'database')}: {names}"
        left = len(plan.groups) - place
        lines = "\n".join(_group_markdown(group, title, room // left))
        if len(lines) > room - left * _LINE:
            trouble = " (⛔ blocked)" if group.plan.blocked or group.findings else ""
            lines = f"- {title}: {summarise(group.plan)}{trouble}"
        room -= len(lines)
        parts.append(lines)
    if plan.groups:
        parts += ["", f"<sub>{folder_of(plan.groups[0].plan)}</sub>"]
    return "\n".join(parts) + "\n"


def _group_markdown(group: PlanGroup, title: str, room: int) -> Iterator[str]:
    yield from (f"#### {title}", "")
    if is_unchanged(group):
        yield from ("unchanged, nothing to do", "")
        return
    findings = [f"{target.database}: {finding}" for target, found in group.findings for finding in found]
    yield from plan_lines(group.plan, findings, heading="#####", room=room)


def _unread_markdown(unread: tuple[Unread, ...]) -> Iterator[str]:
    if not unread:
        return
    yield from ("#### ⛔ Could not be read", "")
    for each in unread[:_MOST_UNREAD]:
        yield f"- {code_span(each.target.database)}: {escape(each.error.message)}"
    if len(unread) > _MOST_UNREAD:
        yield f"- … and {len(unread) - _MOST_UNREAD} more"
    yield ""


def _names(targets: tuple[Target, ...], *, every: bool) -> str:
    return enumerate_names([target.database for target in targets], every=every)


def render_diffs(console: Console, looked: Looked[DatabaseDiff], *, verbose: bool) -> Iterator[Text]:
    """What differs below the names of the databases where it does, the sentence about all of them last."""
    groups: dict[bytes, list[tuple[Target, DatabaseDiff]]] = {}
    for target, found in looked.seen:
        groups.setdefault(msgspec.json.encode(diff_document(found) | {"database": None}), []).append((target, found))
    for members in sorted(groups.values(), key=len, reverse=True):
        title = f"{count(len(members), 'database')}: {_names(tuple(target for target, _ in members), every=verbose)}"
        yield from indented(console, Text(printable(title), style="bold cyan"), 0, hang=2)
        yield from render_diff(console, members[0][1], verbose=verbose, alike=len(members))
        yield Text("")
    differing = [target.database for target, found in looked.seen if count_differences(found) or found.drift]
    parts = [f"{len(looked.seen) - len(differing)} as declared"]
    parts += [f"{len(differing)} differ{'s' * (len(differing) == 1)}: {', '.join(differing)}"] if differing else []
    unread = f"; {len(looked.unread)} could not be read" if looked.unread else ""
    yield from indented(console, Text(printable(", ".join(parts) + unread), style="bold"), 0, hang=2)


def standing_document(target: Target, found: Standing) -> dict[str, Any]:
    """The JSON form of one database."""
    return {
        "database": target.database,
        "schema": target.owner.schema,
        "tenant": target.owner.tenant,
        "deployed": found.deployed,
        "deployed_by_original": found.by_original,
        "drift": [change_document(change, drift=True) for change in found.drift],
        "drift_known": found.drift_known,
        "unfinished": list(found.unfinished),
    }


def render_standings(console: Console, looked: Looked[Standing]) -> Iterator[Text]:
    """A line per database, what was changed by hand below, and how many have which folder."""
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
    drifted = f"{sum(bool(found.drift) for _, found in looked.seen)} drifted"
    unknown = sum(not found.drift_known for _, found in looked.seen)
    if unknown:
        drifted += f", {unknown} unknown: recorded by another stonegate or by a script"
    yield Text("")
    yield from indented(
        console,
        Text(f"{count(len(looked.seen), 'database')}: {told}; {drifted}{unread}", style="bold"),
        0,
        hang=2,
    )


def _row(target: Target, found: Standing) -> tuple[str, ...]:
    if found.deployed is None:
        state = "by stonescriptdb-gateway" if found.by_original else "never"
        return (target.database, state, "", "", "")
    last = found.deployed
    unless = "unknown" if not found.drift_known else "unfinished" if found.unfinished else "none"
    drift = count(len(found.drift), "change") if found.drift else unless
    when = f"{last.deployed_at.astimezone():%Y-%m-%d %H:%M:%S}"
    return (target.database, when, last.fingerprint[:12], last.executed_by, drift)


def unread_documents(unread: tuple[Unread, ...]) -> list[dict[str, Any]]:
    """The JSON form of the databases that could not be looked at."""
    return [{"database": each.target.database, "error": error_document(each.error)} for each in unread]
