"""What PostgreSQL forbids in a transaction: one by one after the commit, each noted as started and done, resumable."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from stonegate.database import sql
from stonegate.database.executor.batch import Sent, StatementFailed, send_alone
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.executor.session import SessionSettings, end_with_client
from stonegate.database.failures import explain_failure
from stonegate.database.progress import Stage
from stonegate.database.tracking.tables import DONE as TRACKED_DONE
from stonegate.database.tracking.tables import FAILED, STARTED, record_plan, record_post_commit
from stonegate.errors import StonegateError
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.model.plan import Action, Step
from stonegate.model.report import StepReport
from stonegate.model.tracking import RecordKind

_NAME = r"(?:\"(?:[^\"]|\"\")+\"|[\w$]+)"
_CREATED = re.compile(
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})\s+"
    rf"ON\s+(?:ONLY\s+)?(?P<table>{_NAME}(?:\.{_NAME})?)",
    re.IGNORECASE,
)
_CONCURRENTLY = re.compile(r"\bINDEX\s+CONCURRENTLY\b", re.IGNORECASE)


def announced_ids(job: Job) -> tuple[str, ...]:
    """The ids under which the statements after the commit are tracked: all that this apply still has to execute."""
    return tuple(name for step in job.late for name, _ in _pending(step, job.state.unfinished))


async def run_post_commit(conn: AsyncConnection[Any], job: Job, execution: Execution) -> None:
    """Execute the late steps, in autocommit; what an interrupted apply had finished of them is not repeated.

    Raises:
        StonegateError: a statement failed. Everything before it stays; the next apply goes on there.
    """
    options = job.options
    settings = SessionSettings(
        lock_timeout_s=options.lock_timeout_s,
        statement_timeout_s=options.statement_timeout_s,
        search_path=job.search_path,
        role=options.role,
        version=conn.info.server_version,
    )
    # What a migration may have SET for the whole session goes first.
    for text in ("RESET ALL", *settings.statements(local=False)):
        await conn.execute(text.encode())
    await end_with_client(conn)
    for number, step in enumerate(job.late, start=1):
        job.announce(Stage.POST_COMMIT, step, number, len(job.late))
        await _run_step(conn, job, execution, step)


async def _run_step(conn: AsyncConnection[Any], job: Job, execution: Execution, step: Step) -> None:
    """All statements of a step; the last one is noted as done together with the step's own records."""
    deployment = execution.deployment
    pending = _pending(step, job.state.unfinished)
    for position, (name, sent) in enumerate(pending, start=1):
        await _run_one(conn, job, deployment, name, sent)
        if deployment is not None and position < len(pending):
            await record_post_commit(conn, deployment, name, TRACKED_DONE)
    report = StepReport(step=step, state=DONE)
    execution.steps.append(report)
    if not job.options.tracked:
        return
    async with conn.transaction():
        await _record(conn, job, report)
        if deployment is not None and pending:
            await record_post_commit(conn, deployment, pending[-1][0], TRACKED_DONE)


async def _run_one(conn: AsyncConnection[Any], job: Job, deployment: int | None, name: str, sent: Sent) -> None:
    if name in job.state.unfinished:
        await _clear_remains(conn, sent.sql)
    if name in job.state.interrupted and await _is_built(conn, sent.sql):
        return
    if deployment is not None:
        await record_post_commit(conn, deployment, name, STARTED)
    try:
        await send_alone(conn, sent)
    except StatementFailed as failure:
        if deployment is not None and not conn.closed:
            await record_post_commit(conn, deployment, name, FAILED)
        raise _late_failure(failure, job) from failure.error


async def _record(conn: AsyncConnection[Any], job: Job, report: StepReport) -> None:
    """The migration's own row and the changelog's, once all of its statements are done."""
    step = report.step
    records = tuple(
        record
        for record in job.plan.records
        if step.action is Action.RUN and record.kind is RecordKind.MIGRATION and record.name == step.key.name
    )
    await record_plan(conn, replace(job.plan, records=records), steps=(report,))


def _pending(step: Step, unfinished: Iterable[str]) -> tuple[tuple[str, Sent], ...]:
    """The statements still to execute, with their tracked ids.

    The id holds a hash of the text, so that a file that was changed after a crash is run from its start. A statement
    was finished if others of the same step are known as unfinished and it is not among them.
    """
    named = tuple(
        (f"{step.id} #{number} {sha256(statement.sql.encode()).hexdigest()[:12]}", statement)
        for number, statement in enumerate(step.statements, start=1)
    )
    everything = tuple((name, Sent(sql=text.sql, step=step, statement=text)) for name, text in named)
    left = {name for name in unfinished if name.startswith(f"{step.id} #")}
    if not left or not left <= {name for name, _ in named}:
        return everything
    return tuple((name, sent) for name, sent in everything if name in left)


async def _clear_remains(conn: AsyncConnection[Any], text: str) -> None:
    """Drop the invalid index that an interrupted CREATE or REINDEX INDEX CONCURRENTLY left behind (manual: REINDEX)."""
    if not _CONCURRENTLY.search(text):
        return
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.load("server/invalid_indexes").encode())
        rows = await cursor.fetchall()
    for row in rows:
        names = {row["name"], re.sub(r"_cc(new|old)\d*$", "", row["name"])}
        # An index without a name in its statement gets one that begins with the table's.
        is_unnamed = re.search(r"CONCURRENTLY\s+(IF\s+NOT\s+EXISTS\s+)?ON\b", text, re.IGNORECASE) is not None
        if is_unnamed and row["name"].startswith(f"{row['table']}_"):
            names.add(row["table"])
        if any(_mentions(text, name) for name in names):
            index = QualifiedName(row["schema"], row["name"]).sql
            await conn.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}".encode())


async def _is_built(conn: AsyncConnection[Any], text: str) -> bool:
    """Whether the index that an interrupted CREATE INDEX CONCURRENTLY was building is there: it came to its end."""
    found = _CREATED.match(text)
    if found is None:
        return False
    name = found["name"]
    name = name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
    row = await (await conn.execute(sql.load("server/valid_index").encode(), (found["table"], name))).fetchone()
    return row is not None


def _mentions(text: str, name: str) -> bool:
    if quote_ident(name) != name:
        return quote_ident(name) in text
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text, re.IGNORECASE) is not None


def _late_failure(failure: StatementFailed, job: Job) -> StonegateError:
    sent = failure.sent
    error = explain_failure(failure.error, step=sent.step, statement=sent.statement, database=job.database)
    error.details = (
        *error.details,
        "the transaction was committed before; only what PostgreSQL forbids inside it is unfinished",
    )
    error.hint = error.hint or "remove the cause and run the same command again: it goes on with this statement"
    return error
