"""What PostgreSQL forbids in a transaction: one by one after the commit, each noted as started and done, resumable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from msgspec.structs import replace

from stonegate.database.connect import Session, settle
from stonegate.database.executor.batch import Sent, StatementFailed, send_alone
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.executor.remains import is_reached
from stonegate.database.failures import explain_failure
from stonegate.database.progress import Stage
from stonegate.database.tracking.records import record_plan, record_post_commit
from stonegate.database.tracking.tables import ANNOUNCED, FAILED, STARTED
from stonegate.database.tracking.tables import DONE as TRACKED_DONE
from stonegate.errors import StonegateError
from stonegate.model.plan import Action, Step
from stonegate.model.report import StepReport
from stonegate.model.tokens import canonical_form
from stonegate.model.tracking import RecordKind, TrackingState

#: Statements that PostgreSQL executes in a transaction block too; CALL, DO and SELECT may want to be outside of one.
_IN_BLOCK = re.compile(r"(?:insert|update|delete|merge|truncate|with|create|alter|drop|comment|grant|revoke)\b")
_OUTSIDE = re.compile(r"\b(?:concurrently|database|tablespace|subscription|system)\b")
#: What the statements after it need, in a session that begins in the middle of a file as well.
_SETTING = re.compile(r"(?:set|reset)\b")


def announced(job: Job) -> Mapping[str, str]:
    """How the statements after the commit are tracked when it happens: what this apply still has to execute, and what
    earlier ones came to of the same files, by id.
    """
    state = job.state
    found: dict[str, str] = {}
    for step in job.late:
        found |= {name: TRACKED_DONE for name in state.finished if name.startswith(f"{step.id} #")}
        found |= {name: STARTED if name in state.interrupted else ANNOUNCED for name, _ in _pending(step, state)}
    return found


async def run_post_commit(conn: Session, job: Job, execution: Execution) -> None:
    """Execute the late steps, in autocommit; what an interrupted apply had finished of them is not repeated.

    Raises:
        StonegateError: a statement failed. Everything before it stays; the next apply goes on there.
    """
    await conn.execute(b"RESET ALL")  # what a migration may have SET for the whole session
    await settle(conn)
    for text in job.settings(conn.info.server_version).statements(local=False):
        await conn.execute(text.encode())
    for number, step in enumerate(job.late, start=1):
        job.announce(Stage.POST_COMMIT, step, number, len(job.late))
        await _run_step(conn, job, execution, step)


async def _run_step(conn: Session, job: Job, execution: Execution, step: Step) -> None:
    """All statements of a step; with the last one the step's own records are written."""
    report = StepReport(step=step, state=DONE)
    pending = _pending(step, job.state)

    async def note(name: str, *, is_last: bool) -> None:
        if execution.deployment is None:
            return
        if is_last:
            await _record(conn, job, report)
        await record_post_commit(conn, execution.deployment, name, TRACKED_DONE)

    for position, (name, sent) in enumerate(pending, start=1):
        is_last = position == len(pending)
        if _runs_in_block(sent.sql):
            try:
                # Executed and noted at once: nothing is repeated, whenever this process ends.
                async with conn.transaction():
                    await send_alone(conn, sent)
                    await note(name, is_last=is_last)
            except StatementFailed as failure:
                raise await _noted(failure, conn, job, execution.deployment, name) from failure.error
        else:
            await _run_outside(conn, job, execution.deployment, name, sent)
            async with conn.transaction():
                await note(name, is_last=is_last)
    execution.steps.append(report)
    if not pending and job.options.tracked:
        async with conn.transaction():
            await _record(conn, job, report)


def _runs_in_block(text: str) -> bool:
    form = canonical_form(text)
    return _IN_BLOCK.match(form) is not None and _OUTSIDE.search(form) is None


async def _run_outside(conn: Session, job: Job, deployment: int | None, name: str, sent: Sent) -> None:
    """What PostgreSQL forbids in a transaction block, or may forbid."""
    state = job.state
    file = name.partition(" #")[0]
    was_begun = any(other.startswith(f"{file} #") for other in state.unfinished)
    if await is_reached(conn, name, sent.sql, was_begun=was_begun, was_started=name in state.interrupted):
        return
    if deployment is not None:
        await record_post_commit(conn, deployment, name, STARTED)
    try:
        await send_alone(conn, sent)
    except StatementFailed as failure:
        raise await _noted(failure, conn, job, deployment, name) from failure.error


async def _noted(
    failure: StatementFailed, conn: Session, job: Job, deployment: int | None, name: str
) -> StonegateError:
    """The error to raise, once it is noted that the statement failed."""
    if deployment is not None and not conn.closed:
        await record_post_commit(conn, deployment, name, FAILED)
    return _late_failure(failure, job)


async def _record(conn: Session, job: Job, report: StepReport) -> None:
    """The migration's own row and the changelog's, once all of its statements are done."""
    step = report.step
    records = tuple(
        record
        for record in job.plan.records
        if step.action is Action.RUN and record.kind is RecordKind.MIGRATION and record.name == step.key.name
    )
    await record_plan(conn, replace(job.plan, records=records), steps=(report,))


def _pending(step: Step, state: TrackingState) -> tuple[tuple[str, Sent], ...]:
    """The statements still to execute, with their tracked ids.

    An id holds a hash of the text: in a file that was corrected after a failure, what is as it was and was done is not
    done again.
    """
    finished = Counter(name.rpartition(" ")[2] for name in state.finished if name.startswith(f"{step.id} #"))
    found: list[tuple[str, Sent]] = []
    for number, statement in enumerate(step.statements, start=1):
        digest = sha256(statement.sql.encode()).hexdigest()[:12]
        finished[digest] -= 1
        if finished[digest] < 0 or _SETTING.match(canonical_form(statement.sql)):
            found.append((f"{step.id} #{number} {digest}", Sent(sql=statement.sql, step=step, statement=statement)))
    return tuple(found)


def _late_failure(failure: StatementFailed, job: Job) -> StonegateError:
    sent = failure.sent
    error = explain_failure(failure.error, step=sent.step, statement=sent.statement, database=job.database)
    error.details = (
        *error.details,
        "the transaction was committed before; only what PostgreSQL forbids inside it is unfinished",
    )
    error.hint = error.hint or "remove the cause and run the same command again: it goes on with this statement"
    return error
