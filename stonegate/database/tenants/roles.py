"""The roles of platforms: made, given passwords, and kept out of other platforms' databases (manual 22 and 21.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import psycopg
from msgspec import Struct
from psycopg import sql

from stonegate.database.connect import Session, answers_yes, connect
from stonegate.database.failures.explain import BAD_PASSWORD, message_of
from stonegate.database.server.locks import run_with_lock_retry
from stonegate.errors import ConnectionFailed, MigrationFailed, StonegateError, UsageError

T = TypeVar("T")

_RESERVED_NAME = "42939"


class RoleFacts(Struct, frozen=True, kw_only=True):
    """What a role may do; `powers` are the attributes that no platform's role may have."""

    name: str
    may_login: bool
    powers: tuple[str, ...]
    memberships: tuple[str, ...]


async def read_role(conn: Session, name: str) -> RoleFacts | None:
    """The role of that name, or None; one round trip."""
    cursor = await conn.execute(
        "SELECT r.rolcanlogin, pg_catalog.array_remove(ARRAY["
        " CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,"
        " CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,"
        " CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),"
        " ARRAY(SELECT g.rolname::text FROM pg_catalog.pg_auth_members AS m"
        " JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1)"
        " FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s",
        (name,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return RoleFacts(name=name, may_login=row[0], powers=tuple(row[1]), memberships=tuple(row[2]))


async def create_role(conn: Session, name: str, password: str) -> bool:
    """Make a role that may log in and nothing else; False if a role of that name is there.

    The password leaves this process only as its SCRAM verifier, so that no log of the server holds it. A session that
    is no superuser's becomes a member, since only members may make databases for a role.

    Raises:
        UsageError: PostgreSQL keeps the name for itself.
        MigrationFailed: the session's role may not create roles.
    """
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
        sql.Identifier(name), sql.Literal(_verifier(conn, name, password))
    )
    try:
        async with conn.transaction():
            await conn.execute(statement)
            await _join(conn, name)
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return False  # made in the same moment, it fails on pg_authid's unique index
    except psycopg.Error as error:
        if error.sqlstate == _RESERVED_NAME:
            raise UsageError(f"the role {name} cannot be created", cause=message_of(error)) from error
        raise _refused(error, f"the role {name} cannot be created") from error
    return True


async def set_password(conn: Session, name: str, password: str) -> None:
    """Give a role another password; sessions that are open stay. Once more where somebody else alters it meanwhile.

    Raises:
        MigrationFailed: the session's role may not.
        LockTimeout: others alter it all the time.
    """
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
        sql.Identifier(name), sql.Literal(_verifier(conn, name, password))
    )
    try:
        await run_with_lock_retry(lambda: conn.execute(statement))
    except psycopg.Error as error:
        raise _refused(error, f"the password of the role {name} cannot be changed") from error


async def drop_role(conn: Session, name: str) -> None:
    """Remove a role that was made a moment ago and owns nothing."""
    await conn.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


async def require_member(conn: Session, name: str) -> None:
    """Make sure that the session may create databases for the role.

    Raises:
        MigrationFailed: it is no member and may not become one.
    """
    try:
        await _join(conn, name)
    except psycopg.Error as error:
        raise _refused(error, f"databases cannot be made for the role {name}") from error


async def _join(conn: Session, name: str) -> None:
    query = (
        "SELECT rolsuper OR pg_catalog.pg_has_role(%s, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = current_user"
    )
    if not await answers_yes(conn, query, (name,)):
        await conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))


async def can_login(conninfo: str) -> bool:
    """True if the server lets that user in with that password.

    Raises:
        ConnectionFailed: it refuses for another reason than user and password.
    """
    try:
        conn = await connect(conninfo)
    except ConnectionFailed as failure:
        if is_bad_login(failure):
            return False
        raise
    await conn.close()
    return True


def is_bad_login(failure: StonegateError) -> bool:
    """True if the server refused user or password, which it says in words, or in its own language."""
    return failure.sqlstate == BAD_PASSWORD or "password authentication failed" in (failure.cause or "")


async def try_logins(conninfos: Iterable[str], attempt: Callable[[str], Awaitable[T]]) -> T:
    """What `attempt` makes of the first conninfo whose password the server takes.

    Raises:
        ConnectionFailed: it takes none of them.
    """
    refused: ConnectionFailed | None = None
    for conninfo in conninfos:
        try:
            return await attempt(conninfo)
        except ConnectionFailed as failure:
            if not is_bad_login(failure):
                raise
            refused = failure
    assert refused is not None, "no conninfo to try"
    raise refused


def _verifier(conn: Session, name: str, password: str) -> str:
    encoding = conn.info.encoding
    made = conn.pgconn.encrypt_password(password.encode(encoding), name.encode(encoding), b"scram-sha-256")
    return made.decode("ascii")


def _refused(error: psycopg.Error, message: str) -> MigrationFailed:
    return MigrationFailed(
        message,
        cause=message_of(error),
        hint="connect as a superuser, or as a role with CREATEROLE and CREATEDB",
        sqlstate=error.sqlstate,
    )
