"""A session on the target, which is created if it is missing, and dropped again if its first deployment fails."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from stonegate.database.connect import Session, connect, leave, using
from stonegate.database.conninfo import with_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.failures.explain import LETS_NOBODY_IN
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.database.server.databases import (
    admit_sessions,
    connect_maintenance,
    create_database,
    drop_database,
    temporary_database,
)
from stonegate.database.server.facts import has_company, read_session
from stonegate.errors import ConnectionFailed, DatabaseNotFound, StonegateError
from stonegate.source.lazy import LazySource

_CLOSED_SECONDS: Final = 3.0  # that another apply may take to decide whether it drops a database that it made
_ENTRIES: Final = 5  # times that others may create the database and drop it again before we are in


@asynccontextmanager
async def open_target(
    conninfo: str, database: str, options: ApplyOptions, on_progress: OnProgress | None, source: LazySource | None
) -> AsyncIterator[tuple[Session, bool]]:
    """A session on the target, and whether the database was created for it.

    A database made here is dropped again if the block fails; the dry run on a missing database uses a temporary one.

    Raises:
        StonegateError: as `connect_target`; a missing database may not be created, or PostgreSQL refuses to.
    """
    if on_progress is not None:
        on_progress(Progress(database=database, stage=Stage.CONNECT))
    try:
        conn = await connect_target(conninfo, source, options)
    except DatabaseNotFound as missing:
        if not options.create_database:
            raise
        name = missing.database or database
    else:
        async with using(conn, database=database):
            yield conn, False
        return
    opened = _open_temporary(conninfo) if options.dry_run else _open_created(conninfo, name, options)
    async with opened as made:
        yield made


async def connect_target(conninfo: str, source: LazySource | None, options: ApplyOptions) -> Session:
    """A session; if the folder cannot be read either, it is the folder that is told of.

    Raises:
        DatabaseNotFound, ConnectionFailed, UsageError: as `connect`.
        SourceError: the folder cannot be read.
    """
    try:
        return await _enter(conninfo, options)
    except StonegateError:
        if source is not None:
            await source.read()
        raise


async def _enter(conninfo: str, options: ApplyOptions) -> Session:
    """A session; waits while another apply, which created the database, has closed it to see whether to drop it."""
    deadline = time.monotonic() + _CLOSED_SECONDS
    while True:
        try:
            return await connect(conninfo, lock_timeout_s=options.lock_timeout_s)
        except ConnectionFailed as failure:
            is_closed = failure.sqlstate == LETS_NOBODY_IN
            if not (is_closed and options.create_database and time.monotonic() < deadline):
                raise
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _open_temporary(conninfo: str) -> AsyncIterator[tuple[Session, bool]]:
    async with (
        using(await connect_maintenance(conninfo)) as maintenance,
        temporary_database(maintenance, purpose="dry") as name,
        using(await connect(with_database(conninfo, name))) as conn,
    ):
        yield conn, False


@asynccontextmanager
async def _open_created(conninfo: str, name: str, options: ApplyOptions) -> AsyncIterator[tuple[Session, bool]]:
    conn, created = await _create_and_enter(conninfo, name, options)
    async with _dropped_on_failure(conninfo, name, created=created), using(conn, database=name):
        try:
            yield conn, created
        except BaseException:
            await leave(conn)  # or `_drop_again` takes it for another one's
            raise


async def _create_and_enter(conninfo: str, name: str, options: ApplyOptions) -> tuple[Session, bool]:
    """A session on the new database; or on that of another apply, unless this one drops it before we are in."""
    for _ in range(_ENTRIES):
        async with using(await connect_maintenance(conninfo)) as maintenance:
            created = await create_database(maintenance, name)
        try:
            async with _dropped_on_failure(conninfo, name, created=created):
                return await _enter(conninfo, options), created
        except DatabaseNotFound:
            if created:
                raise
    raise DatabaseNotFound(
        f"others create the database {name} and drop it again", hint="run the same command again", database=name
    )


@asynccontextmanager
async def _dropped_on_failure(conninfo: str, name: str, *, created: bool) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        if created:
            await _drop_again(conninfo, name)
        raise


async def _drop_again(conninfo: str, name: str) -> None:
    """Undo the creation, unless another apply has filled the database meanwhile, or waits for its turn to do so."""
    with contextlib.suppress(StonegateError, psycopg.Error):
        async with using(await connect(conninfo)) as conn, using(await connect_maintenance(conninfo)) as maintenance:
            # DROP DATABASE waits for others to leave: who came in behind the look would be done with it by then.
            await admit_sessions(maintenance, name, admitted=False)
            try:
                if not (await has_company(conn) or (await read_session(conn)).is_deployed):
                    await leave(conn)
                    await drop_database(maintenance, name)
            finally:
                await admit_sessions(maintenance, name, admitted=True)
