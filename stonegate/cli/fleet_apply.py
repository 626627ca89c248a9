"""`stonegate apply` on a fleet: shows the plan by groups, carries it out, reports every database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from stonegate.cli.apply import Manner, confirm
from stonegate.cli.files import write_file
from stonegate.cli.fleet import FAILED, Chosen, counting, ending_gently, fanout_options, load_fleet_source
from stonegate.cli.fleet_view import report_line, watching_fleet
from stonegate.cli.output import dump_json, say, show, stderr, stdout, write_json
from stonegate.cli.render.failure import render_headline, render_reasons
from stonegate.cli.render.lines import indented, printable
from stonegate.model.report import ErrorReport, FleetReport, Status
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.database.survey import ApplyOptions
    from stonegate.fleet.targets import Target
    from stonegate.model.plan import PlanOptions
    from stonegate.source.lazy import LazySource

_MOST_FAILURES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    """One `stonegate apply` on several databases, as it was asked for."""

    settings: Settings
    chosen: Chosen
    folder: Path | None
    wanted: PlanOptions
    manner: Manner

    @property
    def options(self) -> ApplyOptions:
        """What each deployment is told."""
        return replace(self.manner.apply_options(self.settings, self.wanted), create_database=False)


def apply_many(request: FleetRequest) -> int:
    """Carry out the request; the exit code: 0 if every database is as declared, else 7.

    Raises:
        SourceError, UsageError: before anything was attempted.
    """
    source = load_fleet_source(request.settings, request.chosen, request.folder)
    if request.manner.ask and not _agrees(request, source):
        say("nothing was changed")
        return 0
    report = _run(request, source)
    _show(request, report)
    return FAILED if report.failed else 0


def _agrees(request: FleetRequest, source: LazySource) -> bool:
    from stonegate.cli.fleet_plan import render_fleet_plan
    from stonegate.fleet.survey import plan_fleet

    targets = request.chosen.targets
    with counting("planning", len(targets)) as on_looked:
        plan = asyncio.run(
            plan_fleet(
                targets,
                source,
                request.options,
                width=fanout_options(request.settings).width,
                on_looked=on_looked,
            )
        )
    if not any(group.plan.has_changes for group in plan.groups):
        return True  # nothing to agree to
    show(*render_fleet_plan(stdout(), plan, verbose=request.manner.verbose))
    return confirm(f"Apply this to {len(targets)} databases of {request.chosen.platform}?")


def _run(request: FleetRequest, source: LazySource) -> FleetReport:
    from stonegate.fleet.fanout import Stop, apply_fleet
    from stonegate.fleet.targets import resolve_targets

    chosen = request.chosen

    def refresh(target: Target) -> Target:
        found = resolve_targets(chosen.registry, target.server, chosen.platform, every=True)
        return next((each for each in found if each.database == target.database), target)

    stop = Stop()
    with watching_fleet(len(chosen.targets)) as on_event, ending_gently(stop):
        return asyncio.run(
            apply_fleet(
                chosen.targets,
                source,
                request.options,
                fanout_options(request.settings),
                on_event=on_event,
                stop=stop,
                refresh=refresh,
            )
        )


def _show(request: FleetRequest, report: FleetReport) -> None:
    from stonegate.cli.render.report import report_document

    documents = (
        [report_document(each) for each in report.results] if request.manner.report or request.manner.as_json else []
    )
    if request.manner.report is not None:
        write_file(request.manner.report, (dump_json(documents) + "\n").encode())
    if request.manner.as_json:
        write_json(documents)
    else:
        show(*render_summary(stdout(), report, verbose=request.manner.verbose))
    console = stderr()
    for line in render_failures(console, report):
        console.print(line)


def render_summary(console: Console, report: FleetReport, *, verbose: bool) -> Iterator[Text]:
    """What became of all of them in one line, before it each database with `verbose`."""
    if verbose:
        for each in report.results:
            yield from indented(console, report_line(each), 0, hang=2)
    counts = Counter(each.status for each in report.results)
    told = ", ".join(f"{counts[status]} {status.value.replace('_', ' ')}" for status in Status if counts[status])
    mark = ("✓ ", "bold green") if not report.failed else ("✗ ", "bold red")
    yield from indented(console, Text.assemble(mark, f"{len(report.results)} databases: {told}"), 0, hang=2)


def render_failures(console: Console, report: FleetReport) -> Iterator[Text]:
    """Equal failures once, with the databases that they concern."""
    groups: dict[tuple[str, ...], tuple[ErrorReport, list[str]]] = {}
    for each in report.failed:
        error = each.error
        if error is None:
            continue
        key = (error.code, error.message.replace(each.database, "…"), error.hint or "", *error.details)
        groups.setdefault(key, (error, []))[1].append(each.database)
    for error, names in list(groups.values())[:_MOST_FAILURES]:
        yield from render_headline(console, error.message)
        yield from indented(console, Text.assemble(("in ", "bold"), printable(", ".join(names))), 2, hang=2)
        yield from render_reasons(console, error)
    if len(groups) > _MOST_FAILURES:
        yield Text(f"… and {len(groups) - _MOST_FAILURES} other failures: see --report FILE")
