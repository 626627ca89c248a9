"""`stonegate apply` on a fleet: shows the plan by groups, carries it out, reports every database."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from stonegate.cli.apply import Manner, confirm, reporting_failure
from stonegate.cli.ending import ending_gently
from stonegate.cli.files import write_file
from stonegate.cli.fleet import FAILED, Chosen, fanout_options, load_fleet_source, looking_at
from stonegate.cli.fleet_view import count_outcomes, outcome_of, report_line, watching_fleet
from stonegate.cli.output import dump_json, print_lines, show, stderr, stdout, write_json
from stonegate.cli.render.alike import render_failures, render_warnings
from stonegate.cli.render.lines import indented
from stonegate.cli.render.names import count
from stonegate.model.report import FleetReport
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.fleet.survey import FleetPlan
    from stonegate.model.plan import PlanOptions
    from stonegate.source.lazy import LazySource


class FleetRequest(Struct, frozen=True, kw_only=True):
    """One `stonegate apply` on several databases, as it was asked for."""

    settings: Settings
    chosen: Chosen
    folder: Path | None
    wanted: PlanOptions
    manner: Manner

    @property
    def options(self) -> ApplyOptions:
        """What each deployment is told."""
        return replace(
            self.manner.apply_options(self.settings, replace(self.wanted, of_many=True)), create_database=False
        )


def apply_many(request: FleetRequest) -> int:
    """Carry out the request; the exit code: 0 if every database is as declared, else 7.

    Raises:
        SourceError, UsageError, MigrationBlocked: before anything was attempted; the last if the user said no.
    """
    with reporting_failure(request.manner.report):
        source = load_fleet_source(request.settings, request.chosen, request.folder)
        if request.manner.ask:
            _require_agreement(request, source)
        started = time.monotonic()
        report = _run(request, source)
    _show(request, report, time.monotonic() - started)
    return FAILED if report.failed else 0


def _require_agreement(request: FleetRequest, source: LazySource) -> None:
    from stonegate.cli.render.fleet import render_fleet_plan
    from stonegate.fleet.survey import plan_fleet

    with looking_at(request.chosen, request.settings, "planning") as looking:
        plan = asyncio.run(plan_fleet(looking, source, request.options))
    if not any(group.plan.has_changes and not group.plan.blocked for group in plan.groups):
        return  # nothing to agree to: let the apply say so
    show(*render_fleet_plan(stdout(), plan, verbose=request.manner.verbose))
    confirm(_question(plan, request.chosen.platform))


def _question(plan: FleetPlan, platform: str) -> str:
    """What is asked before the apply: how many databases change, and how many stay as they are."""
    changing = sum(len(group.targets) for group in plan.groups if group.plan.has_changes and not group.plan.blocked)
    blocked = sum(len(group.targets) for group in plan.groups if group.plan.blocked)
    parts = [f"{blocked} blocked"] if blocked else []
    parts += [f"{len(plan.unread)} unreadable"] if plan.unread else []
    rest = f" ({' and '.join(parts)})" if parts else ""
    return f"Apply this to {count(changing, 'database')} of {platform}{rest}?"


def _run(request: FleetRequest, source: LazySource) -> FleetReport:
    from stonegate.fleet.ending import Stop
    from stonegate.fleet.fanout import apply_fleet

    chosen = request.chosen
    stop = Stop()
    with watching_fleet(len(chosen.targets)) as watcher, ending_gently(stop, watcher.tell):
        return asyncio.run(
            apply_fleet(
                chosen.targets,
                source,
                request.options,
                fanout_options(request.settings),
                on_event=watcher.take,
                stop=stop,
                renew=chosen.renew,
            )
        )


def _show(request: FleetRequest, report: FleetReport, seconds: float) -> None:
    from stonegate.cli.render.report import report_document

    as_json, path = request.manner.as_json, request.manner.report
    documents = [report_document(each) for each in report.results] if path is not None or as_json else []
    # Each is told even where another one cannot be: the file, standard output, standard error.
    with contextlib.ExitStack() as last:
        last.callback(_show_troubles, report)
        if as_json:
            last.callback(write_json, documents)
        else:
            last.callback(lambda: show(*render_summary(stdout(), report, seconds, verbose=request.manner.verbose)))
        if path is not None:
            write_file(path, (dump_json(documents) + "\n").encode())


def _show_troubles(report: FleetReport) -> None:
    console = stderr()
    warnings = ((each.database, text) for each in report.results for text in each.warnings)
    print_lines(console, render_warnings(console, warnings))
    failures = ((each.database, each.error) for each in report.failed if each.error is not None)
    print_lines(console, render_failures(console, failures))


def render_summary(console: Console, report: FleetReport, seconds: float, *, verbose: bool) -> Iterator[Text]:
    """What became of all of them in one line, before it each database with `verbose`."""
    if verbose:
        for each in report.results:
            yield from indented(console, report_line(each), 0, hang=2)
    told = ", ".join(text for text, _ in count_outcomes(Counter(map(outcome_of, report.results))))
    mark = ("✓ ", "bold green") if not report.failed else ("✗ ", "bold red")
    took = (f" ({seconds:.1f} s)", "dim")
    yield from indented(
        console, Text.assemble(mark, f"{count(len(report.results), 'database')}: {told}", took), 0, hang=2
    )
