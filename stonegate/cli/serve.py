"""`stonegate serve`: opens the other door."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from stonegate.errors import UsageError
from stonegate.settings import Settings, read_settings

#: Imported by name: the command line must not depend on the gateway, which few commands need.
GATEWAY = "stonegate.gateway.server"


def serve(
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Where to listen; else GATEWAY_HOST, else 0.0.0.0.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Its port; else GATEWAY_PORT, else 9000."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Processes, which share the cap of connections; else GATEWAY_WORKERS, else 1.",
        ),
    ] = None,
) -> None:
    """Serve the functions of all platforms over HTTP, as a drop-in for stonescriptdb-gateway.

    Everything else is set in the environment, in .env or in [serve] of stonegate.toml.
    """
    settings = read_settings({"gateway_host": host, "gateway_port": port, "gateway_workers": workers}, gateway=True)
    raise typer.Exit(_run(settings))


def _run(settings: Settings) -> int:
    try:
        gateway = importlib.import_module(GATEWAY)
    except ModuleNotFoundError as error:
        if error.name is not None and GATEWAY.startswith(error.name):
            raise UsageError("this installation has no gateway") from None
        raise
    return int(gateway.serve(settings))
