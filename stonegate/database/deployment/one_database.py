"""One database from folder to report: what both doors and the fleet call (architecture, walks 1 and 2)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import psycopg
from msgspec.structs import replace

from stonegate.database.connect import Session, connect, using
from stonegate.database.conninfo import database_of
from stonegate.database.deployment.carry_out import carry_out, require_own, settings_of
from stonegate.database.deployment.first_look import parsing_ahead
from stonegate.database.deployment.opening import connect_target, open_target
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.precedents import Place, follow_precedent, place_of
from stonegate.database.deployment.reports import failed_report, unchanged_report
from stonegate.database.deployment.stale import refuse_moved, refuse_other_role, refuse_stale
from stonegate.database.deployment.survey import (
    Survey,
    empty_plan,
    hidden_tables,
    read_live,
    session_warnings,
    survey_database,
    with_warnings,
)
from stonegate.database.deployment.unchanged import find_unchanged, unchanged_plan
from stonegate.database.deployment.visit import Visit
from stonegate.database.executor.head_start import HeadStart
from stonegate.database.failures.explain import explain_failure
from stonegate.database.introspect.stamp import read_stamp
from stonegate.database.preflight.findings import read_findings
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.server.extensions import read_offered, require_extensions
from stonegate.database.server.facts import SessionFacts, lock_and_read_session
from stonegate.database.server.locks import LockKey, acquire_apply_lock, apply_key, run_with_lock_retry
from stonegate.database.tracking.standing import lock_and_look
from stonegate.database.tracking.state import read_state
from stonegate.errors import (
    DatabaseNotFound,
    SourceError,
    StonegateError,
    UsageError,
    VerificationFailed,
)
from stonegate.model.plan import Mode, Phase, Plan
from stonegate.model.preflight import Finding
from stonegate.model.report import ApplyReport, Status
from stonegate.model.tracking import TrackingState
from stonegate.source.lazy import LazySource

#: What is to be done on a target.
Work: TypeAlias = Callable[[Visit], Awaitable[ApplyReport]]
OnState: TypeAlias = Callable[[TrackingState], None]


async def plan_database(
    conninfo: str,
    source: LazySource,
    options: ApplyOptions | None = None,
    on_progress: OnProgress | None = None,
    on_state: OnState | None = None,
) -> Plan:
    """What an apply would do; `on_state` hears what is recorded there. Nothing is written to the target or locked.

    Raises:
        SourceError, UsageError, ConnectionFailed, ExtensionNotAvailable, ReferenceUnavailable: see there.
        StonegateError: the folder does not deploy in the reference database.
    """
    options = options or ApplyOptions()
    try:
        conn = await connect_target(conninfo, source, options)
    except DatabaseNotFound as missing:
        if not options.create_database:
            raise
        return await _plan_missing(conninfo, source, options, missing.database or database_of(conninfo) or "")
    async with using(conn):
        fingerprint = await find_unchanged(conn, source, options)
        if fingerprint is not None:
            return unchanged_plan(source, conn.info.dbname, fingerprint)
        survey = await survey_database(conn, conninfo, source, options, on_progress=on_progress)
    if on_state is not None:
        on_state(survey.state)
    return with_warnings(survey.plan, *survey.warnings)


async def _plan_missing(conninfo: str, source: LazySource, options: ApplyOptions, database: str) -> Plan:
    plan = empty_plan(source, options, database)
    declared = source.tree().extensions
    if declared:
        async with using(await connect_maintenance(conninfo)) as maintenance:
            require_extensions(declared, await read_offered(maintenance, with_versions=True))
    return with_warnings(plan, f"the database {database} does not exist: `stonegate apply` creates it")


async def plan_with_findings(
    conninfo: str,
    source: LazySource,
    options: ApplyOptions,
    on_progress: OnProgress | None = None,
    on_state: OnState | None = None,
) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan, and the rows that would make it fail (behaviour, §10 "Preflight of the data"). Writes nothing.

    Raises:
        StonegateError: as `plan_database`; the database has to exist.
    """
    async with using(await connect(conninfo, lock_timeout_s=options.lock_timeout_s)) as conn:
        survey = await survey_database(conn, conninfo, source, options, on_progress=on_progress)
        if on_state is not None:
            on_state(survey.state)
        plan = with_warnings(survey.plan, *survey.warnings)
        return plan, await read_findings(conn, survey.plan, survey.live)


