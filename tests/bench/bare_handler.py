"""What `/call` is measured against: a bare Starlette handler over AsyncConnectionPool, without checks, logs or limits.

uvicorn tests.bench.bare_handler:app      (BENCH_DATABASE names the database)
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POOL = AsyncConnectionPool(os.environ.get("BENCH_DATABASE", ""), min_size=10, max_size=10, open=False)


async def call(request: Request) -> Response:
    """One function, rows as JSON from PostgreSQL."""
    body = json.loads(await request.body())
    marks = ", ".join(["%s"] * len(body["params"]))
    query = f"SELECT row_to_json(r)::text FROM (SELECT * FROM {body['function']}({marks})) AS r"
    async with POOL.connection() as conn:
        rows = await (await conn.execute(query.encode(), body["params"])).fetchall()
    return Response(f'{{"rows":[{",".join(row[0] for row in rows)}]}}', media_type="application/json")


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Open and close the pool."""
    await POOL.open(wait=True)
    yield
    await POOL.close()


app = Starlette(routes=[Route("/call", call, methods=["POST"])], lifespan=lifespan)
