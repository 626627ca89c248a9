"""What the data of a target says about a plan before anything runs (behaviour, §10)."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """Rows that would make a step of the plan fail.

    Attributes:
        object: the column, constraint or index ("users.email").
        reason: what is wrong with the rows ("NULL under SET NOT NULL").
        count: how many rows.
        sample: the key of one of them ("id = 7"), or "" for a table without a key.
    """

    object: str
    reason: str
    count: int
    sample: str

    def __str__(self) -> str:
        rows = "row" if self.count == 1 else "rows"
        return f"{self.object}: {self.count} {rows}: {self.reason}" + (f", e.g. {self.sample}" if self.sample else "")
