"""`stonegate pack`: the folder as the archive that the gateway's `/register` and `/migrate` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.files import is_output, write_file
from stonegate.cli.output import expect_json, say, show, stdout, warn, write_json
from stonegate.cli.render.lines import indented
from stonegate.cli.source import load_ordered
from stonegate.errors import UsageError
from stonegate.settings import read_settings


def pack(
    folder: options.Folder = None,
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The .tar.gz to write; - is standard output.")
    ],
    scope: options.Scope = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Write a folder as a reproducible .tar.gz: equal folders give equal bytes, whoever packs them and when.

    A folder that is broken is not packed; what is left out of one is named.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    if as_json and is_output(out):
        raise UsageError("the archive and a JSON document cannot both go to standard output", hint="-o FILE")
    settings = read_settings({"folder": folder, "scope": scope})
    tree, _ = load_ordered(settings)
    from stonegate.source.files.tree import pack_tree

    data = pack_tree(settings.folder, scope=settings.scope)
    write_file(out, data)
    warn(tree.warnings)
    if as_json:
        write_json(
            {
                "file": str(out),
                "bytes": len(data),
                "files": len(tree.files),
                "fingerprint": tree.fingerprint,
                "digest": tree.digest,
            }
        )
        return
    told = f"{out}: {len(data):,} bytes, fingerprint {tree.fingerprint[:12]}"
    if is_output(out):
        say(told)
    else:
        show(*indented(stdout(), Text(told), 0, hang=2))
