"""The pool of one database: the places that its connections have, and the calls that wait for one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct

#: Instead of infinity, which could not be taken off a sum again (seconds).
AGES: Final = 1e6


class PooledSession(Protocol):
    """What a pool needs to know of a connection."""

    is_usable: bool

    @property
    def is_alive(self) -> bool:
        """False if the server has ended it meanwhile; asked while nobody uses it."""

    @property
    def is_open(self) -> bool:
        """Whether another call may join those that are on it."""

    async def close(self) -> None:
        """Log out; returns when the server has let go."""


S = TypeVar("S", bound=PooledSession)


class PoolLimits(Struct, frozen=True, kw_only=True):
    """Caps in connections, times in seconds."""

    per_database: int = 10
    total: int = 200
    idle_timeout_s: float = 1800.0
    max_lifetime_s: float = 3600.0
    acquire_timeout_s: float = 5.0


class Place(Generic[S]):
    """A connection of a pool and what must be remembered of it; `session` is for those who took it."""

    __slots__ = ("born", "calls", "generation", "load", "pool", "session", "turn", "turn_began", "used")

    def __init__(self, pool: Pool[S], session: S, generation: int, now: float, turn: float) -> None:
        self.pool = pool
        self.session = session
        self.generation = generation
        self.born = self.used = self.turn_began = now
        self.turn = turn  # how long a turn lasts (seconds)
        self.calls = 0
        self.load = 0.0  # how long the calls that are on it will take


class Waiter(Generic[S]):
    """A call in a queue: gets a place that it has taken, or None for room to open one."""

    __slots__ = ("future", "seconds")

    def __init__(self, seconds: float) -> None:
        self.future: asyncio.Future[Place[S] | None] = asyncio.get_running_loop().create_future()
        self.seconds = seconds


class Pool(Generic[S]):
    """The connections of one database, and the calls that wait for one."""

    __slots__ = ("busy", "generation", "idle", "name", "open", "size", "waiters")

    def __init__(self, name: str, open: Callable[[], Awaitable[S]]) -> None:
        self.name = name
        self.open = open
        self.idle: deque[Place[S]] = deque()  # the most recently used one last
        self.busy: list[Place[S]] = []  # those with calls
        self.size = 0  # open, opening and closing ones
        self.waiters: deque[Waiter[S]] = deque()
        self.generation = 0


def occupy(place: Place[S], seconds: float) -> Place[S]:
    """One call more."""
    if not place.calls:
        place.pool.busy.append(place)
    place.calls += 1
    place.load += seconds
    return place
