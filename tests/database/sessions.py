"""Sessions as stonegate has them, and what they answer."""

from __future__ import annotations

from typing import Any, TypeAlias

from psycopg import AsyncConnection

Conn: TypeAlias = AsyncConnection[Any]


async def fetch(conn: Conn, statement: str) -> list[tuple[Any, ...]]:
    """All rows of the statement."""
    return await (await conn.execute(statement.encode())).fetchall()
