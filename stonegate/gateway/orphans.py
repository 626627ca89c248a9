"""A process whose parent was killed must not live on: nobody could reach it, and it would keep sockets and sessions."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import wait


def when_orphaned(action: Callable[[], None]) -> None:
    """Call `action`, in a thread, once the parent of this process is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        action()

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
