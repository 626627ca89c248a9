"""`stonegate call`: one function of a database, called from the shell."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.grouped import grouped
from stonegate.cli.output import expect_json, progress, say, show, stdout, write_json
from stonegate.cli.render.lines import printable, table
from stonegate.cli.render.names import count
from stonegate.cli.target import SingleTargetOptions, require_target
from stonegate.errors import UsageError
from stonegate.settings import read_settings


@grouped
def call(
    function: Annotated[
        str,
        typer.Argument(metavar="FUNCTION", help="Its name; with the types of one overload: 'add(integer, integer)'."),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARG",
            help="Texts in the input syntax of their types. NULL is SQL's; name:=value names the parameter.",
        ),
    ] = None,
    *,
    single: SingleTargetOptions,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Call a function and print its rows.

    Arguments are bound as the types that the function declares, whatever is in them; what is left out takes its
    default.

    `stonegate call add_todo 1 'Buy oats' --embedded`
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    for argument in arguments or ():
        if re.match(r"--?[A-Za-z]", argument):
            raise UsageError(f"no such option: {argument}", hint="after -- everything is an argument")
    settings = read_settings()
    target = require_target(single.named, settings, None)
    from stonegate.database.call.function import call_function

    with progress(f"calling {function}"):
        result = asyncio.run(call_function(target.conninfo, function, arguments or ()))
    for notice in result.notices:
        say(printable(notice))
    if as_json:
        write_json({"rows": result.documents, "row_count": len(result.rows)})
        return
    if result.columns:
        rows = [["NULL" if cell is None else cell for cell in row] for row in result.rows]
        show(*table(stdout(), result.columns, rows))
    show(Text(f"({count(len(result.rows), 'row')})", style="dim"))
