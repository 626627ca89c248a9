"""A database looked at and left as it is: what is deployed, what was changed by hand, where the folder differs."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from stonegate.database.connect import connect
from stonegate.database.databases import connect_maintenance
from stonegate.database.failures import explain_failure
from stonegate.database.history import DeploymentEntry, read_deployments
from stonegate.database.introspect import read_catalog
from stonegate.database.lazy_source import LazySource
from stonegate.database.preflight import read_findings
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.database.reference import build_key, obtain_reference, reference_catalog
from stonegate.database.reference_store import Reference
from stonegate.database.server import read_session
from stonegate.database.survey import ApplyOptions, deployed_before, survey_database
from stonegate.database.tracking import read_state, read_unchanged
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Change, Plan
from stonegate.model.preflight import Finding
from stonegate.model.tracking import TrackingState
from stonegate.planner.adoption import recorded_keys
from stonegate.planner.diff import differences
from stonegate.planner.drift import find_drift
from stonegate.planner.unmanaged import kept_kinds
from stonegate.source.checksum import same_body


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """What is deployed in one database.

    Attributes:
        server_version: of the server, as a number (180006).
        last: the latest apply of stonegate, None if there was none.
        by_original: the tracking tables have rows, but stonegate never deployed here.
        counts: live objects by kind; migrations by what was recorded ("applied", "baselined").
        drift: what was changed by hand since the last apply.
        unfinished: ids of statements that were to follow the last commit and did not.
        excepted: differences that were left alone at adoption.
        matches: the folder that was asked about is what is deployed; None if no folder was.
    """

    database: str
    server_version: int
    last: DeploymentEntry | None
    by_original: bool
    counts: dict[str, int]
    drift: tuple[Change, ...]
    unfinished: tuple[str, ...]
    excepted: tuple[str, ...]
    matches: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseDiff:
    """The folder against one database.

    Attributes:
        changes: declared and live differ in these.
        drift: the identities of those changes that somebody made by hand since the last apply.
        unmanaged: labels of live objects that nobody declared.
        notes: differences that stay, with the reason.
        pending: names of migrations that were not applied here.
    """

    database: str
    changes: tuple[Change, ...]
    drift: frozenset[str]
    unmanaged: tuple[str, ...]
    notes: tuple[str, ...]
    pending: tuple[str, ...]


async def read_status(conninfo: str, source: LazySource | None = None) -> DatabaseStatus:
    """What is deployed in a database, and whether it still is as it was deployed.

    Raises:
        ConnectionFailed, DatabaseNotFound: it cannot be reached.
    """
    conn = await connect(conninfo)
    try:
        facts = await read_session(conn)
        state = await read_state(conn)
        deployments = await read_deployments(conn, 1) if state.last is not None else ()
        matches = None if source is None else await read_unchanged(conn, source.digest)
        live = await read_catalog(conn)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
    drift = find_drift(live, state, (), facts.role, same_body)
    if source is not None and not matches and state.last is not None:
        matches = state.last.digest == source.digest and not drift.found and not state.unfinished
    return DatabaseStatus(
        database=facts.database,
        server_version=facts.version,
        last=deployments[0] if deployments else None,
        by_original=state.last is None and not state.is_empty,
        counts=_counts(live, state),
        drift=tuple(drift.found.values()),
        unfinished=state.unfinished,
        excepted=state.excepted,
        matches=matches,
    )


def _counts(live: Catalog, state: TrackingState) -> dict[str, int]:
    counts = {
        ObjectKind.EXTENSION.value: len(live.extensions),
        ObjectKind.TYPE.value: len(live.enums) + len(live.composites) + len(live.domains) + len(live.ranges),
        ObjectKind.TABLE.value: len(live.tables),
        ObjectKind.VIEW.value: len(live.views),
        ObjectKind.ROUTINE.value: len(live.routines),
        "applied": sum(not migration.baselined for migration in state.migrations),
        "baselined": sum(migration.baselined for migration in state.migrations),
    }
    return {kind: number for kind, number in counts.items() if number}


async def read_diff(
    conninfo: str, source: LazySource, *, shadow: str | None = None, on_progress: OnProgress | None = None
) -> DatabaseDiff:
    """How the folder and a database differ, migrations aside. A reference database may be built for it.

    Raises:
        SourceError: the folder is wrong.
        ConnectionFailed, DatabaseNotFound: the database cannot be reached.
        ReferenceUnavailable: this role may not build the folder for comparison.
    """
    tree, ordered = source.tree(), source.ordered()
    conn = await connect(conninfo)
    try:
        facts = await read_session(conn)
        state = await read_state(conn)
        live = await read_catalog(conn)
        desired = deployed_before(tree, live, state)
        if desired is None:
            if on_progress is not None:
                on_progress(Progress(database=facts.database, stage=Stage.REFERENCE))
            key = await build_key(conn, tree, facts, facts.role)
            desired = await reference_catalog(conninfo, tree, ordered, key, shadow=shadow, on_progress=on_progress)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
    kept = kept_kinds(tree)
    diff = differences(
        desired,
        live,
        declared=state.last.catalog if state.last is not None else None,
        deployed_names=recorded_keys(state, live),
        kept=frozenset(kept),
        builder=facts.role,
        same_body=same_body,
    )
    drift = find_drift(live, state, kept, facts.role, same_body)
    applied = {migration.name for migration in state.migrations}
    return DatabaseDiff(
        database=facts.database,
        changes=tuple(change for change in diff.changes if not change.restored),
        drift=frozenset(change.identity for change in diff.changes if (change.key, change.aspect) in drift.found),
        unmanaged=tuple(sorted(str(key) for key in diff.unmanaged)),
        notes=diff.notes,
        pending=tuple(migration.name for migration in ordered.migrations if migration.name not in applied),
    )


async def build_reference(server: str, source: LazySource, on_progress: OnProgress | None = None) -> Reference:
    """Build the folder for real, from empty, as a reference database of a server.

    Args:
        server: conninfo of any database of it.

    Raises:
        SourceError: the folder is wrong.
        ReferenceUnavailable: the role may not create databases.
        StonegateError: the folder does not deploy; with file and line.
    """
    tree, ordered = source.tree(), source.ordered()
    conn = await connect_maintenance(server)
    try:
        facts = await read_session(conn)
        key = await build_key(conn, tree, facts, facts.role)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
    return await obtain_reference(server, tree, ordered, key, on_progress=on_progress)


async def plan_with_findings(
    conninfo: str, source: LazySource, options: ApplyOptions, on_progress: OnProgress | None = None
) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan, and the rows that would make it fail (behaviour, §10 "Preflight of the data"). Writes nothing.

    Raises:
        StonegateError: as `deployment.plan_database`; the database has to exist.
    """
    conn = await connect(conninfo)
    try:
        survey = await survey_database(conn, conninfo, source, options, on_progress=on_progress)
        return survey.plan, await read_findings(conn, survey.plan, survey.live)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
