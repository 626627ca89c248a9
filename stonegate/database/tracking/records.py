"""What a deployment writes into the tracking tables, in the caller's transaction or in autocommit (behaviour, §7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from psycopg import AsyncClientCursor, AsyncRawCursor, sql
from psycopg.types.json import Jsonb

from stonegate import __version__
from stonegate.database.connect import Session
from stonegate.database.introspect.catalog import introspection
from stonegate.database.introspect.stamp import stamp_expression
from stonegate.database.server.trust import is_trusting
from stonegate.database.sql import compose, fixed
from stonegate.database.tracking.guard import require_safe
from stonegate.database.tracking.kept_catalogs import checksum_of, compress
from stonegate.database.tracking.rows import RowChanges, change_rows, record_rows, row_changes
from stonegate.database.tracking.tables import DONE
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Plan, Step
from stonegate.model.report import StepReport
from stonegate.model.tracking import BESIDE_OTHERS, RecordKind, TrackingState
from stonegate.source.checksum import CHECKSUM_VERSION

#: Milliseconds since the transaction began, whatever operators somebody made in the session's search_path.
IN_TRANSACTION = "(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - now()) * 1000::numeric)::double precision"
_RECORD_STATEMENTS = {
    RecordKind.MIGRATION: "tracking/record_migrations",
    RecordKind.TYPE: "tracking/record_types",
    RecordKind.TABLE: "tracking/record_tables",
    RecordKind.ROUTINE: "tracking/record_functions",
}
_PLAN_CHECKSUM = ("%(plan_checksum)s", "$2::text")
_NO_DURATIONS: Mapping[str, float] = {}
_OBJECT_KINDS = {
    ObjectKind.TYPE: RecordKind.TYPE,
    ObjectKind.TABLE: RecordKind.TABLE,
    ObjectKind.ROUTINE: RecordKind.ROUTINE,
}


class Entry(Struct, frozen=True):
    """A statement that records something.

    Attributes:
        sql: what equal deployments of several databases have in common.
        values: of its parameters: $1 the rows as JSON, or the catalog; $2 the plan's checksum; $3 milliseconds.
    """

    sql: str
    values: tuple[str | bytes, ...]

    def of(self, plan: Plan, *more: str) -> Entry:
        """The same for a plan with the same steps, for another database."""
        return Entry(self.sql, (self.values[0], plan.checksum, *more))


async def record_plan(
    conn: Session, plan: Plan, *, steps: Sequence[StepReport], durations: Mapping[str, float] = _NO_DURATIONS
) -> None:
    """Carry out `plan_entries`."""
    await _execute(conn, plan_entries(conn, plan, steps=steps, durations=durations))


def plan_entries(
    conn: Session,
    plan: Plan,
    *,
    steps: Sequence[StepReport],
    durations: Mapping[str, float] = _NO_DURATIONS,
    state: TrackingState | None = None,
) -> tuple[Entry, ...]:
    """What brings the tracking rows to what the plan says, and writes a changelog row for each executed step.

    `plan.records` is the complete state of each kind that it has a record of, or drops an object of: other rows of
    these kinds are removed. Kinds that the folder does not manage, and migrations, only ever gain rows.

    Args:
        conn: in the transaction of the apply.
        plan: what was carried out.
        steps: what was executed, in order; skipped and unrehearsed ones get no changelog row, nor do those that only
            looked rows up.
        durations: milliseconds by step id, as far as known.
        state: what the tables certainly hold, written by this version of stonegate; rows that stay are left alone.
    """
    return _entries(conn, plan_facts(plan, steps, durations, state))


def plan_facts(
    plan: Plan,
    steps: Sequence[StepReport],
    durations: Mapping[str, float] = _NO_DURATIONS,
    state: TrackingState | None = None,
) -> list[tuple[str, Mapping[str, object]]]:
    """The statements of `record_plan`, by name, with their values."""
    elapsed = {
        report.step.key.name: durations.get(report.step.id)
        for report in steps
        if report.step.kind is ObjectKind.MIGRATION
    }
    dropped = {_OBJECT_KINDS.get(report.step.kind) for report in steps if report.step.action is Action.DROP}
    found: list[tuple[str, Mapping[str, object]]] = []
    for kind, statement in _RECORD_STATEMENTS.items():
        if kind not in dropped and all(record.kind is not kind for record in plan.records):
            continue
        changes = None if state is None else _row_changes(plan, kind, state)
        if changes is not None and not changes:
            continue
        facts: dict[str, object] = {"checksum_version": CHECKSUM_VERSION, "plan_checksum": plan.checksum}
        only = None
        if changes is not None and kind is RecordKind.ROUTINE:  # of types and tables there are few
            statement = "tracking/follow_functions" if changes.is_same else "tracking/record_changed_functions"
            only = changes.rows
            facts["gone"] = Jsonb([{"name": name, "param_types": types} for name, types in changes.gone])
        facts["rows"] = record_rows(plan, kind, elapsed if kind is RecordKind.MIGRATION else {}, only)
        found.append((statement, facts))
    return [*found, *_change_facts(plan.checksum, steps, durations)]


async def record_changes(conn: Session, plan_checksum: str, steps: Iterable[StepReport]) -> None:
    """One changelog row per executed step, in order; also for the prelude and for post-commit statements."""
    await _execute(conn, change_entries(conn, plan_checksum, steps))


def change_entries(
    conn: Session, plan_checksum: str, steps: Iterable[StepReport], durations: Mapping[str, float] = _NO_DURATIONS
) -> tuple[Entry, ...]:
    """The changelog rows of `plan_entries`, for steps that follow those."""
    return _entries(conn, _change_facts(plan_checksum, steps, durations))


def _change_facts(
    plan_checksum: str, steps: Iterable[StepReport], durations: Mapping[str, float]
) -> list[tuple[str, Mapping[str, object]]]:
    return [
        ("tracking/record_changes", {"rows": change_rows(part, durations), "plan_checksum": plan_checksum})
        for part in _by_rows(steps)
    ]


def _row_changes(plan: Plan, kind: RecordKind, state: TrackingState) -> RowChanges | None:
    """None of migrations, which only ever gain rows."""
    held = {RecordKind.TYPE: state.types, RecordKind.TABLE: state.tables, RecordKind.ROUTINE: state.routines}.get(kind)
    return None if held is None else row_changes(plan, kind, held)


def _entries(conn: Session, statements: Iterable[tuple[str, Mapping[str, object]]]) -> tuple[Entry, ...]:
    cursor = AsyncClientCursor(conn)
    return tuple(
        Entry(
            cursor.mogrify(compose(name).replace("%(rows)s", "$1").replace(*_PLAN_CHECKSUM), facts),
            (str(facts["rows"]), str(facts["plan_checksum"])),
        )
        for name, facts in statements
    )


async def _execute(conn: Session, entries: Iterable[Entry]) -> None:
    if is_trusting(conn):
        await _send(conn, entries)
        return
    async with conn.transaction():
        await require_safe(conn)
        await _send(conn, entries)


async def _send(conn: Session, entries: Iterable[Entry]) -> None:
    async with AsyncRawCursor(conn) as cursor:
        for entry in entries:
            await cursor.execute(entry.sql.encode(conn.info.encoding), entry.values)


def prepare_records(plan: Plan, steps: Iterable[Step]) -> None:
    """Put together what `record_plan` will write of these steps, while PostgreSQL carries them out."""
    for kind in _RECORD_STATEMENTS:
        record_rows(plan, kind, {})
    reports = (StepReport(step=step, state=DONE) for step in steps)
    for part in _by_rows(reports)[:1]:
        change_rows(part, {})


def _by_rows(steps: Iterable[StepReport]) -> list[tuple[StepReport, ...]]:
    """What the changelog tells of, in two parts: how many rows the second one inserted shows only afterwards."""
    told = tuple(report for report in steps if report.state == DONE and _is_told(report))
    seeding = (Action.SEED, Action.VALIDATE)
    cut = next((n for n, report in enumerate(told) if report.step.action in seeding), len(told))
    return [part for part in (told[:cut], told[cut:]) if part]


def _is_told(report: StepReport) -> bool:
    """False for what was only looked at."""
    if report.step.action is Action.VALIDATE:
        return bool(report.rows or report.excused)
    return report.step.action is not Action.SKIP


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
    is_mixed: bool = False,
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
        is_mixed: the first deployment here found something: what of `catalog` nobody can tell.
    """
    facts = deployment_facts(plan, catalog, counts, post_commit or {}) | {
        "duration_ms": duration_ms,
        "live_checksum": None if live is None else checksum_of(live),
        "missing_seeds": sorted(set(missing_seeds)),
    }
    if is_mixed:
        facts["mode"] = BESIDE_OTHERS
    await require_safe(conn)
    row = await (await conn.execute(_deployment_query(stamp), facts)).fetchone()
    assert row is not None, "INSERT … RETURNING without a row"
    return int(row[0])


