"""Multipart forms in the ways in which clients write them (RFC 7578); what a part is, its name says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from stonegate.errors import UsageError
from stonegate.gateway.forms import RegisterForm
from stonegate.gateway.uploads import read_form
from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, pack

pytestmark = pytest.mark.contract

ARCHIVE = pack(release(1))
END = b"--x--\r\n"


def part(disposition: bytes, content: bytes, *headers: bytes) -> bytes:
    """One part of a form whose boundary is x."""
    lines = (b"--x", b"Content-Disposition: form-data; " + disposition, *headers, b"", content, b"")
    return b"\r\n".join(lines)


def send(gateway: Gateway, body: bytes, boundary: str = "x") -> httpx.Response:
    """`/register` with such a body."""
    with gateway.client() as client:
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return client.post("/register", content=body, headers=kind)


@pytest.mark.parametrize(
    "disposition",
    [
        b'name="schema"',
        b"name=schema; filename=a.tgz",
        b'name="schema"; filename=""',
        b"name=\"schema\"; filename*=UTF-8''%E4%B8%AD.tgz",  # what Python's requests makes of such a name
        'name="schema"; filename="中 文.tgz"'.encode(),
        b'name="schema"; filename="\xe9.tgz"',
        b'name="schema"; filename="a\\"b;c.tgz"',
        b'name="schema"; filename="C:\\\\a.tgz"',
        b'name="file"; filename="a"',
        b'name="file"',
    ],
)
def test_the_archive_has_any_filename_or_none(
    gateway: Gateway, new_name: Callable[[], str], disposition: bytes
) -> None:
    body = part(disposition, ARCHIVE) + part(b'name="platform"', new_name().encode()) + END
    answer = send(gateway, body)
    assert (answer.status_code, answer.json().get("status")) == (200, "ready"), answer.text


def test_parts_say_more_than_they_need_to(gateway: Gateway, new_name: Callable[[], str]) -> None:
    name = new_name()
    platform = part(b'name="platform"; filename="p.txt"', name.encode(), b"Content-Type: text/plain; charset=latin-1")
    archive = part(b'name="schema"; filename="a"', ARCHIVE, b"Content-Transfer-Encoding: binary")
    others = b"".join(part(b'name="more"; filename="more"', b"x") for _ in range(5))
    answer = send(gateway, b"\r\n" + platform + others + archive + END + b"an epilogue", '"x"')
    assert (answer.status_code, answer.json().get("database")) == (200, f"{name}_main"), answer.text


def test_an_archive_without_a_filename_may_be_large(gateway: Gateway, new_name: Callable[[], str]) -> None:
    body = part(b'name="schema"', b" " * (3 << 20)) + part(b'name="platform"', new_name().encode()) + END
    assert send(gateway, body).json()["error"] == "schema_extraction_failed"


@pytest.mark.parametrize(
    ("body", "boundary", "words"),
    [
        (part(b'name="platform"', b"p") + part(b'name="schema"', ARCHIVE), "x", "is cut off"),
        (b"", "x", "is cut off"),
        (part(b'name="platform"', b"p") + END, "y", "cannot be read"),
        (part(b'name="platform"', b"p") + END, "", "must be multipart/form-data"),
        (part(b'name="platform"', b"p") + part(b'name="other"; filename="a"', ARCHIVE) + END, "x", "schema is missing"),
        (part(b'name="schema"', ARCHIVE) + END, "x", "`platform`"),
        (part(b'filename="a"', ARCHIVE) + END, "x", "cannot be read"),
    ],
)
def test_forms_that_are_refused(gateway: Gateway, body: bytes, boundary: str, words: str) -> None:
    answer = send(gateway, body, boundary)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    assert words in answer.json()["message"]


def test_a_field_is_called_as_it_was_sent(gateway: Gateway) -> None:
    refused = gateway.upload("/migrate", {}, platform="shop", dry_run="perhaps")
    assert refused.status_code == 400
    assert refused.json()["message"].endswith("got `str` - at `dry_run`")


async def test_a_form_that_is_cut_off_leaves_no_file_open() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": part(b'name="schema"', ARCHIVE), "more_body": False}

    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}
    with pytest.raises(UsageError, match="cut off"):  # and what nobody closed would be warned of
        await read_form(Request(scope, receive), RegisterForm, ("schema",), "/register")
