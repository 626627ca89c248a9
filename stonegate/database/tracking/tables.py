"""Makes a database's tracking tables: in the original's form, with our columns beside its own (behaviour, §7)."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import psycopg

from stonegate.database.connect import Session, answers_yes
from stonegate.database.failures.explain import message_of
from stonegate.database.server.trust import note_trust
from stonegate.database.sql import compose, load
from stonegate.database.tracking.guard import before_writing, require_safe
from stonegate.errors import MigrationFailed

#: How far a statement after the commit is, as a deployment's row says.
ANNOUNCED = "announced"
STARTED = "started"
FAILED = "failed"
DONE = "done"

#: In create.sql: our columns, behind those that the original made.
_OURS: Final = re.compile(r"\n\);\nALTER TABLE \S+((?:\n    ADD COLUMN IF NOT EXISTS [^\n]*)+);")


async def create_tracking(conn: Session, before: str = "", *, is_empty: bool = False) -> None:
    """Create what is missing, in one message; whoever may create in `public` may have been faster with a table.

    Args:
        before: statements in front of it.
        is_empty: nothing was there a moment ago.

    Raises:
        psycopg.Error: the role may not, or what is there would run what others made; or there is something now.
    """
    text = f"{_creation(is_empty=is_empty)};\n{compose('tracking/is_trusted')}"
    cursor = await conn.execute(before.encode() + before_writing(conn) + text.encode())
    while cursor.nextset():
        pass
    row = await cursor.fetchone()
    note_trust(conn, is_trusted=row is not None and bool(row[0]))
    await require_safe(conn)


@cache
def _creation(*, is_empty: bool) -> str:
    """The statements; in an empty database each table is made with all columns at once, which takes a tenth less."""
    text = load("tracking/create")
    if not is_empty:
        return f"{text};\nDO $widen$\n{compose('tracking/widen')}\n$widen$"
    whole = _OURS.sub(lambda ours: f",{ours[1].replace('ADD COLUMN IF NOT EXISTS ', '')}\n);", text)
    return whole.replace("CREATE TABLE IF NOT EXISTS", "CREATE TABLE")


async def ensure_tracking(conn: Session) -> bool:
    """Create the tracking tables, or the columns that the original's lack; True if anything was missing.

    One round trip when all is there.

    Raises:
        MigrationFailed: the role may not create or alter them; the hint says what it lacks.
    """
    await require_safe(conn)
    if await answers_yes(conn, load("tracking/check")):
        return False
    try:
        await create_tracking(conn)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
        hint = "deploy as the owner of the database and of its tables _stonescriptdb_gateway_*, or "
        hint += "GRANT CREATE ON SCHEMA public TO the role"
        if isinstance(error, psycopg.errors.InvalidSchemaName):
            hint = "CREATE SCHEMA public: the records stand there, whatever schemas the folder declares"
        raise MigrationFailed(
            "the tracking tables cannot be created in schema public",
            cause=message_of(error),
            hint=hint,
            sqlstate=error.sqlstate,
            database=conn.info.dbname,
        ) from error
    return True
