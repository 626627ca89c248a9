"""`stonegate plan`: what an apply would do, and whether it may."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import typer
from msgspec import Struct
from msgspec.structs import asdict
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.consents import ConsentOptions
from stonegate.cli.files import require_writable, write_file
from stonegate.cli.grouped import grouped
from stonegate.cli.options import PlanFormat
from stonegate.cli.output import dump_json, expect_json, progress, say, show, stdout, warn, write
from stonegate.cli.render.lines import indented, printable
from stonegate.cli.source import load_ordered
from stonegate.cli.target import DatabaseTarget, TargetOptions, choose_fleet, load_target_source, resolve_target
from stonegate.cli.watching import watching
from stonegate.errors import DatabaseNotFound, MigrationBlocked, UsageError
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.cli.fleet import Chosen
    from stonegate.database.deployment.one_database import OnState
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.model.catalog import Catalog
    from stonegate.model.plan import Plan, PlanOptions
    from stonegate.model.preflight import Finding
    from stonegate.model.tracking import TrackingState
    from stonegate.source.lazy import LazySource


class PlanRequest(Struct, frozen=True, kw_only=True):
    """What is looked at beyond the plan itself, and what becomes of it."""

    preflight: options.Preflight = False
    format: options.PlanOutput = PlanFormat.TEXT
    out: options.Out = None
    exit_code: options.ExitCode = False
    verbose: options.Verbose = False


@grouped
def plan(declared: options.SourceOptions, named: TargetOptions, consents: ConsentOptions, request: PlanRequest) -> None:
    """Print what an apply would do. Nothing is written to the target.

    Without a target it is the plan for an empty database, and no server is asked. Exit code 4 says that the plan is
    blocked; what to type to consent stands beside each reason.
    """
    expect_json(wanted=request.format is PlanFormat.JSON)
    settings = read_settings(asdict(declared))
    wanted = consents.plan_options()
    chosen = choose_fleet(named, settings)
    if chosen is not None:
        raise typer.Exit(_plan_fleet(settings, chosen, wanted, declared.folder, request))
    if request.out is not None:
        require_writable(request.out)
    from stonegate.model.plan import Mode

    target = resolve_target(named, settings, settings.folder)
    states: list[TrackingState] = []
    held: Catalog | None = None
    if target is None:
        if request.preflight or wanted.baseline:
            raise UsageError("--preflight and --baseline look at a database", hint="name one: -d URL or --embedded")
        if declared.shadow is not None:
            hint = "name one: -d URL or --embedded; `stonegate check --shadow` builds a folder alone"
            raise UsageError("--shadow is for the plan of a database", hint=hint)
        made, findings = _plan_offline(settings, wanted), None
    else:
        preflight = request.preflight
        source = load_target_source(settings, target, declared.folder)
        made, findings = plan_target(settings, wanted, target, source, preflight=preflight, on_state=states.append)
        if request.format is PlanFormat.SQL and made.mode is Mode.FRESH and not made.blocked:
            held = _read_declared(settings, wanted, target, source)
    if request.out is not None:
        write_file(request.out, (dump_json(_document(made, findings)) + "\n").encode())
        say(f"saved to {request.out}")
    _print(made, findings, request, states[-1] if states else None, held)
    raise typer.Exit(_exit_code(made, findings, request.exit_code))


def _plan_fleet(
    settings: Settings, chosen: Chosen, wanted: PlanOptions, folder: Path | None, request: PlanRequest
) -> int:
    from stonegate.cli.fleet_plan import plan_many

    if request.out is not None:
        raise UsageError(
            "a saved plan is for one database, since it holds what that one is now",
            hint="apply plans each database of several anew and stops at what was not allowed; to keep this plan for "
            "reading: --format json > FILE; to save that of one: --tenant ID --out FILE",
        )
    if request.format is PlanFormat.SQL:
        raise UsageError(
            "one script cannot be for several databases, which may differ",
            hint="--tenant ID --format sql for the script of one; --format markdown or json for all",
        )
    return plan_many(settings, chosen, wanted, folder, request)


def _plan_offline(settings: Settings, wanted: PlanOptions) -> Plan:
    """The plan for an empty database: no driver is even imported."""
    tree, ordered = load_ordered(settings)
    from stonegate.planner.build import build_plan

    return build_plan(tree=tree, ordered=ordered, options=wanted)


def plan_target(
    settings: Settings,
    wanted: PlanOptions,
    target: DatabaseTarget,
    source: LazySource,
    *,
    preflight: bool = False,
    on_state: OnState | None = None,
) -> tuple[Plan, tuple[Finding, ...] | None]:
    """The plan for a database, and with `preflight` the rows that would make it fail.

    Args:
        on_state: hears what is recorded there, where that had to be read.

    Raises:
        StonegateError: as `deployment.plan_database`.
    """
    from stonegate.database.deployment.one_database import plan_database, plan_with_findings

    asked = _options(settings, wanted, target)
    with watching(f"planning {target.name}") as on_progress:
        if preflight:
            try:
                return asyncio.run(plan_with_findings(target.conninfo, source, asked, on_progress, on_state))
            except DatabaseNotFound:
                pass  # no rows stand in the way of anything
        planned = asyncio.run(plan_database(target.conninfo, source, asked, on_progress, on_state))
    return planned, () if preflight else None


def _options(settings: Settings, wanted: PlanOptions, target: DatabaseTarget) -> ApplyOptions:
    from stonegate.database.conninfo import checked_shadow
    from stonegate.database.deployment.options import ApplyOptions

    shadow = checked_shadow(settings.shadow_server)
    return ApplyOptions(plan=wanted, shadow=shadow, admin=target.admin, create_database=target.may_create)


def _read_declared(
    settings: Settings, wanted: PlanOptions, target: DatabaseTarget, source: LazySource
) -> Catalog | None:
    """What a script for an empty database will leave there, which it records."""
    from stonegate.database.script import read_declared

    with progress("building the reference database"):
        return asyncio.run(read_declared(target.conninfo, source, _options(settings, wanted, target)))


def _document(made: Plan, findings: tuple[Finding, ...] | None) -> dict[str, Any]:
    from stonegate.cli.render.plan_json import plan_document

    document = plan_document(made)
    if findings is not None:
        document["preflight"] = list(findings)
    return document


def _print(
    made: Plan,
    findings: tuple[Finding, ...] | None,
    request: PlanRequest,
    state: TrackingState | None,
    held: Catalog | None,
) -> None:
    match request.format:
        case PlanFormat.TEXT:
            from stonegate.cli.render.plan_text import render_plan

            console = stdout()
            show(*render_plan(console, made, verbose=request.verbose))
            if findings is not None:
                show(Text(""), Text(f"preflight: {'rows that would fail' if findings else 'no row stands in the way'}"))
            for finding in findings or ():
                show(*indented(console, Text.assemble(("✗ ", "red"), printable(str(finding))), 2, hang=2))
        case PlanFormat.JSON:
            write(dump_json(_document(made, findings)))
        case PlanFormat.SQL:
            from stonegate.cli.render.plan_sql import left_to_apply, render_script

            warn(left_to_apply(made))
            write(render_script(made, state, held))
        case PlanFormat.MARKDOWN:
            from stonegate.cli.render.plan_markdown import render_markdown

            write(render_markdown(made, findings or ()))
        case _:
            assert_never(request.format)


def _exit_code(made: Plan, findings: tuple[Finding, ...] | None, wanted: bool) -> int:
    if made.blocked:
        from stonegate.database.deployment.reports import blocked_error

        return blocked_error(made, "").exit_code
    if findings:
        return MigrationBlocked.exit_code
    return 1 if wanted and made.has_changes else 0
