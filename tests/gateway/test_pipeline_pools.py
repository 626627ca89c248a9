"""Who shares a connection with whom: quick calls do, slow and unknown ones don't, and the caps hold."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from stonegate.database.call.pipeline import STUCK_SECONDS
from stonegate.database.call.session import CallSession, open_session
from stonegate.database.call.statement import Pace, Statement
from stonegate.errors import PoolExhausted
from stonegate.gateway.call.pool import Place, PoolLimits
from stonegate.gateway.call.pools import FEW_CONNECTIONS, MOST_WAIT_SECONDS, Pools
from tests.conftest import MakeDatabase
from tests.servers import Database, Server

QUICK, NOT_SO_QUICK, SLOW = 0.0001, 0.002, 0.5
NAP = Statement(sql="SELECT pg_catalog.pg_sleep($1)", types=(701,))
ONE = Statement(sql="SELECT 1", types=())

Take = Callable[..., Awaitable[Place[CallSession]]]


@pytest.fixture
async def pools() -> AsyncIterator[Pools[CallSession]]:
    made: Pools[CallSession] = Pools(PoolLimits(per_database=6, total=6, acquire_timeout_s=0.3))
    yield made
    await made.close()
    assert made.total == 0


@pytest.fixture
def take(pools: Pools[CallSession], database: Database) -> Iterator[Take]:
    """Takes places, and gives back at the end what is left."""
    opening = partial(open_session, database.url, statement_timeout_s=20)
    taken: list[tuple[Place[CallSession], float]] = []

    async def take(seconds: float, name: str = database.name, open: Any = opening) -> Place[CallSession]:
        place = await pools.take(name, open, seconds)
        taken.append((place, seconds))
        return place

    yield take
    for place, seconds in taken:
        if place.calls:
            pools.give_back(place, seconds)


async def test_quick_calls_share_and_others_do_not(pools: Pools[CallSession], take: Take) -> None:
    first = await take(math.inf)
    quick = [await take(QUICK) for _ in range(5)]
    assert first not in quick and len(set(quick)) == 1  # nobody stands behind an unknown call
    assert pools.total == 2
    slow = await take(SLOW)
    assert slow.calls == 1 and pools.total == 3
    assert await take(QUICK) in quick
    pools.give_back(first, math.inf)
    assert await take(SLOW) is first  # it is idle now


async def test_calls_that_would_wait_get_other_connections_as_long_as_there_are_few(
    pools: Pools[CallSession], take: Take
) -> None:
    places = [await take(NOT_SO_QUICK) for _ in range(12)]
    assert pools.total == FEW_CONNECTIONS
    assert max(place.load - NOT_SO_QUICK for place in places) <= MOST_WAIT_SECONDS
    for place in places:
        pools.give_back(place, NOT_SO_QUICK)
    assert all(not place.load and not place.calls for place in places)


async def test_a_connection_that_waits_for_a_lock_gets_no_more_calls(pools: Pools[CallSession], take: Take) -> None:
    stuck = await take(QUICK)
    working = asyncio.create_task(stuck.session.run(NAP, [b"15"]))
    assert await take(QUICK) is stuck
    await asyncio.sleep(2 * STUCK_SECONDS)
    assert await take(QUICK) is not stuck
    working.cancel()
    await asyncio.wait([working])


async def test_the_caps_hold_and_those_who_wait_are_served_in_their_order(
    pools: Pools[CallSession], take: Take
) -> None:
    slow = [await take(SLOW) for _ in range(6)]
    with pytest.raises(PoolExhausted):
        await take(QUICK)
    assert pools.exhausted == 1
    order: list[str] = []

    async def wait(name: str, seconds: float) -> Place[CallSession]:
        place = await take(seconds)
        order.append(name)
        return place

    waiting = [
        asyncio.create_task(wait(name, QUICK if "quick" in name else SLOW)) for name in ("slow", "quick", "quick 2")
    ]
    await asyncio.sleep(0)
    pools.give_back(slow.pop(), SLOW)
    await asyncio.sleep(0)
    assert order == ["slow"]  # the quick ones do not stand behind it
    pools.give_back(slow.pop(), SLOW)
    places = [await each for each in waiting]
    assert order == ["slow", "quick", "quick 2"]
    assert places[1] is places[2] is not places[0]
    assert pools.total == 6


async def test_a_waiter_that_gives_up_leaves_nothing(pools: Pools[CallSession], take: Take) -> None:
    slow = [await take(SLOW) for _ in range(6)]
    waiting = [asyncio.create_task(take(seconds)) for seconds in (QUICK, SLOW, QUICK)]
    await asyncio.sleep(0)
    pools.give_back(slow[0], SLOW)  # handed over, and cancelled before they know
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for place in slow[1:]:
        pools.give_back(place, SLOW)
    assert [(place.calls, place.load) for place in slow] == [(0, 0.0)] * 6


async def test_a_database_whose_calls_never_cease_gives_its_place_up(
    pools: Pools[CallSession], take: Take, server: Server, make_database: MakeDatabase
) -> None:
    pools.limits = PoolLimits(per_database=6, total=1, acquire_timeout_s=20)
    other = make_database(server)
    is_over = False

    async def keep_calling() -> None:
        while not is_over:
            place = await take(QUICK)
            await place.session.run(NAP, [b"0"])
            pools.give_back(place, QUICK)

    flood = [asyncio.create_task(keep_calling()) for _ in range(8)]
    await asyncio.sleep(0.1)
    for _ in range(3):
        async with asyncio.timeout(10):
            place = await take(QUICK, other.name, partial(open_session, other.url, statement_timeout_s=20))
        assert pools.total == 1
        pools.give_back(place, QUICK)
        await asyncio.sleep(0.05)
    is_over = True
    await asyncio.gather(*flood)


async def test_a_drained_connection_gets_no_more_calls(
    pools: Pools[CallSession], take: Take, database: Database
) -> None:
    old = await take(QUICK)
    await pools.drain(database.name)
    new = await take(QUICK)
    assert new is not old
    assert await old.session.run(Statement(sql="SELECT 1", types=()), []) == [b"1"]
    pools.give_back(old, QUICK)
    pools.give_back(new, QUICK)
    async with asyncio.timeout(10):
        while pools.total != 1:
            await asyncio.sleep(0.01)


async def test_the_pace_is_that_of_the_work_not_of_the_waiting(database: Database) -> None:
    session = await open_session(database.url, statement_timeout_s=20)
    slow, quick = [Pace(), Pace(), Pace()], Pace()
    began = time.monotonic()
    await asyncio.gather(*(session.run(NAP, [b"0.3"], pace=pace) for pace in slow), session.run(ONE, [], pace=quick))
    elapsed = time.monotonic() - began
    await session.close()
    # An answer that is read late makes the next call's time shorter. With the waiting it would be 1.8 seconds, and 0.9:
    # three times as long as all of it took.
    assert sum(pace.mean or 0.0 for pace in slow) > 0.89
    assert sum(pace.mean or 0.0 for pace in (*slow, quick)) <= elapsed
