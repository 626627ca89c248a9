"""What the tracking tables of one database say, and whether that still holds (behaviour, §7)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg import AsyncCursor, sql
from psycopg.pq import TransactionStatus

from stonegate import __version__
from stonegate.database.connect import Session
from stonegate.database.introspect.catalog import introspection
from stonegate.database.introspect.stamp import presumed_stamp_expression, read_stamp, stamp_expression
from stonegate.database.server.trust import is_trusting
from stonegate.database.sql import compose, fixed
from stonegate.database.tracking.guard import REQUIRE_OWN, before_reading
from stonegate.database.tracking.kept_catalogs import known_catalog, known_checksums, restore
from stonegate.database.tracking.tables import DONE, STARTED
from stonegate.model.names import ObjectKind
from stonegate.model.tracking import (
    BESIDE_OTHERS,
    AppliedMigration,
    DeployedObject,
    Deployment,
    RecordKind,
    TrackingState,
)

#: What is read of each kind of rows, the name first.
COLUMNS = {
    RecordKind.MIGRATION: ("migration_file", "checksum", "stonegate_checksum", "baselined"),
    RecordKind.TYPE: ("type_name", "identity", "stonegate_checksum", "checksum", "source_file"),
    RecordKind.TABLE: ("table_name", "identity", "stonegate_checksum", "checksum", "source_file"),
    RecordKind.ROUTINE: (
        "function_name",
        "param_types",
        "identity",
        "stonegate_checksum",
        "body_checksum",
        "source_file",
    ),
}


class Recorded(Struct, frozen=True, kw_only=True):
    """What the tracking tables say, and whether that still holds.

    Attributes:
        is_unmoved: the change stamp is what the last deployment recorded.
        is_presumed: so it is if nothing but routines can have moved, which is yet to be proven.
        essence: of what was read, where that was asked for and no catalog is passed off as another; else "".
    """

    state: TrackingState
    is_unmoved: bool
    is_presumed: bool = False
    essence: str = ""

    @property
    def is_current(self) -> bool:
        """True if the tracking tables are certainly as this stonegate makes them."""
        return self.is_unmoved and self.state.last is not None and self.state.last.tool_version == __version__


async def read_state(conn: Session, *, with_catalog: bool = True) -> TrackingState:
    """All that the tracking tables hold, in one round trip; missing tables and missing columns of ours are no error.

    Args:
        conn: in any state but an aborted transaction.
        with_catalog: read the deployed catalog too (tens of kilobytes).
    """
    return (await _read_recorded(conn, with_catalog=with_catalog)).state


async def read_recorded(conn: Session, *, is_deployed: bool = False, presume: bool = False) -> Recorded:
    """The same, and whether anything moved since, in one round trip.

    Args:
        conn: in autocommit, outside a transaction.
        is_deployed: stonegate has deployed here; then the tables are nearly always as this version makes them.
        presume: look at the routines alone; where these moved, so has the stamp. It comes with the essence.
    """
    if is_deployed:
        with contextlib.suppress(psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            stamp = presumed_stamp_expression() if presume else stamp_expression()
            recorded = await _read_recorded(conn, "tracking/read_current", stamp=stamp, with_essence=presume)
            return replace(recorded, is_presumed=presume and recorded.is_unmoved)
    return await _read_recorded(conn, stamp=stamp_expression())


async def prove(conn: Session, recorded: Recorded) -> Recorded:
    """What was presumed of the change stamp, or else, once all of it was read."""
    last = recorded.state.last
    if not recorded.is_presumed or last is None:
        return recorded
    return Recorded(state=recorded.state, is_unmoved=await read_stamp(conn) == last.stamp)


async def _read_recorded(
    conn: Session,
    script: str = "tracking/read_state",
    *,
    with_catalog: bool = True,
    stamp: str | None = None,
    with_essence: bool = False,
) -> Recorded:
    query = fixed(script).format(
        with_catalog=sql.Literal(with_catalog),
        known=sql.Literal(known_checksums() if with_catalog else []),
        with_stamp=sql.Literal(stamp is not None),
        stamp=sql.SQL(stamp or "''"),
        essence=essence_expression() if with_essence else sql.SQL("''"),
        **_columns(),
    )
    row = (await fetch_from_block(conn, query.as_bytes(conn)))[0]
    exists, migrations, types, tables, routines, latest, fingerprints, catalog, is_unmoved, *essence = row
    latest = latest or {}
    late: dict[str, str] = latest.get("post_commit") or {}
    state = TrackingState(
        exists=exists,
        migrations=tuple(_as_migration(each) for each in _named(RecordKind.MIGRATION, migrations)),
        types=_as_objects(RecordKind.TYPE, types),
        tables=_as_objects(RecordKind.TABLE, tables),
        routines=_as_objects(RecordKind.ROUTINE, routines),
        last=_as_deployment(latest, catalog, with_catalog=with_catalog) if latest else None,
        missing_seeds=frozenset(latest.get("missing_seeds") or ()),
        excepted=tuple(latest.get("excepted") or ()),
        unfinished=tuple(sorted(step for step, state in late.items() if state != DONE)),
        finished=tuple(sorted(step for step, state in late.items() if state == DONE)),
        interrupted=tuple(sorted(step for step, state in late.items() if state == STARTED)),
        fingerprints=tuple(fingerprints or ()),
    )
    declared = state.declared
    is_true = declared is not None and declared is known_catalog(latest.get("catalog_checksum"))
    return Recorded(state=state, is_unmoved=is_unmoved, essence=essence[0] if essence and is_true else "")


@cache
def essence_expression() -> sql.Composed:
    """An SQL expression of type text, to be embedded into a query in which `latest` is the latest deployment.

    Databases whose records it is equal of get equal plans, if their catalogs are equal, too.
    """
    return fixed("tracking/essence").format(**_columns())


@cache
def _columns() -> Mapping[str, sql.Composed]:
    """Those of `COLUMNS`, by kind, as a list."""
    return {kind.value: sql.SQL(", ").join(map(sql.Identifier, names)) for kind, names in COLUMNS.items()}


async def read_unchanged(conn: Session, digest: str | None = None) -> tuple[str, str] | None:
    """Digest and fingerprint of the folder that was deployed last, if the database is as that deployment left it.

    One round trip: no post-commit statement is unfinished, and the change stamp has not moved. Another one where the
    table belongs to a role that may do less than the session.

    Args:
        digest: only of the folder with this one; the stamp of others is not even looked at.

    Raises:
        psycopg.Error: the query failed, or what it reads would run what others made.
    """
    row = await (await conn.execute(_unchanged_query(digest))).fetchone()
    if row == _OTHERS:
        rows = await fetch_from_block(conn, _unchanged_query(digest, is_guarded=True))
        row = rows[0] if rows else None
    return None if row is None else (row[0], row[1])


#: What read_unchanged.sql says of a table that it leaves alone.
_OTHERS = ("others", "")


@lru_cache(maxsize=64)
def _unchanged_query(digest: str | None, *, is_guarded: bool = False) -> bytes:
    stamp: sql.Composable = sql.SQL(stamp_expression())
    if digest is not None:
        stamp = fixed("tracking/late_stamp").format(digest=sql.Literal(digest), stamp=stamp)
    query = sql.SQL(compose("tracking/read_unchanged"))
    return query.format(digest=sql.Literal(digest), stamp=stamp, is_guarded=sql.Literal(is_guarded)).as_bytes()


async def fetch_from_block(conn: Session, query: bytes) -> list[tuple[Any, ...]]:
    """The rows of the one statement of a script that returns any; it reads the tracking tables.

    Raises:
        psycopg.Error: the query failed, or what it reads would run what others made.
    """
    if conn.info.transaction_status == TransactionStatus.IDLE and not is_trusting(conn):
        with contextlib.suppress(psycopg.errors.InvalidTextRepresentation):
            cursor = await conn.execute(REQUIRE_OWN + query)
            cursor.nextset()
            return await _rows_of(cursor)
    return await _rows_of(await conn.execute(before_reading(conn) + query))


async def _rows_of(cursor: AsyncCursor[Any]) -> list[tuple[Any, ...]]:
    while cursor.description is None and cursor.nextset():
        pass
    return await cursor.fetchall()


def _named(kind: RecordKind, rows: Sequence[Any] | None) -> list[Mapping[str, Any]]:
    """The rows by column; read_current.sql leaves the names out."""
    return [row if isinstance(row, dict) else dict(zip(COLUMNS[kind], row, strict=True)) for row in rows or ()]


def _as_migration(row: Mapping[str, Any]) -> AppliedMigration:
    return AppliedMigration(
        name=row["migration_file"],
        raw_checksum=row["checksum"],
        checksum=row.get("stonegate_checksum"),
        baselined=bool(row.get("baselined")),
    )


def _as_objects(kind: RecordKind, rows: Sequence[Any] | None) -> tuple[DeployedObject, ...]:
    return tuple(_as_object(row, COLUMNS[kind][0]) for row in _named(kind, rows))


def _as_object(row: Mapping[str, Any], name: str) -> DeployedObject:
    return DeployedObject(
        name=row[name],
        param_types=tuple(row.get("param_types") or ()),
        identity=row.get("identity"),
        checksum=row.get("stonegate_checksum"),
        original_checksum=row["body_checksum"] if "body_checksum" in row else row["checksum"],
        file=row.get("source_file") or "",
    )


def _as_deployment(row: Mapping[str, Any], catalog: bytes | None, *, with_catalog: bool) -> Deployment:
    return Deployment(
        id=row["id"],
        digest=row["digest"],
        fingerprint=row["fingerprint"],
        stamp=row["stamp"],
        catalog=restore(row.get("catalog_checksum"), catalog) if with_catalog else None,
        live_checksum=row.get("live_checksum"),
        is_comparable=row.get("introspection") == introspection(),
        tool_version=row.get("tool_version"),
        executed_by=row.get("executed_by") or "",
        outside=tuple(map(ObjectKind, row.get("outside") or ())),
        is_mixed=row.get("mode") == BESIDE_OTHERS,
    )
