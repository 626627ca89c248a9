"""Several calls at once on one connection, each a transaction of its own that fails, or is cancelled, by itself.

libpq's pipeline mode (manual 34.5): a call's messages end with a Sync of their own and leave as soon as they are made;
one reader on the event loop takes the answers, which come in the order of the calls. What one connection can do
between two round trips is what `/call` gains over one call at a time. The price is that a call waits for those in front
of it, which is why `Pace` remembers how long each function takes, and who places calls (`gateway/call/pools.py`) asks.

What may go wrong touches one call only. An error ends its own transaction. `timeout_s` is PostgreSQL's
`statement_timeout` for that transaction, so it cannot hit a neighbour. A cancel request could: it goes out only while
its call is the one at work, nobody joins the connection meanwhile, and a neighbour that it hits all the same, whose
transaction is rolled back by that, is `CallUndone`. So are calls behind one that took the server's process with it.
"""

from __future__ import annotations

import asyncio
import math
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import psycopg
from msgspec import Struct
from psycopg import pq

from stonegate.database.call.inflow import Inflow
from stonegate.database.call.prepared import Prepared
from stonegate.database.call.statement import CLEANING, CallUndone, Pace, SignatureMoved, Statement
from stonegate.database.connect import Session, leave
from stonegate.database.failures.cancelling import is_timeout
from stonegate.database.failures.explain import words_of
from stonegate.errors import ConnectionFailed, QueryFailed, QueryTimeout

#: A connection whose call at work takes longer than this gets no more calls: it may be waiting for a lock (seconds).
STUCK_SECONDS: Final = 0.02

_CANCELLED: Final = "57014"
_NO_STATEMENT: Final = "26000"
#: The function, or what it uses, is not what the catalog said when it was read: dropped, replaced, moved, made anew.
#: A call that waits for a deployment's lock comes behind its commit with the function's former text, which may mention
#: columns of other names or types (42703, 42804).
_MOVED: Final = frozenset({"42883", "0A000", "42703", "42704", "42804", "42P01", "42P13", "26000", "XX000"})
_FATAL: Final = (b"FATAL", b"PANIC")  # with these the server's process ends
_TIMEOUT: Final = b"SELECT pg_catalog.set_config('statement_timeout', $1, true)"
_TEXT: Final = 25
_MOST_MILLISECONDS: Final = 2**31 - 1
_CERTAIN_SECONDS: Final = 0.1  # after an answer the server is taken to be alive for so long
_CANCEL_SECONDS: Final = 5.0
#: PostgreSQL ignores a request that comes before it has begun the call: then another one is sent (seconds).
_CANCEL_AGAIN_SECONDS: Final = 0.5
#: What calls leave in the session, and their statements do not say, is there no longer than this, or than the calls
#: that are on their way then (seconds).
CLEAN_SECONDS: Final = 2.0
_NOTHING: Final = Statement(sql="", types=())

_TUPLES, _DONE, _SYNC = int(pq.ExecStatus.TUPLES_OK), int(pq.ExecStatus.COMMAND_OK), int(pq.ExecStatus.PIPELINE_SYNC)
_FAILED: Final = int(pq.ExecStatus.FATAL_ERROR)


class _Call(Struct, eq=False):
    """A call on its way; `preparing` counts results that come before its statement is prepared."""

    answer: asyncio.Future[list[bytes | None]]
    statement: Statement
    values: Sequence[bytes | None]
    timeout: float | None
    pace: Pace | None
    name: bytes = b""
    preparing: int = 0
    result: pq.abc.PGresult | None = None
    failure: pq.abc.PGresult | None = None
    is_again: bool = False
    is_cleaning: bool = False  # it takes away what calls in front of it left, and nobody waits for it


