"""Deployments that were just carried out, by where their databases stood: the others of a fleet repeat them."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.deployment.reports import failed_report, finished_report
from stonegate.database.deployment.survey import aim
from stonegate.database.deployment.visit import Visit
from stonegate.database.executor.job import Execution, Job
from stonegate.database.executor.replay import Precedent, precedent_of, repeat
from stonegate.database.server.facts import is_pooled
from stonegate.database.tracking.standing import Standing
from stonegate.errors import StonegateError
from stonegate.model.report import ApplyReport
from stonegate.source.lazy import LazySource

#: By place. Databases that were deployed to in turns stand at as many places as there were turns.
_PRECEDENTS: Cache[Precedent] = Cache(8)


class Place(Struct, frozen=True):
    """Where a database stands when a deployment begins.

    Attributes:
        asked: what is deployed, how, by whom, and where to.
        essence: of its records.
    """

    asked: Hashable
    essence: str


def place_of(visit: Visit, source: LazySource, standing: Standing) -> Place | None:
    """All that decides what a deployment of routines does to a database; None where that cannot be told.

    A pooler may give each statement another session. A role that is not the database's own is told what it would make
    its own there, for each database in other words.
    """
    conn, options = visit.conn, visit.options
    if not standing.is_presumed or not standing.is_own or is_pooled(conn, standing.pid):
        return None
    if options.dry_run or options.skip_verification:
        return None
    asked = replace(options, label=None)
    return Place((source.digest, conn.info.host, conn.info.port, asked, standing.session), standing.essence)


async def note_precedent(
    conn: Session, place: Place | None, job: Job, execution: Execution, essence: str, warnings: tuple[str, ...]
) -> None:
    """Let others that stand at the place repeat what was carried out, if it is worth repeating.

    Args:
        conn: on which it was, after the commit.
        essence: of the records that the plan was made from. Whoever owns them may have changed them after the look.
        warnings: about the session; others are told in other words.
    """
    if place is None or place.essence != essence or warnings or _PRECEDENTS.knows(place):
        return
    with contextlib.suppress(psycopg.Error, StonegateError):  # it is done, whatever comes of this
        precedent = await precedent_of(conn, job, execution)
        if precedent is not None:
            _PRECEDENTS.get(place, lambda: precedent)


async def follow_precedent(visit: Visit, place: Place | None, standing: Standing) -> ApplyReport | None:
    """Repeat what was carried out at that place; None where nothing was, or where it cannot be repeated here."""
    precedent = _PRECEDENTS.find(place)
    last = None if precedent is None else precedent.job.state.last
    if precedent is None or last is None:
        return None
    before = precedent.job
    last = replace(last, id=standing.id, digest=standing.digest, stamp=standing.stamp)
    state = replace(before.state, last=last)
    job = replace(
        before,
        plan=aim(before.plan, visit.database, before.live, state),
        name=visit.database,
        state=state,
        stamp=standing.stamp,
        started=visit.started,
        on_progress=visit.on_progress,
    )
    try:
        execution = await repeat(visit.conn, job, precedent)
    except StonegateError as error:
        return failed_report(error, visit.database, visit.started, job.plan)
    if execution is None:
        return None
    return finished_report(execution, job.plan, visit.database, visit.started, dry_run=False)
