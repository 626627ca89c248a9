"""Sends the statements that read the system catalogs, and makes rows of the answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import cache
from itertools import starmap
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints

import psycopg
from msgspec import Struct
from msgspec.structs import fields
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from stonegate.database.connect import Session
from stonegate.database.introspect.rows import AggregateRows, OtherRows, RoutineRows, Row, Rows
from stonegate.database.sql import compose

R = TypeVar("R", Rows, OtherRows, RoutineRows, AggregateRows)

#: The rows of several statements, as the driver has them.
Answers = list[list[tuple[Any, ...]]]

#: Deparsed texts are fully qualified only with an empty search_path, and no operator or function that somebody made in
#: `public` stands in for one of the server's.
NO_NAMES: Final = "SET LOCAL search_path = ''"
SETTINGS: Final = ("SET LOCAL jit = off",)

_OF_ONE_MOMENT: Final = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "COMMIT")
_INSIDE: Final = ("SAVEPOINT introspect", "ROLLBACK TO introspect; RELEASE introspect")  # undoes SET LOCAL


@cache
def certain(kind: type[Struct]) -> tuple[str, ...]:
    """The statements that a kind of rows is certainly read by: those of fields without a default."""
    return tuple(one.name for one in fields(kind) if one.required)


def statement(name: str) -> str:
    """The text that the rows of a field are read by."""
    return compose(f"introspect/{name}")


@cache
def statements(kind: type[Struct]) -> tuple[str, ...]:
    """The texts that a kind of rows is read by at most, in the order of its fields."""
    return tuple(map(statement, kind.__struct_fields__))


def as_rows(kind: type[R], raw: Answers) -> R:
    """The answers to the statements of that kind, in their order; none of them for an empty one."""
    return kind(**rows_by_name(kind, kind.__struct_fields__ if raw else (), raw))


def rows_by_name(kind: type[R], asked: Sequence[str], raw: Answers) -> dict[str, list[Any]]:
    """The answers to the statements of some fields, in their order."""
    types = dict(zip(kind.__struct_fields__, row_types(cast(type, kind)), strict=True))
    return {name: list(starmap(types[name], found)) for name, found in zip(asked, raw, strict=True)}


@cache
def row_types(kind: type) -> tuple[type[Row], ...]:
    """What the rows of those statements are."""
    return tuple(get_args(hint)[0] for hint in get_type_hints(kind).values())


def is_inside(conn: Session) -> bool:
    """True if the session is in a transaction, or begins one with the next statement."""
    return not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE


async def fetch(
    conn: Session, queries: Sequence[str], then: Callable[[Answers], Sequence[str]] | None = None
) -> Answers:
    """The rows of each of the queries, of one moment unless the session is in a transaction already.

    Args:
        then: what to ask behind them, with a second message, by what they returned.

    Raises:
        psycopg.Error: as PostgreSQL reports it; the session is as before.
    """
    begin, end = _INSIDE if is_inside(conn) else _OF_ONE_MOMENT
    answers: Answers = []
    try:
        async with conn.cursor(row_factory=tuple_row) as cursor:
            first = (begin, NO_NAMES, *SETTINGS, *queries)
            if then is not None:
                await _ask(cursor, first, answers)
            await _ask(cursor, (*(first if then is None else then(answers)), end), answers)
        return answers
    except BaseException:  # a cancellation, too, leaves the transaction open
        if not conn.closed:
            with contextlib.suppress(psycopg.Error):  # there may be nothing to go back to
                await conn.execute("ROLLBACK" if begin == _OF_ONE_MOMENT[0] else end)
        raise


async def _ask(cursor: AsyncCursor[tuple[Any, ...]], script: Sequence[str], answers: Answers) -> None:
    """Send the statements as one message, and add what they return."""
    await cursor.execute(";\n".join(script).encode())
    while True:
        if cursor.description is not None:
            answers.append(await cursor.fetchall())
        if not cursor.nextset():
            return
