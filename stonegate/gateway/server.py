"""Starts and ends the gateway: uvicorn with bounds, workers that share the cap, SIGHUP for other settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import replace
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from stonegate.errors import StonegateError, UsageError
from stonegate.gateway.app import Door
from stonegate.gateway.logs import LOG, set_up_logs
from stonegate.gateway.protocol import BoundedProtocol
from stonegate.gateway.state import Gateway, limits_of, require_directory
from stonegate.settings import Settings, read_settings

#: Connections that the kernel holds until they are accepted.
_BACKLOG = 4096
_KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """uvicorn's server; `/ready` says 503 from the moment that the end begins."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway | None = None) -> None:
        super().__init__(config)
        self.gateway = gateway

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM or SIGINT."""
        if self.gateway is not None:
            self.gateway.is_draining = True
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        UsageError: the address is taken, or a setting cannot be used.
    """
    limits_of(settings)
    require_directory(settings.data_dir)
    _set_up(settings)
    with _listen(settings) as listener:
        LOG.info("listening on %s:%d", settings.gateway_host, listener.getsockname()[1])
        if settings.gateway_workers > 1:
            # Workers read the settings themselves; what came as a flag reaches them through the environment.
            os.environ["GATEWAY_WORKERS"] = str(settings.gateway_workers)
            os.environ["GATEWAY_HOST"] = settings.gateway_host
            os.environ["GATEWAY_PORT"] = str(settings.gateway_port)
            config = _config("stonegate.gateway.server:make_app", settings, factory=True)
            config.workers = settings.gateway_workers
            Multiprocess(config, sockets=[listener]).run()
            return 0
        gateway = Gateway(settings)
        server = Server(_config(make_door(gateway), settings), gateway)
        server.run(sockets=[listener])
        return 0 if server.started else 6


def make_app() -> Door:
    """The application of one of several workers."""
    settings = read_settings(gateway=True)
    _set_up(settings)
    return Door(Gateway(settings))


def make_door(gateway: Gateway) -> Door:
    """The application of the only worker, which takes other settings at SIGHUP."""

    def on_start() -> None:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload_settings, gateway)

    return Door(gateway, on_start)


def reload_settings(gateway: Gateway) -> None:
    """Read the settings again; those that are wrong change nothing."""
    try:
        settings = replace(
            read_settings(gateway=True),
            gateway_host=gateway.settings.gateway_host,
            gateway_port=gateway.settings.gateway_port,
            gateway_workers=gateway.settings.gateway_workers,
        )
        gateway.reload(settings)
    except StonegateError as error:
        LOG.error("the settings were not reloaded: %s", error.message)
        return
    _set_up(settings)
    LOG.info("the settings were reloaded")


def _set_up(settings: Settings) -> None:
    set_up_logs(level=settings.log_level, form=settings.log_format, directory=settings.log_dir)


def _config(app: Any, settings: Settings, *, factory: bool = False) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
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
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
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
