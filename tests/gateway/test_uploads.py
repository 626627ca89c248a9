"""Bodies beyond what there is room for, and archives whose deployments wait for others: memory and disk are bounded."""

from __future__ import annotations

import asyncio
import importlib
import io
import os
import signal
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.datastructures import UploadFile

from stonegate.gateway import bodies
from stonegate.gateway.answers import Refusal
from stonegate.gateway.deploy.processes import Processes
from stonegate.gateway.deploy.results import Outcome
from stonegate.gateway.state import Gateway as State
from stonegate.settings import MIB, Settings
from tests.gateway.gateway import Gateway
from tests.gateway.inside import serve_inside
from tests.gateway.load import eventually
from tests.servers import Server


class Archive(UploadFile):
    """Counts how many of them were read."""

    were_read = 0

    async def read(self, size: int = -1) -> bytes:
        """All of it."""
        Archive.were_read += 1
        return await super().read(size)


def measure(archive: bytes, seconds: float) -> Outcome:
    """In the process: how much came, after a while, and where."""
    time.sleep(seconds)
    return Outcome(body={"size": len(archive), "pid": os.getpid()})


class Circle:
    """Holds an archive, and itself, as the traceback of a failure does."""

    ever_made: ClassVar[list[weakref.ref[Circle]]] = []

    def __init__(self, archive: bytes) -> None:
        self.archive = archive
        self.itself = self
        Circle.ever_made.append(weakref.ref(self))


def go_round(archive: bytes) -> Outcome:
    """In the process: how many circles of earlier deployments are still there."""
    found = sum(circle() is not None for circle in Circle.ever_made)
    Circle(archive)
    return Outcome(body={"found": found})


def die(seconds: float) -> Outcome:
    """As if memory had run out."""
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


class Unsendable(Exception):
    """One that does not fit through a pipe."""

    def __reduce__(self) -> str:
        raise TypeError("cannot be sent")


