"""What `/call` is measured against: a bare Starlette handler over AsyncConnectionPool, without checks, logs or limits.

uvicorn tests.bench.bare_handler:app      (BENCH_SERVER is the URL of the server)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Pool = AsyncConnectionPool[AsyncConnection[Any]]
POOLS: dict[str, Pool] = {}
OPENING = asyncio.Lock()


async def open_pool(tenant: str) -> Pool:
    """The pool of a tenant's database, opened on first use."""
    async with OPENING:
        if tenant not in POOLS:
            conninfo = make_conninfo(os.environ["BENCH_SERVER"], dbname=f"bench_{tenant}")
            pool: Pool = AsyncConnectionPool(conninfo, min_size=1, max_size=10, open=False)
            await pool.open(wait=True)
            POOLS[tenant] = pool
        return POOLS[tenant]


async def call(request: Request) -> Response:
    """One function, rows as JSON from PostgreSQL."""
    body = json.loads(await request.body())
    marks = ", ".join(["%s"] * len(body["params"]))
    query = f"SELECT row_to_json(r)::text FROM (SELECT * FROM {body['function']}({marks})) AS r"
    tenant = body.get("tenant_id", "main")
    pool = POOLS.get(tenant) or await open_pool(tenant)
    async with pool.connection() as conn:
        rows = await (await conn.execute(query.encode(), body["params"])).fetchall()
    return Response(f'{{"rows":[{",".join(row[0] for row in rows)}]}}', media_type="application/json")


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Close the pools at the end."""
    yield
    for pool in POOLS.values():
        await pool.close()


app = Starlette(routes=[Route("/call", call, methods=["POST"])], lifespan=lifespan)
