"""`stonegate tenant`: databases for new tenants, by id, from a list or by number, and the end of old ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.commands import Commands
from stonegate.cli.files import read_file
from stonegate.cli.fleet import FAILED, Chosen, choose_targets, load_stored, open_registry
from stonegate.cli.grouped import grouped
from stonegate.cli.output import (
    expect_json,
    is_interactive,
    print_lines,
    progress,
    say,
    show,
    stderr,
    stdout,
    write_json,
)
from stonegate.cli.render.failure import render_headline, render_reasons
from stonegate.cli.render.lines import printable, table
from stonegate.cli.render.names import count
from stonegate.cli.target import TargetOptions
from stonegate.errors import UsageError
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.fleet.names import Owner
    from stonegate.fleet.registry import Registry
    from stonegate.fleet.tenants import TenantReport

app = Commands(name="tenant", help="Tenants: a database for each, made in a moment.")


Platform = Annotated[
    str | None, typer.Option("--platform", metavar="NAME", help="Whose tenants.", rich_help_panel=options.TARGET)
]
Folder = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="NAME",
        help="The stored folder that they are made of; `stonegate platform schemas` lists them.",
        rich_help_panel=options.TARGET,
    ),
]
Schema = Annotated[
    str | None,
    typer.Option(
        "--schema", metavar="NAME", help="Only those made of this stored folder.", rich_help_panel=options.TARGET
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenants:
    """Which tenants are made."""

    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Their ids.", show_default=False)] = None
    number: Annotated[
        int | None,
        typer.Option(
            "--count", metavar="N", min=1, help="N more; with --if-missing as many as it takes to have P1 to PN."
        ),
    ] = None
    prefix: Annotated[str | None, typer.Option("--prefix", metavar="P", help="What numbered ids begin with.")] = None
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="One id per line; # begins a comment.")
    ] = None
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="A tenant that is there is fine: for cron, and for running again.")
    ] = False

    def owners(self, registry: Registry, platform: str, schema: str) -> tuple[Owner, ...]:
        """The tenants that are meant, each once.

        Raises:
            UsageError: none is meant, or half of what numbers take is missing.
        """
        from stonegate.fleet.names import Owner
        from stonegate.fleet.tenants import next_owners

        if (self.number is None) != (self.prefix is None):
            raise UsageError("--count and --prefix belong together", hint="--count 10 --prefix demo")
        given = list(self.ids or ())
        if self.from_file is not None:
            text = read_file(self.from_file, "the list of tenants").decode("utf-8", errors="replace")
            given += [word for line in text.splitlines() if (word := line.partition("#")[0].strip())]
        owners = [Owner(platform=platform, schema=schema, tenant=each) for each in dict.fromkeys(given)]
        if self.number is not None and self.prefix is not None:
            owners += next_owners(registry, platform, schema, self.prefix, self.number, if_missing=self.if_missing)
        if not owners and self.from_file is None:
            raise UsageError("no tenant was named", hint="ids, --count N --prefix P, or --from-file FILE")
        return tuple(dict.fromkeys(owners))


@app.command()
@grouped
def create(
    new: NewTenants,
    platform: Platform = None,
    schema: Folder = None,
    concurrency: options.Concurrency = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Make databases for tenants from a stored folder.

    Each is a clone of the folder, built and verified once, with its owner, privileges, label and declared rows; it is
    listed when it is finished, and nothing is left of one that fails.
    """
    expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"platform": platform, "schema": schema, "concurrency": concurrency})
    platform, schema = _require_place(settings)
    registry = open_registry(settings)
    owners = new.owners(registry, platform, schema)
    from stonegate.fleet.tenants import create_tenants

    source = load_stored(registry, platform, schema)
    done = 0
    with progress(f"making {count(len(owners), 'database')}") as tell:

        def on_report(report: TenantReport) -> None:
            nonlocal done
            done += 1
            tell(f"{done}/{len(owners)} {report.database}: {report.status}")

        reports = asyncio.run(
            create_tenants(
                registry,
                settings.server_conninfo,
                source,
                owners,
                if_missing=new.if_missing,
                concurrency=settings.concurrency,
                on_report=on_report,
            )
        )
    raise typer.Exit(_show_reports(reports, as_json=format is options.ReportFormat.JSON))


