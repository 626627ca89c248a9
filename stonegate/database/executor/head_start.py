"""The beginning of a fresh deployment, which the server carries out while the rest of the folder is being parsed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from types import TracebackType
from typing import Self

import psycopg

from stonegate.database.connect import Session
from stonegate.database.executor.batch import LONGEST_BATCH, Sent, StatementFailed, send_batch, statements_of
from stonegate.database.executor.session import SessionSettings, roll_back
from stonegate.database.tracking.tables import create_tracking, ensure_tracking
from stonegate.model.plan import Step

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"


class HeadStart:
    """The transaction of a fresh deployment before its plan is made; no statement counts unless the plan agrees.

    What was sent ahead is compared with what the plan has to send first. Where that is something else, the transaction
    is rolled back and begins anew: results and messages are the plan's alone. Leaving the block ends what still runs.

    Args:
        settings: what the statements of the plan run under.
    """

    def __init__(self, conn: Session, settings: SessionSettings) -> None:
        self._conn = conn
        self._settings = settings
        self._sent: list[Sent] = []
        self._running: asyncio.Task[StatementFailed | None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.abandon()

    async def abandon(self) -> None:
        """End what still runs; the transaction is the caller's to roll back."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def begin(self) -> None:
        """Begin the transaction, and let the server make the tracking tables."""
        await begin_tracked(self._conn)

    def send(self, steps: Sequence[Step]) -> None:
        """Let the server carry out the steps; returns at once."""
        if not steps:
            return
        settings = [Sent(sql=text) for text in self._settings.statements(local=True)]
        statements = [sent for step in steps for sent in statements_of(step)]
        self._sent = [*settings, *statements][:LONGEST_BATCH]
        self._running = asyncio.create_task(self._run())

    @property
    def is_running(self) -> bool:
        """True while the server carries out what was sent ahead."""
        return self._running is not None and not self._running.done()

    async def rest_of(self, batch: Sequence[Sent]) -> Sequence[Sent]:
        """What is left to send of the first statements of the transaction.

        Raises:
            StatementFailed: one of them failed already.
            MigrationFailed: the transaction had to begin anew, and the role may not create the tracking tables.
        """
        if self._running is None:
            return batch
        failure = await self._running
        self._running = None
        same = list(takewhile(lambda pair: pair[0].sql == pair[1].sql, zip(self._sent, batch, strict=False)))
        if failure is None and len(same) == len(self._sent):
            return batch[len(same) :]
        for sent, meant in same:
            if failure is not None and failure.sent is sent:
                raise StatementFailed(meant, failure.error)
        await roll_back(self._conn)
        await begin_tracked(self._conn)
        return batch

    async def _run(self) -> StatementFailed | None:
        try:
            await send_batch(self._conn, self._sent)
        except StatementFailed as failure:
            return failure
        return None


async def begin_tracked(conn: Session) -> None:
    """Begin the transaction in an empty database, and make the tracking tables, in one round trip.

    `run_transaction` goes on from here; if it never comes to that, the transaction ends with the session.

    Raises:
        MigrationFailed: the role may not create them.
        psycopg.Error: the connection was lost.
    """
    try:
        await create_tracking(conn, f"{BEGIN};\n", is_empty=True)
    except psycopg.Error:
        if conn.closed:
            raise
        await conn.execute("ROLLBACK")
        await conn.execute(BEGIN.encode())
        await ensure_tracking(conn)  # says what is wrong
