"""Answers as bytes: the flat error envelope of the contract, and JSON bodies; every refusal looks the same."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec

from stonegate.errors import PoolExhausted, StonegateError
from stonegate.fleet.names import Owner

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

RETRY_AFTER_SECONDS = 1
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode
#: What hints name commands for, elsewhere, and what does it here.
_ENDPOINTS: Final = (
    (re.compile("`stonegate platform list` shows"), "GET /platforms lists"),
    (re.compile("`stonegate platform register NAME` makes"), "POST /platform/register makes"),
    (re.compile("stonegate platform upload .* FOLDER"), "POST /platform/{platform}/schema keeps one"),
)


class Refusal(Exception):
    """An answer other than the one asked for: a status, the envelope, and headers."""

    def __init__(self, status: int, body: dict[str, Any], headers: Headers = ()) -> None:
        super().__init__(body.get("message", ""))
        self.status = status
        self.body = body
        self.headers = tuple(headers)


def refusal_of(error: Exception) -> Refusal:
    """The answer to a failure; one without a name is told without its text, which may hold anything."""
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, StonegateError):
        return Refusal(500, {"error": "internal_error", "message": "an internal error; the log has the details"})
    headers = [(b"retry-after", b"%d" % RETRY_AFTER_SECONDS)] if isinstance(error, PoolExhausted) else []
    return Refusal(error.status, body_of(error), headers)


def body_of(error: StonegateError) -> dict[str, str]:
    """The envelope of a failure, in the words of those who have no command line."""
    body = error.as_dict() | {"error": error.public_code()}
    for command, endpoint in _ENDPOINTS if "hint" in body else ():
        body["hint"] = command.sub(endpoint, body["hint"])
    return body


def hint_to_make(owner: Owner) -> str:
    """Which endpoint makes the database of an owner."""
    return "/register makes it" if owner.schema is None else "/database/create makes it"


def encode(value: object) -> bytes:
    """JSON."""
    return _encode(value)


async def send_answer(send: Send, status: int, body: bytes, headers: Headers = ()) -> None:
    """A whole JSON answer."""
    given = [_JSON, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """The envelope of a refusal."""
    await send_answer(send, refusal.status, encode(refusal.body), refusal.headers)
