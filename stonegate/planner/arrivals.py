"""The order in which new columns come to a table that is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stonegate.model.catalog import Column
from stonegate.model.tokens import words_of


def arriving(columns: Iterable[Column], present: Collection[str]) -> tuple[str, ...]:
    """Names of the columns that are not present: as declared, but for those that wait for a new one behind them."""
    new = tuple(column for column in columns if column.name not in present)
    waiting = waiting_columns(new, present)
    return (*(column.name for column in new if column.name not in waiting), *waiting)


def waiting_columns(columns: Iterable[Column], present: Collection[str]) -> tuple[str, ...]:
    """The new generated columns that are computed from a new one which is declared behind them.

    CREATE TABLE knows all of its columns at once, ADD COLUMN those that are there.
    """
    new = tuple(column for column in columns if column.name not in present)
    return tuple(
        column.name
        for number, column in enumerate(new)
        if column.generated is not None
        and any(words_of(later.name) <= words_of(column.generated) for later in new[number + 1 :])
    )
