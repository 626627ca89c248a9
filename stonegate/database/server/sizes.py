"""How large tables, with their indexes and TOAST tables, and databases are on disk (manual 9.27.7)."""

from __future__ import annotations

from collections.abc import Sequence

from stonegate.database.connect import Session
from stonegate.database.sql import load


async def read_sizes(conn: Session, tables: Sequence[str], types: Sequence[str] = ()) -> dict[str, int]:
    """Bytes by name, partitions and children included, for those that are there.

    Args:
        tables: qualified and quoted names.
        types: likewise; of these the tables are asked for that hold values of a domain, or are of a composite type.
    """
    names = {"tables": list(tables), "types": list(types)}
    cursor = await conn.execute(load("server/table_sizes").encode(), names)
    return dict(await cursor.fetchall())


async def read_database_sizes(conn: Session, names: Sequence[str]) -> dict[str, int]:
    """Bytes of the databases of those names that are there and that this role may look at."""
    cursor = await conn.execute(
        "SELECT datname, pg_catalog.pg_database_size(oid) FROM pg_catalog.pg_database"
        " WHERE datname::text = ANY (%s::text[])"
        " AND (pg_catalog.has_database_privilege(oid, 'CONNECT')"
        " OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))",
        (list(names),),
    )
    return dict(await cursor.fetchall())
