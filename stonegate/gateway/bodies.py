"""Request bodies within their caps and in time: what is larger is 413, what does not arrive is 400."""

from __future__ import annotations

import asyncio

from stonegate.errors import PayloadTooLarge, UsageError
from stonegate.gateway.answers import Message, Receive, Scope
from stonegate.gateway.protocol import LINGER_BYTES, LINGER_SECONDS

#: A whole body must have arrived after this time (seconds); an archive is given longer.
BODY_SECONDS = 30.0
ARCHIVE_SECONDS = 300.0


class Disconnected(Exception):
    """The client is gone: nobody is there to be answered."""


def check_length(scope: Scope, cap: int) -> None:
    """Refuse a body that says itself that it is too large.

    Raises:
        PayloadTooLarge: it is.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or len(value) > 18 or int(value) > cap):
            raise too_large(cap)


def too_large(cap: int) -> PayloadTooLarge:
    """The refusal."""
    return PayloadTooLarge(f"the body is larger than the {cap:,} bytes allowed")


async def read_body(receive: Receive, cap: int) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge, UsageError: it is too large or too slow.
        Disconnected: it was cut off.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message["body"]
                if len(body) > cap:
                    raise too_large(cap)
                return body
            parts: list[bytes] = []
            size = 0
            while True:
                if message["type"] == "http.disconnect":
                    raise Disconnected
                size += len(message["body"])
                if size > cap:
                    raise too_large(cap)
                parts.append(message["body"])
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
    except TimeoutError:
        raise UsageError(f"the body did not arrive within {BODY_SECONDS:g} s") from None


def bounded(receive: Receive, cap: int, seconds: float) -> Receive:
    """The same events, as long as the body is within its cap and in time."""
    size = 0
    deadline = asyncio.get_running_loop().time() + seconds
    is_done = False

    async def receive_bounded() -> Message:
        nonlocal size, is_done
        if is_done:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise UsageError(f"the body did not arrive within {seconds:g} s") from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        size += len(message.get("body", b""))
        if size > cap:
            raise too_large(cap)
        is_done = not message.get("more_body")
        return message

    return receive_bounded


async def discard(receive: Receive) -> None:
    """Read what is still coming of a body that was answered before it was there, within reason."""
    size = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while size < LINGER_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return
