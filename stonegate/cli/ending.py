"""How a run over many databases ends when it is told to: gently, then at once, then where it stands."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stonegate.fleet.ending import Stop

_INTERRUPTED = "interrupted"


@contextlib.contextmanager
def ending_gently(stop: Stop, tell: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a lost terminal let what runs finish; the second time it is given up, and rolled back.

    Both are reported, which the second time does not interrupt where it comes late. The third time the command ends
    where it stands. Whoever started it with nohup does not want it to hear of SIGHUP.

    Args:
        tell: shows what is happening.
    """
    asked = 0
    is_over = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked += 1
        if asked <= 2 and is_over:
            return
        if asked == 1:
            stop.ask(_INTERRUPTED)
            tell("interrupted: what is under way is finished; once more to roll it back")
        elif asked == 2:
            stop.force(_INTERRUPTED)
            tell("interrupted again: what is under way is rolled back")
        else:
            for each, earlier in previous.items():
                signal.signal(each, earlier)
            raise KeyboardInterrupt

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        is_over = True
        if not asked:
            for number, earlier in previous.items():
                signal.signal(number, earlier)
