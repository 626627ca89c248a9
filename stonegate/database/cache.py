"""Values that many databases of a fleet have in common, made once: found again by what they were made from.

Nothing here changes a result. A key is made of contents, or of values that the entry itself keeps alive, so that their
identity cannot pass to another value. Old entries give way: memory stays flat however many databases there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The values made last, by key.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, tuple[T, tuple[object, ...]]] = OrderedDict()

    def knows(self, key: Hashable) -> bool:
        """True if there is a value of that key."""
        return key in self._values

    def __iter__(self) -> Iterator[Hashable]:
        """The keys of all values."""
        return iter(tuple(self._values))

    def find(self, key: Hashable) -> T | None:
        """The value of the key, None if it is not known."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def get(self, key: Hashable, make: Callable[[], T], *alive: object) -> T:
        """The value of the key, made if it is not known.

        Args:
            alive: values whose identity (`id`) is part of the key.
        """
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
            return found[0]
        value = make()
        self._values[key] = (value, alive)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return value
