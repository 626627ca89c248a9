"""Bodies as they are received: their caps, their time, and the room that all of them have together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from stonegate.errors import PayloadTooLarge, PoolExhausted, UsageError
from stonegate.gateway import bodies
from stonegate.gateway.bodies import Disconnected, Room, Share, bounded, check_length, discard, read_body
from stonegate.settings import MIB

GONE = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    """A part of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


def sending(messages: Iterable[dict[str, Any]]) -> Callable[[], Awaitable[Any]]:
    """A client that sends these, and then nothing more."""
    left = iter(messages)

    async def receive() -> Any:
        for message in left:
            return message
        return await asyncio.Event().wait()

    return receive


def room_of(size: int) -> Room:
    """With room for so many bytes."""
    room = Room(1)
    room.size = size
    return room


def test_a_length_is_a_number_within_the_cap() -> None:
    def check(value: bytes) -> None:
        check_length({"headers": [(b"host", b"99999"), (b"content-length", value)]}, 1000)

    for value in (b"0", b"1000", b"000000000000001000"):
        check(value)
    for value in (b"1001", b"-1", b"+5", b"1e3", b"", b"9" * 5000, b"0" * 19):
        with pytest.raises(PayloadTooLarge):
            check(value)
    check_length({"headers": []}, 0)


def test_room_is_for_sixteen_of_the_largest_and_never_less_than_it_was_meant_to_be() -> None:
    room = Room(MIB)
    assert room.size == bodies.ROOM_BYTES == 256 * MIB
    room.fit(32 * MIB)
    assert room.size == 512 * MIB


def test_what_bodies_take_is_given_back_at_the_end_of_the_request() -> None:
    room, exchange = room_of(10), SimpleNamespace(on_end=None)
    first = Share.of({"extensions": {"stonegate.exchange": exchange}}, room)
    second = Share(room)
    first.take(4)
    second.take(6)
    with pytest.raises(PoolExhausted):
        first.take(1)
    assert room.taken == 10
    assert exchange.on_end is not None
    exchange.on_end()
    exchange.on_end()
    assert room.taken == 6
    second.take(4)
    second.give_back()
    assert room.taken == 0


async def test_a_body_is_read_whole_or_refused() -> None:
    room = room_of(100)
    parts = [piece(b"ab", more=True), piece(b"", more=True), piece(b"cd")]
    assert await read_body(sending(parts), 4, Share(room)) == b"abcd"
    assert room.taken == 4
    assert await read_body(sending([piece(b"ab")]), 2, Share(room)) == b"ab"
    with pytest.raises(PayloadTooLarge):
        await read_body(sending(parts), 3, Share(room))
    with pytest.raises(Disconnected):
        await read_body(sending([piece(b"ab", more=True), GONE]), 4, Share(room))
    with pytest.raises(PoolExhausted):
        await read_body(sending(parts), 4, Share(room_of(3)))


async def test_a_body_is_waited_for_no_longer_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    slow = [piece(b"ab", more=True)]
    with pytest.raises(UsageError, match=r"within 0\.01 s"):
        await read_body(sending(slow), 4, Share(room_of(100)))
    receive = bounded(sending([*slow, *slow]), 9, 0.01, Share(room_of(100)))
    assert await receive() == await receive() == slow[0]
    with pytest.raises(UsageError, match=r"within 0\.01 s"):
        await receive()


async def test_pieces_are_handed_on_within_the_cap_and_the_room() -> None:
    room = room_of(5)
    parts = [piece(b"ab", more=True), piece(b"cd"), GONE]
    receive = bounded(sending(parts), 4, 60, Share(room))
    assert [await receive() for _ in parts] == parts  # who is gone after the body is no failure
    assert room.taken == 4
    for cap, share, failure in ((3, Share(room_of(9)), PayloadTooLarge), (4, Share(room), PoolExhausted)):
        receive = bounded(sending([piece(b"ab", more=True), piece(b"cd")]), cap, 60, share)
        with pytest.raises(failure):
            await receive()
            await receive()
    with pytest.raises(Disconnected):
        await bounded(sending([GONE]), 4, 60, Share(room))()


async def test_what_is_still_coming_is_thrown_away_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER_BYTES", 5)
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.02)
    part = piece(b"ab", more=True)
    for messages, left in (
        ([part, piece(b""), part], 1),
        ([part, GONE, part], 1),
        ([part] * 5, 2),
        ([part], 0),
    ):
        came = iter(messages)
        await discard(sending(came))
        assert len(list(came)) == left, messages
