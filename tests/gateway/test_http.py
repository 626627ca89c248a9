"""HTTP as it should not be: heads without end, other protocols, nonsense; answered, and closed."""

from __future__ import annotations

import json

import pytest

from tests.gateway.gateway import Gateway
from tests.gateway.wire import CHUNKED, HEAD, body_of, is_well, talk

pytestmark = pytest.mark.contract


def test_heads_have_bounds(gateway: Gateway, shop: str) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    for flood in (
        start + b"a: " + b"b" * 100_000 + b"\r\n\r\n",
        start + b"".join(b"h%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        start + b"a: " + b"b" * (8 << 20),
    ):
        answer = talk(gateway, flood, is_read=True)  # read to its end, though more was sent
        assert answer.startswith(b"HTTP/1.1 431 ") and answer.count(b"HTTP/1.1 ") == 1, answer
    long = start + b"a: " + b"b" * 30_000 + b"\r\n"
    assert talk(gateway, (long + b"\r\n") * 3 + long + b"Connection: close\r\n\r\n").count(b"HTTP/1.1 200 ") == 4
    is_well(gateway, shop)


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
    answer = talk(gateway, whole, b"nonsense\r\n\r\n", pause=0.1)  # when it was answered already
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 400 ") == 1, answer


def test_an_answer_that_comes_before_the_body_can_be_read(gateway: Gateway) -> None:
    large = b"Content-Length: %d\r\n\r\n" % (8 << 20) + b" " * (8 << 20)
    last = b"GET /health HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"
    for path, status in ((b"POST /nowhere", b"404"), (b"GET /call", b"405"), (b"GET /openapi.json", b"200")):
        for more, left in ((b"", last), (b"Connection: close\r\n", b"")):
            answer = talk(gateway, path + b" HTTP/1.1\r\nHost: x\r\n" + more + large + left, is_read=True)
            assert answer[9:12] == status and answer.count(b"HTTP/1.1 ") == 1 + bool(left), answer


@pytest.mark.parametrize(
    "bytes_",
    [
        b"nonsense\r\n\r\n",
        b"\x00\x01\x02 nonsense\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
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
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"\r\n\r\n") == 1, answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "invalid_request"


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip\r\nTransfer-Encoding: chunked", b"chunked, chunked"])
def test_bodies_in_forms_that_nobody_takes_away(gateway: Gateway, shop: str, coding: bytes) -> None:
    body = body_of(shop)
    answer = talk(gateway, HEAD + b"Transfer-Encoding: %b\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (coding, len(body), body))
    assert answer[9:12] in (b"501", b"400") and answer.count(b"HTTP/1.1 ") == 1, answer
    spaced = HEAD.replace(b"Host: x", b"Host: x \t") + b"Connection: close\r\nTransfer-Encoding: Chunked \r\n\r\n"
    assert talk(gateway, spaced + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))[9:12] == b"200"
