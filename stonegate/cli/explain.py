"""`stonegate explain`: what the words mean that plans and failures use."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.render.lines import indented, table


def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", help="A hazard, a consent token or an error code.", show_default=False),
    ] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Explain a hazard, a consent token or an error code, with the safer way; without a CODE, list them."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    from stonegate.planner.explain import explain as explanation_of
    from stonegate.planner.explain import explanations

    if code is None:
        every = list(explanations())
        if as_json:
            write_json(every)
        else:
            show(*table(stdout(), ("kind", "code", "what it says"), [(e.kind, e.code, e.title) for e in every]))
        return
    found = explanation_of(code)
    if as_json:
        write_json(found)
        return
    console = stdout()
    show(Text.assemble((found.code, "bold"), f" ({found.kind})"))
    paragraphs = [found.title, *found.text.split("\n\n")]
    if found.safer_way:
        paragraphs.append(f"Safer: {found.safer_way}")
    for paragraph in filter(None, paragraphs):
        show(Text(""), *indented(console, paragraph, 0))
