"""When a run over many databases ends early, and how long it waits for a server that went away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

PATIENCE_SECONDS = 30.0  # for a server that went away
FIRST_PATIENCE_SECONDS = 2.0  # for one that nobody has met yet and where nobody listens: an address may be wrong
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0


class Stop:
    """Asked for by Ctrl-C: nothing is started any more, what runs is finished; or, forced, given up.

    Attributes:
        reason: why nothing is started any more; None as long as it is.
        is_forced: what runs was given up, too.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.is_forced = False
        self._give_up: Callable[[], object] | None = None

    def ask(self, reason: str) -> None:
        """Start nothing from now on."""
        self.reason = self.reason or reason

    def force(self, reason: str) -> None:
        """Give up what runs as well: its transactions are rolled back. May be called by a signal's handler."""
        self.ask(reason)
        self.is_forced = True
        if self._give_up is not None:
            self._give_up()

    @contextlib.contextmanager
    def giving_up(self, task: asyncio.Task[None]) -> Iterator[None]:
        """While the block runs, `force` cancels the task."""
        loop = asyncio.get_running_loop()
        self._give_up = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            yield
        finally:
            self._give_up = None


class Patience:
    """Waits for a server together: from the first failure until somebody succeeds, half a minute for all."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.has_answered = False

    def restore(self) -> None:
        """The server answered."""
        self.since = None
        self.has_answered = True

    def is_left(self, *, nobody_listens: bool) -> bool:
        """True if it is worth while to wait once more.

        Args:
            nobody_listens: what the last try met, as `outcomes.nobody_listens` says.
        """
        now = time.monotonic()
        self.since = self.since or now
        is_unknown = nobody_listens and not self.has_answered
        return now - self.since < (FIRST_PATIENCE_SECONDS if is_unknown else PATIENCE_SECONDS)


def pauses() -> Iterator[float]:
    """Seconds to wait before each next try, longer and longer."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


async def run_until_forced(work: Coroutine[Any, Any, None], stop: Stop) -> None:
    """Await the work to its end, or until the stop is forced: then all of it has been cancelled."""
    task = asyncio.create_task(work)
    with stop.giving_up(task):
        try:
            await task
        except asyncio.CancelledError:
            if not stop.is_forced:
                raise


async def finish_undisturbed(work: Coroutine[Any, Any, object]) -> None:
    """Await the work to its end even where the caller is cancelled, and only then let the cancellation pass."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
