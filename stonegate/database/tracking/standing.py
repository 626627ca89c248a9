"""Where a database stands, in a few words: enough to tell that another one, which was changed just now, stood there."""

from __future__ import annotations

from functools import cache

import psycopg
from msgspec import Struct
from psycopg import sql

from stonegate.database.connect import Session
from stonegate.database.introspect.stamp import presumed_stamp_expression
from stonegate.database.server.facts import locale_columns
from stonegate.database.server.locks import LockKey, try_lock, try_query
from stonegate.database.sql import compose
from stonegate.database.tracking.guard import REQUIRE_OWN
from stonegate.database.tracking.state import essence_expression


class Standing(Struct, frozen=True):
    """What is told of a database, and of the session, in the order of standing.sql.

    Attributes:
        id, digest, stamp: of the latest deployment.
        is_presumed: the change stamp is that one, if nothing but routines can have moved, which is yet to be proven.
        pid: of the backend, as the backend says.
        comment: of the database; it may be a label.
        is_own: what the session makes will belong to the database's owner, or to a superuser, as that one is.
        session: role, owners and locale, as one text.
        essence: a hash of all else in the records that decides about a plan.
    """

    id: int
    digest: str
    stamp: str
    is_presumed: bool
    pid: int
    comment: str | None
    is_own: bool
    session: str
    essence: str


async def lock_and_look(conn: Session, key: LockKey) -> tuple[bool, Standing | None]:
    """Take the lock if it is free, as `try_lock`, and look where the database stands after that: one round trip.

    Returns:
        Whether the session has the lock; None where this version of stonegate has not deployed, or where nobody may
        look now or at once: what is in the way is for the long way to wait for, or to tell.

    Raises:
        psycopg.Error: the connection broke, or somebody cancels the query.
    """
    try:
        async with conn.cursor() as cursor:
            await cursor.execute(REQUIRE_OWN + b";".join((try_query(key), _query(conn.info.server_version))))
            cursor.nextset()
            locked = await cursor.fetchone()
            cursor.nextset()
            row = await cursor.fetchone()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        return await try_lock(conn, key), None
    return locked is not None and bool(locked[0]), None if row is None else Standing(*row)


@cache
def _query(version: int) -> bytes:
    locale, rules = map(sql.SQL, locale_columns(version))
    presumed = sql.SQL(presumed_stamp_expression())
    query = sql.SQL(compose("tracking/standing"))
    return query.format(presumed=presumed, locale=locale, rules=rules, essence=essence_expression()).as_bytes()
