"""The quick look: is a database as this folder left it, so that there is nothing to do? One round trip, no parsing."""

from __future__ import annotations

import asyncio
import time

from stonegate.database.connect import Session, connect, using
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.reports import unchanged_report
from stonegate.database.tracking.state import read_unchanged
from stonegate.model.plan import Mode, Plan, PlanSource, PlanTarget
from stonegate.model.report import ApplyReport
from stonegate.source.lazy import LazySource


def may_be_unchanged(options: ApplyOptions) -> bool:
    """False if what was asked for may need work on a database that is exactly as last deployed.

    Rows leave no trace in the change stamp, and a consent that names an object may be about something unmanaged.
    """
    plan = options.plan
    inserts = plan.seed_missing or options.missing_seeds == "insert"
    return not inserts and not plan.baseline and all(consent.object is None for consent in plan.consents)


async def find_unchanged(conn: Session, source: LazySource, options: ApplyOptions) -> str | None:
    """The fingerprint of the folder, if nothing can be to do; one round trip, without parsing the folder.

    A folder that has yet to be read is read meanwhile: what was deployed tells its digest. Where nothing was, nobody
    waits for it.

    Raises:
        SourceError: the folder cannot be read.
    """
    if not may_be_unchanged(options):
        return None
    asking = asyncio.create_task(read_unchanged(conn, source.digest if source.is_read else None))
    await asyncio.sleep(0)  # the question leaves now: a thread that reads earlier is in its way
    reading = asyncio.create_task(source.read())
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever needs the folder hears of it
    deployed = await asking
    if deployed is None:
        return None
    await reading
    return deployed[1] if deployed[0] == source.digest else None


def unchanged_plan(source: LazySource, database: str, fingerprint: str) -> Plan:
    """The plan that has nothing to do."""
    return Plan(
        mode=Mode.UNCHANGED,
        source=PlanSource(fingerprint=fingerprint, digest=source.digest, path=source.path),
        target=PlanTarget(database=database, fingerprint=""),
    ).sealed()


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
    return unchanged_report(database, started)
