"""The quick look at a database of a fleet: is there anything to do at all? One connection, one round trip."""

from __future__ import annotations

import time

from stonegate.database.connect import connect, using
from stonegate.database.reports import elapsed_ms
from stonegate.database.survey import ApplyOptions, find_unchanged, may_be_unchanged
from stonegate.model.report import ApplyReport, Status
from stonegate.source.lazy import LazySource


async def probe_unchanged(
    conninfo: str, database: str, source: LazySource, options: ApplyOptions
) -> ApplyReport | None:
    """The report of a database that is as this folder left it; None for one that an apply has to look at.

    Raises:
        ConnectionFailed, DatabaseNotFound: it cannot be reached.
    """
    if not may_be_unchanged(options):
        return None
    started = time.monotonic()
    async with using(await connect(conninfo), database=database) as conn:
        if await find_unchanged(conn, source, options) is None:
            return None
    return ApplyReport(status=Status.UNCHANGED, database=database, duration_ms=elapsed_ms(started))
