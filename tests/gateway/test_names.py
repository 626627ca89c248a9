"""Names that are paths, hosts that are none: nothing of them reaches the disk, an answer or another platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, bearer
from tests.gateway.wire import talk
from tests.servers import Server

pytestmark = pytest.mark.contract


TRICKS = (
    "..", "/etc/passwd", "a/../../b", "..\\..\\b", "a\x00b", ".jobs", "platform.json",
    ".registry.lock", "x" * 70, "\u202e", "a\r\nX-Header: y", "%s%n",
)  # fmt: skip


def files_below(directory: Path | None) -> set[str]:
    """Names of the files and directories around a data directory, that of jobs and locks apart."""
    assert directory is not None
    around = directory.parent
    return {str(path.relative_to(around)) for path in around.rglob("*")}


def test_paths_in_identifiers(gateway: Gateway, new_name: Callable[[], str], behind: Server) -> None:
    name = new_name()
    gateway.post("/platform/register", {"platform": name})
    gateway.upload(f"/platform/{name}/schema", release(1), schema_name="app")
    allowed = {200, 201, 400, 403, 404, 409}
    for trick in (f"../../../../tmp/{name}", *TRICKS):
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
    assert not Path("/tmp", name).exists()


@pytest.mark.parametrize("host", ["evil.example", "", "a" * 5000, "127.0.0.1:1", "x\xff"])
def test_unknown_hosts_are_never_repeated(gateway: Gateway, host: str) -> None:
    for target in ("/health", "//evil.example/", "http://evil.example/health", "/call/"):
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = talk(gateway, head.encode("latin-1"))
        assert answer[9:12] in (b"200", b"404", b"400"), answer
        assert b"ocation:" not in answer and b"evil.example" not in answer.partition(b"\r\n\r\n")[2]
