"""Reads a database's whole schema in one round trip into the model's Catalog."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from stonegate.database import sql
from stonegate.model.catalog import Catalog

#: The blocks of the one query, in an order in which each uses only those before it (and names its own last).
_BLOCKS = (
    "objects",
    "types",
    "columns",
    "table_parts",
    "relations",
    "routines",
    "others",
    "server_objects",
    "database",
    "dependencies",
)

#: Deparsed texts are fully qualified only with an empty search_path; the rest keeps the planner, which has no
#: statistics of a fresh database's catalogs, from nested loops over them and from compiling the query.
_SETTINGS = "SET LOCAL search_path = ''; SET LOCAL jit = off; SET LOCAL enable_nestloop = off;"


@cache
def catalog_query() -> str:
    """The one SELECT that returns the Catalog as a JSON document; it wants an empty search_path."""
    blocks = ",\n\n".join(sql.load(f"introspect/{name}") for name in _BLOCKS)
    return f"WITH RECURSIVE {blocks}\n\n{sql.load('introspect/catalog')}"


async def read_catalog(conn: AsyncConnection[Any]) -> Catalog:
    """The state of the database that `conn` is connected to.

    One round trip, inside the caller's transaction or outside of any; settings are as before afterwards.
    """
    outside = conn.autocommit and conn.info.transaction_status == TransactionStatus.IDLE
    # Several statements in one message are one transaction of their own; in an open one a savepoint undoes SET LOCAL.
    before, after = ("", "") if outside else ("SAVEPOINT introspect;", ";ROLLBACK TO introspect; RELEASE introspect")
    async with conn.cursor() as cursor:
        await cursor.execute((before + _SETTINGS + catalog_query() + after).encode())
        # The document's bytes as they came: psycopg would turn them into Python objects first.
        while (result := cursor.pgresult) is None or result.ntuples == 0:
            if not cursor.nextset():
                raise AssertionError("the catalog query returned no row")
        document = result.get_value(0, 0) or b""
    encoding = conn.info.encoding
    return msgspec.json.decode(document if encoding == "utf-8" else document.decode(encoding), type=Catalog)
