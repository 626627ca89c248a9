"""The tracking tables of one database: made, read and written in the original's form, with our columns beside its own.

Everything here works inside the caller's transaction, or in autocommit, and commits nothing (behaviour, §7).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg import AsyncCursor, sql
from psycopg.types.json import Jsonb

from stonegate import __version__
from stonegate.database.connect import Session, answers_yes
from stonegate.database.failures import message_of
from stonegate.database.introspect.catalog import introspection
from stonegate.database.introspect.stamp import presumed_stamp_expression, read_stamp, stamp_expression
from stonegate.database.sql import fixed, load
from stonegate.database.tracking.kept_catalogs import checksum_of, compress, known_checksums, restore
from stonegate.database.tracking.rows import change_rows, is_recorded, record_rows
from stonegate.errors import MigrationFailed
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Plan, Step
from stonegate.model.report import StepReport
from stonegate.model.tracking import AppliedMigration, DeployedObject, Deployment, RecordKind, TrackingState
from stonegate.source.checksum import CHECKSUM_VERSION

ANNOUNCED = "announced"
STARTED = "started"
FAILED = "failed"
DONE = "done"

_RECORD_STATEMENTS = {
    RecordKind.MIGRATION: "tracking/record_migrations",
    RecordKind.TYPE: "tracking/record_types",
    RecordKind.TABLE: "tracking/record_tables",
    RecordKind.ROUTINE: "tracking/record_functions",
}
_OBJECT_KINDS = {
    ObjectKind.TYPE: RecordKind.TYPE,
    ObjectKind.TABLE: RecordKind.TABLE,
    ObjectKind.ROUTINE: RecordKind.ROUTINE,
}


class Recorded(Struct, frozen=True, kw_only=True):
    """What the tracking tables say, and whether that still holds.

    Attributes:
        is_unmoved: the change stamp is what the last deployment recorded.
        is_presumed: so it is if nothing but routines can have moved, which is yet to be proven.
    """

    state: TrackingState
    is_unmoved: bool
    is_presumed: bool = False

    @property
    def is_current(self) -> bool:
        """True if the tracking tables are certainly as this stonegate makes them."""
        return self.is_unmoved and self.state.last is not None and self.state.last.tool_version == __version__


async def ensure_tracking(conn: Session) -> bool:
    """Create the tracking tables, or the columns that the original's lack; True if anything was missing.

    One round trip when all is there.

    Raises:
        MigrationFailed: the role may not create or alter them; the hint says what it lacks.
    """
    if await answers_yes(conn, load("tracking/check")):
        return False
    try:
        await conn.execute(fixed("tracking/create"))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
        hint = "deploy as the owner of the database and of its tables _stonescriptdb_gateway_*, or "
        hint += "GRANT CREATE ON SCHEMA public TO the role"
        if isinstance(error, psycopg.errors.InvalidSchemaName):
            hint = "CREATE SCHEMA public: the records stand there, whatever schemas the folder declares"
        raise MigrationFailed(
            "the tracking tables cannot be created in schema public",
            cause=message_of(error),
            hint=hint,
            sqlstate=error.sqlstate,
            database=conn.info.dbname,
        ) from error
    return True


async def read_state(conn: Session, *, with_catalog: bool = True) -> TrackingState:
    """All that the tracking tables hold, in one round trip; missing tables and missing columns of ours are no error.

    Args:
        conn: in any state but an aborted transaction.
        with_catalog: read the deployed catalog too (tens of kilobytes).
    """
    return (await _read_recorded(conn, with_catalog=with_catalog)).state


async def read_recorded(conn: Session, *, is_deployed: bool = False, presume: bool = False) -> Recorded:
    """The same, and whether anything moved since, in one round trip.

    Args:
        conn: in autocommit, outside a transaction.
        is_deployed: stonegate has deployed here; then the tables are nearly always as this version makes them.
        presume: look at the routines alone, and at all the rest only where these moved.
    """
    if is_deployed:
        with contextlib.suppress(psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            if presume:
                recorded = await _read_recorded(conn, "tracking/read_current", stamp=presumed_stamp_expression())
                if recorded.is_unmoved:
                    return replace(recorded, is_presumed=True)
            return await _read_recorded(conn, "tracking/read_current", stamp=stamp_expression())
    return await _read_recorded(conn, stamp=stamp_expression())


async def prove(conn: Session, recorded: Recorded) -> Recorded:
    """What was presumed of the change stamp, or else, once all of it was read."""
    last = recorded.state.last
    if not recorded.is_presumed or last is None:
        return recorded
    return Recorded(state=recorded.state, is_unmoved=await read_stamp(conn) == last.stamp)


async def _read_recorded(
    conn: Session, script: str = "tracking/read_state", *, with_catalog: bool = True, stamp: str | None = None
) -> Recorded:
    query = fixed(script).format(
        with_catalog=sql.Literal(with_catalog),
        known=sql.Literal(known_checksums() if with_catalog else []),
        with_stamp=sql.Literal(stamp is not None),
        stamp=sql.SQL(stamp or "''"),
    )
    row = (await fetch_from_block(conn, query))[0]
    exists, migrations, types, tables, routines, latest, fingerprints, catalog, is_unmoved = row
    latest = latest or {}
    late: dict[str, str] = latest.get("post_commit") or {}
    state = TrackingState(
        exists=exists,
        migrations=tuple(_as_migration(each) for each in migrations or ()),
        types=tuple(_as_object(each, "type_name") for each in types or ()),
        tables=tuple(_as_object(each, "table_name") for each in tables or ()),
        routines=tuple(_as_object(each, "function_name") for each in routines or ()),
        last=_as_deployment(latest, catalog, with_catalog=with_catalog) if latest else None,
        missing_seeds=frozenset(latest.get("missing_seeds") or ()),
        excepted=tuple(latest.get("excepted") or ()),
        unfinished=tuple(sorted(step for step, state in late.items() if state != DONE)),
        finished=tuple(sorted(step for step, state in late.items() if state == DONE)),
        interrupted=tuple(sorted(step for step, state in late.items() if state == STARTED)),
        fingerprints=tuple(fingerprints or ()),
    )
    return Recorded(state=state, is_unmoved=is_unmoved)


async def read_unchanged(conn: Session, digest: str | None = None) -> tuple[str, str] | None:
    """Digest and fingerprint of the folder that was deployed last, if the database is as that deployment left it.

    One round trip: no post-commit statement is unfinished, and the change stamp has not moved.

    Args:
        digest: only of the folder with this one; the stamp of others is not even looked at.
    """
    row = await (await conn.execute(_unchanged_query(digest))).fetchone()
    return None if row is None else (row[0], row[1])


@lru_cache(maxsize=64)
def _unchanged_query(digest: str | None) -> bytes:
    stamp: sql.Composable = _stamp()
    if digest is not None:
        stamp = fixed("tracking/late_stamp").format(digest=sql.Literal(digest), stamp=stamp)
    return fixed("tracking/read_unchanged").format(digest=sql.Literal(digest), stamp=stamp).as_bytes()


async def record_plan(
    conn: Session,
    plan: Plan,
    *,
    steps: Sequence[StepReport],
    durations: Mapping[str, float] | None = None,
    state: TrackingState | None = None,
) -> None:
    """Bring the tracking rows to what the plan says, and write a changelog row for each executed step.

    `plan.records` is the complete state of each kind that it has a record of, or drops an object of: other rows of
    these kinds are removed. Kinds that the folder does not manage, and migrations, only ever gain rows.

    Args:
        conn: in the transaction of the apply.
        plan: what was carried out.
        steps: what was executed, in order; skipped, validated and unrehearsed ones get no changelog row.
        durations: milliseconds by step id, as far as known.
        state: what the tables certainly hold, written by this version of stonegate; kinds that stay are left alone.
    """
    durations = durations or {}
    elapsed = {
        report.step.key.name: durations.get(report.step.id)
        for report in steps
        if report.step.kind is ObjectKind.MIGRATION
    }
    dropped = {_OBJECT_KINDS.get(report.step.kind) for report in steps if report.step.action is Action.DROP}
    for kind, statement in _RECORD_STATEMENTS.items():
        if kind not in dropped and all(record.kind is not kind for record in plan.records):
            continue
        if state is not None and is_recorded(plan, kind, state):
            continue
        facts = {
            "rows": record_rows(plan, kind, elapsed if kind is RecordKind.MIGRATION else {}),
            "checksum_version": CHECKSUM_VERSION,
            "plan_checksum": plan.checksum,
        }
        await conn.execute(fixed(statement), facts)
    await record_changes(conn, plan.checksum, steps, durations=durations)


async def record_changes(
    conn: Session,
    plan_checksum: str,
    steps: Iterable[StepReport],
    *,
    durations: Mapping[str, float] | None = None,
) -> None:
    """One changelog row per executed step, in order; also for the prelude and for post-commit statements."""
    durations = durations or {}
    for part in _by_rows(steps):
        facts = {"rows": change_rows(part, durations), "plan_checksum": plan_checksum}
        await conn.execute(fixed("tracking/record_changes"), facts)


def prepare_records(plan: Plan, steps: Iterable[Step]) -> None:
    """Put together what `record_plan` will write of these steps, while PostgreSQL carries them out."""
    for kind in _RECORD_STATEMENTS:
        record_rows(plan, kind, {})
    reports = (StepReport(step=step, state=DONE) for step in steps)
    for part in _by_rows(reports)[:1]:
        change_rows(part, {})


def _by_rows(steps: Iterable[StepReport]) -> list[tuple[StepReport, ...]]:
    """What the changelog tells of, in two parts: how many rows the second one inserted shows only afterwards."""
    told = tuple(
        report for report in steps if report.state == DONE and report.step.action not in (Action.SKIP, Action.VALIDATE)
    )
    cut = next((n for n, report in enumerate(told) if report.step.action is Action.SEED), len(told))
    return [part for part in (told[:cut], told[cut:]) if part]


async def record_deployment(
    conn: Session,
    plan: Plan,
    *,
    catalog: Catalog | None,
    counts: Mapping[str, int],
    duration_ms: float,
    missing_seeds: Iterable[str] = (),
    post_commit: Mapping[str, str] | None = None,
    live: Catalog | None = None,
    stamp: str | None = None,
) -> int:
    """Write the row of this apply and return its id. The last write of the transaction.

    Args:
        conn: in the transaction of the apply, after every other statement of it.
        plan: what was carried out.
        catalog: the declared state, the third side of the next diff.
        counts: executed steps by action.
        duration_ms: from the start of the apply until now.
        missing_seeds: labels (`MissingSeed.label`) of all declared rows whose absence is accepted, now or earlier.
        post_commit: states of the statements that follow after the commit, by id.
        live: the catalog as it was verified; None where it is not known, or changes after the commit.
        stamp: the change stamp of before `live` was read; None to take it now.
    """
    taken = _stamp(escape=True) if stamp is None else sql.Literal(stamp)
    query = fixed("tracking/record_deployment").format(stamp=taken)
    facts = {
        "digest": plan.source.digest,
        "fingerprint": plan.source.fingerprint,
        "mode": plan.mode.value,
        "tool_version": __version__,
        "plan_checksum": plan.checksum,
        "counts": Jsonb(dict(counts)),
        "duration_ms": duration_ms,
        "catalog": None if catalog is None else compress(catalog),
        "catalog_checksum": None if catalog is None else checksum_of(catalog),
        "live_checksum": None if live is None else checksum_of(live),
        "introspection": introspection(),
        "missing_seeds": sorted(set(missing_seeds)),
        "excepted": [*plan.excepted, *plan.awaited],
        "outside": [kind.value for kind in plan.outside],
        "post_commit": Jsonb(dict(post_commit or {})),
    }
    row = await (await conn.execute(query, facts)).fetchone()
    assert row is not None, "INSERT … RETURNING without a row"
    return int(row[0])


async def record_post_commit(conn: Session, deployment: int, step_id: str, state: str) -> None:
    """Note that a statement after the commit has `STARTED`, `FAILED` or is `DONE`.

    Args:
        conn: in autocommit, so that a crash finds the note; or in a transaction with what becomes true with it.
        deployment: what `record_deployment` returned.
        step_id: one of its `post_commit`.
        state: STARTED, FAILED or DONE.
    """
    facts = {"deployment": deployment, "step": step_id, "state": state}
    await conn.execute(fixed("tracking/record_post_commit"), facts)


async def record_settled(conn: Session, deployment: int, plan: Plan, stamp: str) -> None:
    """Note that nothing is left to do of a deployment with statements after the commit.

    Args:
        stamp: the change stamp by which nothing is to do; "" where something is.
    """
    facts = {"deployment": deployment, "stamp": stamp, "excepted": list(plan.excepted)}
    await conn.execute(fixed("tracking/record_settled"), facts)


def _stamp(*, escape: bool = False) -> sql.SQL:
    """The expression of the change stamp; `escape` for statements with parameters, where % is special."""
    text = stamp_expression()
    return sql.SQL(text.replace("%", "%%") if escape else text)


async def fetch_from_block(conn: Session, query: sql.Composed) -> list[tuple[Any, ...]]:
    """The rows of the one statement of a script that returns any."""
    cursor: AsyncCursor[Any] = await conn.execute(query)
    while cursor.description is None and cursor.nextset():
        pass
    return await cursor.fetchall()


def _as_migration(row: Mapping[str, Any]) -> AppliedMigration:
    return AppliedMigration(
        name=row["migration_file"],
        raw_checksum=row["checksum"],
        checksum=row.get("stonegate_checksum"),
        baselined=bool(row.get("baselined")),
    )


def _as_object(row: Mapping[str, Any], name: str) -> DeployedObject:
    return DeployedObject(
        name=row[name],
        param_types=tuple(row.get("param_types") or ()),
        identity=row.get("identity"),
        checksum=row.get("stonegate_checksum"),
        original_checksum=row["body_checksum"] if "body_checksum" in row else row["checksum"],
        file=row.get("source_file") or "",
    )


def _as_deployment(row: Mapping[str, Any], catalog: bytes | None, *, with_catalog: bool) -> Deployment:
    return Deployment(
        id=row["id"],
        digest=row["digest"],
        fingerprint=row["fingerprint"],
        stamp=row["stamp"],
        catalog=restore(row.get("catalog_checksum"), catalog) if with_catalog else None,
        live_checksum=row.get("live_checksum"),
        is_comparable=row.get("introspection") == introspection(),
        tool_version=row.get("tool_version"),
        executed_by=row.get("executed_by") or "",
        outside=tuple(map(ObjectKind, row.get("outside") or ())),
    )
