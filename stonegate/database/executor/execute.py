"""Carries out one plan on one database: prelude, one transaction, and what must follow the commit (behaviour, §6)."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from msgspec.structs import replace
from psycopg.pq import TransactionStatus

from stonegate.database.connect import Session
from stonegate.database.executor.batch import Sent, StatementFailed, send_alone, statements_of
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.executor.post_commit import run_post_commit
from stonegate.database.executor.session import roll_back
from stonegate.database.executor.transaction import run_transaction
from stonegate.database.executor.verify import verify_late
from stonegate.database.failures.explain import explain_failure, hidden_hint
from stonegate.database.progress import Stage
from stonegate.database.server.locks import read_blockers, run_with_lock_retry
from stonegate.database.tracking.records import record_changes
from stonegate.database.tracking.tables import ensure_tracking
from stonegate.errors import ConnectionFailed, LockTimeout, MigrationFailed, StonegateError
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Step
from stonegate.model.report import StepReport


async def execute_plan(conn: Session, job: Job, *, admin: Session | None = None) -> Execution:
    """Carry out the plan of a job. Blocked plans and locks are the caller's business.

    The transaction is tried again when another session was in its way (lock_timeout, deadlock), three times.

    Args:
        conn: in autocommit, outside a transaction or in that of a `HeadStart`; it may be unusable if this fails.
        job: the plan, and what it was made for.
        admin: a superuser's connection to the same database, for `job.by_admin`.

    Raises:
        MigrationFailed: a statement failed; with file and line, PostgreSQL's words and a hint.
        LockTimeout, ConnectionFailed, MissingSeed, PlanChanged, MigrationBlocked, VerificationFailed: nothing changed.

    Returns:
        What happened; `late_error` if a statement after the commit failed.
    """
    early: list[StepReport] = []
    if job.prelude and not job.options.dry_run:
        if job.head is not None:  # which did not know of a prelude
            await job.head.abandon()
        if conn.info.transaction_status != TransactionStatus.IDLE:
            await roll_back(conn)
        early = await _run_prelude(conn, job, admin)
    watch = _Watch(conn, job)
    try:
        execution = await run_with_lock_retry(watch.attempt)
    except LockTimeout as timeout:
        raise await watch.explain_lock(timeout) from timeout.__cause__
    except psycopg.Error as error:
        raise watch.explain(error) from error
    execution.steps[:0] = early
    if job.late and not job.options.dry_run:
        try:
            await run_post_commit(conn, job, execution)
            await verify_late(conn, job, execution)
        except psycopg.Error as error:
            execution.late_error = explain_failure(error, database=job.database, is_committed=True)
        except StonegateError as error:
            execution.late_error = error
    return execution


class _Watch:
    """Remembers which statement failed last, over the attempts."""

    def __init__(self, conn: Session, job: Job) -> None:
        self.conn = conn
        self.job = job
        self.sent: Sent | None = None

    async def attempt(self) -> Execution:
        """One attempt; it fails with PostgreSQL's own error, as the retry wants to see it."""
        self.sent = None
        try:
            return await run_transaction(self.conn, self.job)
        except StatementFailed as failure:
            self.sent = failure.sent
            raise failure.error from None
        except MigrationFailed as failure:  # of a declared row
            failure.details = (*failure.details, *_undone(self.job, _committed(self.job)))
            raise
        except LockTimeout as timeout:
            if isinstance(timeout.__cause__, psycopg.Error):
                raise timeout.__cause__ from None
            raise

    def explain(self, error: psycopg.Error) -> StonegateError:
        """The failure of the statement that was sent last."""
        server = 0 if self.conn.closed else self.conn.info.server_version
        return explain_statement(self.job, self.sent, error, server=server)

    async def explain_lock(self, timeout: LockTimeout) -> StonegateError:
        """Which statement waited in vain, and who was in its way as far as can still be seen."""
        cause = timeout.__cause__
        error = self.explain(cause) if isinstance(cause, psycopg.Error) else timeout
        text = self.sent.sql if self.sent is not None else ""
        try:
            blockers = await read_blockers(self.conn, text)
        except psycopg.Error:
            blockers = ()
        kept = "" if self.sent is None or self.sent.step is None else ": another session kept a lock that it needs"
        first = f"statement: {text.strip().splitlines()[0][:200]}" if text.strip() else timeout.message
        return LockTimeout(
            f"{error.message}{kept}, at all attempts",
            file=error.file,
            line=error.line,
            cause=error.cause,
            hint=error.hint,
            sqlstate=error.sqlstate,
            database=self.job.database or None,
            details=(first, *blockers, *_undone(self.job, _committed(self.job))),
        )


def explain_statement(job: Job, sent: Sent | None, error: psycopg.Error, *, server: int = 0) -> StonegateError:
    """Why a transaction failed.

    Args:
        sent: the statement; None for one of our own.
        server: server_version_num; 0 if it is not known.
    """
    step, statement = (sent.step, sent.statement) if sent is not None else (None, None)
    failure = explain_failure(error, step=step, statement=statement, database=job.database, server=server)
    referenced = _referenced(job, error)
    if referenced in job.hidden:  # rows are checked one by one as the table's owner, all together as others
        failure.hint = hidden_hint(referenced)
    if not isinstance(failure, ConnectionFailed):  # whose message says it
        failure.details = (*failure.details, *_undone(job, _committed(job)))
    return failure


def _referenced(job: Job, error: psycopg.Error) -> QualifiedName | None:
    """The table that a violated foreign key points to."""
    desired, says = job.plan.desired, error.diag
    if error.sqlstate != "23503" or desired is None:
        return None
    table = ObjectKey(ObjectKind.TABLE, says.schema_name or "", says.table_name or "")
    found = desired.foreign_keys.get(table.part(ObjectKind.CONSTRAINT, says.constraint_name or ""))
    return found.target.qualified if found is not None else None


def _committed(job: Job) -> tuple[Step, ...]:
    return () if job.options.dry_run else job.prelude


def _undone(job: Job, committed: Iterable[Step]) -> tuple[str, ...]:
    """In which state the database was left; nothing of one that has no name, which is dropped."""
    if not job.name:
        return ()
    stays = ", ".join(str(step.key) for step in committed)
    return (f"everything was rolled back{f' but what had to be committed before: {stays}' if stays else ''}",)


async def _run_prelude(conn: Session, job: Job, admin: Session | None) -> list[StepReport]:
    """Commit what the transaction needs committed: new enum values that it uses, extensions of the admin's."""
    reports: list[StepReport] = []
    settings = job.settings(conn.info.server_version)
    for text in settings.statements(local=False):
        await conn.execute(text.encode())
    if job.options.tracked:
        await ensure_tracking(conn)
    if admin is not None:
        for text in replace(settings, role=None).statements(local=False):
            await admin.execute(text.encode())
    committed: dict[str, Step] = {}
    for number, step in enumerate(job.prelude, start=1):
        job.announce(Stage.PRELUDE, step, number, len(job.prelude))
        session = admin if admin is not None and step.id in job.by_admin else conn
        try:
            for sent in statements_of(step):
                await send_alone(session, sent)
                committed[step.id] = step
        except StatementFailed as failure:
            error = explain_failure(failure.error, step=step, statement=failure.sent.statement, database=job.database)
            if not isinstance(error, ConnectionFailed):
                error.details = (*error.details, *_undone(job, committed.values()))
            raise error from failure.error
        report = StepReport(step=step, state=DONE)
        reports.append(report)
        if job.options.tracked:
            await record_changes(conn, job.plan.checksum, (report,))
    return reports
