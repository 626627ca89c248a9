"""The change stamp: two words that stay as long as nothing in a database's schema changes; routines have the second."""

from __future__ import annotations

from functools import cache

from stonegate.database.connect import Session
from stonegate.database.sql import compose


@cache
def stamp_expression() -> str:
    """The stamp as an SQL expression of type text, to be embedded into other queries."""
    return f"({compose('stamp/change_stamp')})"


@cache
def presumed_stamp_expression() -> str:
    """The same if nothing but routines has moved since the deployment `latest`, much cheaper: to be proven later."""
    return f"({compose('stamp/presumed_stamp')})"


async def read_stamp(conn: Session) -> str:
    """The change stamp of the database that `conn` is connected to; one round trip."""
    cursor = await conn.execute(f"SELECT {stamp_expression()}".encode())
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


def moved_only_routines(before: str, after: str) -> bool:
    """True if nothing but routines changed between two stamps of one database, if anything did."""
    return before.partition(" ")[0] == after.partition(" ")[0]
