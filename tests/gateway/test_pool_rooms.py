"""Which connection nobody gets any more, and that no failure keeps the room of one: without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from stonegate.errors import PoolExhausted
from stonegate.gateway.call.pool import PoolLimits
from stonegate.gateway.call.pools import Pools

QUICK, SLOW = 0.0001, 0.5


class Session:
    """A connection that is what it is told to be."""

    def __init__(self) -> None:
        self.is_usable = self.is_alive = self.is_open = True
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
async def pools() -> AsyncIterator[Pools[Session]]:
    made: Pools[Session] = Pools(PoolLimits(per_database=2, total=2, acquire_timeout_s=0.05))
    yield made
    await made.close()
    assert made.total == 0 and made.gauges() == {}


async def make() -> Session:
    return Session()


@pytest.mark.parametrize("flaw", ["is_usable", "is_alive", "too old", "drained meanwhile"])
async def test_an_idle_connection_that_is_no_good_is_closed(pools: Pools[Session], flaw: str) -> None:
    place = await pools.take("a", make, SLOW)
    pools.give_back(place, SLOW)
    if flaw == "too old":
        place.born -= pools.limits.max_lifetime_s
    elif flaw == "drained meanwhile":
        place.generation -= 1
    else:
        setattr(place.session, flaw, False)
    other = await pools.take("a", make, SLOW)
    await asyncio.sleep(0)
    assert other.session is not place.session and place.session.is_closed and pools.total == 1
    pools.give_back(other, SLOW)


@pytest.mark.parametrize("flaw", ["is_usable", "is_open", "too old", "drained"])
async def test_a_connection_that_is_no_good_is_not_given_back(pools: Pools[Session], flaw: str) -> None:
    """One that is not open awaits the end of a call that was cancelled: the next one might get that one's answer."""
    place = await pools.take("a", make, QUICK)
    if flaw == "too old":
        place.born -= pools.limits.max_lifetime_s
    elif flaw == "drained":
        await pools.drain("a")
    else:
        setattr(place.session, flaw, False)
    shared = await pools.take("a", make, QUICK)
    assert shared is not place
    pools.give_back(place, QUICK)
    await asyncio.sleep(0)
    assert place.session.is_closed and pools.gauges() == {"a": (1, 0, 0)}
    pools.give_back(shared, QUICK)


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_who_cannot_log_in_leaves_the_room_to_others(pools: Pools[Session], is_cancelled: bool) -> None:
    async def fail() -> Session:
        if is_cancelled:
            await asyncio.Event().wait()
        raise OSError("refused")

    for _ in range(3):
        trying = asyncio.create_task(pools.take("b", fail, SLOW))
        await asyncio.sleep(0)
        trying.cancel()
        with pytest.raises(asyncio.CancelledError if is_cancelled else OSError):
            await trying
    assert pools.total == 0 and pools.gauges() == {}
    places = [await pools.take("a", make, SLOW) for _ in range(2)]
    assert pools.total == 2
    for place in places:
        pools.give_back(place, SLOW)


async def test_who_gave_up_waiting_is_not_waited_for(pools: Pools[Session]) -> None:
    places = [await pools.take("a", make, SLOW) for _ in range(2)]
    for name in ("a", "b"):
        with pytest.raises(PoolExhausted):
            await pools.take(name, make, SLOW)
    assert pools.exhausted == 2
    for place in places:
        pools.give_back(place, SLOW)
    assert pools.gauges() == {"a": (2, 2, 0)}  # still there: nobody wants their room
    again = await pools.take("a", make, SLOW)
    assert again in places
    pools.give_back(again, SLOW)


async def test_at_the_end_nobody_waits_and_nobody_begins(pools: Pools[Session]) -> None:
    pools.limits = PoolLimits(per_database=2, total=2, acquire_timeout_s=5)
    places = [await pools.take("a", make, SLOW) for _ in range(2)]
    waiting = asyncio.create_task(pools.take("a", make, SLOW))
    await asyncio.sleep(0)
    closing = asyncio.create_task(pools.close(1))
    await asyncio.sleep(0)
    with pytest.raises(PoolExhausted, match="shutting down"):
        await asyncio.wait_for(waiting, 1)
    for place in places:
        pools.give_back(place, SLOW)
    await closing
    assert pools.total == 0 and all(place.session.is_closed for place in places)
    pools.limits = PoolLimits(per_database=2, total=2, acquire_timeout_s=0.05)
    with pytest.raises(PoolExhausted):
        await pools.take("a", make, SLOW)
