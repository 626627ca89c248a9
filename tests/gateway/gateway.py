"""A gateway in a process of its own, on a real socket, over a real PostgreSQL."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import ssl
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx

import stonegate
from tests.gateway.contract import check
from tests.ports import find_free_port

#: The administrator's token; of a gateway that stands already it is in the environment, as for `stonegate serve`.
TOKEN = os.environ.get("ADMIN_TOKEN") or "the-token-of-the-tests"
START_SECONDS = 90.0
PORT_ATTEMPTS = 3
#: The gateway's working directory is another one, and what it imports must be what the tests import.
_HERE = str(Path(stonegate.__file__).resolve().parents[1])


@cache
def _tls() -> ssl.SSLContext:
    """What a client would make anew from all certificates that certifi knows."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One that runs. Whatever it answers is held against the contract.

    Args:
        process: None for one that was not started by `start_gateway`.
        created: its CREATED_STATUS.
        by_sqlstate: its CALL_ERROR_STATUS is `sqlstate`.
    """

    url: str
    data_dir: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    created: int = 201
    by_sqlstate: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        url = httpx.URL(self.url)
        return url.host, url.port or 80

    def client(self, **more: Any) -> httpx.Client:
        """A client; close it."""
        hold = partial(check, created=self.created, by_sqlstate=self.by_sqlstate)
        hooks = {"response": [hold]}
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=_tls(), event_hooks=hooks, **more)

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        """POST with a JSON body."""
        with self.client() as client:
            return client.post(path, json=body, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        with self.client() as client:
            return client.get(path, **more)

    def upload(self, path: str, files: Mapping[str, str] | bytes, **fields: Any) -> httpx.Response:
        """POST of a form with a folder, given by its files or as an archive."""
        archive = files if isinstance(files, bytes) else pack(files)
        with self.client() as client:
            return client.post(path, data=fields, files={"schema": ("schema.tar.gz", archive)})

    def call(self, platform: str, function: str, params: object = (), **more: Any) -> httpx.Response:
        """`/call`."""
        return self.post("/call", {"platform": platform, "function": function, "params": params, **more})

    def logged(self) -> str:
        """What it has written so far."""
        assert self.log is not None
        return self.log.read_text(encoding="utf-8")


def bearer(token: str = TOKEN) -> dict[str, str]:
    """The header with the token."""
    return {"Authorization": f"Bearer {token}"}


def pack(files: Mapping[str, str]) -> bytes:
    """A folder as an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"postgresql/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@contextlib.contextmanager
def start_gateway(home: Path, server_url: str, **settings: str) -> Iterator[Gateway]:
    """Start `stonegate serve` on a free port and wait until it answers; ended with SIGTERM."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment = inherited | {
        "PYTHONPATH": os.pathsep.join((_HERE, *filter(None, (os.environ.get("PYTHONPATH"),)))),
        "DATABASE_URL": server_url,
        "DATA_DIR": str(home / "data"),
        "GATEWAY_HOST": "127.0.0.1",
        "ADMIN_TOKEN": TOKEN,
        **settings,
    }
    url, process = _start(environment, home, log)
    try:
        yield Gateway(
            url=url,
            data_dir=home / "data",
            process=process,
            log=log,
            created=int(settings.get("CREATED_STATUS", "201")),
            by_sqlstate=settings.get("CALL_ERROR_STATUS") == "sqlstate",
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(environment: dict[str, str], home: Path, log: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """One that answers, on another port if somebody took the first one between our look and its start."""
    for _ in range(PORT_ATTEMPTS):
        port = find_free_port()
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "stonegate", "serve"],
                env=environment | {"GATEWAY_PORT": str(port)},
                cwd=home,
                stdout=stream,
                stderr=stream,
            )
        url = f"http://127.0.0.1:{port}"
        if _answers(url, process):
            return url, process
        process.kill()
        process.wait()
        told = log.read_text(encoding="utf-8")
        if "cannot listen on" not in told:
            break
    raise AssertionError(f"the gateway does not start: {told}")


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether it comes to answer."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/health", trust_env=False, verify=_tls(), timeout=5)
            return process.poll() is None  # else another one has the port
        time.sleep(0.05)
    return False
