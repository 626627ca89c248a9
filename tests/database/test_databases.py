"""A database whose making is interrupted is not left behind, in whichever moment that comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stonegate.database.connect import Session, connect
from stonegate.database.server.databases import create_database, exists
from tests.servers import MakePrivateServer

IS_WAITING = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"


async def until(conn: Session, query: str, *parameters: Any) -> None:
    """Wait until the query says true."""
    async with asyncio.timeout(20):
        while (await (await conn.execute(query, parameters)).fetchone()) != (True,):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("is_late", [False, True], ids=["at work", "done by then"])
async def test_interrupted(private_server: MakePrivateServer, monkeypatch: pytest.MonkeyPatch, is_late: bool) -> None:
    url = private_server().url()
    maintenance, other, watcher = [await connect(url) for _ in range(3)]
    stop: Callable[..., Awaitable[None]] = maintenance.cancel_safe

    async def stop_too_late(**how: Any) -> None:
        await other.execute("COMMIT")
        await until(watcher, "SELECT count(*) = 1 FROM pg_database WHERE datname = 'shop'")
        await stop(**how)

    if is_late:
        monkeypatch.setattr(maintenance, "cancel_safe", stop_too_late)
    await other.execute("BEGIN; LOCK TABLE pg_database IN SHARE MODE")
    making = asyncio.create_task(create_database(maintenance, "shop"))
    await until(watcher, IS_WAITING, maintenance.info.backend_pid)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await other.execute("COMMIT")
    assert not await exists(watcher, "shop")
    assert await create_database(maintenance, "shop"), "the session is as good as before"
    for conn in (maintenance, other, watcher):
        await conn.close()
