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
from tests.gateway.gateway import Gateway
from tests.servers import PrivateServer, Server, psql

FUNCTIONS = """
    CREATE FUNCTION who(token text) RETURNS TABLE (db text, token text)
        LANGUAGE sql AS 'SELECT current_database()::text, $1';
    CREATE FUNCTION nap(seconds float8) RETURNS int LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(seconds); RETURN 1; END $$;
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
    """Databases with `FUNCTIONS`, made and recorded without the gateway, for tests of something else."""
    assert gateway.data_dir is not None
    registry = Registry(gateway.data_dir)
    registry.ensure(platform)
    template = ""
    for tenant in tenants:
        owner = v1_owner(platform, tenant)
        psql(server.admin_url, f'CREATE DATABASE "{owner.database}" TEMPLATE "{template or "template0"}"')
        if not template:
            template = owner.database
            psql(server.url(template), FUNCTIONS)
        registry.record(DatabaseRecord(owner=owner, database=owner.database, created_at=now()))


async def keep_asking(
    url: str, platform: str, tenant: str | None, number: int, may_go_on: Callable[[], bool], heard: Heard
) -> None:
    """One client of a tenant; every answer must be the tenant's own, to the question that was asked."""
    database = f"{platform}_{tenant or 'main'}"
    async with Client(url) as client:
        for turn in range(1_000_000):
            if not may_go_on():
                return
            token = f"{tenant}/{number}/{turn}"
            began = time.perf_counter()
            status, body = await client.call(platform=platform, tenant_id=tenant, function="who", params=[token])
            heard.times.append((time.perf_counter() - began) * 1000)
            heard.statuses[status] += 1
            if status == 200:
                assert body["rows"] == [{"db": database, "token": token}], body
            else:
                heard.codes[body["error"]] += 1
                await asyncio.sleep(0.01)


async def ask_for(url: str, platform: str, tenants: list[str], clients: int, seconds: float) -> dict[str, Heard]:
    """What each tenant's clients heard in that time."""
    end = time.monotonic() + seconds
    heard = {tenant: Heard() for tenant in tenants}
    await asyncio.gather(
        *(
            keep_asking(url, platform, tenant, number, lambda: time.monotonic() < end, heard[tenant])
            for tenant in tenants
            for number in range(clients)
        )
    )
    return heard


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


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
