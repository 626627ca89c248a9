"""One look for rows that stand against a change: what it asks, and how it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from psycopg import errors
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stonegate.database.connect import Session
from stonegate.database.preflight.definitions import trusted
from stonegate.model.catalog import Table
from stonegate.model.preflight import Finding

#: A name for people, and the SQL of it.
Key = tuple[str, Composable]


_NOT_MADE_YET = (errors.UndefinedFunction, errors.UndefinedObject, errors.UndefinedColumn, errors.UndefinedTable)


class Check(Struct, frozen=True, kw_only=True):
    """What selects the offending rows.

    Attributes:
        source: what is selected from, as `t`.
        keys: what one of the rows is known by.
        rows: how many rows one that is selected stands for, to be summed.
    """

    label: str
    reason: str
    source: Composable
    condition: Composable
    keys: tuple[Key, ...]
    rows: Composable = SQL("1")


def of_rows(label: str, reason: str, table: Table, condition: Composable, *, only: bool = False) -> Check:
    """Rows of a table that meet a condition.

    Args:
        only: those of its children are not concerned.
    """
    source = rows_of(table) if only else _name(table)
    keys = tuple((name, Identifier(name)) for name in key_columns(table))
    return Check(label=label, reason=reason, source=source, condition=condition, keys=keys)


def of_duplicates(label: str, table: Table, keys: Sequence[Key], *, distinct: bool, predicate: str) -> Check:
    """Rows of a table whose keys are equal.

    Args:
        distinct: nulls are never equal.
    """
    present = [SQL("{} IS NOT NULL").format(key) for _, key in keys] if distinct else []
    named = tuple((name, Identifier(f"key {number}")) for number, (name, _) in enumerate(keys))
    source = SQL("(SELECT {}, count(*) AS rows FROM {} t WHERE {} GROUP BY {} HAVING count(*) > 1)").format(
        SQL(", ").join(SQL("{} AS {}").format(key, name) for (_, key), (_, name) in zip(keys, named, strict=True)),
        rows_of(table),
        SQL(" AND ").join([trusted(predicate), *present]),
        SQL(", ").join(key for _, key in keys),
    )
    reason = f"share their {', '.join(name for name, _ in keys)} under a unique key"
    return Check(label=label, reason=reason, source=source, condition=SQL("true"), keys=named, rows=SQL("t.rows"))


def rows_of(table: Table) -> Composed:
    """The table's own rows, without those of children, which have keys of their own."""
    return SQL("{}{}").format(SQL("" if table.kind == "partitioned table" else "ONLY "), _name(table))


def _name(table: Table) -> Composed:
    return SQL("{}.{}").format(Identifier(table.schema), Identifier(table.name))


def key_columns(table: Table) -> tuple[str, ...]:
    """Those of the primary key."""
    return next((c.columns for c in table.constraints if c.kind == "primary key"), ())


async def run_check(conn: Session, check: Check) -> Finding | None:
    """The rows that are found.

    Raises:
        psycopg.Error: the role may not read the table.
    """
    query = SQL("SELECT coalesce(sum({}), 0)::bigint, {} FROM {} t WHERE {}").format(
        check.rows, _sample(check.keys), check.source, check.condition
    )
    try:
        async with conn.transaction(), conn.cursor() as cursor:
            row = await (await cursor.execute(query)).fetchone()
    except _NOT_MADE_YET:
        return None  # the plan makes what the condition mentions: there is nothing to ask with yet
    if row is None or not row[0]:
        return None
    return Finding(object=check.label, reason=check.reason, count=row[0], sample=row[1] or "")


def _sample(keys: Sequence[Key]) -> Composable:
    """The keys of one of the rows, as text."""
    if not keys:
        return SQL("''")
    parts = [SQL("{} || coalesce(t.{}::text, 'NULL')").format(Literal(f"{name} = "), key) for name, key in keys]
    return SQL("min(concat_ws(', ', {}))").format(SQL(", ").join(parts))
