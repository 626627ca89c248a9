"""`stonegate graph`: the dependency graph of a folder, to be drawn by Mermaid or Graphviz."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, assert_never

import typer

from stonegate.cli import options
from stonegate.cli.output import warn, write
from stonegate.cli.source import load_ordered
from stonegate.settings import read_settings


class GraphFormat(StrEnum):
    """Languages that graphs are drawn from."""

    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    folder: options.Folder = None,
    scope: options.Scope = None,
    format: Annotated[
        GraphFormat, typer.Option("--format", help="What it will be drawn by.", rich_help_panel=options.OUTPUT)
    ] = GraphFormat.MERMAID,
) -> None:
    """Print what needs what, in deployment order.

    An arrow leads from an object to the one that needs it. Draw it with
    `stonegate graph --format dot | dot -Tsvg > graph.svg`, or put the mermaid form into a Markdown page.
    """
    settings = read_settings({"folder": folder, "scope": scope})
    tree, ordered = load_ordered(settings)
    from stonegate.cli.render.graph import render_dot, render_mermaid

    match format:
        case GraphFormat.MERMAID:
            write(render_mermaid(ordered))
        case GraphFormat.DOT:
            write(render_dot(ordered))
        case _:
            assert_never(format)
    warn(tree.warnings)
