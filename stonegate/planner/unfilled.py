"""Declared rows that no new database can be given, which those that are there would never tell."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Catalog, Column, DomainType, Table
from stonegate.model.names import ObjectKind
from stonegate.model.source import SourceTree


def warn_of_unfilled(tree: SourceTree, desired: Catalog) -> tuple[str, ...]:
    """`file:line: …` for each INSERT of seeders/ that lacks a value for a column which wants one.

    A column becomes NOT NULL in databases whose rows a migration has filled, and the INSERT is forgotten: the
    reference is built without rows, and the next tenant is the first to fail.
    """
    domains = (each for each in desired.objects.values() if isinstance(each, DomainType))
    filling = {domain.key.qualified.sql for domain in domains if domain.default is not None}
    return tuple(
        f"{seeder.file}:{seeder.line}: the rows of {table.key.label} have no value for {', '.join(lacking)}, NOT NULL "
        "without a default: a new database cannot be given them"
        for seeder in tree.seeders
        if (table := desired.table(seeder.table.key(ObjectKind.TABLE))) is not None
        and seeder.columns
        and not _has_own_way(table)
        and (lacking := [each.name for each in _wanting(table, filling) if each.name not in seeder.columns])
    )


def _wanting(table: Table, filling: set[str]) -> Iterator[Column]:
    for column in table.columns:
        has_value = column.default is not None or column.identity or column.generated is not None
        if column.not_null and not has_value and column.type not in filling:
            yield column


def _has_own_way(table: Table) -> bool:
    """True if a trigger may put values into a row before it is checked."""
    return any(" BEFORE INSERT" in trigger.definition for trigger in table.triggers)
