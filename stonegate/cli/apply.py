"""`stonegate apply`: brings a database to what the folder declares, after showing what that means."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from msgspec import Struct
from msgspec.structs import asdict, replace
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.consents import ConsentOptions
from stonegate.cli.files import read_file, require_writable, write_file
from stonegate.cli.grouped import grouped
from stonegate.cli.output import (
    dump_json,
    expect_json,
    is_interactive,
    print_lines,
    show,
    stderr,
    stdout,
    write_json,
)
from stonegate.cli.plan import plan_target
from stonegate.cli.render.failure import INTERRUPTION, failure_document, unexpected
from stonegate.cli.target import DatabaseTarget, TargetOptions, choose_fleet, load_target_source, require_target
from stonegate.cli.watching import watching
from stonegate.errors import MigrationBlocked, StonegateError, UsageError
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.model.plan import Plan, PlanOptions
    from stonegate.model.report import ApplyReport

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": False}


class Manner(Struct, frozen=True, kw_only=True):
    """How an apply is carried out and reported."""

    plan: options.SavedPlan = None
    dry_run: options.DryRun = False
    yes: options.Yes = False
    skip_verification: options.SkipVerification = False
    report: options.Report = None
    format: options.Format = options.ReportFormat.TEXT
    verbose: options.Verbose = False

    @property
    def as_json(self) -> bool:
        """The report is the one JSON document on standard output."""
        return self.format is options.ReportFormat.JSON

    @property
    def ask(self) -> bool:
        """A person has to agree first."""
        return not (self.yes or self.dry_run or self.as_json) and is_interactive()

    def apply_options(self, settings: Settings, wanted: PlanOptions) -> ApplyOptions:
        """What a deployment is told."""
        from stonegate.database.conninfo import checked_shadow
        from stonegate.database.deployment.options import ApplyOptions

        return ApplyOptions(
            plan=wanted,
            dry_run=self.dry_run,
            skip_verification=self.skip_verification,
            lock_timeout_s=settings.lock_timeout,
            statement_timeout_s=settings.statement_timeout,
            shadow=checked_shadow(settings.shadow_server),
        )


class Request(Struct, frozen=True, kw_only=True):
    """One `stonegate apply` on one database, as it was asked for.

    Attributes:
        folder: the one that was named.
        saved: the plan of --plan.
    """

    settings: Settings
    target: DatabaseTarget
    folder: Path | None
    wanted: PlanOptions
    saved: Plan | None
    manner: Manner

    @property
    def options(self) -> ApplyOptions:
        """What the deployment is told."""
        told = self.manner.apply_options(self.settings, self.wanted)
        return replace(told, admin=self.target.admin, label=self.target.label, create_database=self.target.may_create)


@grouped
def apply(
    named: TargetOptions,
    declared: options.SourceOptions,
    consents: ConsentOptions,
    manner: Manner,
    limits: options.LimitOptions,
) -> None:
    """Bring a database to what the folder declares: all of it, or nothing, in one transaction.

    On a terminal the plan is shown and you are asked; elsewhere nobody is asked, and what needs consent stays blocked
    (exit code 4). A database that does not exist is created.
    """
    expect_json(wanted=manner.as_json)
    if manner.report is not None:
        require_writable(manner.report)
    with reporting_failure(manner.report):
        settings = read_settings(asdict(declared) | asdict(limits))
        wanted = consents.plan_options()
        saved = _load_plan(manner.plan, declared.folder, wanted)
        chosen = choose_fleet(named, settings)
        if chosen is not None and saved is not None:
            raise UsageError("a saved plan is for one database", hint="leave --plan out, or name one: --tenant ID")
        if chosen is None:
            target = require_target(named, settings, None if saved is not None else settings.folder)
    if chosen is None:
        request = Request(
            settings=settings, target=target, folder=declared.folder, wanted=wanted, saved=saved, manner=manner
        )
        raise typer.Exit(run(request))
    from stonegate.cli.fleet_apply import FleetRequest, apply_many

    raise typer.Exit(
        apply_many(FleetRequest(settings=settings, chosen=chosen, folder=declared.folder, wanted=wanted, manner=manner))
    )


def run(request: Request) -> int:
    """Carry out the request and show its report; the exit code.

    Raises:
        StonegateError: before anything was attempted; MigrationBlocked if the user said no.
    """
    with reporting_failure(request.manner.report):
        done = _attempt(request)
    return show_report(request, done)


@contextlib.contextmanager
def reporting_failure(path: Path | None) -> Iterator[None]:
    """Write what ends the block into the file of --report, so that no older report stays there."""
    try:
        yield
    except StonegateError as error:
        _report(path, error)
        raise
    except KeyboardInterrupt:
        _write_failure(path, INTERRUPTION)
        raise
    except Exception as error:  # a mistake of ours, which the command line tells
        _report(path, unexpected(error))
        raise


def _report(path: Path | None, error: StonegateError) -> None:
    _write_failure(path, failure_document(error) | {"exit_code": error.exit_code})


def _write_failure(path: Path | None, failure: dict[str, Any]) -> None:
    """In the form of a report: there `code` is what `error` is where a failure stands alone."""
    if path is not None:
        error = {"code": failure["error"]} | {key: value for key, value in failure.items() if key != "error"}
        write_file(path, (dump_json({"status": "failed", "error": error}) + "\n").encode())


def show_report(request: Request, done: ApplyReport) -> int:
    """Print the report, and write it where that was asked for; the exit code."""
    from stonegate.cli.render.report import render_refusal, render_report, report_document

    if request.manner.as_json:
        write_json(report_document(done))
    else:
        show(*render_report(stdout(), done, verbose=request.manner.verbose))
    console = stderr()
    print_lines(console, render_refusal(console, done))
    if request.manner.report is not None:
        write_file(request.manner.report, (dump_json(report_document(done)) + "\n").encode())
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
    data = read_file(path, "the plan")
    plan = Plan.load(data, str(path))
    _require_what_was_read(data, plan)
    return plan


def _require_what_was_read(data: bytes, plan: Plan) -> None:
    """Refuse a file whose readable part says otherwise than the plan in it: that part is what people review and edit.

    Raises:
        UsageError: it names what differs.
    """
    from stonegate.cli.render.plan_json import plan_document

    said, meant = json.loads(data), json.loads(dump_json(plan_document(plan)))
    differing = [part for part in meant if part != "plan" and (part not in said or said[part] != meant[part])]
    if differing:
        raise UsageError(
            f"the plan was changed after it was saved: {', '.join(differing)}",
            hint="stonegate plan --out FILE again, by this version; "
            "what shall differ, say in the folder or with --allow",
        )


def _attempt(request: Request) -> ApplyReport:
    if request.saved is not None:
        _require_agreement(request, request.saved)
        return _carry_out_plan(request, request.saved)
    if request.manner.ask:
        source = load_target_source(request.settings, request.target, request.folder)
        planned, _ = plan_target(request.settings, request.wanted, request.target, source)
        if planned.has_changes and not planned.blocked:
            _require_agreement(request, planned)
            return _carry_out_plan(request, planned)
        # Nothing to agree to: let the apply say so, and record what it finds.
    return _carry_out_folder(request)


def _require_agreement(request: Request, planned: Plan) -> None:
    """Show the plan and ask, where somebody is there to answer."""
    if not request.manner.ask or planned.blocked:
        return
    from stonegate.cli.render.plan_text import render_plan

    show(*render_plan(stdout(), planned, verbose=request.manner.verbose))
    confirm(f"Apply this plan to {request.target.name}?")


def confirm(question: str) -> None:
    """Ask on standard error until the answer is yes or no; an empty answer, and the end of input, is no.

    Raises:
        MigrationBlocked: it is no; what a script does behind a deployment must not be done.
    """
    console, answer = stderr(), "?"
    while answer not in _ANSWERS:
        console.print(Text.assemble((question, "bold"), " [y/N] "), end="")
        try:
            answer = input().strip().lower()
        except EOFError:
            answer = ""
    if not _ANSWERS[answer]:
        raise MigrationBlocked("nothing was changed: you did not agree")


def _carry_out_plan(request: Request, planned: Plan) -> ApplyReport:
    from stonegate.database.deployment.one_database import apply_plan

    with watching(f"applying to {request.target.name}") as on_progress:
        return asyncio.run(apply_plan(request.target.conninfo, planned, request.options, on_progress))


def _carry_out_folder(request: Request) -> ApplyReport:
    source = load_target_source(request.settings, request.target, request.folder)
    from stonegate.database.deployment.one_database import apply_database

    with watching(f"applying to {request.target.name}") as on_progress:
        return asyncio.run(apply_database(request.target.conninfo, source, request.options, on_progress))
