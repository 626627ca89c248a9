"""Many statements in one round trip, yet each with its own answer: libpq's pipeline mode (manual 34.5)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.generators import fetch_many
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from stonegate.database.connect import Session
from stonegate.database.tracking.records import Entry
from stonegate.model.plan import Statement, Step

LONGEST_BATCH = 100  # statements that wait for being sent together: between two events of progress
MOST_STATEMENTS = 500  # of one batch: bounds how late a cancelled apply notices
MOST_WAITING = 1 << 16  # characters that libpq is given before it has to send them


class Sent(Struct, frozen=True, kw_only=True):
    """SQL to send, and the plan's step and statement that it comes from (None for our own).

    Attributes:
        values: of its parameters $1, $2, …: texts, or bytes of type bytea.
    """

    sql: str
    values: tuple[str | bytes, ...] = ()
    step: Step | None = None
    statement: Statement | None = None


class StatementFailed(Exception):
    """A statement failed; those sent after it were not executed.

    Args:
        sent: which one.
        error: what PostgreSQL said.
    """

    def __init__(self, sent: Sent, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.sent = sent
        self.error = error


def statements_of(step: Step) -> tuple[Sent, ...]:
    """The statements of a step, ready to send."""
    return tuple(Sent(sql=statement.sql, step=step, statement=statement) for statement in step.statements)


def entered(entries: Iterable[Entry]) -> list[Sent]:
    """What records something, ready to send."""
    return [Sent(sql=entry.sql, values=entry.values) for entry in entries]


async def send_batch(
    conn: Session, batch: Sequence[Sent], *, on_sent: Callable[[], None] = lambda: None
) -> list[PGresult]:
    """Execute the statements in order, and return the answer to each.

    psycopg's own pipeline wakes up once per statement and tells only that *a* statement failed; here the answers are
    counted. The caller is inside a transaction, or sends `BEGIN` first.

    Args:
        on_sent: called when the server has all of a batch, up to `MOST_STATEMENTS`, before it has answered.

    Raises:
        StatementFailed: one failed, or the connection broke while it ran.
    """
    answers: list[PGresult] = []
    for start in range(0, len(batch), MOST_STATEMENTS):
        answers += await _send_part(conn, batch[start : start + MOST_STATEMENTS], on_sent)
    return answers


async def send_alone(conn: Session, sent: Sent) -> None:
    """Execute one statement outside a pipeline, for what PostgreSQL forbids in a transaction block.

    Raises:
        StatementFailed: it failed.
    """
    try:
        await conn.execute(sent.sql.encode(), prepare=False)
    except psycopg.Error as error:
        raise StatementFailed(sent, error) from error


async def _send_part(conn: Session, batch: Sequence[Sent], on_sent: Callable[[], None]) -> list[PGresult]:
    pgconn = conn.pgconn
    answers: list[list[PGresult]] = []
    async with conn.lock:
        try:
            pgconn.enter_pipeline_mode()
            await conn.wait(_exchange(pgconn, batch, answers, on_sent))
        except psycopg.Error as error:  # the connection itself broke
            raise StatementFailed(batch[min(_answered(answers), len(batch) - 1)], error) from error
        finally:
            # Also when the apply is cancelled, so that the transaction can be rolled back on this connection.
            if pgconn.status == ConnStatus.OK:
                with contextlib.suppress(psycopg.Error):
                    pgconn.exit_pipeline_mode()
    for sent, results in zip(batch, answers, strict=False):
        failure = _failure_of(results)
        if failure is not None:
            raise StatementFailed(sent, failure)
    return [results[-1] for results in answers[: len(batch)]]


def _exchange(
    pgconn: PGconn, batch: Sequence[Sent], answers: list[list[PGresult]], on_sent: Callable[[], None]
) -> Generator[Any, Any, None]:
    """Send everything, and a sync; then read one answer to each."""
    waiting = 0
    for sent in batch:
        _hand_over(pgconn, sent)
        waiting += len(sent.sql) + sum(map(len, sent.values))
        if waiting >= MOST_WAITING:
            yield from _flush(pgconn)
            waiting = 0
    pgconn.pipeline_sync()
    yield from _flush(pgconn)
    on_sent()
    while len(answers) <= len(batch):
        results = yield from fetch_many(pgconn)
        if not results:
            raise psycopg.OperationalError("the server stopped answering in the middle of a batch")
        answers.append(results)


def _flush(pgconn: PGconn) -> Generator[Any, Any, None]:
    """Send what libpq has, reading meanwhile: a server that cannot get rid of its answers reads no statements."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()


def _hand_over(pgconn: PGconn, sent: Sent) -> None:
    if not sent.values:
        pgconn.send_query_params(sent.sql.encode(), None)
        return
    values = [value.encode() if isinstance(value, str) else value for value in sent.values]
    formats = [Format.TEXT if isinstance(value, str) else Format.BINARY for value in sent.values]
    pgconn.send_query_params(sent.sql.encode(), values, param_formats=formats)


def _answered(answers: list[list[PGresult]]) -> int:
    good = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY)
    count = 0
    for results in answers:
        if any(result.status not in good for result in results):
            break
        count += 1
    return count


def _failure_of(results: Sequence[PGresult]) -> psycopg.Error | None:
    for result in results:
        match result.status:
            case ExecStatus.FATAL_ERROR:
                return psycopg.errors.error_from_result(result, encoding="utf-8")
            case ExecStatus.COPY_IN | ExecStatus.COPY_OUT | ExecStatus.COPY_BOTH:
                return psycopg.errors.FeatureNotSupported("COPY from or to the client is not possible in a plan")
            case _:
                pass
    return None
