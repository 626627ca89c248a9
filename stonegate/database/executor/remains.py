"""What an interrupted statement after the commit left: found complete, finished, or taken away (behaviour, §6)."""

from __future__ import annotations

import re

from psycopg.rows import dict_row

from stonegate.database import sql
from stonegate.database.connect import Session, answers_yes
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.model.tokens import canonical_form

# In canonical form: words in lower case, one blank between any two tokens, no comments.
_NAME = r"(?:\"(?:[^\"]|\"\")+\"|[\w$]+)"
_QUALIFIED = rf"{_NAME}(?: \. {_NAME})?"
_CREATED = re.compile(
    rf"create (?P<unique>unique )?index concurrently (?:(?:if not exists )?(?P<name>{_NAME}) )?on (?:only )?"
    rf"(?P<table>{_QUALIFIED})"
)
_DROPPED = re.compile(rf"drop index concurrently (?:if exists )?(?P<index>{_QUALIFIED})")
_DETACHED = re.compile(
    rf"alter table (?:if exists )?(?:only )?(?P<parent>{_QUALIFIED}) "
    rf"detach partition (?P<partition>{_QUALIFIED}) concurrently"
)
_INDEX = re.compile(
    r"(?:create (?:unique )?|re)index (?:\( [^)]* \) )?(?:\w+ )?concurrently|reindex \( [^)]*concurrently"
)
_REBUILT = re.compile(r"_cc(new|old)\d*$")


async def is_reached(conn: Session, name: str, text: str, *, was_begun: bool, was_started: bool) -> bool:
    """Whether the statement has nothing left to do; if it has, it finds nothing of its former attempts.

    Args:
        name: its tracked id.
        text: the statement.
        was_begun: an apply before this one was to execute it.
        was_started: and nobody knows how that ended: perhaps well.
    """
    form = canonical_form(text)
    if found := _DETACHED.match(form):
        return await _is_detached(conn, _spelled(found["parent"]), _spelled(found["partition"]))
    if found := _DROPPED.match(form):
        return was_started and await _is_gone(conn, _spelled(found["index"]))
    if was_begun and _INDEX.match(form):
        await _clear(conn, form)
    found = _CREATED.match(form) if was_started else None
    if found is None:
        return False
    if found["name"] is None:
        return await _has_twin(conn, name, form, _spelled(found["table"]), unique=found["unique"] is not None)
    return await _is_built(conn, _spelled(found["table"]), found["name"])


def _spelled(name: str) -> str:
    return name.replace(" . ", ".")


async def _is_detached(conn: Session, parent: str, partition: str) -> bool:
    """Detached already, since that came to its end; or now, since it had only to be finished."""
    row = await (await conn.execute(sql.load("server/attachment").encode(), (partition, parent))).fetchone()
    if row is None or row[0] == "attached":
        return False
    if row[0] == "pending":
        await conn.execute(f"ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE".encode())
    return True


async def _is_gone(conn: Session, index: str) -> bool:
    return await answers_yes(conn, "SELECT pg_catalog.to_regclass(%s) IS NULL", (index,))


async def _is_built(conn: Session, table: str, written: str) -> bool:
    """Whether the index is there and valid."""
    name = written[1:-1].replace('""', '"') if written.startswith('"') else written
    row = await (await conn.execute(sql.load("server/valid_index").encode(), (table, name))).fetchone()
    return row is not None


async def _has_twin(conn: Session, name: str, form: str, table: str, *, unique: bool) -> bool:
    """Whether the table has got such an index since the statement began, under a name that PostgreSQL made up."""
    query = sql.load("server/unnamed_indexes").encode()
    rows = await (await conn.execute(query, {"table": table, "step": name})).fetchall()
    return any(is_unique == unique and all(_mentions(form, each) for each in columns) for is_unique, columns in rows)


async def _clear(conn: Session, form: str) -> None:
    """Drop the invalid index that CREATE or REINDEX INDEX CONCURRENTLY left behind (manual: REINDEX)."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.load("server/invalid_indexes").encode())
        rows = await cursor.fetchall()
    # An index without a name in its statement gets one that begins with the table's.
    is_unnamed = re.search(r"concurrently (?:if not exists )?on\b", form) is not None
    is_rebuilding = form.startswith("reindex")
    for row in rows:
        if is_rebuilding and _REBUILT.search(row["name"]) is None:
            continue  # it is itself to be built anew, perhaps since it is invalid
        names = {row["name"], _REBUILT.sub("", row["name"])}
        if is_rebuilding or (is_unnamed and row["name"].startswith(f"{row['table']}_")):
            names.add(row["table"])
        if any(_mentions(form, name) for name in names):
            index = QualifiedName(row["schema"], row["name"]).sql
            await conn.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}".encode())


def _mentions(form: str, name: str) -> bool:
    if quote_ident(name) != name:
        return quote_ident(name) in form
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", form) is not None
