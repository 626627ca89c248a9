"""Who may enter a database and owns what is in it: what adoption changes (manual 5.8, 22.5)."""

from __future__ import annotations

import psycopg
from psycopg import sql

from stonegate.database.connect import connect
from stonegate.database.conninfo import with_database
from stonegate.database.failures.explain import wrap_error
from stonegate.database.server.locks import run_with_lock_retry
from stonegate.database.sql import fixed
from stonegate.database.tenants.labels import relabel
from stonegate.errors import LockTimeout
from stonegate.model.labels import Label

LOCK_SECONDS = 5.0  # that change of owner waits; everybody else who wants the table waits behind it


async def take_over(server: str, database: str, label: Label, *, owner: str | None) -> None:
    """Label a database, let PUBLIC in no more, and give it with all that is in it to a role; one transaction.

    Args:
        server: conninfo of a role that owns the database and its objects, or of a superuser.
        owner: None leaves everything with those who have it.

    Raises:
        MigrationFailed: PostgreSQL refuses.
        LockTimeout: other sessions keep what would change hands.
        ConnectionFailed: the database does not let the administrator in.
    """
    conn = await connect(with_database(server, database), lock_timeout_s=LOCK_SECONDS)
    name = sql.Identifier(database)
    statements: list[sql.SQL | sql.Composed] = []
    if owner is not None:
        # The database first: its owner may create in `public`, which PostgreSQL asks of whoever gets a table there.
        statements.append(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(owner)))
        statements.append(fixed("privileges/give_objects").format(owner=sql.Literal(owner)))
    statements.append(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(name))

    async def attempt() -> None:
        async with conn.transaction():
            await conn.execute("SET LOCAL search_path = ''")
            await relabel(conn, database, label)
            for statement in statements:
                await conn.execute(statement)

    try:
        await run_with_lock_retry(attempt)
    except LockTimeout as error:
        error.database = database
        raise
    except psycopg.Error as error:
        raise wrap_error(error, f"the database {database} cannot be taken over", database=database) from error
    finally:
        await conn.close()
