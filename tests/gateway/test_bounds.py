"""Bodies and archives beyond what is allowed: refused, and nothing of them stays."""

from __future__ import annotations

import io
import socket
import tarfile
from collections.abc import Callable

import pytest

from stonegate.gateway.bodies import BODY_SECONDS
from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, pack
from tests.gateway.wire import HEAD, is_well, talk

pytestmark = pytest.mark.contract


@pytest.mark.shows("payload_too_large")
def test_bodies_have_bounds(gateway: Gateway, shop: str) -> None:
    for path, size in (("/call", 17), ("/register", 34), ("/platform/register", 2), ("/platform/x/schema", 34)):
        # Told before anything was sent, whether the client waits for leave to send or not.
        for more in (b"", b"Expect: 100-continue\r\n"):
            head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path.encode(), size << 20)
            with socket.create_connection(gateway.address, timeout=BODY_SECONDS / 2) as connection:
                connection.sendall(head + more + b"\r\n")
                answer = b""
                while not answer.endswith(b"}"):
                    part = connection.recv(65536)
                    assert part, answer
                    answer += part
            assert answer.startswith(b"HTTP/1.1 413 ") and b"payload_too_large" in answer, answer
            assert b"connection: close\r\n" in answer, answer
    assert talk(gateway, HEAD + b"Content-Length: 99999999999999999999\r\n\r\n")[9:12] in (b"400", b"413")
    with gateway.client() as client:
        answer = client.post("/call", content=b" " * (17 << 20))
        assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
        chunks = (b" " * 65536 for _ in range(300))
        assert client.post("/call", content=chunks).status_code == 413
        form = {"platform": "x", "tenant_id": "y" * (2 << 20)}
        assert client.post("/register", data=form, files={"schema": b""}).json()["error"] == "invalid_request"
        half = {"platform": "x", "a": "y" * (1 << 19), "b": "z" * (1 << 19)}
        answer = client.post("/register", data=half, files={"schema": b"y" * (2 << 20)})
        assert "larger than the 1,048,576 bytes allowed" in answer.json()["cause"], answer.text
        many = {f"f{n}": "x" for n in range(1000)}
        assert client.post("/register", data=many, files={"schema": b""}).json()["error"] == "invalid_request"
    is_well(gateway, shop)


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
def test_archives_that_are_refused(gateway: Gateway, new_name: Callable[[], str], kind: str) -> None:
    name, archive = new_name(), archive_of(kind)
    gateway.post("/platform/register", {"platform": name})
    for path in ("/register", f"/platform/{name}/schema"):
        answer = gateway.upload(path, archive, platform=name, schema_name="app")
        assert (answer.status_code, answer.json()["error"]) == (400, "schema_extraction_failed"), answer.text
    assert gateway.get(f"/platform/{name}/schemas").json()["schemas"] == []
    assert gateway.get(f"/platform/{name}/databases").json()["databases"] == []
