"""Who gets in, and what is too much: networks, proxies, tokens, heads and bodies beyond their bounds."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from ipaddress import ip_network
from typing import Any

import pytest

from stonegate.gateway.answers import Refusal
from stonegate.gateway.security import Guard
from stonegate.settings import Settings
from tests.gateway.gateway import TOKEN, Gateway, bearer
from tests.gateway.load import eventually


def networks(*texts: str) -> tuple[Any, ...]:
    """As the settings hold them."""
    return tuple(ip_network(text) for text in texts)


def scope(path: str, client: str | None, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """A request."""
    return {"method": "POST", "path": path, "client": None if client is None else (client, 1), "headers": list(headers)}


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
    local = Guard(Settings(allowed_networks=networks("fe80::/10")))
    assert [status(local, "/call", client) for client in ("fe80::1%eth0", "fe80::1", "10.0.0.1")] == [200, 200, 403]


def test_forwarded_addresses_count_only_from_trusted_proxies() -> None:
    guard = Guard(Settings(allowed_networks=networks("10.0.0.0/8")))
    assert status(guard, "/call", "11.0.0.1", forwarded("127.0.0.1")) == 403
    trusting = Guard(Settings(allowed_networks=networks("10.0.0.0/8"), trusted_proxies=networks("11.0.0.0/24")))
    assert status(trusting, "/call", "11.0.0.1", forwarded("10.0.0.9")) == 200
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1, 12.0.0.1")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1, 12.0.0.1, 11.0.0.7")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("127.0.0.1"), forwarded("12.0.0.1")) == 403
    assert status(trusting, "/call", "11.0.0.1", forwarded("12.0.0.1, 10.0.0.1")) == 200
    for text in ("10.0.0.9:5678", "12.0.0.1, 10.0.0.9:1", "[::ffff:10.0.0.9]:1", "[::ffff:10.0.0.9]", "[::1]:80"):
        assert status(trusting, "/call", "11.0.0.1", forwarded(text)) == 200, text
    for text in ("10.0.0.1, garbage", "12.0.0.1:10", "[12.0.0.1]:1", "10.0.0.9:", "10.0.0.9:x", "[10.0.0.9", ":1"):
        assert status(trusting, "/call", "11.0.0.1", forwarded(text)) == 403, text
    assert status(trusting, "/call", "12.0.0.1", forwarded("10.0.0.1")) == 403
    assert status(trusting, "/call", "11.0.0.1", (b"x-real-ip", b"10.0.0.9")) == 403
    for nobody in (None, "not an address"):
        assert status(trusting, "/call", nobody, forwarded("10.0.0.9")) == 403
    own = Guard(Settings(allowed_networks=networks("10.0.0.0/8"), trusted_proxies=networks("10.1.0.0/16")))
    assert status(own, "/call", "10.1.0.1") == 200  # the proxy asks for itself
    assert status(own, "/call", "10.1.0.1", forwarded("10.1.0.2")) == 200
    assert status(own, "/call", "10.1.0.1", forwarded("")) == 403


def test_the_log_names_the_address_that_counts() -> None:
    trusting = Guard(Settings(trusted_proxies=networks("11.0.0.0/24", "::1/128")))
    for peer, headers, named in (
        ("11.0.0.1", ["10.0.0.9"], "10.0.0.9"),
        ("11.0.0.1", ["1.2.3.4, 10.0.0.9, 11.0.0.7"], "10.0.0.9"),
        ("11.0.0.1", ["1.2.3.4", "10.0.0.9"], "10.0.0.9"),
        ("::1", ["::ffff:10.0.0.9"], "10.0.0.9"),
        ("11.0.0.1", ["10.0.0.9, a forged\nline"], "11.0.0.1"),
        ("11.0.0.1", ["fe80::9%a forged line"], "fe80::9"),
        ("11.0.0.1", [], "11.0.0.1"),
        ("12.0.0.1", ["10.0.0.9"], "12.0.0.1"),
        (None, ["10.0.0.9"], None),
    ):
        asked = scope("/call", peer, *map(forwarded, headers))
        assert trusting.name_client(asked) == named, (peer, headers)
        assert Guard(Settings()).name_client(asked) == peer


def test_the_administrator_needs_address_and_token() -> None:
    guard = Guard(
        Settings(
            allowed_networks=networks("10.0.0.0/8"), allowed_admin_ips=networks("10.9.0.0/16"), admin_token="tökén"
        )
    )
    good = (b"authorization", "Bearer tökén".encode())
    assert status(guard, "/admin/databases", "10.9.0.1", good) == 200
    assert status(guard, "/admin/databases", "10.8.0.1", good) == 403
    assert status(guard, "/admin/databases", "10.9.0.1", (b"authorization", "bearer  tökén".encode())) == 200
    for path in ("/admin", "/admin/", "/admin/anything"):
        assert status(guard, path, "10.9.0.1") == 401
    for header in (b"Bearer x", b"Bearer", b"", "Basic tökén".encode(), "tökén".encode(), b"Bearer \xff"):
        assert status(guard, "/admin/databases", "10.9.0.1", (b"authorization", header)) == 401, header
    assert status(guard, "/admin/databases", "10.9.0.1", good, good) == 401
    assert status(Guard(Settings()), "/admin/databases", "127.0.0.1", good) == 503


def test_hosts() -> None:
    """Against DNS rebinding; without the setting any name will do."""
    guard = Guard(Settings(allowed_hosts=("api.example.com", "*.shop.example", "[::1]", "10.0.0.1")))
    for host, expected in (
        ("api.example.com", 200), ("API.example.com:9000", 200), ("x.shop.example", 200), ("a.b.shop.example:1", 200),
        ("[::1]:9000", 200), ("[::1]", 200), ("10.0.0.1:80", 200), ("shop.example", 400), ("xshop.example", 400),
        ("evil.example", 400), ("api.example.com.evil.example", 400), ("", 400), ("*.shop.example", 200),
        (" api.example.com ", 200), (".shop.example", 200),
    ):  # fmt: skip
        header = (b"host", host.encode())
        assert status(guard, "/call", "127.0.0.1", (b"accept", b"api.example.com"), header) == expected, host
        assert status(guard, "/call", "127.0.0.1", header) == expected, host
        assert status(guard, "/health", "127.0.0.1", header) == status(guard, "/ready", "127.0.0.1", header) == 200
        assert status(Guard(Settings()), "/call", "127.0.0.1", header) == 200
    began = time.process_time()
    assert status(guard, "/call", "127.0.0.1", (b"host", b"." * 60_000)) == 400
    assert time.process_time() - began < 0.5  # however many domains it is in
    with pytest.raises(Refusal, match="another name") as caught:
        guard.check(scope("/call", "127.0.0.1"))  # HTTP/1.0
    assert (caught.value.status, caught.value.body["error"]) == (400, "invalid_request")
    assert caught.value.body["hint"] == "ALLOWED_HOSTS"


def test_what_a_page_may_send_is_told_from_its_type_and_site() -> None:
    guard = Guard(Settings())
    for kind, origin, site, expected in (
        (b"text/plain ; charset=utf-8", b"https://evil.example", b"", 403),
        (b" TEXT/PLAIN", b"https://evil.example", b"same-site", 403),
        (b"text/plain", b"HTTPS://Api.Example", b"", 200),
        (b"text/plain", b"https://evil.example", b"none", 200),  # typed by the user
    ):
        headers = (b"content-type", kind), (b"origin", origin), (b"sec-fetch-site", site), (b"host", b"API.example")
        assert status(guard, "/call", "127.0.0.1", *headers) == expected, (kind, origin, site)


@pytest.mark.contract
@pytest.mark.shows("unauthorized")
def test_pages_of_other_sites_may_not_post(gateway: Gateway) -> None:
    """A browser in an allowed network sends for them what it need not ask for; the answer says nothing to them."""
    host = gateway.url.removeprefix("http://")
    json_type = {"Content-Type": "application/json"}
    body = b'{"platform": "nobody", "function": "f"}'
    with gateway.client() as client:
        for headers, status in (
            ({"Content-Type": "text/plain"}, 503),
            ({"Content-Type": "text/plain", "Origin": "https://evil.example"}, 403),
            ({"Content-Type": "Text/Plain; application/json", "Origin": "null"}, 403),
            ({"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{host}0"}, 403),
            ({"Content-Type": "multipart/form-data; boundary=x", "Origin": f"http://evil.{host}"}, 403),
            ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
            (json_type | {"Origin": "https://evil.example"}, 503),
            ({"Content-Type": "text/plain", "Origin": f"http://{host}"}, 503),
            ({"Content-Type": "text/plain", "Origin": "https://app.example", "Sec-Fetch-Site": "same-origin"}, 503),
        ):
            assert client.post("/call", content=body, headers=headers).status_code == status, headers
        foreign = {"Origin": "https://evil.example"}
        answer = client.post("/register", data={"platform": "x"}, files={"schema": b""}, headers=foreign)
        assert (answer.status_code, answer.json()["error"]) == (403, "unauthorized")
        asked = client.options("/call", headers=foreign | {"Access-Control-Request-Method": "POST"})
        assert asked.status_code == 405 and not any("access-control" in name for name in asked.headers)
        assert client.get("/metrics", headers=foreign).status_code == 200


@pytest.mark.contract
@pytest.mark.shows("GET /health", "GET /ready", "GET /metrics", "GET /openapi.json", "GET /docs")
def test_routes_over_the_socket(gateway: Gateway) -> None:
    assert gateway.get("/health").json()["postgres_connected"] is True
    assert gateway.get("/ready").status_code == 200
    assert "stonegate_requests_total" in gateway.get("/metrics").text
    assert "/v2/migrate-all/{job}" in gateway.get("/openapi.json").json()["paths"]
    answer = gateway.get("/docs")
    page, policy = answer.text, answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    with gateway.client() as client:
        for _ in range(2):  # on one connection, which a body would confuse
            head = client.head("/docs")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == answer.headers["content-length"]
    assert "<title>stonegate</title>" in page and "https://" not in page
    for kind in ("script", "style"):  # a browser runs nothing but what stands in the file
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


@pytest.mark.contract
@pytest.mark.shows("GET /admin/platforms", "unauthorized", "invalid_request")
def test_the_token_over_the_socket(gateway: Gateway, administrator: dict[str, str]) -> None:
    assert gateway.get("/admin/platforms").status_code == 401
    refused = gateway.get("/admin/platforms", headers=bearer("wrong"))
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert gateway.get("/admin/platforms", headers=administrator).status_code == 200
    assert gateway.get("/admin/databases", headers=administrator).json()["error"] == "invalid_request"


@pytest.mark.contract
@pytest.mark.shows("not_found", "method_not_allowed")
def test_routes_that_are_not_there(gateway: Gateway) -> None:
    for path, allowed in (("/call", "POST"), ("/register", "POST"), ("/v2/migrate", "POST")):
        answer = gateway.get(path)
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert allowed in answer.headers["allow"]
    for path in ("/health", "/docs", "/openapi.json"):
        assert gateway.post(path, {}).status_code == 405
    missing = [
        "/nowhere",
        "/call/",
        "/platforms/",
        "/docs/",
        "//call",
        "/platform/a/b/c",
        "/platform/..%2f..%2fetc/schemas",
    ]
    missing += [f"{path}{end}" for path in ("/platforms", "/health", "/call", "/docs", "/openapi.json")
                for end in ("%0a", "%00", "%C2%85")]  # fmt: skip
    for path in (*missing, "/platform/a%0ab/schemas", "/platform/a/schemas%0A", "/v2/migrate-all/a%7f"):
        answer = gateway.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path
        assert "location" not in answer.headers


@pytest.mark.contract
def test_made_up_names_are_no_labels(gateway: Gateway, shop: str) -> None:
    """Whoever may call could fill the memory of all who scrape."""
    for number in range(5):
        made_up = f"made-up-{number}"
        assert gateway.call(made_up, f"made_up_{number}").status_code == 503
        assert gateway.call(shop, f"made_up_{number}", tenant_id=made_up).status_code == 503
        assert gateway.call(shop, f"made_up_{number}").status_code == 404
        assert gateway.call(f"{shop.upper()}!{'!' * number}", "add").status_code == 403
        assert gateway.get(f"/{made_up}").status_code == 404
    eventually(lambda: 'platform="unknown"' in gateway.get("/metrics").text)  # whichever worker knows it
    assert not re.search("made.up|SHOP|!", gateway.get("/metrics").text)


@pytest.mark.contract
def test_request_ids(gateway: Gateway) -> None:
    assert gateway.get("/health", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = gateway.get("/health", headers={"X-Request-Id": "not\tmine;"}).headers["x-request-id"]
    assert made.isalnum() and len(made) == 16
