"""`stonegate apply`: brings a database to what the folder declares, after showing what that means."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.consents import plan_options
from stonegate.cli.files import read_file, write_file
from stonegate.cli.output import (
    dump_json,
    expect_json,
    is_interactive,
    print_lines,
    say,
    show,
    stderr,
    stdout,
    write_json,
)
from stonegate.cli.plan import plan_target
from stonegate.cli.source import load_lazily
from stonegate.cli.target import DatabaseTarget, TargetOptions, choose_fleet, require_target
from stonegate.cli.watching import watching
from stonegate.errors import StonegateError, UsageError
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.database.survey import ApplyOptions
    from stonegate.model.plan import Plan, PlanOptions
    from stonegate.model.report import ApplyReport

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One `stonegate apply`, as it was asked for.

    Attributes:
        saved: the plan of --plan.
        report: where the JSON report is written too.
        ask: a person has to agree first.
    """

    settings: Settings
    target: DatabaseTarget
    wanted: PlanOptions
    saved: Plan | None
    dry_run: bool
    skip_verification: bool
    report: Path | None
    ask: bool
    as_json: bool
    verbose: bool

    @property
    def options(self) -> ApplyOptions:
        """What the deployment is told."""
        from stonegate.database.deployment import ApplyOptions

        return ApplyOptions(
            plan=self.wanted,
            dry_run=self.dry_run,
            skip_verification=self.skip_verification,
            lock_timeout_s=self.settings.lock_timeout,
            statement_timeout_s=self.settings.statement_timeout,
            shadow=self.settings.shadow,
            admin=self.target.admin,
            create_database=self.target.may_create,
        )


def apply(
    folder: options.Folder = None,
    database: options.Database = None,
    embedded: options.Embedded = False,
    platform: options.Platform = None,
    tenant: options.Tenant = None,
    schema: options.Schema = None,
    every: options.Every = False,
    scope: options.Scope = None,
    shadow: options.Shadow = None,
    plan: options.SavedPlan = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    allow: options.Allow = None,
    force: options.Force = False,
    allow_drift: options.AllowDrift = False,
    baseline: options.Baseline = False,
    seed_missing: options.SeedMissing = False,
    strict_contract: options.StrictContract = False,
    skip_verification: options.SkipVerification = False,
    concurrency: options.Concurrency = None,
    max_connections: options.MaxConnections = None,
    canary: options.Canary = None,
    on_error: options.OnError = None,
    lock_timeout: options.LockTimeout = None,
    statement_timeout: options.StatementTimeout = None,
    report: options.Report = None,
    format: options.Format = options.ReportFormat.TEXT,
    verbose: options.Verbose = False,
) -> None:
    """Bring a database to what the folder declares: all of it, or nothing, in one transaction.

    On a terminal the plan is shown and you are asked; elsewhere nobody is asked, and what needs consent stays blocked
    (exit code 4). A database that does not exist is created.
    """
    as_json = format is options.ReportFormat.JSON
    expect_json(wanted=as_json)
    settings = read_settings(
        {
            "folder": folder,
            "scope": scope,
            "shadow": shadow,
            "concurrency": concurrency,
            "max_connections": max_connections,
            "canary": canary,
            "on_error": on_error,
            "lock_timeout": lock_timeout,
            "statement_timeout": statement_timeout,
        }
    )
    wanted = plan_options(
        allow,
        force=force,
        allow_drift=allow_drift,
        baseline=baseline,
        seed_missing=seed_missing,
        strict_contract=strict_contract,
    )
    saved = _load_plan(plan, folder, wanted)
    named = TargetOptions(
        database=database, embedded=embedded, platform=platform, tenant=tenant, schema=schema, every=every
    )
    ask = not (yes or dry_run or as_json) and is_interactive()
    chosen = choose_fleet(named, settings)
    if chosen is not None:
        if saved is not None:
            raise UsageError("a saved plan is for one database", hint="leave --plan out, or name one: --tenant ID")
        from stonegate.cli.fleet_apply import FleetRequest, apply_many

        many = FleetRequest(
            settings=settings,
            chosen=chosen,
            folder=folder,
            wanted=wanted,
            dry_run=dry_run,
            skip_verification=skip_verification,
            report=report,
            ask=ask,
            as_json=as_json,
            verbose=verbose,
        )
        raise typer.Exit(apply_many(many))
    request = Request(
        settings=settings,
        target=require_target(named, settings, None if saved is not None else settings.folder),
        wanted=wanted,
        saved=saved,
        dry_run=dry_run,
        skip_verification=skip_verification,
        report=report,
        ask=ask,
        as_json=as_json,
        verbose=verbose,
    )
    raise typer.Exit(run(request))


