"""Makes a database's tracking tables: in the original's form, with our columns beside its own (behaviour, §7)."""

from __future__ import annotations

import psycopg

from stonegate.database.connect import Session, answers_yes
from stonegate.database.failures import message_of
from stonegate.database.sql import fixed, load
from stonegate.errors import MigrationFailed

#: How far a statement after the commit is, as a deployment's row says.
ANNOUNCED = "announced"
STARTED = "started"
FAILED = "failed"
DONE = "done"


async def ensure_tracking(conn: Session) -> bool:
    """Create the tracking tables, or the columns that the original's lack; True if anything was missing.

    One round trip when all is there.

    Raises:
        MigrationFailed: the role may not create or alter them; the hint says what it lacks.
    """
    if await answers_yes(conn, load("tracking/check")):
        return False
    try:
        await conn.execute(fixed("tracking/create"))
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
