"""What a server, a session and its database are: version, role, locale, and whether anybody has made anything yet."""

from __future__ import annotations

from functools import cache
from typing import Final

from msgspec import Struct
from psycopg.rows import class_row

from stonegate.database import sql
from stonegate.database.connect import Session, answers_yes
from stonegate.database.server.locks import LockKey, try_query
from stonegate.database.server.trust import note_trust

#: Whether the session's role has an attribute (manual 21.2).
_HAS_ATTRIBUTE: Final = "SELECT {} FROM pg_catalog.pg_roles WHERE rolname = current_user"


class Locale(Struct, frozen=True, kw_only=True):
    """How a database encodes, sorts and folds text (manual 23.1); the arguments of CREATE DATABASE.

    Attributes:
        provider: "c" (libc), "i" (ICU) or "b" (builtin).
        locale, rules: of ICU and the builtin provider.
    """

    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None = None
    rules: str | None = None

    def __str__(self) -> str:
        return " ".join(part or "-" for part in (self.encoding, self.provider, self.collate, self.ctype, self.locale))


class SessionFacts(Struct, frozen=True, kw_only=True):
    """One session: its role, its database and the server.

    Attributes:
        database, owner: of the database that it is connected to.
        role: current_user, who will own what it creates.
        superuser: that role is one.
        version: server_version_num (180006).
        pid: of the backend, as the backend says.
        fsync: the server waits for the disk; one for tests does not.
        lock_slots: how many relations all sessions together can lock (manual 20.12).
        comment: of the database; it may be a label.
        is_deployed: stonegate has recorded a deployment in this database, or has begun to.
        deployer: the database's owner, if that is who deployed here and may not do what the session's role may.
        is_trusted: nobody who may do less than the session can have a hand in the tracking tables.
    """

    database: str
    role: str
    owner: str
    superuser: bool
    version: int
    pid: int
    lock_slots: int
    fsync: bool
    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None
    rules: str | None
    comment: str | None
    is_deployed: bool
    deployer: str | None
    is_trusted: bool

    @property
    def place(self) -> Locale:
        """The locale of the database."""
        return Locale(
            encoding=self.encoding,
            provider=self.provider,
            collate=self.collate,
            ctype=self.ctype,
            locale=self.locale,
            rules=self.rules,
        )


async def read_session(conn: Session) -> SessionFacts:
    """The facts of a session, in one round trip."""
    async with conn.cursor(row_factory=class_row(SessionFacts)) as cursor:
        await cursor.execute(_facts_query(conn.info.server_version))
        facts = await cursor.fetchone()
    assert facts is not None
    note_trust(conn, is_trusted=facts.is_trusted)
    return facts


async def lock_and_read_session(conn: Session, key: LockKey) -> tuple[bool, SessionFacts]:
    """Take the lock if it is free, as `try_lock`, and read the facts after that; one round trip for both."""
    async with conn.cursor() as cursor:
        await cursor.execute(b";".join((try_query(key), _facts_query(conn.info.server_version))))
        locked = await cursor.fetchone()
        cursor.row_factory = class_row(SessionFacts)
        cursor.nextset()
        facts = await cursor.fetchone()
    assert locked is not None and facts is not None
    note_trust(conn, is_trusted=facts.is_trusted)
    return bool(locked[0]), facts


@cache
def _facts_query(version: int) -> bytes:
    locale, rules = locale_columns(version)
    is_trusted = sql.compose("tracking/trusts_makers")
    return sql.load("server/facts").format(locale=locale, rules=rules, is_trusted=is_trusted).encode()


def locale_columns(version: int) -> tuple[str, str]:
    """What locale and rules of ICU are called in the row `d` of pg_database (manual 52.15).

    Args:
        version: server_version_num; 0 where a pooler does not say.
    """
    if version == 0:
        whole = "pg_catalog.to_jsonb(d) ->>"
        return f"coalesce({whole} 'datlocale', {whole} 'daticulocale')", f"({whole} 'daticurules')"
    return "d.datlocale" if version >= 170000 else "d.daticulocale", "d.daticurules" if version >= 160000 else "NULL"


async def may_create_databases(conn: Session, facts: SessionFacts) -> bool:
    """True if the session's role may; a round trip, unless it is a superuser's."""
    return facts.superuser or await answers_yes(conn, _HAS_ATTRIBUTE.format("rolcreatedb"))


async def sees_all_rows(conn: Session, facts: SessionFacts) -> bool:
    """True if no row-level security hides any from the session's role, not even where it is forced on the owner.

    A round trip, unless it is a superuser's.
    """
    return facts.superuser or await answers_yes(conn, _HAS_ATTRIBUTE.format("rolbypassrls"))


def is_pooled(conn: Session, pid: int) -> bool:
    """True if a pooler such as pgbouncer stands between: it made up the process id that it told at the start.

    Args:
        pid: what the backend says.
    """
    return conn.info.backend_pid != pid


async def read_is_empty(conn: Session) -> bool:
    """True if nobody has made anything in this database; a tenth of what reading its catalog costs."""
    return await answers_yes(conn, sql.load("server/is_empty"))


async def has_company(conn: Session) -> bool:
    """True if somebody else is connected to this database, or being let in."""
    entering = (  # a login holds this lock until it is listed
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_database AS d ON d.oid = l.objid"
        " WHERE l.locktype = 'object' AND l.classid = 'pg_catalog.pg_database'::pg_catalog.regclass"
        " AND d.datname = pg_catalog.current_database())"
    )
    listed = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()"
        " AND usesysid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid())"
    )
    return await answers_yes(conn, entering) or await answers_yes(conn, listed)  # in this order
