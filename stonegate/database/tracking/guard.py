"""Keeps a session from running what others have put into the tracking tables, or put in their place.

Triggers, defaults, checks, indexes, policies and views run with the rights of whoever reads or writes the table, not
with those of its owner. A role that deploys with more rights than the owners have, a superuser as a rule, would lend
them these.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from stonegate.database.connect import Session
from stonegate.database.server.trust import is_trusting
from stonegate.database.sql import compose

#: Fails (22P02), and with it all that stands behind it in a message, where one of the tables belongs to a role that may
#: do less than the session: much cheaper than to look at it.
REQUIRE_OWN: Final = f"{compose('tracking/require_own')};\n".encode()


def before_reading(conn: Session) -> bytes:
    """What stands in front of a query of the tracking tables, in the same message; b"" where everybody is trusted.

    Behind it the tables stay as they were looked at until the transaction ends, which for a message in autocommit is
    its own end. PostgreSQL's error, if there is reason for one, becomes `UnsafeRecords` (failures.py).
    """
    return b"" if is_trusting(conn) else _statement("tracking/guard_reading")


def before_writing(conn: Session) -> bytes:
    """The same for statements that write to them."""
    return b"" if is_trusting(conn) else _statement("tracking/guard_writing")


async def require_safe(conn: Session) -> None:
    """Refuse to go on with a transaction that is to write to the tracking tables, where they hold what others made.

    Raises:
        psycopg.Error: as `before_reading` says.
    """
    if guard := before_writing(conn):
        await conn.execute(guard)


@cache
def _statement(name: str) -> bytes:
    return f"DO $guard$\n{compose(name)}\n$guard$;\n".encode()
