"""Starts and ends the gateway: uvicorn with bounds, one process or several workers that share socket and cap.

SIGTERM and SIGINT end it: `/ready` says 503, nobody new is accepted, calls and deployments finish within a limit,
connections are closed, the exit code is 0; a second signal forces the end. SIGHUP reads the settings again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from stonegate.database.conninfo import parse_conninfo
from stonegate.errors import StonegateError, UsageError
from stonegate.gateway.app import Door
from stonegate.gateway.board import Board
from stonegate.gateway.deploy.processes import kill_processes
from stonegate.gateway.logs import LOG, set_up_logs
from stonegate.gateway.orphans import when_orphaned
from stonegate.gateway.protocol import BoundedProtocol
from stonegate.gateway.state import Gateway, limits_of, require_directory
from stonegate.gateway.workers import CANNOT_START, Workers
from stonegate.settings import Settings, read_settings, unknown_variables

#: Connections that the kernel holds until they are accepted.
_BACKLOG = 4096
_KEEP_ALIVE_SECONDS = 75
#: For gc.set_threshold. A full collection looks through all that is loaded, for 50 ms with every call waiting, and with
#: Python's own thresholds it comes every second. What calls leave behind is young; older cycles can wait for minutes.
_COLLECTIONS = (10_000, 10, 100)


class Server(uvicorn.Server):
    """uvicorn's server with an end of our own.

    Args:
        is_worker: one of several, whose parent hears the signals and forces the end.
    """

    def __init__(self, gateway: Gateway, *, is_worker: bool) -> None:
        super().__init__(_config(Door(gateway, self._begin)))
        self._gateway = gateway
        self._is_worker = is_worker

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM or SIGINT. uvicorn's own would raise the signal again at the end, and there would be no exit code."""
        if self._is_worker and sig == signal.SIGINT:
            return  # a terminal sends it to everybody
        if not self.should_exit:
            self._gateway.is_draining = True
            self.should_exit = True
        elif not self._is_worker:
            LOG.warning("a second signal: calls and deployments are given up")
            kill_processes()
            os._exit(128 + sig)

    async def main_loop(self) -> None:
        """Until the end is asked for, and for as long as load balancers are given to see that `/ready` says 503."""
        await super().main_loop()
        if self._gateway.settings.shutdown_delay:
            await asyncio.sleep(self._gateway.settings.shutdown_delay)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody, let calls finish, close everything; deployments get what the calls left of the time."""
        limit = self._gateway.settings.shutdown_timeout
        self.config.timeout_graceful_shutdown = max(1, round(limit))
        self._gateway.end_at = time.monotonic() + limit
        await super().shutdown(sockets)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, reload_settings, self._gateway)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        UsageError: the address is taken, or a setting cannot be used.
    """
    _require_usable(settings)
    _set_up(settings)
    _warn_of_unknown_variables()
    with _listen(settings) as listener:
        LOG.info("listening on %s:%d", settings.gateway_host, listener.getsockname()[1])
        if settings.gateway_workers == 1:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
            return _serve(Gateway(settings), listener, is_worker=False)
        with tempfile.TemporaryDirectory(prefix="stonegate-") as board:
            arguments = (settings, Path(board), time.monotonic())
            may_reload = partial(_may_reload, settings)
            return Workers(settings.gateway_workers, listener, run_worker, arguments, may_reload).run()


def run_worker(number: int, listener: socket.socket, settings: Settings, board: Path, started: float) -> None:
    """One of several workers, in a process of its own."""
    when_orphaned(lambda: os.kill(os.getpid(), signal.SIGTERM))
    _set_up(settings, number)
    sys.exit(_serve(Gateway(settings, Board(board, number), started), listener, is_worker=True))


def _serve(gateway: Gateway, listener: socket.socket, *, is_worker: bool) -> int:
    server = Server(gateway, is_worker=is_worker)
    gc.set_threshold(*_COLLECTIONS)
    server.run(sockets=[listener])
    return 0 if server.started else CANNOT_START


def reload_settings(gateway: Gateway) -> None:
    """Read the settings again; those that are wrong change nothing."""
    settings = _read_again(gateway.settings, gateway.board.number)
    if settings is not None:
        gateway.reload(settings)
        LOG.info("the settings were reloaded")


def _may_reload(settings: Settings) -> bool:
    return _read_again(settings) is not None


def _read_again(old: Settings, worker: int | None = None) -> Settings | None:
    """The settings as they are now but for those that hold for the life of the process; None if they are wrong."""
    try:
        new = read_settings(gateway=True)
        fixed = {name: getattr(old, name) for name in ("gateway_host", "gateway_port", "gateway_workers")}
        settings = replace(new, **fixed)
        _require_usable(settings)
        _set_up(settings, worker)
        if worker is None:
            _warn_of_unknown_variables()
        return settings
    except StonegateError as error:
        LOG.error("the settings were not reloaded: %s", error.message)
        return None


def _require_usable(settings: Settings) -> None:
    """Refuse what would otherwise show with the requests of clients, as if it were their fault.

    Raises:
        UsageError, DataDirUnusable: a setting, which the message names.
    """
    limits_of(settings)
    require_directory(settings.data_dir)
    try:
        parse_conninfo(settings.server_conninfo)
    except UsageError as error:
        raise UsageError("setting DATABASE_URL is invalid", cause=error.cause, hint=error.hint) from None


def _set_up(settings: Settings, worker: int | None = None) -> None:
    file = "stonegate.log" if worker is None else f"stonegate-{worker}.log"
    set_up_logs(level=settings.log_level, form=settings.log_format, directory=settings.log_dir, file=file)


def _warn_of_unknown_variables() -> None:
    for warning in unknown_variables():
        LOG.warning("%s", warning)


def _config(app: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        backlog=_BACKLOG,
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.gateway_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.gateway_host, settings.gateway_port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {settings.gateway_host}:{settings.gateway_port}",
            cause=error.strerror or str(error),
            hint="GATEWAY_HOST, GATEWAY_PORT",
        ) from None
    listener.set_inheritable(True)
    return listener
