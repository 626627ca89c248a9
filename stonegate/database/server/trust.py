"""Which sessions know that nobody who may do less than they can have a hand in the tracking tables."""

from __future__ import annotations

from weakref import WeakSet

from stonegate.database.connect import Session

_TRUSTING: WeakSet[Session] = WeakSet()


def note_trust(conn: Session, *, is_trusted: bool) -> None:
    """Remember what tracking/is_trusted answered in the session."""
    if is_trusted:
        _TRUSTING.add(conn)
    else:
        _TRUSTING.discard(conn)


def is_trusting(conn: Session) -> bool:
    """True if it is known; False also where nobody has asked yet."""
    return conn in _TRUSTING
