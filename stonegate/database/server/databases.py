"""Databases as a whole: listed, created, dropped, and temporary ones that never survive their purpose (manual 23)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

import psycopg
from psycopg import sql

from stonegate.database.connect import Session, connect, using
from stonegate.database.conninfo import with_database
from stonegate.database.failures.explain import explain_failure
from stonegate.database.server.facts import Locale
from stonegate.database.server.locks import database_key, hold_lock, release_lock, try_lock
from stonegate.database.sql import load
from stonegate.errors import DatabaseNotFound, MigrationFailed, StonegateError
from stonegate.model.names import REFERENCE_PREFIX, TEMPORARY_PREFIX

#: How a template is copied (manual, CREATE DATABASE).
Strategy: TypeAlias = Literal["WAL_LOG", "FILE_COPY"]

MAINTENANCE = ("postgres", "template1")
LOCK_SECONDS = 60.0

_SESSIONS_GO = 5.0  # seconds until a session that was closed has left the server for sure
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


async def connect_maintenance(conninfo: str) -> Session:
    """A session on the maintenance database of that server, in autocommit: `postgres`, or where it is gone `template1`.

    Raises:
        ConnectionFailed: the server is unreachable or refuses the login.
    """
    for name in MAINTENANCE[:-1]:
        with contextlib.suppress(DatabaseNotFound):
            return await connect(with_database(conninfo, name))
    return await connect(with_database(conninfo, MAINTENANCE[-1]))


async def exists(maintenance: Session, name: str) -> bool:
    """True if the server has a database of that name."""
    cursor = await maintenance.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,))
    return await cursor.fetchone() is not None


async def read_databases(server: str) -> tuple[str, ...]:
    """The databases that hold somebody's data, by name: no templates, and nothing that stonegate keeps for itself.

    Args:
        server: conninfo of any database of the server.

    Raises:
        ConnectionFailed: the server is unreachable or refuses the login.
    """
    async with using(await connect_maintenance(server)) as conn:
        own = {"maintenance": list(MAINTENANCE), "prefixes": [TEMPORARY_PREFIX, REFERENCE_PREFIX]}
        cursor = await conn.execute(load("server/databases").encode(), own)
        return tuple(name for (name,) in await cursor.fetchall())


async def create_database(
    maintenance: Session,
    name: str,
    *,
    owner: str | None = None,
    template: str | None = None,
    locale: Locale | None = None,
    by_files: bool = False,
) -> bool:
    """Create a database under the database lock; False if somebody else did, before or meanwhile.

    Args:
        maintenance: a session in autocommit.
        owner: None for the session's role.
        template: None for the server's default; "template0" for one without local additions.
        locale: None for the template's.
        by_files: copy the template's files, with two checkpoints, instead of writing all its pages to the WAL: half the
            work where the server does not wait for the disk (manual, CREATE DATABASE).

    Raises:
        MigrationFailed: PostgreSQL refuses (permission, template, locale, name).
        LockTimeout: somebody else creates or drops a database of that name for too long.
        CancelledError: the task was cancelled, and there is no database.
    """
    strategy: Strategy | None = "FILE_COPY" if by_files else None
    statement = create_statement(name, owner=owner, template=template, strategy=strategy, locale=locale)
    async with hold_lock(maintenance, database_key(name), timeout_s=LOCK_SECONDS):
        if await exists(maintenance, name):
            return False
        making = asyncio.ensure_future(_retry_while_in_use(maintenance, statement))
        try:
            await asyncio.shield(making)
        except asyncio.CancelledError:
            await _give_up(maintenance, name, making)
            raise
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # two at once: one of them fails on pg_database's unique index, 23505
        except psycopg.Error as error:
            right = "connect as a role with CREATEDB, or have the database created: CREATE DATABASE … OWNER …"
            raise refused(error, f"the database {name} cannot be created", name, right=right) from error
    return True


async def _give_up(maintenance: Session, name: str, making: asyncio.Future[None]) -> None:
    """Stop the making, and drop what was made: PostgreSQL may be done by the time that it hears of it."""
    with contextlib.suppress(psycopg.Error, MigrationFailed):
        await maintenance.cancel_safe(timeout=_SESSIONS_GO)
        await making
        await drop_database(maintenance, name)


def create_statement(
    name: str,
    *,
    owner: str | None = None,
    template: str | None = None,
    strategy: Strategy | None = None,
    locale: Locale | None = None,
    is_closed: bool = False,
) -> sql.Composed:
    """CREATE DATABASE; `is_closed` for one that nobody is let into."""
    parts: list[sql.Composable] = [sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))]
    if owner is not None:
        parts.append(sql.SQL("OWNER {}").format(sql.Identifier(owner)))
    if template is not None:
        parts.append(sql.SQL("TEMPLATE {}").format(sql.Identifier(template)))
    if strategy is not None:
        parts.append(sql.SQL("STRATEGY {}").format(sql.SQL(strategy)))
    if is_closed:
        parts.append(sql.SQL("ALLOW_CONNECTIONS false"))
    if locale is not None:
        provider = _PROVIDERS.get(locale.provider, "libc")
        parts.append(sql.SQL("ENCODING {}").format(sql.Literal(locale.encoding)))
        parts.append(sql.SQL("LC_COLLATE {}").format(sql.Literal(locale.collate)))
        parts.append(sql.SQL("LC_CTYPE {}").format(sql.Literal(locale.ctype)))
        parts.append(sql.SQL("LOCALE_PROVIDER {}").format(sql.SQL(provider)))
        if locale.locale is not None and provider == "icu":
            parts.append(sql.SQL("ICU_LOCALE {}").format(sql.Literal(locale.locale)))
        if locale.locale is not None and provider == "builtin":
            parts.append(sql.SQL("BUILTIN_LOCALE {}").format(sql.Literal(locale.locale)))
        if locale.rules is not None:
            parts.append(sql.SQL("ICU_RULES {}").format(sql.Literal(locale.rules)))
    return sql.SQL(" ").join(parts)


async def drop_database(maintenance: Session, name: str, *, force: bool = False) -> bool:
    """Drop a database that stonegate created, template or not; False if it was not there.

    Args:
        force: end its sessions; without it a database in use is refused.

    Raises:
        MigrationFailed: PostgreSQL refuses (in use, no permission).
    """
    identifier = sql.Identifier(name)
    option = sql.SQL(" WITH (FORCE)") if force else sql.SQL("")
    async with hold_lock(maintenance, database_key(name), timeout_s=LOCK_SECONDS):
        try:
            cursor = await maintenance.execute(
                "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = %s", (name,)
            )
            row = await cursor.fetchone()
            if row is None:
                return False
            if row[0]:
                await maintenance.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(identifier))
            await _retry_while_in_use(maintenance, sql.SQL("DROP DATABASE {}{}").format(identifier, option))
        except psycopg.errors.InvalidCatalogName:
            return False
        except psycopg.Error as error:
            right = "connect as a superuser, or as the role that owns it"
            raise refused(error, f"the database {name} cannot be dropped", name, right=right) from error
    return True


async def admit_sessions(maintenance: Session, name: str, *, admitted: bool) -> None:
    """Open a database to those who may connect, or close it; sessions that are there stay.

    Raises:
        psycopg.Error: there is no such database, or it is another role's.
    """
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    await maintenance.execute(statement.format(sql.Identifier(name), sql.Literal(admitted)))


async def close_database(maintenance: Session, name: str, final: str, *, template: bool) -> None:
    """Give a database its final name and let nobody in any more.

    Raises:
        MigrationFailed: PostgreSQL refuses.
    """
    first, second = sql.Identifier(name), sql.Identifier(final)
    try:
        await _retry_while_in_use(maintenance, sql.SQL("ALTER DATABASE {} RENAME TO {}").format(first, second))
        await maintenance.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE {}").format(
                second, sql.Literal(template)
            )
        )
    except psycopg.Error as error:
        right = "connect as a superuser, or as the role that owns it, with CREATEDB"
        raise refused(error, f"the database {name} cannot be renamed to {final}", name, right=right) from error


async def _retry_while_in_use(maintenance: Session, statement: sql.Composed) -> None:
    """55006: a session that was just closed needs a moment to leave; PostgreSQL itself waits five seconds for it."""
    deadline = asyncio.get_running_loop().time() + _SESSIONS_GO
    while True:
        try:
            await maintenance.execute(statement)
            return
        except psycopg.errors.ObjectInUse:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)


def refused(error: psycopg.Error, message: str, name: str, *, right: str) -> StonegateError:
    """The failure of a statement about a database.

    Args:
        right: what to do where the role may not.
    """
    explained = explain_failure(error, database=name)
    if not isinstance(explained, MigrationFailed):
        return explained
    hint = explained.hint
    match error.sqlstate:
        case "42501":
            hint = right
        case "55006":
            hint = "end the sessions that use it, then run the same command again"
        case _:
            pass
    return MigrationFailed(message, cause=explained.cause, hint=hint, sqlstate=error.sqlstate, database=name)


# --- temporary databases --------------------------------------------------------------------------------------------


@asynccontextmanager
async def temporary_database(
    maintenance: Session,
    *,
    purpose: str,
    owner: str | None = None,
    template: str | None = None,
    locale: Locale | None = None,
    by_files: bool = False,
) -> AsyncIterator[str]:
    """The name of a new database that is gone afterwards, unless it was renamed meanwhile.

    The session `maintenance` holds the lock on the name as long as the database lives. When the process is killed, the
    lock goes and `collect_leftovers` finds the database.

    Args:
        purpose: a word in the name ("ref", "dry").

    Raises:
        MigrationFailed: PostgreSQL refuses to create it.
    """
    name = f"{TEMPORARY_PREFIX}{purpose}_{secrets.token_hex(8)}"
    await collect_leftovers(maintenance)
    async with hold_lock(maintenance, database_key(name), timeout_s=LOCK_SECONDS):
        # The lock is the same session's: it is counted, so that create and drop may take it once more.
        await create_database(maintenance, name, owner=owner, template=template, locale=locale, by_files=by_files)
        try:
            yield name
        finally:
            # What cannot be dropped now is collected by the next one.
            with contextlib.suppress(psycopg.Error, StonegateError):
                await drop_database(maintenance, name, force=True)


async def collect_leftovers(maintenance: Session) -> tuple[str, ...]:
    """Drop temporary databases whose maker is gone; the names of those that were dropped."""
    cursor = await maintenance.execute(
        "SELECT d.datname FROM pg_catalog.pg_database AS d WHERE d.datname ~ %s"
        " AND pg_catalog.pg_has_role(d.datdba, 'MEMBER')"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid) ORDER BY d.datname",
        (f"^{re.escape(TEMPORARY_PREFIX)}",),
    )
    dropped: list[str] = []
    for (name,) in await cursor.fetchall():
        key = database_key(name)
        if not await try_lock(maintenance, key):
            continue
        try:
            with contextlib.suppress(StonegateError):
                if await drop_database(maintenance, name):
                    dropped.append(name)
        finally:
            await release_lock(maintenance, key)
    return tuple(dropped)
