"""The locks that keep two stonegates apart: polled session advisory locks, and patience with other people's locks.

An advisory lock has two int4 keys. The first says what kind of lock it is, the second which thing: the first four bytes
of a sha256, without the sign bit, so that pg_locks shows the same numbers that `LockKey` holds:

    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 2115623486 AND granted;   -- who applies here

| lock | classid | objid made from | taken in |
|---|---|---|---|
| apply | 2115623486 | the name of the database | the target database |
| database (create, drop, adopt) | 288072648 | the name of the database | the maintenance database |
| role (register) | 891242242 | the name of the role | the maintenance database |
| reference (build) | 1222883216 | the key of the reference database, or "the store" | the maintenance database |

They are polled with pg_try_advisory_lock in autocommit: a session that waits inside PostgreSQL holds a snapshot, which
CREATE INDEX CONCURRENTLY waits for in turn, and lock_timeout would cancel it (behaviour, §6).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

import psycopg
from msgspec import Struct
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from stonegate.database.connect import Session, answers_yes
from stonegate.database.failures.explain import INTERNAL_ERROR, is_lock_failure, message_of
from stonegate.database.sql import fixed, load
from stonegate.errors import LockTimeout

T = TypeVar("T")

FIRST_PAUSE = 0.02  # seconds
LONGEST_PAUSE = 0.5
LOCK_ATTEMPTS = 4  # one and three retries
#: Where another session was faster: of the databases of a fleet whose migration changes a role, which is the whole
#: server's, one gets through at a time.
OVERTAKEN_ATTEMPTS = 16
RETRY_PAUSE = 0.5  # before the first retry; doubled for each one after it
LONGEST_RETRY_PAUSE = 2.0


class LockKey(Struct, frozen=True, kw_only=True):
    """An advisory lock: `space` and `object` are its two keys, `label` names it in messages."""

    space: int
    object: int
    label: str


class LockHolder(Struct, frozen=True, kw_only=True):
    """The session that has a lock; `since` is the start of that session, None where it may not be seen."""

    pid: int
    application: str
    role: str
    since: datetime | None

    def __str__(self) -> str:
        text = f"pid {self.pid}"
        if self.application:
            text += f", {self.application}"
        if self.role:
            text += f", role {self.role}"
        return text if self.since is None else f"{text}, connected since {self.since:%Y-%m-%d %H:%M:%S %Z}"


def apply_key(database: str) -> LockKey:
    """The lock of an apply to a database; taken in that database."""
    return LockKey(space=_number("stonegate apply"), object=_number(database), label=f"the apply lock of {database}")


def database_key(database: str) -> LockKey:
    """The lock for creating, adopting or dropping a database; taken in the maintenance database."""
    return LockKey(
        space=_number("stonegate database"), object=_number(database), label=f"the lock on creating {database}"
    )


def role_key(role: str) -> LockKey:
    """The lock for giving a role to a platform; taken in the maintenance database."""
    return LockKey(space=_number("stonegate role"), object=_number(role), label=f"the lock on the role {role}")


def reference_key(reference: str) -> LockKey:
    """The lock for building a reference database; taken in the maintenance database."""
    return LockKey(
        space=_number("stonegate reference"), object=_number(reference), label="the lock on building the reference"
    )


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4]) & 0x7FFFFFFF


def try_query(key: LockKey) -> bytes:
    """The query that takes the lock if it is free; true if the session has it now."""
    return f"SELECT pg_catalog.pg_try_advisory_lock({key.space}, {key.object})".encode()


async def try_lock(conn: Session, key: LockKey) -> bool:
    """Take the lock if it is free; True if this session has it now."""
    return await answers_yes(conn, try_query(key).decode())


async def acquire_lock(
    conn: Session,
    key: LockKey,
    *,
    timeout_s: float,
    on_wait: Callable[[LockHolder | None], None] | None = None,
    attempt: Callable[[Session, LockKey], Awaitable[bool]] = try_lock,
) -> None:
    """Take the lock, waiting for it up to `timeout_s` seconds (0: one attempt). It lasts until the session ends.

    When the wait is cancelled the lock may have been granted to the session in the same moment: close the connection.

    Args:
        conn: in autocommit and outside a transaction.
        key: which lock.
        timeout_s: seconds; infinity waits for ever.
        on_wait: called once, before the first pause, with the session that is in the way.
        attempt: how the lock is taken; True once it is.

    Raises:
        LockTimeout: not granted in time; the message names the holder.
    """
    # Of a connection that broke in the meantime the first attempt says so.
    if not conn.closed and (not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE):
        raise AssertionError("an advisory lock is polled in autocommit: a waiting transaction blocks others")
    deadline = time.monotonic() + timeout_s
    pause = FIRST_PAUSE
    announced = False
    while not await attempt(conn, key):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise _timeout(key, await read_holder(conn, key), timeout_s, conn.info.dbname)
        if not announced and on_wait is not None:
            on_wait(await read_holder(conn, key))
        announced = True
        # Jitter keeps the sessions that wait from asking all at once.
        await asyncio.sleep(min(remaining, pause * random.uniform(0.5, 1.5)))
        pause = min(pause * 2, LONGEST_PAUSE)


async def release_lock(conn: Session, key: LockKey) -> None:
    """Give the lock back; nothing to do when the connection is gone, since the lock went with it."""
    if conn.closed or conn.broken:
        return
    if conn.info.transaction_status == TransactionStatus.INERROR:
        await conn.rollback()
    await conn.execute("SELECT pg_catalog.pg_advisory_unlock(%s, %s)", (key.space, key.object))


@asynccontextmanager
async def hold_lock(conn: Session, key: LockKey, *, timeout_s: float) -> AsyncIterator[None]:
    """`acquire_lock` around a block; given back at its end.

    Raises:
        LockTimeout: not granted in time.
    """
    await acquire_lock(conn, key, timeout_s=timeout_s)
    try:
        yield
    finally:
        await release_lock(conn, key)


def acquire_apply_lock(
    conn: Session,
    *,
    timeout_s: float,
    on_wait: Callable[[LockHolder | None], None] | None = None,
    attempt: Callable[[Session, LockKey], Awaitable[bool]] = try_lock,
) -> Awaitable[None]:
    """`acquire_lock` with the apply lock of the database that the connection is on."""
    return acquire_lock(conn, apply_key(conn.info.dbname), timeout_s=timeout_s, on_wait=on_wait, attempt=attempt)


async def read_holder(conn: Session, key: LockKey) -> LockHolder | None:
    """The session that holds the lock, or None if it is free by now."""
    query = fixed("locks/holder")
    row = await (await conn.execute(query, {"space": key.space, "object": key.object})).fetchone()
    return None if row is None else LockHolder(pid=row[0], application=row[1], role=row[2], since=row[3])


def _timeout(key: LockKey, holder: LockHolder | None, timeout_s: float, database: str) -> LockTimeout:
    owner = "another session" if holder is None else f"another session ({holder})"
    ask = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {key.space} AND objid = {key.object}"
    end = "" if holder is None else f"; if it hangs: SELECT pg_terminate_backend({holder.pid})"
    return LockTimeout(
        f"{owner} holds {key.label} and has not released it within {timeout_s:g} s",
        hint=f"run again when it has finished; who holds it: {ask}{end}",
        database=database,
    )


async def run_with_lock_retry(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt` again while a lock or another session's change ends it, with growing, jittered pauses.

    Args:
        attempt: a whole transaction (or savepoint) that leaves nothing behind when it fails.

    Raises:
        LockTimeout: the last attempt failed in the same way; the cause is what PostgreSQL said.
    """
    pause, number = RETRY_PAUSE, 0
    while True:
        number += 1
        try:
            return await attempt()
        except psycopg.Error as error:
            if not is_lock_failure(error):
                raise
            if number >= (OVERTAKEN_ATTEMPTS if error.sqlstate == INTERNAL_ERROR else LOCK_ATTEMPTS):
                raise LockTimeout(
                    f"other sessions kept a lock that is needed, at all {number} attempts",
                    cause=message_of(error),
                    hint="see who: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle'; "
                    "or raise --lock-timeout",
                    sqlstate=error.sqlstate,
                ) from error
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, LONGEST_RETRY_PAUSE)


async def read_blockers(conn: Session, statement: str) -> tuple[str, ...]:
    """The sessions that probably block a statement, each as a sentence; those on relations that it mentions first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(load("locks/blockers").encode())
        rows = await cursor.fetchall()
    concerned = [row for row in rows if row["relation"] in statement] or rows
    found: dict[int, str] = {}
    for row in concerned:
        # What another role's session does is told to superusers and members of pg_read_all_stats only.
        who = ", ".join(str(row[fact]) for fact in ("role", "application", "state") if row[fact])
        found.setdefault(row["pid"], f"process {row['pid']} ({who}) holds {row['mode']} on {row['relation']}")
    return tuple(found.values())[:5]
