"""Reads a database's whole schema in two round trips into the model's Catalog."""

from __future__ import annotations

import marshal
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import Final, TypeAlias

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import FORM, Session
from stonegate.database.introspect import rows, whole
from stonegate.database.introspect.dependencies import dependencies, edges
from stonegate.database.introspect.fetch import (
    NO_NAMES,
    SETTINGS,
    Answers,
    as_rows,
    certain,
    fetch,
    is_inside,
    rows_by_name,
    statement,
    statements,
)
from stonegate.database.introspect.lookup import Lookup, Vanished
from stonegate.database.introspect.nodes import Nodes
from stonegate.database.introspect.others import has_others, other_edges, others
from stonegate.database.introspect.relations import Relations
from stonegate.database.introspect.routines import routines
from stonegate.database.introspect.seldom import wanted_behind
from stonegate.database.introspect.stamp import stamp_expression
from stonegate.database.introspect.types import types
from stonegate.database.sql import compose
from stonegate.errors import MigrationFailed
from stonegate.model.catalog import Catalog, Routine
from stonegate.model.json_form import to_json

#: To be raised when Python makes another catalog of the same rows.
_MADE: Final = "3"

_SNAPSHOT: Final = "SELECT pg_catalog.pg_current_snapshot()"

#: What is to be done with the session while a catalog is put together of what was read.
OnRead: TypeAlias = Callable[[], Awaitable[None]]

#: Catalogs by the rows that they were made of, as clones have them, and by what they say: the databases of a fleet that
#: were changed one by one say the same with other oids, and share one value, by which others remember what they made
#: of it.
_CATALOGS: Cache[Catalog] = Cache(12)
_EQUAL: Cache[Catalog] = Cache(12)


class Reading(Struct, frozen=True, kw_only=True):
    """A catalog and the change stamp of just before it was read: what is committed in between moves the stamp.

    Attributes:
        digest: of the routines, "" where it was not asked for or there is none; see `digest_routines`.
    """

    stamp: str
    catalog: Catalog
    digest: str = ""


#: What deparsing says when another session drops an object between our finding and our printing it.
#: Printing a view locks its tables, which may meet that session's DROP … CASCADE half-way.
_VANISHED: Final = (
    psycopg.errors.InternalError_,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedObject,
    psycopg.errors.DeadlockDetected,
)
_ATTEMPTS: Final = 5


@cache
def introspection() -> str:
    """How this version reads catalogs: a hash, in 32 hex digits, of the queries, how answers are printed, and what is
    made of them.

    Catalogs that were read in different ways differ in attributes that nobody changed.
    """
    printed = (f"{name} = {value}" for name, value in FORM.items())
    read = (text for kind in (rows.Rows, rows.AggregateRows, rows.OtherRows) for text in statements(kind))
    return sha256("\n".join((_MADE, *printed, NO_NAMES, *SETTINGS, *read)).encode()).hexdigest()[:32]


async def read_catalog(conn: Session) -> Catalog:
    """The state of the database that `conn` is connected to; not in pipeline mode.

    Two round trips, inside the caller's transaction or outside of any; settings are as before afterwards. A third one
    reads objects of the kinds that the model holds as text only, where there are any. Printing a view waits for an
    exclusive lock on its tables: the session's lock_timeout decides how long.

    Raises:
        psycopg.Error: as PostgreSQL reports it.
    """
    return (await _read(conn)).catalog


async def read_stamped(conn: Session, *, meanwhile: OnRead | None = None) -> Reading:
    """The same with the change stamp.

    Args:
        meanwhile: awaited once, when all has been read and the catalog is yet to be put together.

    Raises:
        psycopg.Error: as PostgreSQL reports it.
    """
    return await _read(conn, with_stamp=True, meanwhile=meanwhile)


def digest_query() -> str:
    """The query of that digest, for a session with the settings `NO_NAMES`; NULL where there is none."""
    return compose("introspect/digest_routines")


async def digest_routines(conn: Session) -> tuple[str, str]:
    """The change stamp, and a digest that databases with equal routines have in common; "" where there is none."""
    (stamp,), (digest,) = await fetch(conn, (f"SELECT {stamp_expression()}", digest_query()))
    return str(stamp[0]), str(digest[0] or "")


