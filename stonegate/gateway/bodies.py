"""Request bodies within their caps and in time: what is larger is 413, what does not arrive is 400.

All of them together have room, too: what would not fit is 503 with Retry-After, before memory or the disk is full.
"""

from __future__ import annotations

import asyncio
from typing import Final

from stonegate.errors import PayloadTooLarge, PoolExhausted, UsageError
from stonegate.gateway.answers import Message, Receive, Scope
from stonegate.gateway.protocol import LINGER_BYTES, LINGER_SECONDS, Exchange
from stonegate.settings import MIB

#: A whole body must have arrived after this time (seconds); an archive is given longer.
BODY_SECONDS = 30.0
ARCHIVE_SECONDS = 300.0
#: Bodies of a kind have this room together (bytes), or that of so many of the largest one.
ROOM_BYTES: Final = 256 * MIB
_MOST_LARGE: Final = 16


class Disconnected(Exception):
    """The client is gone: nobody is there to be answered."""


class Room:
    """What the bodies of a kind may take together, from their first byte to their answer (bytes)."""

    def __init__(self, cap: int) -> None:
        self.taken = 0
        self.fit(cap)

    def fit(self, cap: int) -> None:
        """For bodies of at most so many bytes each."""
        self.size = max(ROOM_BYTES, _MOST_LARGE * cap)


class Share:
    """What the body of one request takes of the room."""

    __slots__ = ("_room", "_taken")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    @classmethod
    def of(cls, scope: Scope, room: Room) -> Share:
        """For a request, at whose end it is given back."""
        share = cls(room)
        Exchange.of(scope).on_end = share.give_back
        return share

    def take(self, size: int) -> None:
        """So many bytes more.

        Raises:
            PoolExhausted: other bodies have them.
        """
        if self._room.taken + size > self._room.size:
            raise PoolExhausted("the gateway has too many large requests in hand", hint="try again")
        self._room.taken += size
        self._taken += size

    def give_back(self) -> None:
        """All of it."""
        self._room.taken -= self._taken
        self._taken = 0


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


async def read_body(receive: Receive, cap: int, share: Share) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge, UsageError: it is too large or too slow.
        PoolExhausted: there is no room for it now.
        Disconnected: it was cut off.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            parts: list[bytes] = []
            size = 0
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                size += len(message["body"])
                if size > cap:
                    raise too_large(cap)
                share.take(len(message["body"]))
                parts.append(message["body"])
                if not message.get("more_body"):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise UsageError(f"the body did not arrive within {BODY_SECONDS:g} s") from None


def bounded(receive: Receive, cap: int, seconds: float, share: Share) -> Receive:
    """The same events, as long as the body is within its cap and in time, and there is room for it."""
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
        count = len(message.get("body", b""))
        size += count
        if size > cap:
            raise too_large(cap)
        share.take(count)
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
                if not message.get("more_body"):  # nor has the word that the client is gone
                    return
    except TimeoutError:
        return
