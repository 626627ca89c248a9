"""Requests byte for byte as the clients of the original write them: PHP over libcurl, shell scripts over curl."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.gateway.folders import TYPES, release
from tests.gateway.gateway import Gateway, pack

pytestmark = pytest.mark.contract

#: `json_encode` of PHP: no spaces, `\/` and `\u…` escaped, `[]` for an empty array; one shape per generation.
SHAPES = {
    "platform and tenant": '{"platform":"%s","tenant_id":%s,"function":"echo_text","params":["%s"]}',
    "named arguments": '{"platform":"%s","tenant_id":%s,"function":"echo_text","params":{"v":"%s"}}',
    "uuid": '{"platform":"%s","uuid":%s,"function":"echo_text","params":["%s"]}',
    "stored folder": '{"platform":"%s","schema_name":"app","database_id":%s,"function":"echo_text","params":["%s"]}',
}


def exchange(gateway: Gateway, head: bytes, body: bytes) -> tuple[int, dict[str, object]]:
    """Send as libcurl does, which waits for `100 Continue` with larger bodies; status and body of the answer."""
    with socket.create_connection(gateway.address, timeout=20) as connection:
        connection.sendall(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        received = b""
        if b"100-continue" in head:
            received = connection.recv(65536)
            assert received.startswith(b"HTTP/1.1 100 "), received
            received = received.partition(b"\r\n\r\n")[2]
        connection.sendall(body)
        while chunk := connection.recv(65536):
            received += chunk
    top, _, content = received.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(content)


def head(path: str, kind: str, *more: str) -> bytes:
    """The head as libcurl writes it."""
    lines = (f"POST {path} HTTP/1.1", "Host: stonescriptdb-gateway:9000", "Accept: */*", f"Content-Type: {kind}", *more)
    return "".join(line + "\r\n" for line in lines).encode()


@pytest.fixture(scope="module")
def platform(gateway: Gateway, shop: str) -> Iterator[str]:
    """The shop with a second tenant, and a database of a stored folder."""
    assert gateway.upload("/register", TYPES, platform=shop, tenant_id="7").status_code == 200
    assert gateway.upload(f"/platform/{shop}/schema", TYPES, schema_name="app").status_code == 201
    assert gateway.post("/database/create", {"platform": shop, "schema_name": "app", "uuid": "9-f"}).status_code == 201
    yield shop


@pytest.mark.parametrize(
    ("shape", "ids"),
    [
        ("platform and tenant", ["null", '""', '"null"', '"main"', '"7"', "7"]),
        ("named arguments", ["null", '"7"']),
        ("uuid", ['"9-f"', '"7"']),
        ("stored folder", ['"9-f"']),
    ],
)
def test_the_four_shapes_of_calls(gateway: Gateway, platform: str, shape: str, ids: list[str]) -> None:
    for id_ in ids:
        body = SHAPES[shape] % (platform, id_, r"\u00fc\/\"\ud83d\ude00")
        status, answer = exchange(gateway, head("/call", "application/json"), body.encode())
        assert (status, answer["rows"]) == (200, [{"echo_text": 'ü/"\U0001f600'}]), answer


def test_ids_lead_to_their_databases(gateway: Gateway, platform: str) -> None:
    for more, database in (
        ({}, "main"),
        ({"tenant_id": 7}, "7"),
        ({"uuid": "9-f"}, "app_9_f"),
        ({"database_id": "9-f", "uuid": "9-f"}, "app_9_f"),
        ({"database_id": "9-f", "tenant_id": "9_F"}, "app_9_f"),
        ({"database_id": "9-f", "tenant_id": ""}, "app_9_f"),
        ({"tenant_id": "9-f"}, "app_9_f"),
        ({"schema_name": "app", "tenant_id": "9-f"}, "app_9_f"),
    ):
        assert gateway.call(platform, "who", **more).json()["rows"] == [{"who": f"{platform}_{database}"}], more


def test_calls_without_parameters(gateway: Gateway, platform: str) -> None:
    for params in ("", ',"params":[]', ',"params":{}', ',"params":null'):
        body = f'{{"platform":"{platform}","function":"nothing"{params}}}'.encode()
        assert exchange(gateway, head("/call", "application/json"), body)[1]["rows"] == [{"nothing": None}]


def test_libcurl_waits_for_100_continue(gateway: Gateway, platform: str, new_name: Callable[[], str]) -> None:
    text = "x" * 2_000_000
    body = json.dumps({"platform": platform, "function": "echo_text", "params": [text]}).encode()
    status, answer = exchange(gateway, head("/call", "application/json", "Expect: 100-continue"), body)
    assert (status, answer["rows"]) == (200, [{"echo_text": text}])
    parts = [("platform", "", new_name().encode()), ("tenant_id", "", b"")]
    parts += [("schema", '; filename="schema.tar.gz"\r\nContent-Type: application/gzip', pack(release(1)))]
    form = b"".join(
        f'--------x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    )
    kind = "multipart/form-data; boundary=------x"
    status, answer = exchange(gateway, head("/register", kind, "Expect: 100-continue"), form + b"--------x--\r\n")
    assert (status, answer["status"]) == (200, "ready"), answer


def test_failures_as_clients_read_them(gateway: Gateway, platform: str) -> None:
    """They branch on the status 200, `error` and `message`, and show the cause."""
    for body, status, code in (
        ('{"platform":"%s","function":"fail","params":["P0001","no\\u00b6"]}', 500, "query_failed"),
        ('{"platform":"%s","tenant_id":"none","function":"add","params":[1]}', 503, "connection_failed"),
        ('{"platform":"%s","function":"add","params":', 400, "invalid_request"),
    ):
        got, answer = exchange(
            gateway, head("/call", "application/json"), (body % platform).encode() if "%s" in body else b""
        )
        assert (got, answer["error"]) == (status, code), answer
        assert isinstance(answer["message"], str)
