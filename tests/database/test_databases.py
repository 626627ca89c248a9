"""A database whose making is interrupted is not left behind, in whichever moment that comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stonegate.database.connect import Session, connect, using
from stonegate.database.server.databases import create_database, exists
from stonegate.database.server.locks import database_key
from stonegate.database.tenants import clone
from stonegate.database.tenants.clone import NewDatabase, make_database
from stonegate.errors import MigrationFailed
from stonegate.model.labels import Label
from tests.servers import Database, MakePrivateServer, psql

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


async def test_one_that_is_not_finished_is_closed_locked_and_gone_if_it_never_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process takes for a leftover, and drops, what has a temporary name that nobody has the lock on."""
    url, dress, seen = database.server.admin_url, clone._dress, list[str]()
    ending: BaseException | None = None

    def look(temporary: str, new: NewDatabase) -> Any:
        key = database_key(temporary)
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND (classid, objid) = (%s, %s)"
        assert psql(url, locks, (key.space, key.object)) == [(1,)]
        assert psql(url, "SELECT datallowconn FROM pg_database WHERE datname = %s", (temporary,)) == [(False,)]
        seen.append(temporary)
        if ending is not None:
            raise ending
        return dress(temporary, new)

    monkeypatch.setattr(clone, "_dress", look)
    new = NewDatabase(name=database.name, label=Label(platform="p"))
    async with using(await connect(url)) as maintenance:
        with pytest.raises(MigrationFailed, match=f"the database {database.name} cannot be created"):
            await make_database(maintenance, new)
        for ending in (asyncio.CancelledError(), KeyError()):
            with pytest.raises(type(ending)):
                await make_database(maintenance, new)
        for name in seen:
            assert not await exists(maintenance, name)
        assert len(seen) == 3
        await maintenance.close()
        with pytest.raises(Exception, match="closed"):
            await make_database(maintenance, new)
