"""Multipart forms in the ways in which clients write them (RFC 7578); what a part is, its name says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from stonegate.errors import UsageError
from stonegate.gateway.forms import MigrateForm
from stonegate.gateway.uploads import FORM_ROOM, MOST_FILES, read_form
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


async def read(body: bytes, kind: bytes = b"multipart/form-data; boundary=x") -> Any:
    """The form of `/migrate`, read by itself; what nobody closes is warned of."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "headers": [(b"content-type", kind)]}, receive)
    form, archive = await read_form(request, MigrateForm, ("schema", "file"), "/migrate")
    assert await archive.read() == ARCHIVE
    await archive.close()
    return form


async def test_fields_are_read_as_they_are_declared() -> None:
    whole = part(b'name="platform"', b"p") + part(b'name="schema"', ARCHIVE)
    for text, expected in (
        (b"1", True),
        (b"TRUE", True),
        (b"true", True),
        (b"False", False),
        (b"0", False),
        (b"", False),
    ):
        assert (await read(whole + part(b'name="force"', text) + END)).force is expected
    more = b"".join(part(b'name="allow"', text) for text in (b"drift", b"", b"drop_table:t"))
    form = await read(whole + more + part(b'name="tenant_id"', b"") + END)
    assert (form.allow, form.tenant_id, form.platform) == (["drift", "drop_table:t"], None, "p")
    for kind in (b"multipart/form-data; boundary=x; charset=utf8", b"multipart/form-data; charset=UTF-8; boundary=x"):
        assert (await read(whole + END, kind)).platform == "p"
    with pytest.raises(UsageError, match="must be multipart/form-data"):
        await read(whole + END, b"multipart/mixed; boundary=x")


async def test_forms_have_bounds() -> None:
    whole = part(b'name="platform"', b"p") + part(b'name="file"; filename="f"', ARCHIVE)
    for size, count, words in (
        (FORM_ROOM - 1, MOST_FILES, None),
        (FORM_ROOM, 1, "fields are larger"),
        (1, MOST_FILES + 1, "Too many files"),
    ):
        files = b"".join(part(b'name="a"; filename="a"', b"a") for _ in range(count - 1))
        body = whole + part(b'name="other"', b"x" * size) + files + END
        if words is None:
            assert (await read(body)).platform == "p"
            continue
        with pytest.raises(UsageError) as caught:
            await read(body)
        assert words in str(caught.value.cause)


async def test_a_form_that_is_cut_off_leaves_no_file_open() -> None:
    with pytest.raises(UsageError, match="cut off"):
        await read(part(b'name="schema"', ARCHIVE))