async def apply_database(
    conninfo: str,
    source: LazySource,
    options: ApplyOptions | None = None,
    on_progress: OnProgress | None = None,
    *,
    seems_changed: bool = False,
) -> ApplyReport:
    """Bring one database to what the folder declares, or leave it as it is.

    A failure is a value: `ApplyReport.error`. When the caller is cancelled or interrupted, the transaction is rolled
    back first.

    Args:
        seems_changed: another folder was probably deployed last: whether it was this one is seen with all the rest,
            not looked up first, unless somebody else is at work there.

    Raises:
        SourceError: the folder is wrong.
        UsageError: the conninfo cannot be read.
    """
    work = partial(_deploy, source=source, seems_changed=seems_changed)
    return await _on_target(conninfo, options or ApplyOptions(), work, on_progress, source)


async def _deploy(visit: Visit, *, source: LazySource, seems_changed: bool) -> ApplyReport:
    """The least that is needed: a look, or what others of the fleet did, or all of it."""
    conn = visit.conn
    locked, standing = await lock_and_look(conn, apply_key(conn.info.dbname)) if seems_changed else (False, None)
    if not locked:
        if not visit.created and (report := await _look(visit, source)):
            return report
        async with parsing_ahead(source):
            waited, facts = await _lock(visit, source)
            if waited and (report := await _look(visit, source)):
                return report
            return await _deploy_changed(visit, source, facts=facts)
    if standing is None:
        return await _deploy_changed(visit, source)
    if standing.digest == source.digest and (report := await _look(visit, source)):
        return report
    require_own(visit, standing.comment)
    place = place_of(visit, source, standing)
    return await follow_precedent(visit, place, standing) or await _deploy_changed(visit, source, place=place)


async def _deploy_changed(
    visit: Visit, source: LazySource, *, facts: SessionFacts | None = None, place: Place | None = None
) -> ApplyReport:
    """All of it, under the lock."""
    presume = not (visit.options.dry_run or visit.options.skip_verification)
    survey, report = await _attempt(visit, source, facts, place, presume=presume)
    if await _may_be_unseen(visit.conn, survey, report):
        _, report = await _attempt(visit, source, facts, place, presume=False)
    return report


async def _look(visit: Visit, source: LazySource) -> ApplyReport | None:
    """The report of a database that is as this folder left it."""
    fingerprint = await find_unchanged(visit.conn, source, visit.options)
    if fingerprint is None:
        return None
    return unchanged_report(visit.database, visit.started, unchanged_plan(source, visit.database, fingerprint))


async def _attempt(
    visit: Visit, source: LazySource, facts: SessionFacts | None, place: Place | None, *, presume: bool
) -> tuple[Survey, ApplyReport]:
    """Survey and carry out; in an empty database the second begins before the first is done."""
    async with HeadStart(visit.conn, settings_of(visit)) as head:
        read = partial(
            survey_database,
            visit.conn,
            visit.conninfo,
            source,
            visit.options,
            database=visit.database,
            facts=facts,
            head=head,
            presume=presume,
            on_progress=visit.on_progress,
        )
        survey = await run_with_lock_retry(read)
        return survey, await carry_out(visit, survey, head, place)


async def _may_be_unseen(conn: Session, survey: Survey, report: ApplyReport) -> bool:
    """True if an apply may have failed for what moved unseen: with that the plan, or its refusal, is another one.

    A verification always may: what an event trigger does beside routines is gone with the transaction. All other
    failures, such as a lock that was waited for in vain, are told as they are if nothing has moved.
    """
    if not survey.is_presumed or report.error is None or conn.closed:
        return False
    return report.error.code == VerificationFailed.code or await read_stamp(conn) != survey.stamp


