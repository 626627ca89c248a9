"""What PostgreSQL forbids in a transaction: one by one after the commit, each noted as started and done, resumable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

import psycopg
from msgspec.structs import replace

from stonegate.database.connect import Session, settle
from stonegate.database.executor.batch import Sent, StatementFailed, send_alone
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.executor.remains import is_reached
from stonegate.database.executor.session import OWN_SESSION
from stonegate.database.failures.explain import explain_failure
from stonegate.database.progress import Stage
from stonegate.database.tracking.records import record_plan, record_post_commit
from stonegate.database.tracking.tables import ANNOUNCED, FAILED, STARTED
from stonegate.database.tracking.tables import DONE as TRACKED_DONE
from stonegate.errors import StonegateError
from stonegate.model.plan import Action, Phase, Plan, Step
from stonegate.model.report import StepReport
from stonegate.model.tokens import canonical_form
from stonegate.model.tracking import RecordKind, TrackingState

#: Statements that PostgreSQL executes in a transaction block too; CALL, DO and SELECT may want to be outside of one.
_IN_BLOCK = re.compile(r"(?:insert|update|delete|merge|truncate|with|create|alter|drop|comment|grant|revoke)\b")
_OUTSIDE = re.compile(
    r"(?:create|alter|drop) (?:database|tablespace|subscription|system)\b"
    r"|(?:create (?:unique )?|drop )index concurrently\b|alter table\b.* detach partition\b.* concurrently\b"
)
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
        found |= {
            name: STARTED if name in state.interrupted else ANNOUNCED for name, _ in pending_statements(step, state)
        }
    return found


def without_late(plan: Plan) -> Plan:
    """The plan without the records of migrations that run after the commit: those are recorded when they are done."""
    late = {step.key.name for step in plan.steps if step.phase is Phase.POST_COMMIT and step.action is Action.RUN}
    if not late:
        return plan
    kept = tuple(r for r in plan.records if r.kind is not RecordKind.MIGRATION or r.name not in late)
    return replace(plan, records=kept)


async def run_post_commit(conn: Session, job: Job, execution: Execution) -> None:
    """Execute the late steps, in autocommit; what an interrupted apply had finished of them is not repeated.

    Raises:
        StonegateError: a statement failed. Everything before it stays; the next apply goes on there.
    """
    for number, step in enumerate(job.late, start=1):
        job.announce(Stage.POST_COMMIT, step, number, len(job.late))
        await _begin_session(conn, job)
        await _Late(conn, job, execution.deployment, step, await _roles(conn)).run()
        execution.steps.append(StepReport(step=step, state=DONE))
    await _begin_session(conn, job)


async def _begin_session(conn: Session, job: Job) -> None:
    """What a migration has SET for the whole session ends with it."""
    await conn.execute(OWN_SESSION.encode())
    await conn.execute(b"RESET ALL")
    await settle(conn)
    for text in job.settings(conn.info.server_version).statements(local=False):
        await conn.execute(text.encode())


async def _roles(conn: Session) -> tuple[str, str]:
    """Whose session it is, and as what role it works ("none" for the same)."""
    row = await (await conn.execute(b"SELECT session_user::text, current_setting('role')")).fetchone()
    assert row is not None, "SELECT without FROM has a row"
    return row[0], row[1]


class _Late:
    """The statements of one step; with the last one the step's own records are written.

    Args:
        deployment: id of the row of this apply, None when untracked.
        deployer: roles of the session before the first of them.
    """

    def __init__(self, conn: Session, job: Job, deployment: int | None, step: Step, deployer: tuple[str, str]) -> None:
        self.conn = conn
        self.job = job
        self.deployment = deployment
        self.step = step
        self.deployer = deployer

    async def run(self) -> None:
        """Execute what is pending of them.

        Raises:
            StonegateError: one failed, or could not be noted as done.
        """
        name, sent = "", Sent(sql="", step=self.step)
        pending = pending_statements(self.step, self.job.state)
        try:
            for position, (name, sent) in enumerate(pending, start=1):
                await self._execute(name, sent, is_last=position == len(pending))
            if not pending and self.job.options.tracked:
                async with self.conn.transaction():
                    await self._record()
        except StatementFailed as failure:
            if self.deployment is not None and not self.conn.closed:
                await self._note(name, FAILED)
            raise _late_failure(failure, self.job, self.conn) from failure.error
        except psycopg.Error as error:
            raise _late_failure(StatementFailed(sent, error), self.job, self.conn) from error

    async def _execute(self, name: str, sent: Sent, *, is_last: bool) -> None:
        if runs_in_block(sent.sql):
            # Executed and noted at once: nothing is repeated, whenever this process ends.
            async with self.conn.transaction():
                await send_alone(self.conn, sent)
                await self._note(name, TRACKED_DONE, is_last=is_last)
        else:
            await self._run_outside(name, sent)
            async with self.conn.transaction():
                await self._note(name, TRACKED_DONE, is_last=is_last)

    async def _run_outside(self, name: str, sent: Sent) -> None:
        """What PostgreSQL forbids in a transaction block, or may forbid."""
        state = self.job.state
        file = name.partition(" #")[0]
        was_begun = any(other.startswith(f"{file} #") for other in state.unfinished)
        if await is_reached(self.conn, name, sent.sql, was_begun=was_begun, was_started=name in state.interrupted):
            return
        await self._note(name, STARTED)
        await send_alone(self.conn, sent)

    async def _note(self, name: str, state: str, *, is_last: bool = False) -> None:
        """Note the state of a statement, as the deployer: the migration may work as another role by now."""
        if self.deployment is None:
            return
        roles = await _roles(self.conn)
        if roles != self.deployer:
            await self._become(self.deployer)
        if is_last:
            await self._record()
        await record_post_commit(self.conn, self.deployment, name, state)
        if roles != self.deployer:
            await self._become(roles)

    async def _become(self, roles: tuple[str, str]) -> None:
        await self.conn.execute(
            b"SELECT set_config('session_authorization', %s, false), set_config('role', %s, false)", roles
        )

    async def _record(self) -> None:
        """The migration's own row and the changelog's, once all of its statements are done."""
        step = self.step
        records = tuple(
            record
            for record in self.job.plan.records
            if step.action is Action.RUN and record.kind is RecordKind.MIGRATION and record.name == step.key.name
        )
        report = StepReport(step=step, state=DONE)
        await record_plan(self.conn, replace(self.job.plan, records=records), steps=(report,))


def runs_in_block(text: str) -> bool:
    """Whether the statement may stand in a transaction block, so that it is executed and noted at once."""
    form = canonical_form(text)
    return _IN_BLOCK.match(form) is not None and _OUTSIDE.match(form) is None


def is_setting(text: str) -> bool:
    """Whether the statement is a SET or RESET."""
    return _SETTING.match(canonical_form(text)) is not None


def pending_statements(step: Step, state: TrackingState) -> tuple[tuple[str, Sent], ...]:
    """The statements of a step that are still to execute, with their tracked ids.

    An id holds a hash of the text: in a file that was corrected after a failure, what is as it was and was done is not
    done again.
    """
    finished = Counter(name.rpartition(" ")[2] for name in state.finished if name.startswith(f"{step.id} #"))
    found: list[tuple[str, Sent]] = []
    for number, statement in enumerate(step.statements, start=1):
        digest = sha256(statement.sql.encode()).hexdigest()[:12]
        finished[digest] -= 1
        if finished[digest] < 0 or is_setting(statement.sql):
            found.append((f"{step.id} #{number} {digest}", Sent(sql=statement.sql, step=step, statement=statement)))
    return tuple(found)


def _late_failure(failure: StatementFailed, job: Job, conn: Session) -> StonegateError:
    sent, server = failure.sent, 0 if conn.closed else conn.info.server_version
    error = explain_failure(
        failure.error,
        step=sent.step,
        statement=sent.statement,
        database=job.database,
        server=server,
        is_committed=True,
    )
    error.details = (
        *error.details,
        "the transaction was committed before; only what PostgreSQL forbids inside it is unfinished",
    )
    error.hint = error.hint or "remove the cause and run the same command again: it goes on with this statement"
    return error
