"""The end of a connection, to be waited for: the server counts its process until that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any, Final

from psycopg import AsyncConnection

_LEAVE_SECONDS: Final = 2.0


async def log_out(conn: AsyncConnection[Any], socket: int) -> None:
    """Close the connection, and wait until the process is gone that pg_stat_activity counts.

    Args:
        socket: its descriptor, which nobody watches any more; negative if the other side is gone already.
    """
    if socket < 0:
        await conn.close()
        return
    watched = os.dup(socket)
    try:
        await conn.close()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await _wait_for_end(watched)
    finally:
        os.close(watched)


async def _wait_for_end(descriptor: int) -> None:
    """Until the other side has closed the connection; what it still says is thrown away."""
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        try:
            if not os.read(descriptor, 65536):
                return
        except BlockingIOError:
            continue