async def apply_plan(
    conninfo: str, plan: Plan, options: ApplyOptions | None = None, on_progress: OnProgress | None = None
) -> ApplyReport:
    """Carry out a saved plan, unless the database moved since it was made. Failures are values, as in `apply_database`.

    Raises:
        UsageError: the plan is for a database of another name, or the conninfo cannot be read.
    """
    options = options or ApplyOptions()
    if plan.mode is not Mode.FRESH:  # for a database that was there: a new one of its name would only be a riddle
        options = replace(options, create_database=False)
    wanted = database_of(conninfo)
    if plan.target is not None and wanted is not None and plan.target.database != wanted:
        raise UsageError(
            f"the plan was made for the database {plan.target.database}, not for {wanted}",
            hint="stonegate plan again, for this database",
        )

    return await _on_target(conninfo, options, partial(_deploy_plan, plan=plan), on_progress)


async def _deploy_plan(visit: Visit, *, plan: Plan) -> ApplyReport:
    conn, database, options = visit.conn, visit.database, visit.options
    if plan.mode is Mode.UNCHANGED:
        await refuse_moved(conn, plan, database)
        return unchanged_report(database, visit.started, plan)
    _, facts = await _lock(visit)
    live, state = await read_live(conn, everything=plan.mode is Mode.BASELINE), await read_state(conn)
    refuse_stale(plan, live, state, database)
    refuse_other_role(plan, live, facts.role, database)
    untrusted: frozenset[str] = frozenset()
    if options.admin is not None and any(step.phase is Phase.EXTENSIONS for step in plan.steps):
        offered = await read_offered(conn, with_versions=True)
        untrusted = frozenset(name for name, offer in offered.items() if offer.untrusted)
    hidden = await hidden_tables(conn, plan, facts, live)
    survey = Survey(
        plan=plan,
        facts=facts,
        live=live,
        state=state,
        untrusted=untrusted,
        hidden=hidden,
        warnings=session_warnings(conn, plan, facts, live, hidden),
    )
    return await carry_out(visit, survey)


# --- on the way there -----------------------------------------------------------------------------------------------


async def _on_target(
    conninfo: str,
    options: ApplyOptions,
    work: Work,
    on_progress: OnProgress | None,
    source: LazySource | None = None,
) -> ApplyReport:
    """Connect, let `work` happen, and turn its failure into a report."""
    started = time.monotonic()
    database = database_of(conninfo) or ""
    try:
        async with open_target(conninfo, database, options, on_progress, source) as (conn, created):
            visit = Visit(
                conn=conn,
                conninfo=conninfo,
                database=database or conn.info.dbname,
                created=created,
                options=options,
                started=started,
                on_progress=on_progress,
            )
            try:
                report = await work(visit)
            except psycopg.Error as error:
                raise explain_failure(error, database=database) from error
            if created and report.status in (Status.FAILED, Status.BLOCKED) and not report.steps:
                raise _FirstDeployFailed(report)
            return report
    except _FirstDeployFailed as failed:
        return failed.report
    except (SourceError, UsageError):
        raise
    except StonegateError as error:
        return failed_report(error, database, started)
    except psycopg.Error as error:
        return failed_report(explain_failure(error, database=database), database, started)


class _FirstDeployFailed(Exception):
    """Takes the report past the code that drops the database again."""

    def __init__(self, report: ApplyReport) -> None:
        super().__init__()
        self.report = report


async def _lock(visit: Visit, source: LazySource | None = None) -> tuple[bool, SessionFacts]:
    """Take the apply lock; a folder that cannot be read is told before that nobody gets it.

    Returns:
        Whether another apply had to be waited for, and the facts of the session since it has the lock.
    """
    waited = False
    facts: SessionFacts | None = None

    async def attempt(conn: Session, key: LockKey) -> bool:
        nonlocal facts
        locked, facts = await lock_and_read_session(conn, key)
        return locked

    def on_wait(_: object) -> None:
        nonlocal waited
        waited = True
        if visit.on_progress is not None:
            visit.on_progress(Progress(database=visit.database, stage=Stage.LOCK))

    try:
        wait = visit.options.wait_for_lock_s
        await acquire_apply_lock(visit.conn, timeout_s=wait, on_wait=on_wait, attempt=attempt)
    except StonegateError:
        if source is not None:
            await source.read()
        raise
    assert facts is not None, "a lock without an attempt"
    return waited, facts
