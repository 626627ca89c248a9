"""The server that benchmarks run on: PostgreSQL 18 of this run's own, on a disk and with fsync on, as in production."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from stonegate.database.connect import connect
from tests.servers import PrivateServer, begin_run


@contextmanager
def bench_server(**settings: str) -> Iterator[PrivateServer]:
    """A server that ends with the block."""
    with begin_run(in_memory=False) as run, run.private_server(18, **settings) as server:
        yield server


def logins(server: PrivateServer, database: str) -> Iterator[tuple[str, str]]:
    """The two ways to log in, and the URL of each: as the role of a platform does, and the cheapest that there is."""
    yield "password over TCP", server.tcp_url(database)
    yield "no password, Unix socket", server.url(database)


def make_empty(server: PrivateServer, name: str) -> str:
    """An empty database of that name, made anew; its URL."""
    with psycopg.connect(server.admin_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.url(name)


async def connect_and_select(url: str) -> None:
    """The least that asking a database anything can cost."""
    conn = await connect(url)
    try:
        await (await conn.execute("SELECT 1")).fetchone()
    finally:
        await conn.close()


def run_in_loop(action: Callable[[], Coroutine[Any, Any, object]], runner: asyncio.Runner) -> Callable[[], object]:
    """The action on a loop that runs already: the start of a process and of its loop are not what is measured."""
    return lambda: runner.run(action())
