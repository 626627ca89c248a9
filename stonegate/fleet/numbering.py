"""Tenants that are numbered: `--count N --prefix P`."""

from __future__ import annotations

import itertools
import re

from stonegate.fleet.names import Owner
from stonegate.fleet.registry import Registry


class Numbering:
    """The tenants that `--count N --prefix P` means.

    With `if_missing` those numbered 1 to N, else N more after the highest number that there is; then a number that
    somebody else takes at the same moment is left to him.

    Raises:
        PlatformNotFound: no such platform.
    """

    def __init__(
        self, registry: Registry, platform: str, schema: str | None, prefix: str, count: int, *, if_missing: bool
    ) -> None:
        pattern = re.compile(re.escape(prefix) + r"([0-9]+)\Z")
        records = (record for record in registry.platform(platform).databases if record.owner.schema == schema)
        numbers = (int(found[1]) for record in records if (found := pattern.match(record.id)) is not None)
        first = 1 if if_missing else max(numbers, default=0) + 1
        self._further = (
            Owner(platform=platform, schema=schema, tenant=f"{prefix}{number}") for number in itertools.count(first)
        )
        self.owners = tuple(itertools.islice(self._further, count))
        self._given = set(self.owners)

    def instead_of(self, owner: Owner) -> Owner | None:
        """The next number for one that is taken; None for an owner that is none of these."""
        if owner not in self._given:
            return None
        other = next(self._further)
        self._given.add(other)
        return other
