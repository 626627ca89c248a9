"""What one thing leads to, directly or by way of others: the one walk along dependencies of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


def reached(starts: Iterable[_T], step: Callable[[_T], Iterable[_T]]) -> tuple[_T, ...]:
    """Everything that `step` leads to from `starts`, directly or by way of others, each once.

    A start is among them only if something leads back to it.
    """
    found: dict[_T, None] = {}
    waiting = list(starts)
    while waiting:
        new = [each for each in dict.fromkeys(step(waiting.pop())) if each not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)
