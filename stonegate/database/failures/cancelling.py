"""What a statement that was cancelled (57014) was cancelled by: its timeout, or somebody, which the code does not say.

The words do, but they are in the language of the server's lc_messages.
"""

from __future__ import annotations

from typing import Final

_ABOUT: Final = 0.9  # answers are read a little late, and so is the beginning of the next statement
_ENGLISH: Final = "canceling statement "
_RAISE: Final = "raise --statement-timeout (0 is no limit)"


def is_timeout(message: str, took: float, limit: float) -> bool:
    """Whether it was the statement timeout.

    Args:
        message: PostgreSQL's, in the language of the server's lc_messages.
        took: the seconds that it was at work, as seen from here.
        limit: its timeout, in seconds; 0 if it has none.
    """
    if message.startswith(_ENGLISH):
        return message.endswith(" timeout")
    return limit > 0 and took >= limit * _ABOUT


def hint_for_cancelled(message: str) -> str | None:
    """What to type, as far as the words tell."""
    if message.startswith(_ENGLISH):
        return _RAISE if message.endswith(" timeout") else None
    return f"if it took too long: {_RAISE}"
