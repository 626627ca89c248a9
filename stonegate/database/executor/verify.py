"""The last look before the commit: the catalog and the declared rows, read again and compared with the folder."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.executor.declared_rows import declared_order
from stonegate.database.executor.job import Execution, Job
from stonegate.database.introspect.afterwards import read_afterwards
from stonegate.database.introspect.catalog import OnRead, Reading, read_stamped
from stonegate.database.seeds.lookup import find_missing
from stonegate.database.tracking.records import record_settled
from stonegate.errors import MOST_DETAILS, VerificationFailed
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind, QualifiedName, schema_key
from stonegate.model.plan import Action, Change, Mode, Plan
from stonegate.planner.remaining import unmet_changes

#: Catalogs that were found to be as declared: the value is True.
_VERIFIED: Cache[bool] = Cache(8)


async def verify_catalog(conn: Session, job: Job, *, meanwhile: OnRead | None = None) -> Reading:
    """The live catalog and its change stamp, once it is as declared.

    Args:
        meanwhile: of a catalog that is read in full, as `read_stamped`.

    Raises:
        VerificationFailed: something is not; every difference is a detail.
    """
    reading = await _read_again(conn, job, meanwhile)
    live = reading.catalog
    if _is_verified(job, live):
        return reading
    unmet = unmet_changes(job.plan, live, job.state)
    if unmet:
        message = "after all steps the database is not as the folder declares; everything was rolled back"
        hint = "a trigger, an event trigger or a migration changes what it should not"
        if job.plan.mode is Mode.BASELINE:
            message = "the database is not as the folder declares; nothing was recorded"
            hint = "take it over with a folder that declares what is there, and apply the new one after that"
        raise VerificationFailed(
            message,
            details=_sentences(unmet),
            hint=f"{hint}; or take it as it is: --skip-verification",
            database=job.database or None,
        )
    _note_verified(job, live)
    return reading


async def verify_late(conn: Session, job: Job, execution: Execution) -> None:
    """Once all statements that follow the commit are done: nothing is left of what they had to do, nor else.

    What they did stays. The database counts as unchanged from here on only if this succeeds.

    Raises:
        VerificationFailed: something is not as declared; every difference is a detail.
    """
    if execution.deployment is None:
        return
    reading = await read_stamped(conn)
    unmet = (
        ()
        if job.options.skip_verification
        else unmet_changes(replace(job.plan, awaited=()), reading.catalog, job.state)
    )
    await record_settled(conn, execution.deployment, job.plan, "" if unmet else reading.stamp)
    if unmet:
        raise VerificationFailed(
            "after the statements that followed the commit the database is not as the folder declares",
            details=_sentences(unmet),
            hint="what they did stays: `stonegate plan` shows how to go on from there; or correct the declaration",
            database=job.database or None,
        )


async def _read_again(conn: Session, job: Job, meanwhile: OnRead | None) -> Reading:
    if job.known is not None and job.stamp is not None and job.plan.desired is not None:
        before = Reading(stamp=job.stamp, catalog=job.known)
        return await read_afterwards(conn, before, job.plan.desired, is_presumed=job.is_presumed)
    return await read_stamped(conn, meanwhile=meanwhile)


def _verification(job: Job, live: Catalog) -> tuple[Hashable, tuple[object, ...]]:
    """All that a verification depends on."""
    desired, declared = job.plan.desired, job.state.declared
    facts = (job.plan.kept, job.plan.builder, job.plan.excepted, job.plan.awaited, job.state.essence)
    return (id(live), id(desired), id(declared), *facts), (live, desired, declared)


def _is_verified(job: Job, live: Catalog) -> bool:
    """True if a catalog of the same content was just found to be as the same folder declares, in another database."""
    key, _ = _verification(job, live)
    return _VERIFIED.knows(key)


def _note_verified(job: Job, live: Catalog) -> None:
    if job.plan.desired is not None:
        key, alive = _verification(job, live)
        _VERIFIED.get(key, lambda: True, *alive)


async def verify_seeds(conn: Session, job: Job, execution: Execution) -> None:
    """Every inserted row is there. Only triggers and rules can swallow or change rows that PostgreSQL counted.

    Raises:
        VerificationFailed: one is not.
    """
    inserted = {report.table for report in execution.seeds if report.inserted}
    counted = {report.table for report in execution.seeds if report.found + report.inserted == report.expected}
    after = execution.catalog or Catalog()
    ruled = any(thing.kind == "rule" for thing in after.others)
    seeders = tuple(
        seeder
        for report in execution.steps
        for seeder in report.step.seeders
        if report.step.action is Action.SEED or str(seeder.table) in inserted
        if ruled
        or not seeder.rows  # nobody knows how many rows a query should have inserted
        or str(seeder.table) not in counted
        or _has_triggers(after, seeder.table)
    )
    if not seeders:
        return
    missing = await find_missing(conn, seeders, declared=declared_order(job.plan))
    if missing:
        first = missing[0]
        raise VerificationFailed(
            f"{len(missing)} seed rows are not there after they were inserted; everything was rolled back",
            file=first.file,
            line=first.line,
            details=tuple(row.label for row in missing[:MOST_DETAILS]),
            hint="does a trigger or rule of the table drop or change them? or --skip-verification",
            database=job.database or None,
        )


def _has_triggers(catalog: Catalog, name: QualifiedName) -> bool:
    table = catalog.table(name.key(ObjectKind.TABLE))
    return table is None or bool(table.triggers) or table.kind != "table"


def deployed_catalog(plan: Plan, before: Catalog, after: Catalog) -> Catalog:
    """What this deployment declared, the third side of the next diff.

    A fresh build is its own measure: what it found there already belongs to somebody else, and must never look like
    something that the folder once declared and now dropped.
    """
    if plan.desired is not None:
        return plan.desired
    declared = {step.key for step in plan.steps} | {step.key.owner for step in plan.steps}
    foreign = before.objects.keys() - declared - {schema_key("public"), *(each.key for each in before.extensions)}
    return after.mapped(lambda thing: None if thing.key in foreign else thing) if foreign else after


def _sentences(unmet: Sequence[Change]) -> tuple[str, ...]:
    more = (f"… and {len(unmet) - MOST_DETAILS} more",) if len(unmet) > MOST_DETAILS else ()
    return (*map(_sentence, unmet[:MOST_DETAILS]), *more)


def _sentence(change: Change) -> str:
    text = change.reason or change.identity
    if change.before is None and change.after is None:
        return text
    return f"{text} (live: {change.before or 'nothing'}; declared: {change.after or 'nothing'})"
