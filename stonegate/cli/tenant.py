"""`stonegate tenant`: databases for new tenants, by id, from a list or by number, and the end of old ones."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.commands import Commands
from stonegate.cli.ending import ending_gently
from stonegate.cli.files import read_file
from stonegate.cli.fleet import Chosen, choose_targets, load_stored, open_registry, tell_flaws
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, is_interactive, say, show, stderr, stdout, write_json
from stonegate.cli.render.alike import enumerate_names
from stonegate.cli.render.lines import printable, table
from stonegate.cli.render.names import count, local_time
from stonegate.cli.target import TargetOptions
from stonegate.cli.tenant_view import show_reports, working
from stonegate.errors import MigrationBlocked, SchemaNotFound, UsageError
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.fleet.names import Owner
    from stonegate.fleet.numbering import Numbering
    from stonegate.fleet.records import DatabaseRecord
    from stonegate.fleet.registry import Registry

app = Commands(name="tenant", help="Tenants: a database for each, made in a moment.")


Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        help="Databases at a time; 4, more gain nothing.",
        show_default=False,
        rich_help_panel=options.FLEET,
    ),
]
Platform = Annotated[
    str | None, typer.Option("--platform", metavar="NAME", help="Whose tenants.", rich_help_panel=options.TARGET)
]
StoredFolder = Annotated[
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


class NewTenants(Struct, frozen=True, kw_only=True):
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
        Path | None,
        typer.Option("--from-file", metavar="FILE", help="One id per line, # begins a comment; - is standard input."),
    ] = None
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="A tenant that is there is fine: for cron, and for running again.")
    ] = False

    def owners(self, registry: Registry, platform: str, schema: str) -> tuple[tuple[Owner, ...], Numbering | None]:
        """The tenants that are meant, each once, and those of them that have numbers.

        Raises:
            UsageError: none is meant, or half of what numbers take is missing.
        """
        from stonegate.fleet.names import Owner
        from stonegate.fleet.numbering import Numbering

        if (self.number is None) != (self.prefix is None):
            raise UsageError("--count and --prefix belong together", hint="--count 10 --prefix demo")
        given = [*(self.ids or ()), *(() if self.from_file is None else read_ids(self.from_file))]
        owners = [Owner(platform=platform, schema=schema, tenant=each) for each in given]
        numbering = None
        if self.number is not None and self.prefix is not None:
            numbering = Numbering(registry, platform, schema, self.prefix, self.number, if_missing=self.if_missing)
            owners += numbering.owners
        if not owners and self.from_file is None:
            raise UsageError("no tenant was named", hint="ids, --count N --prefix P, or --from-file FILE")
        return tuple(dict.fromkeys(owners)), numbering


def read_ids(path: Path) -> list[str]:
    """The ids of a list: one per line, without comments and blanks at its ends.

    Raises:
        UsageError: it cannot be read, or is no UTF-8.
    """
    try:
        text = read_file(path, "the list of tenants").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"the list of tenants {path} is no UTF-8 in line {line}", hint="save it as UTF-8") from None
    return [word for line in text.splitlines() if (word := line.partition("#")[0].strip())]


@app.command()
@grouped
def create(
    new: NewTenants,
    platform: Platform = None,
    schema: StoredFolder = None,
    concurrency: Concurrency = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Make databases for tenants from a stored folder.

    Each is a clone of the folder, built and verified once, with its owner, privileges, label and declared rows; it is
    listed when it is finished, and nothing is left of one that fails.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"platform": platform, "schema": schema, "concurrency": concurrency})
    platform, schema = _require_place(settings)
    registry = open_registry(settings)
    owners, numbering = new.owners(registry, platform, schema)
    from stonegate.fleet.ending import Stop
    from stonegate.fleet.tenants import create_tenants

    source = load_stored(registry, platform, schema)
    stop = Stop()
    with working(len(owners), "making", as_json=as_json) as watcher, ending_gently(stop, watcher.tell):
        reports = asyncio.run(
            create_tenants(
                registry,
                settings.server_conninfo,
                source,
                owners,
                if_missing=new.if_missing,
                instead_of=None if numbering is None or new.if_missing else numbering.instead_of,
                concurrency=settings.concurrency,
                on_report=watcher.take,
                stop=stop,
            )
        )
    raise typer.Exit(show_reports(reports, as_json=as_json, shown=watcher.shown))


@app.command("list")
def list_(
    platform: Platform = None,
    schema: Schema = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List the tenants of a platform, from the records."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"platform": platform, "schema": schema})
    if settings.platform is None:
        raise UsageError("no platform was named", hint="--platform NAME")
    show_databases(settings, settings.platform, settings.schema, as_json=as_json)


@app.command()
def drop(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Their ids, or databases; patterns such as 'test*' too.")
    ],
    platform: Platform = None,
    schema: Schema = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    if_exists: Annotated[
        bool, typer.Option("--if-exists", help="A tenant that is not there is fine: for running again.")
    ] = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Drop the databases of tenants, with all that is in them and everybody who is connected.

    On a terminal the number of databases has to be typed; elsewhere it takes --yes.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"platform": platform, "schema": schema})
    chosen = choose_targets(
        TargetOptions(platform=settings.platform, schema=settings.schema),
        settings,
        tenants=tuple(ids),
        missing_ok=if_exists,
    )
    if chosen.targets and not yes:
        _require_agreement(chosen, as_json=as_json)
    from stonegate.fleet.ending import Stop
    from stonegate.fleet.tenants import drop_tenants

    stop = Stop()
    with (
        working(len(chosen.targets), "dropping", as_json=as_json, outcome="dropped") as watcher,
        ending_gently(stop, watcher.tell),
    ):
        reports = asyncio.run(drop_tenants(chosen.registry, chosen.targets, on_report=watcher.take, stop=stop))
    raise typer.Exit(show_reports(reports, as_json=as_json, outcome="dropped", shown=watcher.shown))


def show_databases(settings: Settings, platform: str, schema: str | None, *, as_json: bool) -> None:
    """Print the databases that the records of a platform have.

    Raises:
        PlatformNotFound, SchemaNotFound: nothing of that name.
    """
    from stonegate.fleet.names import natural
    from stonegate.fleet.stored_folders import stored_schemas

    registry = open_registry(settings)
    recorded = registry.platform(platform)
    tell_flaws(recorded)
    records = [record for record in recorded.databases if schema is None or record.owner.schema == schema]
    if schema is not None and not records:
        stored = [each.name for each in stored_schemas(registry, platform)]
        if schema not in stored:
            hint = f"stored: {', '.join(stored) or 'none'}"
            raise SchemaNotFound(f"the platform {platform} has no stored folder {schema}", hint=hint)
    records.sort(key=lambda record: natural(record.database))
    if as_json:
        write_json([_document(record) for record in records])
    elif not records:
        show(Text("no databases"))
    else:
        rows = [
            (record.id, record.database, record.owner.schema or "", local_time(record.created_at)) for record in records
        ]
        show(*table(stdout(), ("id", "database", "schema", "since"), rows, spare=(3,)))


def _document(record: DatabaseRecord) -> dict[str, str | None]:
    """In the words of the other commands, which are not all those of the endpoints."""
    return {
        "id": record.id,
        "database": record.database,
        "schema": record.owner.schema,
        "created_at": record.created_at,
    }


def _require_place(settings: Settings) -> tuple[str, str]:
    if settings.platform is None:
        raise UsageError("no platform was named", hint="--platform NAME")
    if settings.schema is None:
        raise UsageError(
            "no schema was named", hint=f"--schema NAME: `stonegate platform schemas {settings.platform}` lists them"
        )
    return settings.platform, settings.schema


def _require_agreement(chosen: Chosen, *, as_json: bool) -> None:
    number = str(len(chosen.targets))
    if as_json or not is_interactive():
        names = enumerate_names([target.database for target in chosen.targets])
        told = f"{count(len(chosen.targets), 'database')} would be dropped with all data"
        raise UsageError(f"{told}: {names}", hint="add --yes")
    for target in chosen.targets:
        say(f"  {printable(target.database)}")
    stderr().print(f"Drop with all data? Type {number} to go on: ", end="")
    try:
        agreed = input().strip() == number
    except EOFError:
        agreed = False
    if not agreed:
        raise MigrationBlocked("nothing was dropped: you did not agree")
