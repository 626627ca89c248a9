"""The one transaction of an apply: steps, declared rows, tracking rows, verification, commit (behaviour, §6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby

import psycopg
from psycopg.pq import TransactionStatus

from stonegate.database import sql
from stonegate.database.connect import Session
from stonegate.database.executor.batch import LONGEST_BATCH, Sent, StatementFailed, entered, send_batch, statements_of
from stonegate.database.executor.declared_rows import excused_rows, insert_declared, validate_declared
from stonegate.database.executor.head_start import BEGIN
from stonegate.database.executor.job import DONE, NOT_REHEARSED, Execution, Job, changes_only_routines
from stonegate.database.executor.post_commit import announced, without_late
from stonegate.database.executor.session import CONSTRAINTS_NOW, OWN_SESSION, roll_back
from stonegate.database.executor.verify import deployed_catalog, verify_catalog, verify_seeds
from stonegate.database.failures.explain import message_of
from stonegate.database.introspect.catalog import OnRead, read_catalog, read_stamped
from stonegate.database.progress import Stage
from stonegate.database.seeds.targets import runs_code
from stonegate.database.server.trust import is_trusting
from stonegate.database.tracking.guard import require_safe
from stonegate.database.tracking.records import change_entries, plan_entries, prepare_records, record_deployment
from stonegate.database.tracking.tables import ensure_tracking
from stonegate.errors import ConnectionFailed, StonegateError
from stonegate.model.names import ObjectKind, quote_ident
from stonegate.model.plan import Action, Mode, Phase, Step
from stonegate.model.report import StepReport, count_actions
from stonegate.planner.remaining import build_remaining

# What may touch many rows or wait for locks is sent alone, after its announcement.
_SLOW_KINDS = frozenset({ObjectKind.TABLE, ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.INDEX})
# Undefined or not yet usable names: what a step runs into whose prerequisite could not be rehearsed.
_CONSEQUENCES = frozenset({"55P04", "42P01", "42703", "42704", "42883", "3F000", "22P02", "42P02"})
# What happens to the declared rows of a table.
_ROWS = {Action.SEED: insert_declared, Action.VALIDATE: validate_declared}
_AFTER_ROWS = frozenset({Phase.CLOSING_KEYS, Phase.REFRESHES})


async def run_transaction(conn: Session, job: Job) -> Execution:
    """One attempt: afterwards everything is committed, or (dry run, failure, cancellation) nothing happened.

    Raises:
        StatementFailed, psycopg.Error: PostgreSQL refused a statement.
        StonegateError: missing rows, a surprise after the migrations, a failed verification.
    """
    attempt = _Attempt(conn, job)
    try:
        await attempt.run()
        if job.options.dry_run:
            await conn.execute("ROLLBACK")
    except BaseException:
        await roll_back(conn)
        raise
    if not job.options.dry_run:
        job.announce(Stage.COMMIT)
        await commit(conn, job)
    return attempt.execution


async def commit(conn: Session, job: Job) -> None:
    """Make it so.

    Raises:
        ConnectionFailed: nobody knows whether it is.
        psycopg.Error: PostgreSQL refused, and nothing happened.
    """
    try:
        await conn.execute("COMMIT")
    except psycopg.OperationalError as error:
        if error.sqlstate is not None and not conn.closed:  # an answer: cancelled, or a deferred trigger met a lock
            raise
        raise ConnectionFailed(
            "the connection was lost during the commit: it is unknown whether it took place",
            cause=message_of(error),
            hint="run the same command again: it finds out, and does what is left to do",
            database=job.database or None,
        ) from error
    except BaseException:
        await roll_back(conn)
        raise


class _Attempt:
    """The state of one attempt."""

    def __init__(self, conn: Session, job: Job) -> None:
        self.conn = conn
        self.job = job
        self.execution = Execution()
        self.waiting: list[Sent] = []
        self.total = len(job.inside)
        self.number = 0
        self.immediate = False
        self.careful = job.options.dry_run and bool(job.prelude)
        self.head = job.head
        self.recorded = 0  # steps

    async def run(self) -> None:
        """Everything but the end of the transaction."""
        job = self.job
        is_begun = self.conn.info.transaction_status != TransactionStatus.IDLE
        if not is_begun:
            self._send(BEGIN)
        self._apply_settings()
        if job.options.tracked and not is_begun and not job.has_tracking:
            await self._flush()
            await ensure_tracking(self.conn)
        self._set_search_path()
        if self.careful:
            await self._skip_prelude()
        certain, seeds, closing = _around_seeds(self.job.inside)
        head, tail = _cut_after_migrations(certain)
        await self._run_steps(head)
        if head and job.plan.mode is not Mode.FRESH:
            await self._flush()
            tail, _, closing = _around_seeds(await self._read_what_remains())
        await self._run_steps(tail)
        if seeds and not closing and not self.careful and self._is_quiet():
            # All is made but the rows, which then need not ask for what their tables are.
            await self._flush()
            async with self._recording_ahead() as record:
                await self._read_again(record)
        await self._run_seeds(seeds)
        seeders = [seeder for step in seeds for seeder in step.seeders]
        if self.execution.catalog is not None and runs_code(self.execution.catalog, seeders):
            self.execution.catalog = self.execution.stamp = None
        if not changes_only_routines(job.plan) or any(report.inserted for report in self.execution.seeds):
            self._send(CONSTRAINTS_NOW, seeds[-1] if seeds else None)
        await self._run_closing(closing)
        await self._flush()
        if job.options.dry_run:
            self._report(job.late, NOT_REHEARSED)
        await self._finish()

    def _is_quiet(self) -> bool:
        """True if rows only become rows: all in the database is the folder's, which has neither triggers nor rules."""
        job = self.job
        loud = (ObjectKind.TRIGGER, ObjectKind.OTHER)
        is_new = job.plan.mode is Mode.FRESH and not job.live.objects
        return is_new and all(step.kind not in loud and step.action is not Action.RUN for step in job.plan.steps)

    async def _read_what_remains(self) -> tuple[Step, ...]:
        """The truth after the migrations: what they did already is left out, what they made necessary was announced."""
        job = self.job
        live = await read_catalog(self.conn)
        moved = {step.id for step in job.prelude}
        remaining = build_remaining(job.plan, job.live, live, job.state)
        return tuple(step for step in remaining if step.id not in moved)

    # --- sending ------------------------------------------------------------------------------------------------------

    def _send(self, text: str, step: Step | None = None) -> None:
        self.waiting.append(Sent(sql=text, step=step))

    async def _flush(self) -> None:
        batch: Sequence[Sent]
        batch, self.waiting = self.waiting, []
        if self.head is not None:
            head, self.head = self.head, None
            if head.is_running:
                prepare_records(self.job.plan, self.job.inside)
            batch = await head.rest_of(batch)
        if batch:
            await send_batch(self.conn, batch)

    def _apply_settings(self) -> None:
        is_untried = self.job.is_derived or self.job.plan.desired is None
        settings = self.job.settings(self.conn.info.server_version, check_bodies=is_untried)
        for text in settings.statements(local=True):
            self._send(text)

    def _set_search_path(self) -> None:
        """Extensions with a schema of their own join the database's search_path (behaviour, §4)."""
        path = self.job.search_path
        if path not in (("public",), self.job.live.search_path):
            names = ", ".join(map(quote_ident, path))
            self._send(f"ALTER DATABASE {quote_ident(self.conn.info.dbname)} SET search_path = {names}")

    # --- steps --------------------------------------------------------------------------------------------------------

    async def _run_steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.number += 1
            self.job.announce(Stage.STEPS, step, self.number, max(self.total, self.number))
            if self.careful:
                await self._rehearse(step)
            elif step.action is Action.RUN:
                await self._run_migration(step)
            else:
                await self._run_step(step)

    async def _run_step(self, step: Step) -> None:
        slow = self.job.plan.mode is not Mode.FRESH and step.action is Action.ALTER and step.kind in _SLOW_KINDS
        if slow:
            await self._flush()
        begun = time.monotonic()
        self.waiting += statements_of(step)
        if slow or len(self.waiting) >= LONGEST_BATCH:
            await self._flush()
        if slow:
            self.execution.durations[step.id] = (time.monotonic() - begun) * 1000
        self._report((step,))

    async def _run_migration(self, step: Step) -> None:
        """A migration was written as if it had a transaction of its own: constraints and settings as at its start."""
        if self.immediate:
            self._send(sql.load("server/defer"))
            self.immediate = False
        await self._flush()
        begun = time.monotonic()
        self.waiting += statements_of(step)
        # Pending trigger events would block the next ALTER TABLE (behaviour, §6).
        self._send(CONSTRAINTS_NOW, step)
        self.immediate = True
        self._send(OWN_SESSION)
        self._apply_settings()
        await self._flush()
        self.execution.durations[step.id] = (time.monotonic() - begun) * 1000
        self._report((step,))

    def _report(self, steps: Iterable[Step], state: str = DONE) -> None:
        self.execution.steps += [StepReport(step=step, state=state) for step in steps if step.action is not Action.SKIP]

    # --- dry run with a prelude ---------------------------------------------------------------------------------------

    async def _skip_prelude(self) -> None:
        """New enum values can be added in a transaction, only not used in it; what is the admin's stays undone."""
        await self._flush()
        for step in self.job.prelude:
            if step.id not in self.job.by_admin:
                await send_batch(self.conn, statements_of(step))
            self._report((step,), NOT_REHEARSED)

    async def _rehearse(self, step: Step) -> None:
        """One step in a savepoint: if it fails for want of something that was not rehearsed, the others go on."""
        self._send("SAVEPOINT step")
        await self._flush()
        try:
            await send_batch(self.conn, statements_of(step))
            state = DONE
        except StatementFailed as failure:
            if failure.error.sqlstate not in _CONSEQUENCES:
                raise
            await self.conn.execute("ROLLBACK TO SAVEPOINT step")
            state = NOT_REHEARSED
        self._send("RELEASE SAVEPOINT step")
        if step.action is Action.RUN:
            self._send(OWN_SESSION)
        self._apply_settings()
        self._report((step,), state)

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def _run_seeds(self, steps: Sequence[Step]) -> None:
        if not steps or not self.execution.is_rehearsed:
            await self._flush()
            self._report(steps, NOT_REHEARSED)
            return
        if self.immediate:
            self._send(sql.load("server/defer"))
        await self._flush()
        for step in steps:
            self.number += 1
            self.job.announce(Stage.STEPS, step, self.number, max(self.total, self.number))
        if self.careful:
            await self._rehearse_rows(steps)
            return
        # In their order: a row of a new table may point to one that an existing table is given now, and the reverse.
        for action, group in groupby(steps, key=lambda step: step.action):
            await _ROWS[action](self.conn, self.job, self.execution, tuple(group))

    async def _rehearse_rows(self, steps: Sequence[Step]) -> None:
        """Rows table by table in savepoints: those that need a new enum value cannot be tried."""
        for step in steps:
            await self.conn.execute("SAVEPOINT rows")
            try:
                await _ROWS[step.action](self.conn, self.job, self.execution, (step,))
            except StonegateError as error:
                if error.sqlstate not in _CONSEQUENCES:
                    raise
                await self.conn.execute("ROLLBACK TO SAVEPOINT rows")
                self._report((step,), NOT_REHEARSED)
            await self.conn.execute("RELEASE SAVEPOINT rows")

    async def _run_closing(self, steps: Sequence[Step]) -> None:
        """Foreign keys that need the rows, and materialised views that show them."""
        if self.execution.is_rehearsed:
            await self._run_steps(steps)
        else:
            self._report(steps, NOT_REHEARSED)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Tracking and changelog rows, verification, and last the deployment's row with the change stamp."""
        job, execution = self.job, self.execution
        options = job.options
        if options.tracked:
            job.announce(Stage.RECORD)
            records = self._records()
            await require_safe(self.conn)
            await send_batch(self.conn, records)
        if execution.is_rehearsed and not options.skip_verification:
            job.announce(Stage.VERIFY)
            if execution.catalog is None:
                await self._read_again()
            await verify_seeds(self.conn, job, execution)
            execution.verified = True
        elif not execution.is_rehearsed:
            execution.warnings.append("not verified: some steps could not be rehearsed")
        if options.tracked:
            await self._record_deployment()

    def _records(self) -> list[Sent]:
        """What is yet to be recorded of the steps so far."""
        job, steps, durations = self.job, self.execution.steps[self.recorded :], self.execution.durations
        if self.recorded:
            return entered(change_entries(self.conn, job.plan.checksum, steps, durations))
        state = job.state if job.has_tracking else None
        return entered(plan_entries(self.conn, without_late(job.plan), steps=steps, durations=durations, state=state))

    @asynccontextmanager
    async def _recording_ahead(self) -> AsyncIterator[OnRead | None]:
        """Lets the server record the steps so far while the catalog is put together of what was read of it."""
        running: asyncio.Task[object] | None = None

        async def record() -> None:
            nonlocal running
            sent = asyncio.get_running_loop().create_future()
            records, self.recorded = self._records(), len(self.execution.steps)
            running = asyncio.create_task(send_batch(self.conn, records, on_sent=partial(_resolve, sent)))
            running.add_done_callback(lambda _: _resolve(sent))
            await sent

        try:
            yield record if self.job.options.tracked and is_trusting(self.conn) else None
        except BaseException:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            raise
        if running is not None:
            await running

    async def _read_again(self, meanwhile: OnRead | None = None) -> None:
        """The catalog, compared with the folder unless nobody wants that."""
        job, execution = self.job, self.execution
        is_wanted = execution.is_rehearsed and not job.options.skip_verification
        reading = await (
            verify_catalog(self.conn, job, meanwhile=meanwhile)
            if is_wanted
            else read_stamped(self.conn, meanwhile=meanwhile)
        )
        execution.catalog, execution.stamp, execution.digest = reading.catalog, reading.stamp, reading.digest

    async def _record_deployment(self) -> None:
        job, execution = self.job, self.execution
        if execution.catalog is None and job.plan.desired is None:
            await self._read_again()
        after, stamp, late = execution.catalog, execution.stamp, announced(job)
        execution.deployment = await record_deployment(
            self.conn,
            job.plan,
            catalog=deployed_catalog(job.plan, job.live, after or job.live),
            counts=count_actions((*job.prelude, *(report.step for report in execution.steps))),
            duration_ms=(time.monotonic() - job.started) * 1000,
            missing_seeds=excused_rows(job, execution),
            post_commit=late,
            live=None if late else after,
            stamp=stamp,
            is_mixed=job.plan.mode is Mode.FRESH and bool(job.live.objects),
        )


def _resolve(sent: asyncio.Future[None]) -> None:
    if not sent.done():
        sent.set_result(None)


def _around_seeds(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...], tuple[Step, ...]]:
    """The steps before the declared rows, those with rows, and those after them."""
    seeds = tuple(step for step in steps if step.action in _ROWS)
    others = tuple(step for step in steps if step.action not in _ROWS)
    before = tuple(step for step in others if step.phase not in _AFTER_ROWS)
    return before, seeds, tuple(step for step in others if step.phase in _AFTER_ROWS)


def _cut_after_migrations(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps up to the last migration that runs (none if none runs), and the others."""
    last = max((n for n, step in enumerate(steps) if step.action is Action.RUN), default=-1)
    return tuple(steps[: last + 1]), tuple(steps[last + 1 :])
