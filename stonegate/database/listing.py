"""The databases of a server that hold somebody's data: no templates, and nothing that stonegate keeps for itself."""

from __future__ import annotations

from stonegate.database.databases import MAINTENANCE, TEMPORARY_PREFIX, connect_maintenance
from stonegate.database.reference_store import REFERENCE_PREFIX
from stonegate.database.sql import load


async def read_databases(server: str) -> tuple[str, ...]:
    """Their names in alphabetical order.

    Args:
        server: conninfo of any database of the server.

    Raises:
        ConnectionFailed: the server is unreachable or refuses the login.
    """
    conn = await connect_maintenance(server)
    try:
        own = {"maintenance": list(MAINTENANCE), "prefixes": [TEMPORARY_PREFIX, REFERENCE_PREFIX]}
        cursor = await conn.execute(load("server/databases").encode(), own)
        return tuple(name for (name,) in await cursor.fetchall())
    finally:
        await conn.close()
