"""What a connection runs for a call, and what its caller must know of the outcome besides rows and errors."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from stonegate.errors import StonegateError

_WEIGHT: Final = 0.1  # of the newest call in a running mean
#: Takes away whatever calls may have left in their session; roles first, since others may be allowed less. What they
#: PREPAREd would go only together with the statements that the connection keeps for its calls.
CLEANING: Final = (
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "CLOSE ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
)


class Statement(Struct, frozen=True, kw_only=True):
    """SQL with `$n` parameters and the type of each (0: as PostgreSQL infers it).

    Behind it the commands `after` are run, in a transaction of their own: what it leaves in the session meets nobody.
    """

    sql: str
    types: tuple[int, ...]
    after: tuple[str, ...] = ()


class SignatureMoved(Exception):
    """PostgreSQL knows no such function (any more): the signature must be read again."""

    def __init__(self, failure: StonegateError) -> None:
        super().__init__(failure.message)
        self.failure = failure


class CallUndone(Exception):
    """Nothing came of the call, for no fault of its own: it may be made again, on another connection."""

    def __init__(self, failure: StonegateError) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Pace:
    """The running mean of the seconds that a function's calls are at work; nobody knows it before the first one."""

    __slots__ = ("mean",)

    def __init__(self) -> None:
        self.mean: float | None = None

    def add(self, seconds: float) -> None:
        """One more call."""
        mean = self.mean
        self.mean = seconds if mean is None else mean + _WEIGHT * (seconds - mean)
