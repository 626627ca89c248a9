"""Connections shared by all databases: a cap per database, one over all, and queues that no tenant's flood can jump.

Calls that are known to be quick share a connection, as long as those in front of them take no time worth speaking of;
slow and unknown ones have one to themselves. At the cap a database that waits gets the place of one that has more
connections than itself; of several that wait the one with the fewest, and the longest waiting of those. So all come to
have the same number, or as many as they want.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic

from stonegate.errors import PoolExhausted
from stonegate.gateway.call.pool import AGES, Place, Pool, PoolLimits, S, Waiter, occupy

SWEEP_SECONDS = 1.0
#: How long a place may go on serving its own database while another one waits; twice what the login took, if that is
#: more, so that a busy machine does not do nothing but log in.
TURN_SECONDS = 0.02
#: For so long an idle connection waits for its own database's next call, which is about what making another costs.
LINGER_SECONDS = 0.005
#: A connection that was used so lately is closed only for a database that has none, or clearly fewer.
FRESH_SECONDS = 0.25
#: A call never waits longer than this for others on its connection; one that takes longer never has others behind it.
MOST_WAIT_SECONDS: Final = 0.005
#: Up to this a call rather waits than that an idle connection is used, or another one opened.
LITTLE_WAIT_SECONDS: Final = 0.0005
#: Connections of a database that are opened for calls which could as well wait.
FEW_CONNECTIONS: Final = 4


class Pools(Generic[S]):
    """All pools of a process. `take` hands out a place with a session, `give_back` ends its use.

    Args:
        limits: may be replaced while it runs; they count from the next decision on.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self.limits = limits
        self.total = 0
        self.exhausted = 0
        self._leaving = 0  # connections that are being closed
        self._pools: dict[str, Pool[S]] = {}
        self._queue: OrderedDict[str, None] = OrderedDict()  # databases that wait for a place, the longest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._second_look: asyncio.TimerHandle | None = None
        self._closed = False

    def gauges(self) -> dict[str, tuple[int, int, int]]:
        """Per database: connections, idle ones, waiting calls."""
        return {pool.name: (pool.size, len(pool.idle), len(pool.waiters)) for pool in self._pools.values() if pool.size}

    async def take(self, name: str, open: Callable[[], Awaitable[S]], seconds: float) -> Place[S]:
        """A place on the database; whoever got it gives it back.

        Args:
            name: the database.
            open: logs in; called when there is no idle connection and room for another.
            seconds: how long the call will take; infinity where nobody knows.

        Raises:
            PoolExhausted: none became free in time.
            StonegateError: whatever `open` raises.
        """
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(name, open)
        pool.open = open
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        seconds = min(seconds, AGES)
        if not pool.waiters:
            place = self._choose(pool, seconds)
            if place is not None:
                return occupy(place, seconds)
            if self._may_open(pool):
                return occupy(await self._open(pool), seconds)
        return await self._wait(pool, seconds)

    def give_back(self, place: Place[S], seconds: float) -> None:
        """The call, for which the place was taken with that many seconds, is over."""
        self._leave(place, min(seconds, AGES))

    def is_current(self, place: Place[S]) -> bool:
        """Whether the database was not drained since the connection was made."""
        return place.generation == place.pool.generation

    async def drain(self, name: str) -> None:
        """Close every connection to the database: idle ones now, the others when their call is done."""
        pool = self._pools.get(name)
        if pool is None:
            return
        pool.generation += 1
        await asyncio.gather(*(self._close(pool, pool.idle.popleft()) for _ in range(len(pool.idle))))

    def renew(self) -> None:
        """Drain all pools, and wait for nobody."""
        for name in tuple(self._pools):
            self._start(self.drain(name))

    async def close(self, timeout_s: float = 5.0) -> None:
        """Close all connections; those in use when they are given back, or after the timeout."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for pool in self._pools.values():
            for waiter in pool.waiters:
                if not waiter.future.done():
                    waiter.future.set_exception(_exhausted(pool.name, "the gateway is shutting down"))
            while pool.idle:
                self._start(self._close(pool, pool.idle.popleft()))
        deadline = time.monotonic() + timeout_s
        while self.total and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    # --- taking -----------------------------------------------------------------------------------------------------

    def _choose(self, pool: Pool[S], seconds: float) -> Place[S] | None:
        """A connection that is there: a busy one for quick calls, as long as that costs little; else an idle one."""
        shared = self._least_loaded(pool) if seconds <= MOST_WAIT_SECONDS and pool.busy else None
        if shared is not None and shared.load <= LITTLE_WAIT_SECONDS:
            return shared
        idle = self._pop_idle(pool)
        if idle is not None or shared is None:
            return idle
        return shared if pool.size >= min(FEW_CONNECTIONS, self.limits.per_database) or not self._has_room() else None

    def _least_loaded(self, pool: Pool[S]) -> Place[S] | None:
        now = time.monotonic()
        is_wanted = self._is_wanted_elsewhere(pool)
        best: Place[S] | None = None
        for place in pool.busy:
            if place.load > MOST_WAIT_SECONDS or (best is not None and place.load >= best.load):
                continue
            if is_wanted and now - place.turn_began > place.turn:
                continue
            if place.session.is_open and self._is_fit(pool, place, now):
                best = place
        return best

    def _pop_idle(self, pool: Pool[S]) -> Place[S] | None:
        now = time.monotonic()
        while pool.idle:
            place = pool.idle.pop()
            if self._is_fit(pool, place, now) and place.session.is_alive:
                if now - place.used > LINGER_SECONDS:
                    place.turn_began = now
                return place
            self._start(self._close(pool, place))
        return None

    def _has_room(self) -> bool:
        return self.total < self.limits.total and not self._queue and not self._closed

    def _may_open(self, pool: Pool[S]) -> bool:
        """Reserve room for one more connection, if there is any and nobody has waited longer for it."""
        if pool.size >= self.limits.per_database or not self._has_room():
            return False
        self._reserve(pool)
        return True

    def _reserve(self, pool: Pool[S]) -> None:
        pool.size += 1
        self.total += 1

    async def _open(self, pool: Pool[S]) -> Place[S]:
        """Log in, in a place that is reserved already."""
        generation, began = pool.generation, time.monotonic()
        try:
            session = await pool.open()
        except BaseException:
            self._release_room(pool)
            raise
        now = time.monotonic()
        return Place(pool, session, generation, now, max(TURN_SECONDS, 2 * (now - began)))

    async def _wait(self, pool: Pool[S], seconds: float) -> Place[S]:
        waiter: Waiter[S] = Waiter(seconds)
        future = waiter.future
        pool.waiters.append(waiter)
        if pool.size < self.limits.per_database:
            self._queue.setdefault(pool.name)
            self._evict_idle()
        try:
            async with asyncio.timeout(self.limits.acquire_timeout_s):
                place = await future
        except BaseException as error:
            with contextlib.suppress(ValueError):
                pool.waiters.remove(waiter)
            if not pool.waiters:
                self._queue.pop(pool.name, None)
            if future.done() and not future.cancelled() and future.exception() is None:
                self._return_unused(pool, future.result(), seconds)
            if isinstance(error, TimeoutError):
                self.exhausted += 1
                raise _exhausted(pool.name, f"none became free within {self.limits.acquire_timeout_s:g} s") from None
            raise
        # None is room for a connection of our own.
        return place if place is not None else occupy(await self._open(pool), seconds)

    def _return_unused(self, pool: Pool[S], place: Place[S] | None, seconds: float) -> None:
        if place is None:
            self._release_room(pool)
        else:
            self._leave(place, seconds)

    # --- giving back ------------------------------------------------------------------------------------------------

    def _leave(self, place: Place[S], seconds: float) -> None:
        pool = place.pool
        now = time.monotonic()
        place.used = now
        place.calls -= 1
        place.load -= seconds
        if not place.calls:
            place.load = 0.0
            pool.busy.remove(place)
        is_wanted = self._is_wanted_elsewhere(pool)
        is_over = is_wanted and now - place.turn_began > place.turn
        # One that is not open now still waits for the end of a cancelled call.
        if is_over or not self._is_fit(pool, place, now) or not (place.calls or place.session.is_open):
            if not place.calls:
                self._start(self._close(pool, place))
            return
        if pool.waiters:
            self._hand_over(pool, place)
        if not place.calls:
            pool.idle.append(place)
            if is_wanted:
                self._look_again()

    def _hand_over(self, pool: Pool[S], place: Place[S]) -> None:
        """Let those who wait have the connection, in their order, as many as may share it."""
        while pool.waiters:
            first = pool.waiters[0]
            if first.future.done():
                pool.waiters.popleft()
                continue
            if place.calls:
                is_quick = first.seconds <= MOST_WAIT_SECONDS and place.load <= MOST_WAIT_SECONDS
                if not is_quick or not place.session.is_open:
                    return
            pool.waiters.popleft()
            first.future.set_result(occupy(place, first.seconds))
        self._queue.pop(pool.name, None)

    def _hand_room(self, pool: Pool[S]) -> bool:
        """Let the first who waits open a connection."""
        while pool.waiters:
            first = pool.waiters.popleft()
            if not first.future.done():
                first.future.set_result(None)
                if not pool.waiters:
                    self._queue.pop(pool.name, None)
                return True
        self._queue.pop(pool.name, None)
        return False

    def _release_room(self, pool: Pool[S]) -> None:
        """A connection is gone: whoever has waited longest may open one."""
        pool.size -= 1
        self.total -= 1
        if pool.waiters:
            self._queue.setdefault(pool.name)
        self._offer_room()
        if pool.size == 0 and not pool.waiters:
            self._pools.pop(pool.name, None)

    def _is_room_wanted(self) -> bool:
        """Whether databases wait for a place, and more of them than places are being vacated."""
        return len(self._queue) > self._leaving and self.total >= self.limits.total

    def _is_wanted_elsewhere(self, pool: Pool[S]) -> bool:
        """Whether a place of this database should go to another."""
        return bool(self._queue) and self._is_room_wanted() and self._has_more(pool, self._neediest())

    def _has_more(self, pool: Pool[S], needy: Pool[S]) -> bool:
        """Whether giving one up would leave the two more equal; one that has none gets one in any case."""
        return pool is not needy and (needy.size == 0 or pool.size > needy.size + 1)

    def _neediest(self) -> Pool[S]:
        """Of the databases that wait for a place the one with the fewest connections, the longest waiting first."""
        neediest: Pool[S] | None = None
        for name in self._queue:
            pool = self._pools[name]
            if neediest is None or pool.size < neediest.size:
                neediest = pool
            if neediest.size == 0:
                break
        assert neediest is not None, "nobody waits"
        return neediest

    def _offer_room(self) -> None:
        while self._queue and self.total < self.limits.total and not self._closed:
            pool = self._neediest()
            if pool.size >= self.limits.per_database:
                self._queue.pop(pool.name)  # it waits for its own connections
                continue
            self._reserve(pool)
            if not self._hand_room(pool):
                pool.size -= 1
                self.total -= 1
            elif pool.waiters:
                self._queue.move_to_end(pool.name)  # of those with as many the next one is another

    def _evict_idle(self) -> None:
        """Make room by closing the connections, of whatever database, that were idle longest, and may go."""
        self._offer_room()
        now = time.monotonic()
        while self._is_room_wanted():
            needy = self._neediest()
            idle = [
                pool
                for pool in self._pools.values()
                if pool.idle and (self._has_more(pool, needy) or now - pool.idle[0].used > FRESH_SECONDS)
            ]
            if not idle:
                return
            pool = min(idle, key=lambda each: each.idle[0].used)
            if now - pool.idle[0].used < LINGER_SECONDS:
                self._look_again()
                return
            self._start(self._close(pool, pool.idle.popleft()))

    def _look_again(self) -> None:
        """Evict what is idle still in a moment."""
        if self._second_look is None:
            self._second_look = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._take_second_look)

    def _take_second_look(self) -> None:
        self._second_look = None
        self._evict_idle()

    def _is_fit(self, pool: Pool[S], place: Place[S], now: float) -> bool:
        return (
            place.session.is_usable
            and place.generation == pool.generation
            and now - place.born < self.limits.max_lifetime_s
            and not self._closed
        )

    def _close(self, pool: Pool[S], place: Place[S]) -> Awaitable[None]:
        self._leaving += 1
        return self._log_out(pool, place)

    async def _log_out(self, pool: Pool[S], place: Place[S]) -> None:
        try:
            await place.session.close()
        finally:
            self._leaving -= 1
            self._release_room(pool)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        """Close what was idle for too long or lives too long; connections above a cap that was lowered, too."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for pool in list(self._pools.values()):
                for place in list(pool.idle):
                    is_idle = now - place.used > self.limits.idle_timeout_s
                    if is_idle or not self._is_fit(pool, place, now) or self.total > self.limits.total:
                        pool.idle.remove(place)
                        self._start(self._close(pool, place))
            self._evict_idle()


def _exhausted(database: str, why: str) -> PoolExhausted:
    return PoolExhausted(
        f"no connection to the database {database} is free: {why}", hint="try again in a moment", database=database
    )
