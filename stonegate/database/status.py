"""What is deployed in a database, or one of a fleet, and what somebody changed since: for `diff` and `status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.connect import connect, using
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.survey import survey_database, with_warnings
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.introspect.stamp import read_stamp
from stonegate.database.progress import OnProgress
from stonegate.database.server.facts import SessionFacts, read_session
from stonegate.database.tracking.history import (
    DeploymentEntry,
    HistoryEntry,
    read_committed_ahead,
    read_deployments,
)
from stonegate.database.tracking.state import read_state
from stonegate.model.catalog import Catalog
from stonegate.model.plan import Change, Plan
from stonegate.model.tracking import TrackingState
from stonegate.planner.drift import Drift, find_drift
from stonegate.planner.remaining import standing_notes
from stonegate.source.lazy import LazySource

LOOK_SECONDS = 5.0  # for a lock that somebody holds on what is read


class DatabaseDiff(Struct, frozen=True, kw_only=True):
    """Declared against live.

    Attributes:
        plan: what an apply would do; its steps hold the differences, `unmanaged` what nobody declared.
        drift: what was changed by hand since the last deployment, as the changes that would undo it.
    """

    plan: Plan
    drift: tuple[Change, ...]


class DatabaseStatus(Struct, frozen=True, kw_only=True):
    """One database as it is.

    Attributes:
        deployments: the latest applies, newest first; () where stonegate never deployed.
        moved: the catalogs changed since the last deployment (by anybody, anything).
        drift: what that changed of what was deployed, as the changes that would undo it.
        drift_known: False where that cannot be told: the last deployment was recorded by another stonegate, which read
            databases in another way, or by a script.
        ahead: what a later deployment, which failed, had committed before all else: no hand did that.
        objects: how many there are of each kind.
    """

    facts: SessionFacts
    state: TrackingState
    deployments: tuple[DeploymentEntry, ...]
    moved: bool
    drift: tuple[Change, ...]
    ahead: tuple[HistoryEntry, ...]
    objects: Mapping[str, int]

    @property
    def database(self) -> str:
        return self.facts.database

    @property
    def drift_known(self) -> bool:
        return not self.moved or self.state.tells_changes


async def diff_database(
    conninfo: str, source: LazySource, options: ApplyOptions | None = None, on_progress: OnProgress | None = None
) -> DatabaseDiff:
    """Everything in which the live database differs from the folder, drift told apart. Nothing is written to it.

    Raises:
        DatabaseNotFound, ConnectionFailed: it cannot be read.
        SourceError, ExtensionNotAvailable, ReferenceUnavailable: see there.
    """
    options = options or ApplyOptions()
    async with using(await connect(conninfo, lock_timeout_s=options.lock_timeout_s)) as conn:
        survey = await survey_database(conn, conninfo, source, options, on_progress=on_progress)
        found = find_drift(survey.live, survey.state, survey.plan.kept)
        latest = await read_deployments(conn, limit=1) if found.found else ()
        drift = _without(found, await read_committed_ahead(conn, *latest)) if latest else ()
    notes = standing_notes(survey.plan, survey.live, survey.state)
    return DatabaseDiff(plan=with_warnings(survey.plan, *notes, *survey.warnings), drift=drift)


async def status_database(conninfo: str, *, deployments: int = 10) -> DatabaseStatus:
    """What is deployed, when and from which folder, and what was changed by hand since. Nothing is written.

    Args:
        deployments: how many of the latest applies to read.

    Raises:
        DatabaseNotFound, ConnectionFailed: it cannot be read.
    """
    async with using(await connect(conninfo, lock_timeout_s=LOOK_SECONDS)) as conn:
        facts = await read_session(conn)
        state = await read_state(conn)
        latest = await read_deployments(conn, limit=deployments)
        live = await read_catalog(conn)
        moved = state.last is not None and state.last.stamp != await read_stamp(conn)
        ahead = await read_committed_ahead(conn, latest[0] if latest else None) if moved else ()
    drift = _without(find_drift(live, state, ()), ahead) if moved else ()
    return DatabaseStatus(
        facts=facts,
        state=state,
        deployments=latest,
        moved=moved,
        drift=drift,
        ahead=ahead,
        objects=count_objects(live),
    )


def count_objects(catalog: Catalog) -> dict[str, int]:
    """How many objects of each kind a database holds."""
    return dict(Counter(key.kind.value for key in catalog.objects))


def _without(drift: Drift, ahead: Iterable[HistoryEntry]) -> tuple[Change, ...]:
    """What was changed by hand, and not by a deployment that failed afterwards."""
    own = {identity for entry in ahead for identity in entry.detail.get("changes", ())}
    return tuple(change for change in drift.found.values() if change.identity not in own)


# --- of a fleet -----------------------------------------------------------------------------------------------------


class Standing(Struct, frozen=True, kw_only=True):
    """One database.

    Attributes:
        deployed: the latest apply; None where stonegate never deployed.
        by_original: stonescriptdb-gateway deployed, stonegate not yet.
        drift, drift_known: as of `DatabaseStatus`.
        unfinished: statements after the commit that the next apply finishes, and what a failed one committed ahead.
    """

    database: str
    deployed: DeploymentEntry | None = None
    by_original: bool = False
    drift: tuple[Change, ...] = ()
    drift_known: bool = True
    unfinished: tuple[str, ...] = ()


async def read_standing(conninfo: str) -> Standing:
    """The standing of a database; its catalog is read only where its change stamp has moved.

    Raises:
        DatabaseNotFound, ConnectionFailed: it cannot be read.
    """
    async with using(await connect(conninfo, lock_timeout_s=LOOK_SECONDS)) as conn:
        state = await read_state(conn, with_catalog=False)
        if state.last is None:
            return Standing(database=conn.info.dbname, by_original=not state.is_empty)
        (latest,) = await read_deployments(conn, limit=1)
        standing = Standing(database=conn.info.dbname, deployed=latest, unfinished=state.unfinished)
        if state.last.stamp == await read_stamp(conn):
            return standing
        state = await read_state(conn)
        ahead = await read_committed_ahead(conn, latest)
        drift = _without(find_drift(await read_catalog(conn), state, ()), ahead)
        unfinished = (*standing.unfinished, *(entry.step for entry in ahead))
        return replace(standing, drift=drift, drift_known=state.tells_changes, unfinished=unfinished)
