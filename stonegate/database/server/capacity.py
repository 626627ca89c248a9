"""What a server has room for: sessions and locks, for whoever works on many of its databases at a time (manual 20)."""

from __future__ import annotations

from msgspec import Struct

from stonegate.database.connect import Session, using
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.sql import load

#: Distinct objects in pg_locks for each table made in one transaction: itself, two indexes, a sequence, the TOAST table
#: and its index, and three for types and owners (counted over 100 tables with a serial key and one UNIQUE column).
LOCKS_PER_TABLE = 9
_SHARE = 0.8  # of the lock table; the rest is for everybody else


class Capacity(Struct, frozen=True, kw_only=True):
    """Room on a server.

    Attributes:
        sessions: how many more there may be, reserved ones apart.
        locks: how many relations all sessions together can lock.
    """

    sessions: int
    locks: int


async def read_capacity(server: str) -> Capacity:
    """The room on the server right now; one connection, one round trip.

    Raises:
        ConnectionFailed: it is unreachable.
    """
    async with using(await connect_maintenance(server)) as conn:
        return await _read(conn)


async def _read(conn: Session) -> Capacity:
    row = await (await conn.execute(load("server/capacity").encode())).fetchone()
    assert row is not None
    return Capacity(sessions=row[0], locks=row[1])


def count_locks(tables: int, others: int) -> int:
    """How many locks a deployment takes at most that touches so many tables and other relations."""
    return LOCKS_PER_TABLE * tables + others


def databases_at_once(locks: int, capacity: Capacity, wanted: int) -> int:
    """How many deployments fit into the lock table together, `wanted` at most and one at least."""
    if locks <= 0:
        return wanted
    return max(1, min(wanted, int(capacity.locks * _SHARE) // locks))
