"""`stonegate check`: everything that can be said about a folder without a database, and, with --shadow, with one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.render.failure import render_warning
from stonegate.cli.render.lines import indented
from stonegate.cli.render.names import count
from stonegate.cli.source import load_ordered
from stonegate.cli.target import start_server
from stonegate.cli.watching import watching
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.database.progress import OnProgress
    from stonegate.model.source import SourceTree


@grouped
def check(
    declared: options.SourceOptions,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Parse, order and lint a folder; no database is asked.

    All broken places are listed at once, and the exit code is 3 then. Warnings do not change the exit code.
    **--shadow** builds the folder for real, its declared rows included, in a temporary database of that server.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings(asdict(declared))
    tree, _ = load_ordered(settings)
    from stonegate.planner.lint import lint

    warnings = lint(tree)
    if settings.shadow_server is not None:
        _build(settings, settings.shadow_server, tree)
    if as_json:
        write_json(
            {
                "status": "ok",
                "path": tree.path,
                "fingerprint": tree.fingerprint,
                "digest": tree.digest,
                "built": settings.shadow is not None,
                "counts": _counts(tree),
                "warnings": warnings,
            }
        )
        return
    console = stdout()
    for warning in warnings:
        show(*render_warning(console, warning))
    built = ", builds" if settings.shadow is not None else ""
    summary = ", ".join(count(number, kind) for kind, number in _counts(tree).items()) or "nothing declared"
    show(*indented(console, Text.assemble(("ok ", "bold green"), f"{summary}{built}"), 0, hang=3))
    if warnings:
        show(Text(count(len(warnings), "warning")))


def _build(settings: Settings, shadow: str | Path, tree: SourceTree) -> None:
    """Build the folder for real, and then, where it declares rows, all that a new database is given.

    Raises:
        StonegateError: PostgreSQL refuses a statement or a row; with file and line.
    """
    from stonegate.database.conninfo import checked_shadow

    server = start_server(settings).url if isinstance(shadow, Path) else str(checked_shadow(shadow))
    from stonegate.database.reference.build import build_reference
    from stonegate.database.tenants.make import rehearse_tenant
    from stonegate.source.lazy import LazySource

    async def build(on_progress: OnProgress) -> None:
        source = LazySource.of_tree(tree)
        await build_reference(server, source, on_progress)
        if tree.seeders:
            await rehearse_tenant(server, source)

    with watching("building the folder") as on_progress:
        asyncio.run(build(on_progress))


def _counts(tree: SourceTree) -> dict[str, int]:
    """Declared objects by kind, in deployment order."""
    from stonegate.model.source import Folder, Verb

    found: dict[str, int] = {}
    if tree.extensions:
        found["extension"] = len(tree.extensions)
    order = list(Folder)
    for item in sorted(tree.items, key=lambda item: order.index(item.folder)):
        if item.verb is Verb.CREATE:
            found[item.key.kind.value] = found.get(item.key.kind.value, 0) + 1
    if tree.migrations:
        found["migration"] = len(tree.migrations)
    if tree.seeders:
        found["seeder"] = len(tree.seeders)
    return found