async def read_routines(conn: Session) -> tuple[str, str, tuple[Routine, ...]]:
    """The change stamp, the digest of the routines, and these.

    The digest is "" where there is none, or where somebody changed routines while they were read.
    """
    digest = digest_query()
    queries = (f"SELECT {stamp_expression()}", digest, *statements(rows.RoutineRows), digest)
    (stamp,), (before,), *raw, (after,) = await fetch(conn, queries)
    read = as_rows(rows.RoutineRows, raw)
    aggregates = as_rows(rows.AggregateRows, await _fetch_aggregates(conn, read.routines)).aggregates
    found = routines(read.routines, read.comments, aggregates)
    return str(stamp[0]), str(before[0] or "") if before == after else "", found


async def _read(conn: Session, *, with_stamp: bool = False, meanwhile: OnRead | None = None) -> Reading:
    for attempt in range(_ATTEMPTS):
        try:
            return await _read_once(conn, with_stamp=with_stamp, meanwhile=meanwhile)
        except _VANISHED:
            if attempt == _ATTEMPTS - 1:
                raise
        except Vanished:
            continue
    raise MigrationFailed(
        "other sessions change objects faster than they can be read", hint="run again when they have finished"
    )


async def _read_once(conn: Session, *, with_stamp: bool, meanwhile: OnRead | None) -> Reading:
    stamp, read, raw = await _read_rows(conn, with_stamp=with_stamp)
    lookup = Lookup(read)
    aggregates = await _fetch_aggregates(conn, read.routines)
    more = await fetch(conn, statements(rows.OtherRows)) if has_others(lookup) else []
    server = conn.info.server_version
    if meanwhile is not None:
        await meanwhile()
    key = (server, sha256(marshal.dumps((raw, aggregates, more), 2)).digest())
    catalog = _CATALOGS.get(key, lambda: _one_of_equals(_assemble(server, lookup, aggregates, more)))
    return Reading(stamp=stamp, catalog=catalog)


async def _read_rows(conn: Session, *, with_stamp: bool) -> tuple[str, rows.Rows, tuple[tuple[str, ...], Answers]]:
    """The stamp, the rows, and what these were made of."""
    # In a transaction each statement has a snapshot of its own, and the stamp tells whether they saw the same objects.
    stamp = f"SELECT {stamp_expression()}" if with_stamp or is_inside(conn) else "SELECT ''"
    first, behind = certain(rows.Rows), tuple[str, ...]()
    read: rows.Rows | None = None

    def ask_behind(answers: Answers) -> list[str]:
        nonlocal read, behind
        read = rows.Rows(**rows_by_name(rows.Rows, first, answers[2:]))
        behind = wanted_behind(read)
        return [*map(statement, behind), _SNAPSHOT]

    (found,), before, *raw, after = await fetch(conn, (stamp, _SNAPSHOT, *map(statement, first)), ask_behind)
    if before != after and await fetch(conn, (stamp,)) != [[found]]:
        raise Vanished
    assert read is not None
    read = replace(read, **rows_by_name(rows.Rows, behind, raw[len(first) :]))
    return str(found[0]), read, (behind, raw)


async def _fetch_aggregates(conn: Session, found: Sequence[rows.Routine]) -> Answers:
    if not any(one.kind == "a" for one in found):
        return []
    return await fetch(conn, statements(rows.AggregateRows))


def _one_of_equals(catalog: Catalog) -> Catalog:
    return _EQUAL.get(sha256(to_json(catalog)).digest(), lambda: catalog)


def _assemble(server: int, lookup: Lookup, aggregates: Answers, more: Answers) -> Catalog:
    read = lookup.rows
    rest = as_rows(rows.OtherRows, more)
    definitions = as_rows(rows.AggregateRows, aggregates).aggregates
    nodes = Nodes(lookup)
    found = [*edges(lookup, nodes)]
    if rest.others or rest.remarks:
        found += other_edges(lookup, nodes, rest)
    own = types(lookup)
    relations = Relations(lookup)
    return Catalog(
        server=server,
        schemas=whole.schemas(lookup),
        extensions=whole.extensions(lookup),
        enums=own.enums,
        composites=own.composites,
        domains=own.domains,
        ranges=own.ranges,
        sequences=relations.sequences(),
        tables=relations.tables(),
        views=relations.views(),
        routines=routines(read.routines, read.comments, definitions),
        default_privileges=whole.default_privileges(lookup),
        others=others(lookup, rest),
        dependencies=dependencies(found),
        search_path=whole.search_path(lookup),
    )
