"""`stonegate diff`: the folder against a database, object by object, hand-made changes included."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.render.lines import indented, printable
from stonegate.cli.render.names import count, qualified_name
from stonegate.cli.render.plan_text import SYMBOLS
from stonegate.cli.source import load_lazily
from stonegate.cli.target import TargetOptions, require_target
from stonegate.cli.watching import watching
from stonegate.settings import read_settings

if TYPE_CHECKING:
    from stonegate.database.inspection import DatabaseDiff
    from stonegate.model.plan import Change

DRIFTED = 5


def diff(
    folder: options.Folder = None,
    database: options.Database = None,
    embedded: options.Embedded = False,
    platform: options.Platform = None,
    tenant: options.Tenant = None,
    schema: options.Schema = None,
    every: options.Every = False,
    scope: options.Scope = None,
    shadow: options.Shadow = None,
    format: options.Format = options.ReportFormat.TEXT,
    verbose: options.Verbose = False,
) -> None:
    """Compare what the folder declares with what a database holds; migrations are not run in between.

    What somebody changed by hand since the last apply is marked, and the exit code is 5 then.
    """
    expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"folder": folder, "scope": scope, "shadow": shadow})
    named = TargetOptions(
        database=database, embedded=embedded, platform=platform, tenant=tenant, schema=schema, every=every
    )
    target = require_target(named, settings, settings.folder)
    source = load_lazily(settings)
    from stonegate.database.inspection import read_diff

    with watching(f"comparing {target.name}") as on_progress:
        found = asyncio.run(read_diff(target.conninfo, source, shadow=settings.shadow, on_progress=on_progress))
    if format is options.ReportFormat.JSON:
        write_json(diff_document(found))
    else:
        show(*render_diff(stdout(), found, verbose=verbose))
    raise typer.Exit(DRIFTED if found.drift else 0)


def diff_document(found: DatabaseDiff) -> dict[str, Any]:
    """The JSON form."""
    return {
        "database": found.database,
        "changes": [change_document(change, drift=change.identity in found.drift) for change in found.changes],
        "unmanaged": list(found.unmanaged),
        "notes": list(found.notes),
        "pending_migrations": list(found.pending),
    }


def change_document(change: Change, *, drift: bool) -> dict[str, Any]:
    """One difference; `action` is what would have to be done about it."""
    return {
        "action": change.action.value,
        "kind": change.key.kind.value,
        "object": qualified_name(change.key),
        "aspect": change.aspect,
        "live": change.before,
        "declared": change.after,
        "class": change.change_class.value,
        "drift": drift,
        "reason": change.reason,
        "hint": change.hint,
    }


def render_diff(console: Console, found: DatabaseDiff, *, verbose: bool = False) -> Iterator[Text]:
    """The differences by object."""
    for owner, changes in groupby(found.changes, key=lambda change: change.table or change.key.owner):
        yield from indented(console, Text(printable(str(owner)), style="bold"), 0)
        for change in changes:
            yield from render_change(console, change, drift=change.identity in found.drift)
    if found.changes:
        yield Text("")
    for note in found.notes:
        yield from indented(console, f"note: {printable(note)}", 0, hang=2)
    if found.pending:
        yield from indented(console, f"migrations not applied here: {printable(', '.join(found.pending))}", 0, hang=2)
    if found.unmanaged and verbose:
        yield from indented(console, f"unmanaged: {printable(', '.join(found.unmanaged))}", 0, hang=2, style="dim")
    elif found.unmanaged:
        yield Text(f"{count(len(found.unmanaged), 'unmanaged object')} (--verbose lists them)", style="dim")
    text = count(len(found.changes), "difference") if found.changes else "no difference"
    drift = f", {len(found.drift)} made by hand" if found.drift else ""
    yield Text.assemble((f"{found.database}: ", "bold"), f"{text}{drift}")


def render_change(console: Console, change: Change, *, drift: bool) -> Iterator[Text]:
    """What is different: the part, the aspect, and both values."""
    symbol, style = SYMBOLS[change.action]
    part = change.key.member or (str(change.key) if change.table is not None else "")
    what = " ".join(filter(None, (part, change.aspect.replace("_", " ")))) or change.action.value
    line = Text.assemble((symbol, style), f" {printable(what)}")
    if drift:
        line.append("  by hand", style="bold yellow")
    yield from indented(console, line, 2, hang=2)
    if change.before is not None or change.after is not None:
        for word, value in (("live", change.before), ("declared", change.after)):
            shown = "(none)" if value is None else printable(value)
            yield from indented(console, Text.assemble((f"{word}: ".rjust(10), "dim"), shown), 4, hang=10)
    elif change.reason:
        yield from indented(console, printable(change.reason), 6, style="dim")
