"""Two stonegates never work on one database at once, and a lock that somebody else holds is waited for or named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from stonegate.database.connect import Session, connect
from stonegate.database.server import locks
from stonegate.database.server.locks import (
    LockHolder,
    acquire_apply_lock,
    apply_key,
    database_key,
    hold_lock,
    reference_key,
    role_key,
)
from stonegate.errors import LockTimeout
from tests.servers import Database


@pytest.fixture
async def pair(database: Database) -> AsyncIterator[tuple[Session, Session]]:
    one = await connect(database.url, application_name="first of two")
    two = await connect(database.url)
    for conn in (one, two):
        await conn.execute("SET search_path = public")
    yield one, two
    await one.close()
    await two.close()


async def test_one_session_has_the_lock_and_the_other_is_told_who(pair: tuple[Session, Session]) -> None:
    one, two = pair
    key = apply_key(one.info.dbname)
    seen: list[LockHolder | None] = []
    async with hold_lock(one, key, timeout_s=1):
        with pytest.raises(LockTimeout, match="first of two") as caught:
            await acquire_apply_lock(two, timeout_s=0.5, on_wait=seen.append)
    assert str(one.info.backend_pid) in caught.value.message
    assert str(key.space) in (caught.value.hint or "")
    assert caught.value.database == one.info.dbname
    assert [holder.pid for holder in seen if holder] == [one.info.backend_pid]
    await acquire_apply_lock(two, timeout_s=0)


async def test_a_connection_that_broke_is_told_as_that(pair: tuple[Session, Session]) -> None:
    one, two = pair
    await two.execute("SELECT pg_terminate_backend(%s, 10000)", (one.info.backend_pid,))
    for _ in range(2):  # where the loss is met, and where it is known already
        with pytest.raises(psycopg.OperationalError):
            await acquire_apply_lock(one, timeout_s=0)


async def test_pg_locks_shows_the_numbers_of_the_key(pair: tuple[Session, Session]) -> None:
    one, two = pair
    key = apply_key(one.info.dbname)
    async with hold_lock(one, key, timeout_s=0):
        query = "SELECT classid::int8, objid::int8 FROM pg_locks WHERE locktype = 'advisory' AND pid = %s"
        assert await (await two.execute(query, (one.info.backend_pid,))).fetchall() == [(key.space, key.object)]
    assert locks.__doc__ is not None
    for kind in (apply_key, database_key, reference_key, role_key):
        assert f"{kind('x').space} |" in locks.__doc__


async def test_waits_until_the_lock_is_free(pair: tuple[Session, Session]) -> None:
    one, two = pair
    order: list[str] = []

    async def work(conn: Session, name: str) -> None:
        async with hold_lock(conn, apply_key("x"), timeout_s=30):
            order.append(f"{name} in")
            await asyncio.sleep(0.1)
            order.append(f"{name} out")

    await asyncio.gather(work(one, "a"), work(two, "b"))
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


async def test_a_waiting_session_is_in_nobodys_way(pair: tuple[Session, Session]) -> None:
    one, two = pair
    await one.execute("CREATE TABLE t (id int); SET statement_timeout = '10s'")
    async with hold_lock(one, apply_key("x"), timeout_s=1):
        waiting = asyncio.create_task(locks.acquire_lock(two, apply_key("x"), timeout_s=30))
        await asyncio.sleep(0.1)
        await one.execute("CREATE INDEX CONCURRENTLY ON t (id)")
    await waiting


async def test_the_lock_is_given_back_after_a_failure_and_lost_with_the_session(pair: tuple[Session, Session]) -> None:
    one, two = pair
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with hold_lock(one, apply_key("x"), timeout_s=0):
            await one.execute("BEGIN")
            await one.execute("SELECT 1 / 0")
    await locks.acquire_lock(two, apply_key("x"), timeout_s=0)
    async with hold_lock(one, apply_key("y"), timeout_s=0):
        await one.close()
    await locks.acquire_lock(two, apply_key("y"), timeout_s=5)


async def test_other_databases_and_other_kinds_of_lock_are_free(pair: tuple[Session, Session]) -> None:
    one, two = pair
    async with hold_lock(one, apply_key("x"), timeout_s=0):
        for key in (apply_key("y"), database_key("x"), reference_key("x")):
            async with hold_lock(two, key, timeout_s=0):
                pass


async def test_is_never_polled_inside_a_transaction(pair: tuple[Session, Session]) -> None:
    one, _ = pair
    async with one.transaction():
        with pytest.raises(AssertionError, match="autocommit"):
            await acquire_apply_lock(one, timeout_s=0)


async def test_retries_while_another_session_is_in_the_way(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "RETRY_PAUSE", 0.02)
    monkeypatch.setattr(locks, "LOCK_ATTEMPTS", 3)
    one, two = pair
    await one.execute("CREATE TABLE t (id int); SET lock_timeout = '20ms'")
    await two.execute("BEGIN; LOCK TABLE t")
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 5:
            await two.execute("COMMIT")
        async with one.transaction():
            await one.execute("LOCK TABLE t")
        return "done"

    with pytest.raises(LockTimeout, match="all 3 attempts") as caught:
        await locks.run_with_lock_retry(attempt)
    assert (caught.value.sqlstate, attempts) == ("55P03", 3)
    assert await locks.run_with_lock_retry(attempt) == "done"
    assert attempts == 5


async def test_those_who_are_overtaken_again_and_again_get_their_turn(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(locks, "LONGEST_RETRY_PAUSE", 0.02)
    monkeypatch.setattr(locks, "RETRY_PAUSE", 0.02)
    one, two = pair
    await one.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    waits = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    overtaken = 0

    async def attempt() -> str:
        nonlocal overtaken
        if overtaken < 8:
            overtaken += 1
            await two.execute("BEGIN; REVOKE EXECUTE ON FUNCTION f FROM PUBLIC")
            mine = asyncio.create_task(one.execute("GRANT EXECUTE ON FUNCTION f TO PUBLIC"))
            while database.rows(waits, one.info.backend_pid) == [(0,)]:
                await asyncio.sleep(0.01)
            await two.execute("COMMIT")
            await mine
        return "done"

    assert await locks.run_with_lock_retry(attempt) == "done" and overtaken == 8


async def test_does_not_retry_other_failures(pair: tuple[Session, Session]) -> None:
    one, _ = pair
    calls: list[int] = []

    async def attempt() -> None:
        calls.append(1)
        await one.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await locks.run_with_lock_retry(attempt)
    assert calls == [1]