def deployment_entry(conn: Session, plan: Plan, *, catalog: Catalog, counts: Mapping[str, int], live: Catalog) -> Entry:
    """What `record_deployment` writes, for one that is sent with all of its transaction.

    It returns the id and the stamp that it took. Its third value is yet to be given: the milliseconds from the start of
    the apply to that of the transaction; it adds those since then.
    """
    facts = deployment_facts(plan, catalog, counts, {}) | {"live_checksum": checksum_of(live), "missing_seeds": []}
    query = _deployment_query(None).as_string(conn).replace("%(catalog)s", "$1::bytea").replace(*_PLAN_CHECKSUM)
    query = query.replace("%(duration_ms)s", f"$3::double precision + {IN_TRANSACTION}")
    return Entry(AsyncClientCursor(conn).mogrify(query, facts) + ", stamp", (compress(catalog), plan.checksum))


def _deployment_query(stamp: str | None) -> sql.Composed:
    """The query, in which % is special: what it takes the stamp from has some."""
    taken = sql.SQL(stamp_expression().replace("%", "%%")) if stamp is None else sql.Literal(stamp)
    return fixed("tracking/record_deployment").format(stamp=taken)


def deployment_facts(
    plan: Plan, catalog: Catalog | None, counts: Mapping[str, int], post_commit: Mapping[str, str]
) -> dict[str, object]:
    """The values of a deployment's row that are known before it is carried out."""
    return {
        "digest": plan.source.digest,
        "fingerprint": plan.source.fingerprint,
        "mode": plan.mode.value,
        "tool_version": __version__,
        "plan_checksum": plan.checksum,
        "counts": Jsonb(dict(counts)),
        "catalog": None if catalog is None else compress(catalog),
        "catalog_checksum": None if catalog is None else checksum_of(catalog),
        "introspection": introspection(),
        "excepted": [*plan.excepted, *plan.awaited],
        "outside": [kind.value for kind in plan.outside],
        "post_commit": Jsonb(dict(post_commit)),
    }


async def record_post_commit(conn: Session, deployment: int, step_id: str, state: str) -> None:
    """Note that a statement after the commit has `STARTED`, `FAILED` or is `DONE`.

    Args:
        conn: in autocommit, so that a crash finds the note; or in a transaction with what becomes true with it.
        deployment: what `record_deployment` returned.
        step_id: one of its `post_commit`.
        state: STARTED, FAILED or DONE.
    """
    facts = {"deployment": deployment, "step": step_id, "state": state}
    await _note(conn, fixed("tracking/record_post_commit"), facts)


async def record_settled(conn: Session, deployment: int, plan: Plan, stamp: str) -> None:
    """Note that nothing is left to do of a deployment with statements after the commit.

    Args:
        stamp: the change stamp by which nothing is to do; "" where something is.
    """
    facts = {"deployment": deployment, "stamp": stamp, "excepted": list(plan.excepted)}
    await _note(conn, fixed("tracking/record_settled"), facts)


async def _note(conn: Session, query: sql.SQL, facts: Mapping[str, object]) -> None:
    """One statement, in autocommit or in a transaction."""
    if is_trusting(conn):
        await conn.execute(query, facts)
        return
    async with conn.transaction():
        await require_safe(conn)
        await conn.execute(query, facts)
