"""`/call` from decoded request to bytes: the database, the signature, one round trip, PostgreSQL's rows as they are."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from typing import Final, TypeAlias

import msgspec

from stonegate.database.call.session import CallSession, FunctionSignature
from stonegate.database.call.statement import CallUndone, Pace, SignatureMoved, Statement
from stonegate.errors import ConnectionFailed, DatabaseNotFound, FunctionNotFound, QueryFailed, UsageError
from stonegate.fleet.targets import Target
from stonegate.gateway.answers import Refusal, refusal_of
from stonegate.gateway.call.plain import PlainCall
from stonegate.gateway.call.pool import Place
from stonegate.gateway.call.pools import Pools
from stonegate.gateway.call.request import CallRequest, LargeCallRequest, id_text, take_apart
from stonegate.gateway.call.signatures import (
    FUNCTION_NAME,
    MOST_SHOWN,
    NO_FUNCTION,
    Arguments,
    bind_call,
    choose_signature,
    void_rows,
)
from stonegate.gateway.call.targets import Targets
from stonegate.settings import MIB, Settings

#: A signature is read again after this time: deployments from elsewhere, or by other workers, tell nobody (seconds).
SIGNATURE_SECONDS: Final = 5.0

#: http-contract: `CALL_ERROR_STATUS=sqlstate`.
_BY_STATE: Final = {"42501": 403, "42883": 404, "57014": 504, "P0001": 400}
_BY_CLASS: Final = {"23": 409, "22": 400}


_Bound: TypeAlias = tuple[Statement, list[bytes | None], bytes | None]


class CallAnswer(msgspec.Struct, frozen=True):
    """The rows as a JSON array, and how many."""

    rows: bytes
    count: int


class _Function:
    """What is remembered of a function: its overloads, when they were read, and how long its calls take."""

    __slots__ = ("pace", "plain", "read_at", "signatures")

    def __init__(self) -> None:
        self.signatures: tuple[FunctionSignature, ...] = ()
        self.plain: PlainCall | None = None
        self.read_at = -SIGNATURE_SECONDS
        self.pace = Pace()

    def learn(self, signatures: tuple[FunctionSignature, ...]) -> None:
        """The catalog was read."""
        if signatures != self.signatures:
            self.signatures, self.plain = signatures, PlainCall.of(signatures)
        # Those that were read at the same time are not read again at the same time.
        self.read_at = time.monotonic() - random.uniform(0, SIGNATURE_SECONDS / 2)

    def bind(self, name: str, arguments: Arguments) -> _Bound:
        """The statement, the texts of its parameters, and the rows where they are known before: a void function's.

        Raises:
            UsageError: no overload takes such arguments.
        """
        if self.plain is not None and (bound := self.plain.bind(arguments)) is not None:
            return *bound, self.plain.void_rows
        fit = choose_signature(name, self.signatures, arguments)
        return *bind_call(fit), void_rows(fit.signature)

    async def bind_any(self, name: str, arguments: Arguments | msgspec.Raw) -> _Bound:
        """The same; a large call, whose parameters are in one piece, is bound beside the event loop."""
        if not isinstance(arguments, msgspec.Raw):
            return self.bind(name, arguments)
        return await asyncio.to_thread(lambda: self.bind(name, take_apart(arguments, name, self.signatures)))


class Calls:
    """Answers calls; remembers the functions of every database."""

    def __init__(self, settings: Settings, targets: Targets, pools: Pools[CallSession]) -> None:
        self.settings = settings
        self.targets = targets
        self.pools = pools
        self._known: dict[str, dict[str, _Function]] = {}
        #: What databases and roles have SET, and what sessions said to be in force, as they were read last.
        self._settings: dict[str, tuple[str | None, str]] = {}

    async def answer(self, request: CallRequest | LargeCallRequest) -> CallAnswer:
        """Call the function.

        Raises:
            UsageError, FunctionNotFound: the request is wrong.
            ConnectionFailed, PoolExhausted: the database cannot be reached now, or does not exist.
            QueryFailed, QueryTimeout: the function failed.
        """
        if not FUNCTION_NAME.match(request.function):
            raise UsageError(
                f"the function's name {request.function[:MOST_SHOWN]!r} is none",
                hint="a-z, 0-9 and _, at most 63 characters, no schema",
            )
        timeout_s = None if request.timeout_ms is None else self._timeout(request.timeout_ms)
        database_id = request.id
        tenant = database_id if database_id is not None else id_text(request.tenant_id)
        try:
            target = await self.targets.find(
                request.platform, tenant, request.schema_name or None, is_id=database_id is not None
            )
            try:
                return await self._attempt(target, request, timeout_s)
            except CallUndone:
                return await self._attempt(target, request, timeout_s)
        except (CallUndone, SignatureMoved) as again:
            raise again.failure from None
        except DatabaseNotFound as missing:
            raise ConnectionFailed(missing.message, cause=missing.cause, database=missing.database) from missing

    def forget(self, database: str) -> None:
        """The database was deployed to: its signatures may be others now."""
        self._known.pop(database, None)
        self._settings.pop(database, None)

    async def _attempt(
        self, target: Target, request: CallRequest | LargeCallRequest, timeout_s: float | None
    ) -> CallAnswer:
        known = self._known.get(target.database, {}).get(request.function)
        is_known = known is not None and not isinstance(request, LargeCallRequest)  # large ones take what they take
        mean = known.pace.mean if is_known and known is not None and known.pace.mean is not None else math.inf
        opening = self.targets.open(target, self.settings.call_timeout, self.settings.max_answer_mb * MIB)
        place = await self.pools.take(target.database, opening, mean)
        try:
            return await self._run(place, target.database, request, timeout_s)
        finally:
            self.pools.give_back(place, mean)

    async def _run(
        self,
        place: Place[CallSession],
        database: str,
        request: CallRequest | LargeCallRequest,
        timeout_s: float | None,
    ) -> CallAnswer:
        name, session = request.function, place.session
        arguments: Arguments | msgspec.Raw = () if request.params is None else request.params
        known = self._known.get(database, {}).get(name)
        bound = None
        if known is not None and time.monotonic() - known.read_at < SIGNATURE_SECONDS:
            with contextlib.suppress(UsageError):  # an overload may have come since
                bound = await known.bind_any(name, arguments)
        if known is None or bound is None:
            known = await self._read(place, database, name)
            bound = await known.bind_any(name, arguments)
        before = known.signatures  # other calls, too, may learn in the meantime that it has changed
        try:
            try:
                rows = await session.run(bound[0], bound[1], timeout_s=timeout_s, pace=known.pace)
            except SignatureMoved as moved:
                known = await self._read(place, database, name)
                if known.signatures == before:
                    raise moved.failure from None
                bound = await known.bind_any(name, arguments)
                rows = await session.run(bound[0], bound[1], timeout_s=timeout_s, pace=known.pace)
        except SignatureMoved as still:
            raise still.failure from None
        except QueryFailed as failure:
            failure.database = database
            raise
        if bound[2] is not None:
            return CallAnswer(bound[2], 1)
        try:
            joined = b",".join(rows)  # type: ignore[arg-type]
        except TypeError:
            joined = b",".join(row or b"null" for row in rows)
        return CallAnswer(b"[" + joined + b"]", len(rows))

    async def _read(self, place: Place[CallSession], database: str, name: str) -> _Function:
        """What the catalog says.

        Raises:
            CallUndone: the connection is from before a deployment, or a function has SET something on it.
            FunctionNotFound: there is no such function.
        """
        read = await place.session.read_functions(name)
        is_bent = False
        if self.pools.is_current(place):
            seen = (read.settings, read.session)
            before = self._settings.setdefault(database, seen)
            if before != seen:
                self.forget(database)  # what was read from whichever of the two was bent is wrong
                is_bent = before[0] == read.settings
                if not is_bent:
                    await self.pools.drain(database)
        if is_bent or read.is_littered:
            place.session.is_usable = False
        if is_bent or not self.pools.is_current(place):  # the functions may be those of another search_path
            raise CallUndone(ConnectionFailed("the database is being deployed to", hint="try again", database=database))
        found = read.functions
        if not found:
            # Names that do not exist are not remembered: there is no end of them.
            self._known.get(database, {}).pop(name, None)
            raise FunctionNotFound(f"there is no function {name}", hint=NO_FUNCTION, database=database)
        known = self._known.setdefault(database, {}).setdefault(name, _Function())
        known.learn(found)
        return known

    def _timeout(self, timeout_ms: float) -> float | None:
        """Seconds, if less than what is in force anyway."""
        if not 0 < timeout_ms < 1e12:
            raise UsageError("timeout_ms must be a number of milliseconds greater than 0")
        seconds = timeout_ms / 1000
        limit = self.settings.call_timeout
        return seconds if limit == 0 or seconds < limit else None


def failure_of(error: Exception, settings: Settings) -> Refusal:
    """The answer to a failed call, by SQLSTATE where the settings say so."""
    refusal = refusal_of(error)
    if settings.call_error_status == "sqlstate" and isinstance(error, QueryFailed) and error.sqlstate:
        refusal.status = _status_of(error.sqlstate, refusal.status)
    return refusal


def _status_of(state: str, otherwise: int) -> int:
    # A call that failed was rolled back: it must not look like one that did not.
    if state.startswith("PT") and state[2:].isdigit() and 400 <= int(state[2:]) <= 599:
        return int(state[2:])
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or otherwise