def run(request: Request) -> int:
    """Carry out the request and show its report; the exit code.

    Raises:
        StonegateError: before anything was attempted.
    """
    try:
        done = _attempt(request)
    except StonegateError as error:
        if request.report is not None:
            from stonegate.cli.render.failure import failure_document

            write_file(
                request.report, (dump_json({"status": "failed", "error": failure_document(error)}) + "\n").encode()
            )
        raise
    if done is None:
        say("nothing was changed")
        return 0
    return show_report(request, done)


def show_report(request: Request, done: ApplyReport) -> int:
    """Print the report, and write it where that was asked for; the exit code."""
    from stonegate.cli.render.report import render_refusal, render_report, report_document

    if request.report is not None:
        write_file(request.report, (dump_json(report_document(done)) + "\n").encode())
    if request.as_json:
        write_json(report_document(done))
    else:
        show(*render_report(stdout(), done, verbose=request.verbose))
    console = stderr()
    print_lines(console, render_refusal(console, done))
    return done.error.exit_code if done.error is not None else 0


def _load_plan(path: Path | None, folder: Path | None, wanted: PlanOptions) -> Plan | None:
    if path is None:
        return None
    from stonegate.model.plan import Plan, PlanOptions

    if folder is not None:
        raise UsageError("--plan needs no FOLDER: the plan holds all that it needs", hint="leave one of them out")
    if wanted != PlanOptions():
        raise UsageError(
            "a saved plan holds its consents already", hint="stonegate plan again, with the consents and --out"
        )
    return Plan.load(read_file(path, "the plan"))


def _attempt(request: Request) -> ApplyReport | None:
    """The report; None if the user said no."""
    if request.saved is not None:
        return _carry_out_plan(request, request.saved) if _agrees(request, request.saved) else None
    if request.ask:
        planned, _ = plan_target(request.settings, request.wanted, request.target)
        if planned.has_changes and not planned.blocked:
            return _carry_out_plan(request, planned) if _agrees(request, planned) else None
        # Nothing to agree to: let the apply say so, and record what it finds.
    return _carry_out_folder(request)


def _agrees(request: Request, planned: Plan) -> bool:
    """Show the plan and ask, where somebody is there to answer."""
    if not request.ask or planned.blocked:
        return True
    from stonegate.cli.render.plan_text import render_plan

    show(*render_plan(stdout(), planned, verbose=request.verbose))
    return confirm(f"Apply this plan to {request.target.name}?")


def confirm(question: str) -> bool:
    """Ask on standard error until the answer is yes or no; an empty answer, and the end of input, is no."""
    console = stderr()
    while True:
        console.print(Text.assemble((question, "bold"), " [y/N] "), end="")
        try:
            answer = input().strip().lower()
        except EOFError:
            return False
        if answer in _ANSWERS:
            return _ANSWERS[answer]


def _carry_out_plan(request: Request, planned: Plan) -> ApplyReport:
    from stonegate.database.deployment import apply_plan

    with watching(f"applying to {request.target.name}") as on_progress:
        return asyncio.run(apply_plan(request.target.conninfo, planned, request.options, on_progress))


def _carry_out_folder(request: Request) -> ApplyReport:
    source = load_lazily(request.settings)
    from stonegate.database.deployment import apply_database

    with watching(f"applying to {request.target.name}") as on_progress:
        return asyncio.run(apply_database(request.target.conninfo, source, request.options, on_progress))
