"""Clients by the hundred, cheap enough to leave the processor to the gateway; sessions as PostgreSQL counts them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from stonegate.fleet.names import v1_owner
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry
from tests.admins import admin_of
from tests.gateway.gateway import Gateway
from tests.servers import PrivateServer, Server, psql

FUNCTIONS = """
    CREATE FUNCTION who(token text) RETURNS TABLE (db text, heard text)
        LANGUAGE sql AS 'SELECT current_database()::text, $1';
    CREATE FUNCTION work(token text) RETURNS TABLE (db text, heard text) LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN QUERY SELECT current_database()::text, $1; END $$;
    CREATE FUNCTION nap(seconds float8) RETURNS int LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(seconds); RETURN 1; END $$;
    CREATE FUNCTION queue() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN 1; END $$;
    CREATE FUNCTION backend() RETURNS int LANGUAGE sql AS 'SELECT pg_backend_pid()';
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stonegate call' AND datname ~ %s"


@dataclass(slots=True)
class Heard:
    """What a client got: statuses, codes of errors, and how long each answer took (milliseconds)."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    @property
    def all_well(self) -> bool:
        """Whether there were answers, and none but 200."""
        return set(self.statuses) == {200}

    @property
    def median(self) -> float:
        """Of the times."""
        return statistics.median(self.times)


class Client:
    """One connection that asks one thing after the other; opened again when the gateway closes it."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, **body: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of a `/call`."""
        content = json.dumps(body).encode()
        head = b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(content)
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(head + content)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        answer = await self._reader.readexactly(int(headers["content-length"]))
        return int(lines[0].split()[1]), json.loads(answer)

    def hang_up(self) -> None:
        """Close it, whatever is under way."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()


def deploy(server: Server | PrivateServer, gateway: Gateway, platform: str, *tenants: str | None) -> None:
    """Databases with `FUNCTIONS`, made unless they exist, recorded without the gateway: for tests of something else."""
    assert gateway.data_dir is not None
    registry = Registry(gateway.data_dir)
    registry.ensure(platform)
    existing = {name for (name,) in psql(server.admin_url, "SELECT datname FROM pg_database")}
    first = v1_owner(platform, tenants[0]).database
    for owner in (v1_owner(platform, tenant) for tenant in tenants):
        if owner.database not in existing:
            template = first if owner.database != first else "template0"
            made = f'CREATE DATABASE "{owner.database}" TEMPLATE "{template}" STRATEGY file_copy'
            admin_of(server.admin_url).execute(made.encode())
        if owner.database == first and first not in existing:
            psql(server.url(first), FUNCTIONS)
        registry.record(DatabaseRecord(owner=owner, database=owner.database, created_at=now()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Clients of one platform's tenants.

    Args:
        function: `who` or `work`; either answers with the database's name and the token that it was given.
    """

    url: str
    platform: str
    function: str = "who"

    async def ask(self, seconds: float, **clients: int) -> dict[str, Heard]:
        """What the clients of each tenant heard in that time; so many clients each."""
        end = time.monotonic() + seconds
        return await self.ask_while(lambda: time.monotonic() < end, **clients)

    async def ask_while(self, may_go_on: Callable[[], bool], **clients: int) -> dict[str, Heard]:
        """The same for as long as they may."""
        heard = {tenant: Heard() for tenant in clients}
        async with asyncio.TaskGroup() as group:
            for tenant, count in clients.items():
                for number in range(count):
                    group.create_task(self._keep_asking(tenant, number, may_go_on, heard[tenant]))
        return heard

    async def _keep_asking(self, tenant: str, number: int, may_go_on: Callable[[], bool], heard: Heard) -> None:
        """One client; every answer must be the tenant's own, to the question that was asked."""
        async with Client(self.url) as client:
            while may_go_on():
                token = f"{tenant}/{number}/{len(heard.times)}"
                began = time.perf_counter()
                status, body = await client.call(
                    platform=self.platform, tenant_id=tenant, function=self.function, params=[token]
                )
                heard.times.append((time.perf_counter() - began) * 1000)
                heard.statuses[status] += 1
                if status == 200:
                    assert body["rows"] == [{"db": f"{self.platform}_{tenant}", "heard": token}], body
                else:
                    heard.codes[body["error"]] += 1
                    await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def counted_sessions(server: Server | PrivateServer, platform: str) -> AsyncIterator[list[int]]:
    """How many sessions of a platform PostgreSQL listed, looked at again and again while the block runs."""
    counts: list[int] = []

    async def count() -> None:
        async with await psycopg.AsyncConnection.connect(server.admin_url, autocommit=True) as conn:
            while True:
                row = await (await conn.execute(SESSIONS, (f"^{platform}_",))).fetchone()
                counts.append(row[0] if row else 0)
                await asyncio.sleep(0.005)

    counting = asyncio.create_task(count())
    try:
        yield counts
    finally:
        counting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await counting


def eventually(check: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it is so; on a busy machine that may take many times as long as it should."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
