"""One apply on its target: what its parts hand to each other."""

from __future__ import annotations

from msgspec import Struct

from stonegate.database.connect import Session
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.progress import OnProgress


class Visit(Struct, frozen=True, kw_only=True):
    """The session on one database, and what was asked for.

    Attributes:
        conn: in autocommit, outside a transaction.
        conninfo: by which it was opened; the session may be on another database, in a dry run of a missing one.
        database: what messages and the plan call it.
        created: it was missing, and made for this.
        started: time.monotonic() of the beginning.
    """

    conn: Session
    conninfo: str
    database: str
    created: bool
    options: ApplyOptions
    started: float
    on_progress: OnProgress | None