class Pipeline:
    """One connection with any number of calls on it.

    Whoever cancels a `run` cancels its query in PostgreSQL; the connection stays of use.

    Args:
        conn: autocommit, with nothing on its way; the pipeline owns it from now on.
        most: bytes of an answer, about; 0 for any number.
        limit: the session's statement_timeout, in seconds.
    """

    def __init__(self, conn: Session, most: int = 0, limit: float = math.inf) -> None:
        self._conn = conn
        self._pgconn = conn.pgconn
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._loop = asyncio.get_running_loop()
        self._calls: deque[_Call] = deque()  # in the order of their answers; the first one is at work
        self._prepared = Prepared(self._pgconn)
        self._turned = 0.0  # when the call at work became it
        self._took = 0.0  # seconds that the last one was at work
        self._cancelling: asyncio.Task[None] | None = None
        self._is_writing = False
        self._cleaner: asyncio.TimerHandle | None = None  # while calls may have left something
        self._limit = limit
        self.is_usable = True
        self._socket = self._pgconn.socket
        self._inflow = Inflow(self._socket, most)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        self._loop.add_reader(self._socket, self._read)

    @property
    def is_alive(self) -> bool:
        """For a connection without calls: false if the server said something unasked, which is only that it is over."""
        is_known = time.monotonic() - self._turned < _CERTAIN_SECONDS
        return self.is_usable and (is_known or bool(self._calls) or not self._poll.poll(0))

    @property
    def is_open(self) -> bool:
        """Whether another call may stand behind those that are on their way."""
        if not self.is_usable or self._cancelling is not None:
            return False
        return not self._calls or time.monotonic() - self._turned < STUCK_SECONDS

    @property
    def backend_pid(self) -> int:
        """The process id of the server's side."""
        return self._pgconn.backend_pid

    async def run(
        self,
        statement: Statement,
        values: Sequence[bytes | None],
        *,
        timeout_s: float | None = None,
        pace: Pace | None = None,
    ) -> list[bytes | None]:
        """The first column of all rows, as PostgreSQL's text.

        Args:
            values: texts in the input syntax of the parameters' types; None is NULL.
            timeout_s: less than the session's statement_timeout; None leaves that in force.
            pace: is told how long the call was at work.

        Raises:
            QueryFailed, QueryTimeout: the statement failed; PostgreSQL's words are in `cause`.
            SignatureMoved: there is no such function with these types.
            CallUndone: it was never begun, or rolled back, because of another call.
            ConnectionFailed: the connection broke, and nobody knows how far the call came.
        """
        call = _Call(self._loop.create_future(), statement, values, timeout_s, pace)
        self._send(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            if self._calls and self._calls[0] is call:
                self._cancel(call)
            raise

    # --- sending ----------------------------------------------------------------------------------------------------

    def _send(self, call: _Call) -> None:
        if self._calls:
            self._read()  # libpq forgets the answers that it has when it finds that it cannot write
        if self._socket < 0:
            raise CallUndone(ConnectionFailed("the connection to PostgreSQL broke"))
        pgconn = self._pgconn
        name = None if call.is_again else self._prepared.find(call.statement)
        try:
            if name is None:
                name, call.preparing = self._prepared.prepare(call.statement)
            call.name = name
            if call.timeout is not None:
                limit = b"%d" % min(math.ceil(call.timeout * 1000), _MOST_MILLISECONDS)
                pgconn.send_query_params(_TIMEOUT, (limit,), (_TEXT,))
            pgconn.send_query_prepared(name, call.values)
            pgconn.pipeline_sync()
            cleaning = self._send_cleaning(call.statement.after) if call.statement.after else None
            is_left = pgconn.flush()
        except psycopg.Error as error:
            self._break("the connection to PostgreSQL broke", words_of(error))
            raise ConnectionFailed("the connection to PostgreSQL broke", cause=words_of(error)) from error
        self._await(call, is_left)
        if cleaning is not None:
            self._calls.append(cleaning)
        if self._cleaner is None:
            self._cleaner = self._loop.call_later(CLEAN_SECONDS, self._clean)

    def _await(self, call: _Call, is_left: int) -> None:
        """Its messages are made, and some of them may be left to be written."""
        if not self._calls:
            self._turned = time.monotonic()
        self._calls.append(call)
        if is_left and not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._socket, self._write)

    def _clean(self) -> None:
        """Take away what the calls that were made have left, or will have."""
        self._cleaner = None
        if self._cancelling is not None:  # the cancel request could hit it
            self._cleaner = self._loop.call_later(STUCK_SECONDS, self._clean)
            return
        if self._calls:
            self._read()  # as in `_send`
        if self._socket < 0:
            return
        try:
            cleaning = self._send_cleaning(CLEANING)
            is_left = self._pgconn.flush()
        except psycopg.Error as error:
            self._break("the connection to PostgreSQL broke", words_of(error))
        else:
            self._await(cleaning, is_left)

    def _send_cleaning(self, commands: Sequence[str]) -> _Call:
        for command in commands:
            self._pgconn.send_query_params(command.encode(), None)
        self._pgconn.pipeline_sync()
        nobody = self._loop.create_future()
        nobody.set_result([])
        return _Call(nobody, _NOTHING, (), None, None, is_cleaning=True)

    def _write(self) -> None:
        """The socket has room again."""
        try:
            if self._pgconn.flush():
                return
        except psycopg.Error:
            pass  # the reader hears of it, after what the server said before
        self._is_writing = False
        self._loop.remove_writer(self._socket)

    # --- answers ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """The socket has something to read."""
        pgconn, calls = self._pgconn, self._calls
        broken: psycopg.Error | None = None
        self._inflow.before_reading()
        try:
            pgconn.consume_input()
        except psycopg.Error as error:
            broken = error  # but what came before is there
        while calls and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if broken is not None:
                    break
                continue
            status = result.status
            if status == _SYNC:
                self._finish()
            elif status == _TUPLES:
                calls[0].result = result
            elif status == _DONE:
                calls[0].preparing -= 1
            elif status == _FAILED and calls[0].failure is None:
                calls[0].failure = result
                if result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in _FATAL:
                    said = psycopg.errors.error_from_result(result)
                    ended = "the connection to PostgreSQL was ended"
                    self._break(ended, words_of(said), sqlstate=said.sqlstate, is_in_order=True)
                    return
        if calls and self._inflow.is_too_much():
            self._cancel(calls[0])
        while pgconn.notifies():  # a function may LISTEN; nobody here wants to know
            pass
        if broken is not None:
            self._break("the connection to PostgreSQL broke", words_of(broken))

    def _finish(self) -> None:
        """A Sync came back: the first call is done."""
        call = self._calls.popleft()
        self.is_usable = self._inflow.begin() and self.is_usable
        now = time.monotonic()
        self._turned, self._took = now, now - self._turned
        if call.pace is not None:
            call.pace.add(self._took)
        if call.is_cleaning:
            self.is_usable = self.is_usable and call.failure is None
        elif call.failure is not None:
            self._fail(call, call.failure)
        elif not call.answer.done():
            result = call.result
            assert result is not None, "a SELECT without a result"
            get = result.get_value
            call.answer.set_result([get(row, 0) for row in range(result.ntuples)])
        if not self._calls:
            if self._cancelling is not None and self._cancelling.done():
                self._cancelling = None
        elif self._calls[0].answer.done() and not self._calls[0].is_cleaning:
            # Its client went while it stood behind others. If it is quick there is nothing left to cancel.
            self._loop.call_later(STUCK_SECONDS, self._cancel, self._calls[0])

    def _fail(self, call: _Call, result: pq.abc.PGresult) -> None:
        error = psycopg.errors.error_from_result(result)
        is_missing = error.sqlstate == _NO_STATEMENT and call.name.decode() in (error.diag.message_primary or "")
        if is_missing or call.preparing > 0:
            self._prepared.forget(call.statement, call.name)
        if call.answer.done():
            return
        if is_missing and not call.is_again:
            # The call in front failed to prepare it, or a function said DEALLOCATE; this one was not begun.
            call.is_again, call.failure, call.preparing = True, None, 0
            try:
                self._send(call)
            except (CallUndone, ConnectionFailed) as failure:
                call.answer.set_exception(failure)
            return
        call.answer.set_exception(self._failure(call, error))

    def _failure(self, call: _Call, error: psycopg.Error) -> Exception:
        state, cause, hint = error.sqlstate, words_of(error), error.diag.message_hint
        if state is None:  # libpq's own words: it could not take the answer
            self.is_usable = False
            return ConnectionFailed("the connection to PostgreSQL broke", cause=cause)
        if state == _CANCELLED and self._inflow.was_too_much:
            return self._inflow.refusal()
        if state == _CANCELLED:
            limit = self._limit if call.timeout is None else call.timeout
            if is_timeout(error.diag.message_primary or "", self._took, limit):
                what = "the statement timeout" if call.timeout is None else f"{call.timeout * 1000:g} ms"
                return QueryTimeout(f"the call took longer than {what}", cause=cause, sqlstate=state)
            failure = QueryFailed("the call was cancelled", cause=cause, sqlstate=state)
            return failure if self._cancelling is None else CallUndone(failure)
        failure = QueryFailed(error.diag.message_primary or "the call failed", cause=cause, hint=hint, sqlstate=state)
        return SignatureMoved(failure) if state in _MOVED else failure

    # --- cancelling -------------------------------------------------------------------------------------------------

    def _cancel(self, call: _Call) -> None:
        """Ask PostgreSQL to stop the call if it is still the one at work; until that is over nobody joins."""
        if not self.is_usable or not self._calls or self._calls[0] is not call:
            return
        if self._cancelling is not None and not self._cancelling.done():
            self._loop.call_later(STUCK_SECONDS, self._cancel, call)
            return
        self._cancelling = self._loop.create_task(self._send_cancel(call))

    async def _send_cancel(self, call: _Call) -> None:
        # When this is done the signal has been sent, so that it cannot hit a call that comes later.
        try:
            await self._conn.cancel_safe(timeout=_CANCEL_SECONDS)
        except psycopg.Error as error:
            self._break("a call could not be cancelled", words_of(error))
        if not self._calls:
            self._cancelling = None
        elif self._calls[0] is call:
            self._loop.call_later(_CANCEL_AGAIN_SECONDS, self._cancel, call)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _break(self, message: str, cause: str, *, sqlstate: str | None = None, is_in_order: bool = False) -> None:
        """The connection is gone, and what became of the calls on it nobody knows.

        Args:
            is_in_order: the server itself said so, while the first call was at work: those behind it were never begun.
                Without its word the way to us may have failed, and swallowed the answers of calls that were done.
        """
        self._stop_watching()
        self.is_usable = False
        is_first = True
        while self._calls:
            call = self._calls.popleft()
            failure = ConnectionFailed(message, cause=cause, sqlstate=sqlstate)
            if not call.answer.done():
                call.answer.set_exception(failure if is_first or not is_in_order else CallUndone(failure))
            is_first = False

    def _stop_watching(self) -> None:
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1
        if self._cleaner is not None:
            self._cleaner.cancel()
            self._cleaner = None

    async def close(self) -> None:
        """Stop what is at work, log out, and wait until the process is gone that the server counts as a connection."""
        if self._calls:
            self._cancel(self._calls[0])
        self._break("the connection to PostgreSQL was closed", "the gateway ended it")
        if self._cancelling is not None:
            await asyncio.wait([self._cancelling])
        await leave(self._conn)
