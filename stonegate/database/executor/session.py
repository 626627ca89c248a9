"""Settings of the session that carries out a plan (manual 20.11), and its way out of a transaction."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
from msgspec import Struct
from psycopg.pq import TransactionStatus

from stonegate.database.connect import FORM, HAS_TRANSACTION_TIMEOUT, Session
from stonegate.model.names import quote_ident, quote_literal

ROLLBACK_SECONDS = 10
CONSTRAINTS_NOW = "SET CONSTRAINTS ALL IMMEDIATE"
#: Whoever logged in is back, if a migration made the session another role's: RESET ROLE alone would leave it that.
OWN_SESSION = "RESET SESSION AUTHORIZATION"


class SessionSettings(Struct, frozen=True, kw_only=True):
    """What statements of a plan run under, whatever the role's or the database's own settings are.

    Attributes:
        lock_timeout_s, statement_timeout_s: seconds; 0 is no limit.
        search_path: schemas in which unqualified names are made and found.
        role: who owns what is created; None for the role of the connection.
        version: server_version_num.
        check_bodies: let PostgreSQL look into routine bodies; off where the reference database has proven them, since
            a change of an existing database may have to make a routine before what its body mentions.
    """

    lock_timeout_s: float
    statement_timeout_s: float
    search_path: tuple[str, ...]
    role: str | None
    version: int
    check_bodies: bool = True

    def statements(self, *, local: bool) -> tuple[str, ...]:
        """The SQL that puts the settings in force, for the transaction (`local`) or for the session."""
        values = FORM | {
            "search_path": ", ".join(map(quote_ident, self.search_path)),
            "lock_timeout": f"{round(self.lock_timeout_s * 1000)}ms",
            "statement_timeout": f"{round(self.statement_timeout_s * 1000)}ms",
            "idle_in_transaction_session_timeout": "0",
            "client_encoding": "UTF8",  # which a migration may have changed
            "client_min_messages": "warning",
            "check_function_bodies": "on" if self.check_bodies else "off",
        }
        if self.version >= HAS_TRANSACTION_TIMEOUT:
            values["transaction_timeout"] = "0"
        scope = "true" if local else "false"
        calls = (
            f"pg_catalog.set_config({quote_literal(name)}, {quote_literal(value)}, {scope})"
            for name, value in values.items()
        )
        word = "LOCAL" if local else "SESSION"
        role = "RESET ROLE" if self.role is None else f"SET {word} ROLE {quote_ident(self.role)}"
        return (role, "SELECT " + ", ".join(calls))


async def roll_back(conn: Session) -> None:
    """End the transaction without a trace; a session that does not answer in time is closed, which has the same end."""
    if conn.closed:
        return
    try:
        async with asyncio.timeout(ROLLBACK_SECONDS):
            if conn.info.transaction_status == TransactionStatus.ACTIVE:
                await conn.cancel_safe(timeout=ROLLBACK_SECONDS / 2)
            await conn.execute("ROLLBACK")
    except (psycopg.Error, TimeoutError):
        with contextlib.suppress(psycopg.Error):
            await conn.close()
