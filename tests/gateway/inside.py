"""A gateway inside the test's own process, on a real socket: its clocks can be set and its parts broken."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from stonegate.gateway.app import Door
from stonegate.gateway.deploy.deployments import Deployer
from stonegate.gateway.protocol import BoundedProtocol
from stonegate.gateway.state import Gateway as State
from stonegate.settings import Settings
from stonegate.source.files.archive import Caps
from tests.gateway.gateway import Gateway


def deployer_of(data_dir: Path, server: str) -> Deployer:
    """What a gateway deploys with, one database at a time."""
    return Deployer(
        data_dir=data_dir,
        server=server,
        caps=Caps(),
        lock_timeout_s=5,
        statement_timeout_s=0,
        concurrency=1,
        max_connections=4,
        register_max_table_mb=0,
    )


@contextlib.contextmanager
def serve_inside(settings: Settings) -> Iterator[tuple[Gateway, State]]:
    """Serve in a thread; the gateway as clients see it, and its parts."""
    state = State(settings)
    config = uvicorn.Config(
        Door(state), loop="uvloop", http=BoundedProtocol, ws="none", log_config=None, proxy_headers=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.005)
            yield Gateway(url=f"http://127.0.0.1:{listener.getsockname()[1]}"), state
        finally:
            server.should_exit = True
            thread.join(20)
