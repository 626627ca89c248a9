"""A session for `/call`: one statement at a time with text parameters, rows handed on as PostgreSQL made them.

This is the whole of what the gateway knows of a connection: `open_session`, `CallSession.read_signatures`,
`CallSession.run` and `CallSession.close`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import psycopg
from psycopg import AsyncConnection, generators, pq

from stonegate.database.connect import connect, words_of
from stonegate.database.sql import load
from stonegate.errors import ConnectionFailed, QueryFailed, QueryTimeout, StonegateError

#: Prepared statements that one session keeps; a database has rarely more functions that are called all the time.
MOST_PREPARED: Final = 200
APPLICATION: Final = "stonegate call"

_GONE: Final = ("08", "57P")  # connection exceptions and the shutdown codes (manual, appendix A)
_CANCELLED: Final = "57014"
#: The function's signature is not what the catalog said when it was read: dropped, replaced, its types made anew.
_MOVED: Final = frozenset({"42883", "0A000", "42704", "42P13", "26000", "XX000"})
_LEAVE_SECONDS: Final = 2.0


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """An input parameter as the catalog has it; `base`, `kind` and `category` are those below any domain."""

    name: str
    oid: int
    type: str
    kind: str
    category: str
    base: str
    element: int | None = None
    element_type: str | None = None
    element_kind: str | None = None
    element_base: str | None = None
    delimiter: str | None = None


class FunctionSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the search_path; `place` is its schema's position there, `defaults` how many may be left out."""

    schema: str
    name: str
    place: int
    is_void: bool
    defaults: int
    is_variadic: bool
    parameters: tuple[Parameter, ...]

    @property
    def label(self) -> str:
        """`add(integer, integer)`."""
        return f"{self.name}({', '.join(parameter.type for parameter in self.parameters)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """SQL with `$n` parameters and the type of each (0: as PostgreSQL infers it)."""

    sql: str
    types: tuple[int, ...]


class SignatureMoved(Exception):
    """PostgreSQL knows no such function (any more): the signature must be read again."""

    def __init__(self, failure: StonegateError) -> None:
        super().__init__(failure.message)
        self.failure = failure


async def open_session(conninfo: str, *, statement_timeout_s: float) -> CallSession:
    """Log in; the session is in UTC and autocommit.

    Raises:
        ConnectionFailed, DatabaseNotFound: the server, or the database, does not let us in.
    """
    options = f"-c statement_timeout={int(statement_timeout_s * 1000)}"
    return CallSession(await connect(conninfo, application_name=APPLICATION, options=options))


class CallSession:
    """One connection. Whoever cancels a `run` cancels its query in PostgreSQL, and the session is of no use then."""

    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self._conn = conn
        self._pgconn = conn.pgconn
        self._prepared: OrderedDict[Statement, bytes] = OrderedDict()
        self._number = 0
        self.is_usable = True
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN | select.POLLHUP | select.POLLERR)

    @property
    def is_alive(self) -> bool:
        """False if the server said something unasked: a session that nobody uses hears only that it is over."""
        return self.is_usable and not self._poll.poll(0)

    @property
    def backend_pid(self) -> int:
        """The process id of the server's side."""
        return self._pgconn.backend_pid

    async def read_signatures(self, name: str) -> tuple[FunctionSignature, ...]:
        """The functions of that name on the search_path; of equal signatures the one that shadows the others."""
        rows = await self.run(Statement(sql=load("call/signatures"), types=(0,)), [name.encode()])
        found = [msgspec.json.decode(row, type=FunctionSignature) for row in rows if row is not None]
        visible: dict[tuple[int, ...], FunctionSignature] = {}
        for signature in sorted(found, key=lambda each: each.place):
            visible.setdefault(tuple(parameter.oid for parameter in signature.parameters), signature)
        return tuple(visible.values())

    async def run(
        self, statement: Statement, values: Sequence[bytes | None], *, timeout_s: float | None = None
    ) -> list[bytes | None]:
        """The first column of all rows, as PostgreSQL's text.

        Args:
            values: texts in the input syntax of the parameters' types; None is NULL.
            timeout_s: less than the session's statement_timeout; None leaves that in force.

        Raises:
            QueryFailed, QueryTimeout: the statement failed; PostgreSQL's words are in `cause`.
            SignatureMoved: there is no such function with these types.
            ConnectionFailed: the connection broke.
        """
        try:
            if timeout_s is None:
                return await self._execute(statement, values)
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._execute(statement, values)
            except TimeoutError:
                raise QueryTimeout(
                    f"the call took longer than {timeout_s * 1000:g} ms",
                    cause="canceling statement due to timeout_ms",
                    sqlstate=_CANCELLED,
                ) from None
        except asyncio.CancelledError:
            self.is_usable = False
            raise
        except QueryTimeout:
            # A cancel request may arrive late, and would hit the next statement.
            self.is_usable = self.is_usable and timeout_s is None
            raise
        except psycopg.Error as error:
            self.is_usable = False
            raise ConnectionFailed("the connection to PostgreSQL broke", cause=words_of(error)) from error

    async def _execute(self, statement: Statement, values: Sequence[bytes | None]) -> list[bytes | None]:
        name = self._prepared.get(statement)
        if name is None:
            name = await self._prepare(statement)
        else:
            self._prepared.move_to_end(statement)
        self._pgconn.send_query_prepared(name, values)
        result = await self._result()
        count = result.ntuples
        get = result.get_value
        return [get(row, 0) for row in range(count)]

    async def _prepare(self, statement: Statement) -> bytes:
        while len(self._prepared) >= MOST_PREPARED:
            _, oldest = self._prepared.popitem(last=False)
            self._pgconn.send_query(b"DEALLOCATE " + oldest)
            await self._result()
        self._number += 1
        name = b"call_%d" % self._number
        self._pgconn.send_prepare(name, statement.sql.encode(), statement.types)
        await self._result()
        self._prepared[statement] = name
        return name

    async def _result(self) -> pq.abc.PGresult:
        results = await self._conn.wait(generators.execute(self._pgconn))
        result: pq.abc.PGresult = results[-1]
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result
        raise self._failure(result)

    def _failure(self, result: pq.abc.PGresult) -> Exception:
        error = psycopg.errors.error_from_result(result)
        state = error.sqlstate or ""
        cause, hint = words_of(error), error.diag.message_hint
        if not state or state.startswith(_GONE):
            self.is_usable = False
            return ConnectionFailed("the connection to PostgreSQL was ended", cause=cause, sqlstate=state or None)
        if state == _CANCELLED:
            if "timeout" in cause:
                return QueryTimeout("the call took longer than the statement timeout", cause=cause, sqlstate=state)
            self.is_usable = False
            return QueryFailed("the call was cancelled", cause=cause, sqlstate=state)
        failure = QueryFailed(error.diag.message_primary or "the call failed", cause=cause, hint=hint, sqlstate=state)
        return SignatureMoved(failure) if state in _MOVED else failure

    async def close(self) -> None:
        """Log out, and wait until the server's process is gone: until then it counts in pg_stat_activity."""
        self.is_usable = False
        if self._pgconn.status != pq.ConnStatus.OK:
            await self._conn.close()
            return
        watched = os.dup(self._pgconn.socket)
        try:
            await self._conn.close()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await _wait_for_end(watched)
        finally:
            os.close(watched)


async def _wait_for_end(descriptor: int) -> None:
    """Until the other side has closed the connection; what it still says is thrown away."""
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(descriptor)
        try:
            if not os.read(descriptor, 65536):
                return
        except BlockingIOError:
            continue
