"""`stonegate reference`: the reference databases that stonegate keeps on a server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.commands import Commands
from stonegate.cli.output import expect_json, progress, show, stdout, warn, write_json
from stonegate.cli.render.lines import table
from stonegate.cli.render.names import count
from stonegate.cli.target import TargetOptions, choose, resolve_target, start_server
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.database.reference.store import StoredReference

app = Commands(
    name="reference",
    help="The reference databases: folders built once, for comparison and as templates. They can be dropped any time; "
    "the next plan builds what it needs.",
)


@app.command("list")
def list_(
    database: options.Database = None,
    embedded: options.Embedded = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List them, the one that was used last first."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    stored = asyncio.run(_list(_server(database, embedded)))
    if as_json:
        write_json(stored)
        return
    if not stored:
        show(Text("no reference databases"))
        return
    header = ("database", "folder", "owner", "server", "size", "built", "used", "template")
    show(*table(stdout(), header, [_row(one) for one in stored], numeric=(4,)))


@app.command()
def prune(
    database: options.Database = None,
    embedded: options.Embedded = False,
    unused_days: Annotated[
        float,
        typer.Option(
            "--unused-days",
            metavar="N",
            min=0,
            max=timedelta.max.days,
            help="Only those that were not used for N days.",
        ),
    ] = 0,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="FINGERPRINT", help="Keep those of this folder. Repeatable.")
    ] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Drop them, and what a killed build left behind. Ones that are being built right now are left alone."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    with progress("dropping reference databases"):
        dropped, idle = asyncio.run(_prune(_server(database, embedded), timedelta(days=unused_days), tuple(keep or ())))
    warn(f"--keep {fingerprint} kept nothing: no reference database is of such a folder" for fingerprint in idle)
    if as_json:
        write_json({"dropped": dropped})
        return
    show(*(Text(f"dropped {name}") for name in dropped), Text(f"{count(len(dropped), 'database')} dropped"))


def _server(database: str | None, embedded: bool) -> str:
    """The server's conninfo: that of the named target, else DATABASE_URL, DB_* or PG*."""
    settings: Settings = read_settings()
    named = choose(TargetOptions(database=database, embedded=embedded), settings)
    if named.embedded:
        return start_server(settings).url
    target = None if named.is_fleet else resolve_target(named, settings, None)
    return settings.server_conninfo if target is None else target.conninfo


async def _list(server: str) -> tuple[StoredReference, ...]:
    from stonegate.database.connect import using
    from stonegate.database.reference.store import list_references
    from stonegate.database.server.databases import connect_maintenance

    async with using(await connect_maintenance(server)) as conn:
        return await list_references(conn)


async def _prune(
    server: str, unused_for: timedelta, wanted: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was dropped, and which of the wanted fingerprints are those of none."""
    from stonegate.database.connect import using
    from stonegate.database.reference.store import list_references, prune_references
    from stonegate.database.server.databases import connect_maintenance

    async with using(await connect_maintenance(server)) as conn:
        stored = {one.fingerprint for one in await list_references(conn)}
        keep = {each for each in stored if wanted and each.startswith(wanted)}
        dropped = await prune_references(conn, unused_for=unused_for, keep=keep)
    return dropped, tuple(each for each in wanted if not any(one.startswith(each) for one in stored))


def _version(facts: str) -> str:
    """The server's version as people write it, of the number that its key begins with: `18.6` of 180006."""
    number = facts.partition(" ")[0]
    return f"{int(number) // 10000}.{int(number) % 10000}" if number.isdecimal() else number


def _row(one: StoredReference) -> tuple[str, ...]:
    size = "gone" if one.bytes is None else f"{one.bytes / 1024 / 1024:.1f} MiB"
    return (
        one.database,
        one.fingerprint[:12],
        one.owner,
        _version(one.facts),
        size,
        f"{one.built_at:%Y-%m-%d}",
        f"{one.used_at:%Y-%m-%d}",
        "yes" if one.is_template else "no",
    )
