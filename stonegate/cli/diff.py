"""`stonegate diff`: the folder against a database, object by object, hand-made changes included."""

from __future__ import annotations

import asyncio

import typer
from msgspec.structs import asdict

from stonegate.cli import options
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.target import TargetOptions, choose_fleet, load_target_source, require_target
from stonegate.cli.watching import watching
from stonegate.errors import Drift
from stonegate.settings import read_settings

DRIFTED = Drift.exit_code


@grouped
def diff(
    named: TargetOptions,
    declared: options.SourceOptions,
    format: options.Format = options.ReportFormat.TEXT,
    verbose: options.EveryName = False,
) -> None:
    """Compare what the folder declares with what a database holds.

    What pending migrations will have done is taken as done. What somebody changed by hand since the last apply is
    marked, and the exit code is 5 then.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings(asdict(declared))
    chosen = choose_fleet(named, settings)
    if chosen is not None:
        from stonegate.cli.fleet_plan import diff_many

        raise typer.Exit(diff_many(settings, chosen, declared.folder, as_json=as_json, verbose=verbose))
    target = require_target(named, settings, settings.folder)
    source = load_target_source(settings, target, declared.folder)
    from stonegate.cli.render.diff import diff_document, render_diff
    from stonegate.database.conninfo import checked_shadow
    from stonegate.database.deployment.options import ApplyOptions
    from stonegate.database.status import diff_database

    asked = ApplyOptions(shadow=checked_shadow(settings.shadow_server), admin=target.admin)
    with watching(f"comparing {target.name}") as on_progress:
        found = asyncio.run(diff_database(target.conninfo, source, asked, on_progress))
    if as_json:
        write_json(diff_document(found))
    else:
        show(*render_diff(stdout(), found, verbose=verbose))
    raise typer.Exit(DRIFTED if found.drift else 0)