@app.command("list")
def list_(
    platform: Platform = None,
    schema: Schema = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List the tenants of a platform, from the records."""
    expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"platform": platform, "schema": schema})
    if settings.platform is None:
        raise UsageError("no platform was named", hint="--platform NAME")
    show_databases(settings, settings.platform, settings.schema, as_json=format is options.ReportFormat.JSON)


@app.command()
def drop(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Their ids; patterns such as 'test*' too.")],
    platform: Platform = None,
    schema: Schema = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Drop the databases of tenants, with all that is in them and everybody who is connected.

    On a terminal the number of databases has to be typed; elsewhere it takes --yes.
    """
    as_json = format is options.ReportFormat.JSON
    expect_json(wanted=as_json)
    settings = read_settings({"platform": platform, "schema": schema})
    named = TargetOptions(platform=settings.platform, schema=settings.schema, tenant=",".join(ids))
    chosen = choose_targets(named, settings)
    if not yes and not _agrees(chosen, as_json=as_json):
        raise typer.Exit(0)
    from stonegate.fleet.tenants import drop_tenants

    with progress(f"dropping {count(len(chosen.targets), 'database')}"):
        reports = asyncio.run(drop_tenants(chosen.registry, chosen.targets))
    raise typer.Exit(_show_reports(reports, as_json=as_json, done="dropped"))


def show_databases(settings: Settings, platform: str, schema: str | None, *, as_json: bool) -> None:
    """Print the databases that the records of a platform have."""
    records = [
        record
        for record in open_registry(settings).platform(platform).databases
        if schema is None or record.owner.schema == schema
    ]
    records.sort(key=lambda record: record.database)
    if as_json:
        write_json(
            [
                {
                    "id": record.id,
                    "database_name": record.database,
                    "schema_name": record.owner.schema,
                    "created_at": record.created_at,
                }
                for record in records
            ]
        )
    elif not records:
        show(Text("no databases"))
    else:
        rows = [(record.id, record.database, record.owner.schema or "", record.created_at[:19]) for record in records]
        show(*table(stdout(), ("id", "database", "schema", "since"), rows))


def _require_place(settings: Settings) -> tuple[str, str]:
    if settings.platform is None:
        raise UsageError("no platform was named", hint="--platform NAME")
    if settings.schema is None:
        raise UsageError("no schema was named", hint="--schema NAME: stonegate platform schemas lists them")
    return settings.platform, settings.schema


def _agrees(chosen: Chosen, *, as_json: bool) -> bool:
    number = str(len(chosen.targets))
    if as_json or not is_interactive():
        raise UsageError("dropping databases needs consent", hint="--yes")
    for target in chosen.targets:
        say(f"  {printable(target.database)}")
    stderr().print(f"Drop with all data? Type {number} to go on: ", end="")
    try:
        agreed = input().strip() == number
    except EOFError:
        agreed = False
    if not agreed:
        say("nothing was dropped")
    return agreed


def _show_reports(reports: tuple[TenantReport, ...], *, as_json: bool, done: str | None = None) -> int:
    """Print what became of each; the exit code: of its error for a single one, 7 for some of several."""
    if as_json:
        write_json([_document(report, done) for report in reports])
    else:
        states: dict[str, int] = {}
        for report in reports:
            state = "failed" if report.error is not None else done or report.status
            states[state] = states.get(state, 0) + 1
            if report.error is None:
                took = f", {report.made.duration_ms:.0f} ms" if report.made and report.made.created else ""
                how = "" if report.made is None or not report.made.created or report.made.cloned else ", built"
                mark = Text.assemble(("✓ ", "bold green"), (printable(report.database), "bold"))
                show(Text.assemble(mark, f" {state}{how}{took}"))
        if len(reports) != 1:
            show(Text(", ".join(f"{number} {state}" for state, number in states.items()) or "no tenants named"))
    console = stderr()
    failures = [report for report in reports if report.error is not None]
    for report in failures:
        assert report.error is not None
        where = report.database or str(report.owner)
        print_lines(console, render_headline(console, f"{where}: {report.error.message}"))
        print_lines(console, render_reasons(console, report.error))
    if not failures:
        return 0
    return failures[0].error.exit_code if len(reports) == 1 and failures[0].error is not None else FAILED


def _document(report: TenantReport, done: str | None) -> dict[str, Any]:
    from stonegate.cli.render.report import error_document

    document: dict[str, Any] = {
        "id": report.owner.tenant,
        "database": report.database,
        "status": "failed" if report.error is not None else done or report.status,
    }
    if report.made is not None and report.made.created:
        document |= {
            "cloned": report.made.cloned,
            "duration_ms": round(report.made.duration_ms, 1),
            "seeds": list(report.made.seeds),
        }
    if report.error is not None:
        document["error"] = error_document(report.error)
    return document
