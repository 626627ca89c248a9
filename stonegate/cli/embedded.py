"""`stonegate embedded`: the private PostgreSQL of --embedded, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias
from urllib.parse import quote, urlsplit

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.commands import Commands
from stonegate.cli.output import expect_json, progress, show, write, write_json
from stonegate.cli.target import start_server
from stonegate.errors import ConnectionFailed
from stonegate.settings import Settings, read_settings

if TYPE_CHECKING:
    from stonegate.database.embedded.server import EmbeddedServer

app = Commands(
    name="embedded",
    help="The private PostgreSQL of --embedded: it comes from PyPI, lives in .stonegate/ and outlives the command.",
)

Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIR", help="Its home; .stonegate if not given.", show_default=False),
]


@app.command()
def start(directory: Directory = None, format: options.Format = options.ReportFormat.TEXT) -> None:
    """Start it, unless it runs."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"embedded_directory": directory})
    _print_server(settings, start_server(settings), as_json=as_json)


@app.command()
def stop(directory: Directory = None, format: options.Format = options.ReportFormat.TEXT) -> None:
    """Stop it. The databases stay."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"embedded_directory": directory})
    from stonegate.database.embedded.server import stop_embedded

    with progress("stopping the private PostgreSQL"):
        stopped = stop_embedded(settings.embedded_directory)
    if as_json:
        write_json({"running": False, "stopped": stopped, "directory": str(settings.embedded_directory)})
        return
    show(Text("stopped" if stopped else "it was not running"))


@app.command()
def status(directory: Directory = None, format: options.Format = options.ReportFormat.TEXT) -> None:
    """Say whether it runs, and where."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings({"embedded_directory": directory})
    from stonegate.database.embedded.server import read_status

    _print_server(settings, read_status(settings.embedded_directory), as_json=as_json)


@app.command()
def url(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A database on it; postgres if not given.")] = None,
    directory: Directory = None,
) -> None:
    """Print its URL, for psql and other clients: psql "$(stonegate embedded url todos)"."""
    settings = read_settings({"embedded_directory": directory})
    from stonegate.database.embedded.server import read_status

    server = read_status(settings.embedded_directory)
    if server is None:
        raise ConnectionFailed(
            f"no private PostgreSQL runs in {settings.embedded_directory}", hint="stonegate embedded start"
        )
    write(server.url if name is None else urlsplit(server.url)._replace(path="/" + quote(name, safe="")).geturl())


def _print_server(settings: Settings, server: EmbeddedServer | None, *, as_json: bool) -> None:
    directory = settings.embedded_directory
    if as_json:
        facts: dict[str, Any] = {"running": server is not None, "directory": str(directory)}
        if server is not None:
            facts |= {"url": server.url, "pid": server.pid, "version": server.version}
        write_json(facts)
    elif server is None:
        show(Text(f"no private PostgreSQL runs in {directory}"))
    else:
        show(Text(f"PostgreSQL {server.version} runs in {directory}, process {server.pid}"), Text(server.url))