class Foreign:
    """Made of what the process does not find."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return importlib.import_module, ("stonegate.of_another_release",)


def fail(error: Exception | type[Exception]) -> Outcome:
    """As a deployment with a bug does."""
    raise error


async def test_archives_are_read_in_their_turn_and_a_killed_process_is_replaced() -> None:
    processes = Processes(1)
    first = asyncio.create_task(processes.run(measure, Archive(io.BytesIO(b"x")), 1.0))
    waiting = [asyncio.create_task(processes.run(measure, Archive(io.BytesIO(b"x" * n)), 0.0)) for n in range(5)]
    await asyncio.wait([first], timeout=0.5)
    assert Archive.were_read == 1
    waiting[0].cancel()
    assert (await first).body["size"] == 1
    assert [(await each).body["size"] for each in waiting[1:]] == [1, 2, 3, 4]
    assert Archive.were_read == 5
    os.kill(first.result().body["pid"], signal.SIGKILL)
    await asyncio.sleep(0.2)
    for _ in range(20):
        try:
            assert (await processes.run(measure, b"abc", 0.0)).body["size"] == 3
            break
        except Refusal:  # nobody had noticed yet
            continue
    else:
        raise AssertionError("no deployment is possible any more")
    await processes.close(5)


async def test_nothing_of_an_archive_stays_behind_its_deployment() -> None:
    processes = Processes(1)
    assert [(await processes.run(go_round, b"x")).body["found"] for _ in range(3)] == [0, 0, 0]
    await processes.close(5)


async def test_a_process_that_is_killed_takes_no_other_deployment_with_it() -> None:
    processes = Processes(2)
    await asyncio.gather(*(processes.run(measure, b"x", 0.5) for _ in range(2)))  # they have started
    other = asyncio.create_task(processes.run(measure, b"xy", 1.5))
    doomed = asyncio.create_task(processes.run(die, 0.3))
    with pytest.raises(Refusal, match="ended before its answer"):
        await doomed
    assert (await other).body["size"] == 2
    assert (await processes.run(measure, b"xyz", 0.0)).body["size"] == 3
    await processes.close(5)


async def test_no_semaphores_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are files, which those who are killed leave behind."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    processes = Processes(1)
    assert [(await processes.run(measure, b"x" * n, 0.0)).body["size"] for n in range(2)] == [0, 1]
    await processes.close(5)


async def test_a_deployment_that_cannot_be_begun_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    processes = Processes(1)
    with monkeypatch.context() as short_of_threads:
        short_of_threads.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            await processes.run(measure, b"x", 0.0)
    assert (await asyncio.wait_for(processes.run(measure, b"x", 0.0), 20)).body["size"] == 1
    await processes.close(5)


async def test_what_a_deployment_raises_is_raised_here() -> None:
    processes = Processes(1)
    with pytest.raises(ZeroDivisionError):
        await processes.run(fail, ZeroDivisionError("0"))
    with pytest.raises(RuntimeError, match="cannot be sent"):
        await processes.run(fail, Unsendable)
    with pytest.raises(ModuleNotFoundError, match="of_another_release"):
        await processes.run(measure, Foreign(), 0.0)
    assert (await processes.run(measure, b"x", 0.0)).body["size"] == 1
    await processes.close(5)


#: The size of a body (bytes).
SENT = 3 * MIB // 4


@pytest.fixture
def narrow(own_server: Server, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gateway, State]]:
    """A gateway with room for less than two of the bodies of each kind that are sent."""
    assert gateway.data_dir is not None
    monkeypatch.setattr(bodies, "ROOM_BYTES", 2 * SENT - MIB // 4)
    monkeypatch.setattr(bodies, "_MOST_LARGE", 0)
    with serve_inside(Settings(database_url=own_server.admin_url, data_dir=gateway.data_dir)) as served:
        yield served


FORM = b'--x\r\nContent-Disposition: form-data; name="schema"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [("/call", b"application/json", b" "), ("/v2/migrate", b"application/json", b" "),
     ("/register", b"multipart/form-data; boundary=x", FORM)],
)  # fmt: skip
def test_bodies_have_room_together(
    narrow: tuple[Gateway, State], shop: str, path: str, kind: bytes, start: bytes
) -> None:
    gateway, state = narrow
    room = state.archives if path == "/register" else state.bodies
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: " % (path.encode(), kind)

    def begin(size: int) -> socket.socket:
        connection = socket.create_connection(gateway.address, timeout=15)
        connection.sendall(head + b"%d\r\n\r\n" % (size + 9) + start + b" " * (size - len(start)))
        return connection

    with begin(SENT):
        eventually(lambda: room.taken == SENT)
        with begin(SENT) as another:
            answer = b""
            while not answer.endswith(b"}"):  # head and body may come one after the other
                part = another.recv(65536)
                assert part, answer
                answer += part
        assert answer.startswith(b"HTTP/1.1 503 ") and b"pool_exhausted" in answer and b"retry-after" in answer, answer
        eventually(lambda: room.taken == SENT)
        assert gateway.call(shop, "echo_text", ["x" * 300_000]).status_code == 200
        assert gateway.upload("/register", b"no archive").status_code == 400
    eventually(lambda: room.taken == 0)
    with begin(SENT) as again:
        again.sendall(b"\r\n--x--\r\n")
        assert again.recv(65536).startswith(b"HTTP/1.1 400 ")
    eventually(lambda: room.taken == 0)


@pytest.mark.parametrize("more", [b"a: b\r\n", b"a", b"a: " + b"b" * 1000])
def test_the_heads_of_parts_have_bounds(gateway: Gateway, more: bytes) -> None:
    """Older parsers take seconds for such a body, and nobody else is served meanwhile."""
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    with gateway.client() as client:
        began = time.monotonic()
        answer = client.post("/register", content=b"--x\r\n" + more * (4 * MIB // len(more)), headers=head)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert time.monotonic() - began < 2


def test_a_disk_that_takes_no_upload(own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = tmp_path / "missing"
    with serve_inside(Settings(database_url=own_server.admin_url, data_dir=tmp_path)) as (inside, _):
        monkeypatch.setattr(tempfile, "tempdir", str(missing))
        answer = inside.upload("/register", b" " * (2 * MIB), platform="x")
    assert (answer.status_code, answer.json()["error"], answer.json()["hint"]) == (500, "internal_error", "TMPDIR")
