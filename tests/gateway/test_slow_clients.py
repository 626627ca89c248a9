"""Clients that are too many, too slow, cut off or silent: nobody else waits for them."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from stonegate.gateway import app, bodies, protocol
from stonegate.settings import Settings
from tests.gateway.gateway import Gateway
from tests.gateway.inside import serve_inside
from tests.gateway.wire import HEAD, PART, is_well, talk
from tests.servers import Server

pytestmark = pytest.mark.contract

IDLE = 2000
#: Less than the gateway's own limits, which `hasty` shortens, and much more than is needed.
SOON_SECONDS = 4.5


def test_answers_go_on_under_idle_connections(gateway: Gateway, shop: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, IDLE + 500)), hard))
    with contextlib.ExitStack() as open_:
        for number in range(IDLE):
            connection = open_.enter_context(socket.create_connection(gateway.address, timeout=10))
            if number % 40 == 0:
                connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
            elif number % 40 == 1:
                connection.sendall(HEAD)
        with gateway.client() as client:
            began = time.monotonic()
            for _ in range(20):
                body = {"platform": shop, "function": "add", "params": [1, 2]}
                assert client.post("/call", json=body).json()["rows"] == [{"add": 3}]
            assert time.monotonic() - began < SOON_SECONDS
    is_well(gateway, shop)


def test_a_hundred_at_once(gateway: Gateway, shop: str) -> None:
    """Broken requests among good ones, at the same time: each gets its own answer."""
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        if number % 2:
            answers[number] = gateway.call(shop, "add", [number, 1]).json()["rows"][0]["add"]
        else:
            talk(gateway, os.urandom(200) + b"\r\n\r\n")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number + 1 for number in range(1, 100, 2)}


@pytest.fixture
def hasty(own_server: Server, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that gives bodies a third of a second, and heads, and those who take their answers, little more."""
    assert gateway.data_dir is not None
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.3)
    for name in ("HEAD_SECONDS", "STALLED_SECONDS"):  # who is quick must be quick enough on a busy machine
        monkeypatch.setattr(protocol, name, 0.8)
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(app, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(app, "ARCHIVE_SECONDS", 0.3)
    with serve_inside(Settings(database_url=own_server.admin_url, data_dir=gateway.data_dir)) as (served, _):
        yield served


@pytest.mark.parametrize("sent", [0, 1, 25, len(HEAD)])
def test_heads_that_drip(hasty: Gateway, shop: str, sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HEAD + b"X-More: 1\r\nX-More: 2\r\n"
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(protocol, "HEAD_SECONDS", 0.3)
        assert talk(hasty, whole[:sent], *[b"%c" % byte for byte in whole[sent : sent + 9]], pause=0.05) == b""
    assert time.monotonic() - began < SOON_SECONDS
    is_well(hasty, shop)


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (HEAD, b""),
        (b"POST /platform/register HTTP/1.1\r\nHost: x\r\n", b""),
        (b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n", PART),
    ],
    ids=["call", "json", "form"],
)
def test_bodies_that_drip(hasty: Gateway, shop: str, head: bytes, start: bytes) -> None:
    began = time.monotonic()
    head += b"Connection: close\r\nContent-Length: 1000\r\n\r\n"
    answer = talk(hasty, head + start, *[b" "] * 9, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"did not arrive" in answer, answer
    assert time.monotonic() - began < SOON_SECONDS
    is_well(hasty, shop)


def test_bodies_that_nobody_waits_for(hasty: Gateway) -> None:
    for sent in (b"", b"12345"):
        for path, status in ((b"GET /health", b"200"), (b"POST /nowhere", b"404")):
            began = time.monotonic()
            head = path + b" HTTP/1.1\r\nHost: x:9000 \r\nContent-Length: 50\r\n\r\n"
            assert talk(hasty, head, sent, pause=0.05)[9:12] == status
            assert time.monotonic() - began < SOON_SECONDS


def test_answers_that_nobody_takes(hasty: Gateway, shop: str) -> None:
    """Slow readers get all of it, however long that takes; those who read nothing lose the connection."""
    body = json.dumps({"platform": shop, "function": "numbers", "params": [300_000]}).encode()
    request = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for seconds, is_whole in ((0.05, True), (2.5, False)):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.settimeout(10)
            connection.connect(hasty.address)
            connection.sendall(request)
            received = connection.recv(65536)
            with contextlib.suppress(ConnectionResetError):
                for _ in range(12):
                    time.sleep(seconds)
                    received += connection.recv(1 << 19)
                    seconds = min(seconds, 0.05)
                while chunk := connection.recv(1 << 19):
                    received += chunk
            assert received.startswith(b"HTTP/1.1 200 ")
            assert (b'"row_count":300000' in received[-100:]) == is_whole
    is_well(hasty, shop)


def test_bodies_that_are_cut_off(gateway: Gateway, shop: str, new_name: Callable[[], str]) -> None:
    name = new_name()
    form = PART + name.encode()
    for head, body in (
        (HEAD, b'{"platform": "'),
        (b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n", form),
    ):
        for length in (b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1000\r\n"):
            with socket.create_connection(gateway.address, timeout=10) as connection:
                connection.sendall(head + length + body)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(65536) == b""
    assert gateway.call(name, "add").status_code == 503
    is_well(gateway, shop)
