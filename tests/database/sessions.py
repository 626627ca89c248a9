"""Sessions as stonegate has them, and what they answer."""

from __future__ import annotations

from typing import Any

from stonegate.database.connect import Session


async def fetch(conn: Session, statement: str) -> list[tuple[Any, ...]]:
    """All rows of the statement."""
    return await (await conn.execute(statement.encode())).fetchall()
