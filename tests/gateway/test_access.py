"""Who gets in, and what is too much: networks, proxies, tokens, heads and bodies beyond their bounds."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from stonegate.gateway.answers import Refusal
from stonegate.gateway.security import Guard
from stonegate.settings import Settings
from tests.gateway.gateway import TOKEN, Gateway, bearer, start_gateway
from tests.servers import Server


def networks(*texts: str) -> tuple[Any, ...]:
    """As the settings hold them."""
    return tuple(ip_network(text) for text in texts)


def scope(path: str, client: str | None, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """A request."""
    return {"path": path, "client": None if client is None else (client, 1), "headers": list(headers)}


def status(guard: Guard, path: str, client: str | None, *headers: tuple[bytes, bytes]) -> int:
    """What the guard says."""
    try:
        guard.check(scope(path, client, *headers))
    except Refusal as refusal:
        return refusal.status
    return 200


def forwarded(text: str) -> tuple[bytes, bytes]:
    """The header."""
    return (b"x-forwarded-for", text.encode())


def test_networks() -> None:
    guard = Guard(Settings(allowed_networks=networks("10.0.0.0/8"), admin_token=TOKEN))
    for client, expected in (
        ("10.1.2.3", 200), ("127.0.0.1", 200), ("::1", 200), ("::ffff:10.0.0.1", 200), ("11.0.0.1", 403),
        ("2001:db8::1", 403), ("not an address", 403), (None, 403), ("fe80::1%eth0", 403),
    ):  # fmt: skip
        assert status(guard, "/call", client) == expected, client
        assert status(guard, "/a-route-of-tomorrow", client) == expected
        assert status(guard, "/health", client) == status(guard, "/ready", client) == 200
    assert status(guard, "/metrics", "11.0.0.1") == 403


def test_forwarded_addresses_count_only_from_trusted_proxies() -> None:
    guard = Guard(Settings(allowed_networks=networks("10.0.0.0/8")))
    assert status(guard, "/call", "11.0.0.1", forwarded("127.0.0.1")) == 403
    trusting = Guard(Settings(allowed_networks=networks("10.0.0.0/8"), trusted_proxies=networks("11.0.0.0/24")))
    assert status(trusting, "/call", "11.0.0.1", forwarded("10.0.0.9")) == 200
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1, 12.0.0.1")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1, 12.0.0.1, 11.0.0.7")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1"), forwarded("12.0.0.1")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("12.0.0.1, 10.0.0.1")) == 200
    assert status(trusting, "/call", "11.0.0.1", forwarded("10.0.0.1, garbage")) == 403
    assert status(trusting, "/call", "12.0.0.1", forwarded("10.0.0.1")) == 403


def test_the_administrator_needs_address_and_token() -> None:
    guard = Guard(
        Settings(
            allowed_networks=networks("10.0.0.0/8"), allowed_admin_ips=networks("10.9.0.0/16"), admin_token="tökén"
        )
    )
    good = (b"authorization", "Bearer tökén".encode())
    assert status(guard, "/admin/databases", "10.9.0.1", good) == 200
    assert status(guard, "/admin/databases", "10.8.0.1", good) == 403
    assert status(guard, "/admin/anything", "10.9.0.1") == 401
    for header in (b"Bearer x", b"Bearer", b"", "Basic tökén".encode(), "tökén".encode(), b"Bearer \xff"):
        assert status(guard, "/admin/databases", "10.9.0.1", (b"authorization", header)) == 401, header
    assert status(guard, "/admin/databases", "10.9.0.1", good, good) == 401
    assert status(Guard(Settings()), "/admin/databases", "127.0.0.1", good) == 503


@pytest.mark.contract
def test_routes_over_the_socket(gateway: Gateway) -> None:
    assert gateway.get("/health").json()["postgres_connected"] is True
    assert gateway.get("/ready").status_code == 200
    assert "stonegate_requests_total" in gateway.get("/metrics").text
    assert gateway.get("/openapi.json").json()["openapi"] == "3.1.0"
    assert "<title>stonegate</title>" in gateway.get("/docs").text
    for path in ("/admin/databases?platform=x", "/admin/platforms"):
        assert gateway.get(path).status_code == 401
        assert gateway.get(path, headers=bearer("wrong")).json()["error"] == "unauthorized"
    assert gateway.get("/admin/databases", headers=bearer()).json()["error"] == "invalid_request"
    assert (gateway.get("/call").status_code, gateway.get("/register").json()["error"]) == (405, "method_not_allowed")
    for path in ("/nowhere", "/call/", "//call", "/platform/a/b/c", "/platform/..%2f..%2fetc/schemas"):
        answer = gateway.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path
    for name in ("..", "%2e%2e", "a%00b", "'; DROP TABLE x; --", "a" * 300):
        answer = gateway.get(f"/platform/{name}x/schemas")
        assert answer.status_code in (400, 404), answer.text


@pytest.mark.contract
def test_request_ids(gateway: Gateway) -> None:
    assert gateway.get("/health", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = gateway.get("/health", headers={"X-Request-Id": "not\tmine;"}).headers["x-request-id"]
    assert made.isalnum() and len(made) == 16


def talk(gateway: Gateway, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are; everything that comes back until the other side closes."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
        return received


@pytest.mark.contract
def test_heads_have_bounds(gateway: Gateway) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    for flood in (
        start + b"a: " + b"b" * 100_000 + b"\r\n\r\n",
        start + b"".join(b"h%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        start + b"a: " + b"b" * 300_000,
    ):
        answer = talk(gateway, flood)
        assert answer.startswith(b"HTTP/1.1 431 ") or answer == b"", answer[:200]
    assert talk(gateway, b"\x00\x01\x02 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert b'"error":"invalid_request"' in talk(gateway, b"nonsense\r\n\r\n")
    assert gateway.get("/health").status_code == 200


@pytest.mark.contract
def test_bodies_have_bounds(gateway: Gateway) -> None:
    head = b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert b"413 " in talk(gateway, head + b"Content-Length: 999999999999\r\nConnection: close\r\n\r\n")[:20]
    with gateway.client() as client:
        answer = client.post("/call", content=b" " * (17 * 1024 * 1024))
        assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
        chunks = (b" " * 65536 for _ in range(300))
        assert client.post("/call", content=chunks).status_code == 413
        answer = client.post("/platform/register", content=b" " * (17 * 1024 * 1024))
        assert answer.status_code == 413
    assert talk(gateway, head + b"Content-Length: 10\r\nConnection: close\r\n\r\n{}        ")[:12] == b"HTTP/1.1 400"


@pytest.mark.contract
def test_truncated_bodies_and_idle_connections_do_no_harm(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port)), timeout=10) for _ in range(2000 if gateway.process else 100)]
    try:
        for connection in idle[:50]:
            connection.sendall(b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        assert gateway.get("/health").status_code == 200
        assert time.monotonic() - began < 2
    finally:
        for connection in idle:
            connection.close()
    assert gateway.get("/health").status_code == 200


def test_secrets_and_parameters_are_never_logged(home: Path, server: Server) -> None:
    with start_gateway(home, server.tcp_url(), RUST_LOG="debug") as gateway:
        gateway.call("nobody", "f", ["my-own-parameter"])
        gateway.get("/admin/databases?platform=x", headers=bearer("wrong-token-given"))
        gateway.post("/platform/register", {"platform": "--", "db_user": "u", "db_password": "chosen-password"})
        logged = gateway.logged()
        assert '"route":"/call"' in logged
        for secret in (TOKEN, "my-own-parameter", "wrong-token-given", "chosen-password", "postgres:postgres"):
            assert secret not in logged
