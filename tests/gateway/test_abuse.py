"""What hostile clients send: too much, too slowly, cut off, out of place; nothing of it harms those who come next."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stonegate.gateway import app, bodies, protocol
from stonegate.settings import Settings
from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, bearer, pack
from tests.gateway.inside import serve_inside
from tests.servers import Server

pytestmark = pytest.mark.contract

NewName = Callable[[], str]
HEAD = b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
IDLE = 2000


def talk(gateway: Gateway, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are; everything that comes back until the other side closes."""
    with socket.create_connection(gateway.address, timeout=15) as connection:
        received = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                received += chunk
        return received


def is_well(gateway: Gateway, shop: str) -> None:
    """It answers as if nothing had happened."""
    assert gateway.call(shop, "add", [1, 2]).json()["rows"] == [{"add": 3}]


# --- too much ---------------------------------------------------------------------------------------------------------


def test_heads_have_bounds(gateway: Gateway, shop: str) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    for flood in (
        start + b"a: " + b"b" * 100_000 + b"\r\n\r\n",
        start + b"".join(b"h%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        start + b"a: " + b"b" * 300_000,
    ):
        assert talk(gateway, flood).startswith(b"HTTP/1.1 431 ")  # read to its end, though more was sent
    is_well(gateway, shop)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def body_of(shop: str) -> bytes:
    """A call."""
    return json.dumps({"platform": shop, "function": "add", "params": [1, 2]}).encode()


def test_trailers_are_no_headers_and_have_bounds(gateway: Gateway, shop: str) -> None:
    body = body_of(shop)
    chunk = b"%x;extension=1\r\n%b\r\n0\r\n" % (len(body), body)
    answer = talk(gateway, CHUNKED + chunk + b"X-Request-Id: mine\r\n\r\nGET / HTTP/1.0\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and b"mine" not in answer and answer.count(b"HTTP/1.1 ") == 2, answer
    for flood in (b"a: " + b"b" * 400_000, b"a: b\r\n" * 100_000):
        assert talk(gateway, CHUNKED + chunk, flood + b"\r\n\r\n", pause=0.1)[9:12] in (b"200", b"431")
    for flood in (b"5;" + b"x" * 400_000, b"0\r\na: " + b"b" * 400_000):
        assert talk(gateway, CHUNKED + flood).startswith(b"HTTP/1.1 431 ")
    is_well(gateway, shop)


def test_another_protocol_is_declined(gateway: Gateway, shop: str) -> None:
    """Java's client asks for HTTP/2 with the first request, and sends its body all the same."""
    body = body_of(shop)
    asked = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    whole = asked + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    last = b"GET /health HTTP/1.1\r\nHost: [::1]:9000\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    answer = talk(gateway, whole + whole[:-5], whole[-5:] + last, pause=0.1)
    assert (answer.count(b"HTTP/1.1 200 "), answer.count(b'{"add":3}')) == (3, 2), answer


def test_what_came_before_nonsense_is_answered(gateway: Gateway, shop: str) -> None:
    body = body_of(shop)
    whole = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    for nonsense in (b"nonsense\r\n\r\n", CHUNKED + b"1 \r\n{\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        answer = talk(gateway, whole + whole + nonsense)
        assert (answer.count(b"HTTP/1.1 "), answer.count(b'{"add":3}')) == (2, 2), answer
        assert answer.count(b"connection: close") == 1, answer


def test_an_answer_that_comes_before_the_body_can_be_read(gateway: Gateway) -> None:
    large = b"Content-Length: %d\r\n\r\n" % (8 << 20) + b" " * (8 << 20)
    last = b"GET /health HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"
    for path, status in ((b"POST /nowhere", b"404"), (b"GET /call", b"405"), (b"GET /openapi.json", b"200")):
        for more, left in ((b"", last), (b"Connection: close\r\n", b"")):
            answer = talk(gateway, path + b" HTTP/1.1\r\nHost: x\r\n" + more + large + left)
            assert answer[9:12] == status and answer.count(b"HTTP/1.1 ") == 1 + bool(left), answer


@pytest.mark.parametrize(
    "bytes_",
    [
        b"nonsense\r\n\r\n",
        b"\x00\x01\x02 nonsense\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x y\r\n\r\n",
        b"POST /call HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nabcde",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_no_http(gateway: Gateway, bytes_: bytes) -> None:
    answer = talk(gateway, bytes_)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "invalid_request"


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip\r\nTransfer-Encoding: chunked", b"chunked, chunked"])
def test_bodies_in_forms_that_nobody_takes_away(gateway: Gateway, shop: str, coding: bytes) -> None:
    body = body_of(shop)
    answer = talk(gateway, HEAD + b"Transfer-Encoding: %b\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (coding, len(body), body))
    assert answer[9:12] in (b"501", b"400") and answer.count(b"HTTP/1.1 ") == 1, answer
    is_well(gateway, shop)


@pytest.mark.shows("payload_too_large")
def test_bodies_have_bounds(gateway: Gateway, shop: str) -> None:
    for path, size in (("/call", 17), ("/register", 34), ("/platform/register", 17), ("/platform/x/schema", 34)):
        # Told before anything was sent, whether the client waits for leave to send or not.
        for more in (b"", b"Expect: 100-continue\r\n"):
            head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path.encode(), size << 20)
            with socket.create_connection(gateway.address, timeout=2) as connection:
                connection.sendall(head + more + b"\r\n")
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 413 ") and b"payload_too_large" in answer, answer
    assert talk(gateway, HEAD + b"Content-Length: 99999999999999999999\r\n\r\n")[9:12] in (b"400", b"413")
    with gateway.client() as client:
        answer = client.post("/call", content=b" " * (17 << 20))
        assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
        chunks = (b" " * 65536 for _ in range(300))
        assert client.post("/call", content=chunks).status_code == 413
        form = {"platform": "x", "tenant_id": "y" * (2 << 20)}
        assert client.post("/register", data=form, files={"schema": b""}).json()["error"] == "invalid_request"
        many = {f"f{n}": "x" for n in range(1000)}
        assert client.post("/register", data=many, files={"schema": b""}).json()["error"] == "invalid_request"
    is_well(gateway, shop)


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
            assert time.monotonic() - began < 5
    is_well(gateway, shop)


# --- too slow, cut off ------------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(own_server: Server, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that gives heads, bodies, and those who take their answers, a third of a second."""
    assert gateway.data_dir is not None
    for name in ("HEAD_SECONDS", "LINGER_SECONDS", "STALLED_SECONDS"):
        monkeypatch.setattr(protocol, name, 0.3)
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(app, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(app, "ARCHIVE_SECONDS", 0.3)
    with serve_inside(Settings(database_url=own_server.admin_url, data_dir=gateway.data_dir)) as (served, _):
        yield served


@pytest.mark.parametrize("sent", [0, 1, 25, len(HEAD)])
def test_heads_that_drip(hasty: Gateway, shop: str, sent: int) -> None:
    whole = HEAD + b"X-More: 1\r\nX-More: 2\r\n"
    began = time.monotonic()
    assert talk(hasty, whole[:sent], *[b"%c" % byte for byte in whole[sent : sent + 9]], pause=0.05) == b""
    assert time.monotonic() - began < 3
    is_well(hasty, shop)


PART = b'--x\r\nContent-Disposition: form-data; name="platform"\r\n\r\n'


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
    assert time.monotonic() - began < 3
    is_well(hasty, shop)


def test_bodies_that_nobody_waits_for(hasty: Gateway) -> None:
    for sent in (b"", b"12345"):
        for path, status in ((b"GET /health", b"200"), (b"POST /nowhere", b"404")):
            began = time.monotonic()
            head = path + b" HTTP/1.1\r\nHost: x:9000 \r\nContent-Length: 50\r\n\r\n"
            assert talk(hasty, head, sent, pause=0.05)[9:12] == status
            assert time.monotonic() - began < 3


def test_answers_that_nobody_takes(hasty: Gateway, shop: str) -> None:
    """Slow readers get all of it, however long that takes; those who read nothing lose the connection."""
    body = json.dumps({"platform": shop, "function": "numbers", "params": [300_000]}).encode()
    request = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for seconds, is_whole in ((0.05, True), (1.5, False)):
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


def test_bodies_that_are_cut_off(gateway: Gateway, shop: str, new_name: NewName) -> None:
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


# --- archives ---------------------------------------------------------------------------------------------------------


def archive_of(kind: str) -> bytes:
    """A malicious or broken archive."""
    good = pack(release(1))
    match kind:
        case "text":
            return b"SELECT 1;"
        case "empty":
            return b""
        case "truncated":
            return good[: len(good) // 2]
        case "trailing":
            return good[:-8] + b"\xff" * 8
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=9 if kind == "bomb" else 1) as tar:
        names = {"absolute": "/etc/x.sql", "climbing": "postgresql/../../x.sql", "dots": "postgresql/tables/.."}
        entry = tarfile.TarInfo(names.get(kind, "postgresql/tables/x.sql"))
        types = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}
        types |= {"device": tarfile.CHRTYPE, "disk": tarfile.BLKTYPE}
        entry.type = types.get(kind, tarfile.REGTYPE)
        entry.linkname = "/etc/passwd" if "link" in kind else ""
        entry.size = 40 << 20 if kind == "bomb" else 0
        tar.addfile(entry, io.BytesIO(b" " * entry.size))
        for number in range(20_001 if kind == "crowd" else 0):
            tar.addfile(tarfile.TarInfo(f"postgresql/tables/{number}.sql"))
    return buffer.getvalue()


KINDS = ["text", "empty", "truncated", "trailing", "absolute", "climbing", "dots", "symlink", "hardlink", "fifo"]


@pytest.mark.shows("schema_extraction_failed")
@pytest.mark.parametrize("kind", [*KINDS, "device", "disk", "bomb", "crowd"])
def test_archives_that_are_refused(gateway: Gateway, new_name: NewName, kind: str) -> None:
    name, archive = new_name(), archive_of(kind)
    gateway.post("/platform/register", {"platform": name})
    for path in ("/register", f"/platform/{name}/schema"):
        answer = gateway.upload(path, archive, platform=name, schema_name="app")
        assert (answer.status_code, answer.json()["error"]) == (400, "schema_extraction_failed"), answer.text
    assert gateway.get(f"/platform/{name}/schemas").json()["schemas"] == []
    assert gateway.get(f"/platform/{name}/databases").json()["databases"] == []


# --- out of place -----------------------------------------------------------------------------------------------------

TRICKS = (
    "..", "../../../../tmp/stonegate", "/etc/passwd", "a/../../b", "..\\..\\b", "a\x00b", ".jobs", "platform.json",
    ".registry.lock", "x" * 70, "\u202e", "a\r\nX-Header: y", "%s%n",
)  # fmt: skip


def files_below(directory: Path | None) -> set[str]:
    """Names of the files and directories around a data directory, that of jobs and locks apart."""
    assert directory is not None
    around = directory.parent
    return {str(path.relative_to(around)) for path in around.rglob("*")}


def test_paths_in_identifiers(gateway: Gateway, new_name: NewName, behind: Server) -> None:
    name = new_name()
    gateway.post("/platform/register", {"platform": name})
    gateway.upload(f"/platform/{name}/schema", release(1), schema_name="app")
    allowed = {200, 201, 400, 403, 404, 409}
    for trick in TRICKS:
        stored = {"platform": name, "schema_name": trick}
        made = {"platform": name, "schema_name": "app", "database_id": trick}
        answers = [
            gateway.upload("/migrate", release(1), platform=trick),
            gateway.upload("/migrate", release(1), platform=name, tenant_id=trick),
            gateway.upload("/register", b"", platform=trick),
            gateway.upload(f"/platform/{name}/schema", b"", schema_name=trick),
            gateway.post("/v2/migrate", stored),
            gateway.post("/v2/migrate-all", stored),
            gateway.post("/v2/migrate", made),
            gateway.post("/database/create", stored),
            gateway.post("/admin/create-tenant", {"platform": trick, "tenant_id": "t"}, headers=bearer()),
        ]
        for answer in answers:
            assert answer.status_code in allowed, (trick, answer.text)
        for more in ({"platform": trick}, {"tenant_id": trick}, {"uuid": trick}, {"schema_name": trick}):
            body = {"platform": name, "function": "version_of", **more}
            assert gateway.post("/call", body).status_code in {400, 403, 503}, (trick, more)
        assert gateway.post("/call", {"platform": name, "function": trick}).status_code == 400
    names = files_below(gateway.data_dir)
    for trick in ("../../x", "/etc/x", "x\x00y", ".."):
        gateway.post("/platform/register", {"platform": f"{name}{trick}"})
        gateway.upload(f"/platform/{name}/schema", release(1), schema_name=trick)
    for added in files_below(gateway.data_dir) - names:
        assert added.startswith(("data/", "log")), added
        assert ".." not in added and "\x00" not in added
    assert not Path("/tmp/stonegate").exists()


@pytest.mark.parametrize("host", ["evil.example", "", "a" * 5000, "127.0.0.1:1", "x\xff"])
def test_unknown_hosts_are_never_repeated(gateway: Gateway, host: str) -> None:
    for target in ("/health", "//evil.example/", "http://evil.example/health", "/call/"):
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = talk(gateway, head.encode("latin-1"))
        assert answer[9:12] in (b"200", b"404", b"400"), answer
        assert b"ocation:" not in answer and b"evil.example" not in answer.partition(b"\r\n\r\n")[2]


# --- all together ---------------------------------------------------------------------------------------------------


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
