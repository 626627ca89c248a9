"""A declared NOT NULL column without default that a pending migration fills: added nullable before it, closed after it.

Added as declared it would fail on every table with rows (manual: ALTER TABLE, "ADD COLUMN"), and after the migration
it would come too late (behaviour, §6: "a declared column and its backfill").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Table
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, Step
from stonegate.model.source import Migration
from stonegate.model.tokens import words_of
from stonegate.planner.classify import hazards

#: A column without what NOT NULL says of it.
_NULLABLE: dict[str, Any] = {"not_null": False, "not_null_options": None, "not_null_name": None}


def is_unfilled(change: Change) -> bool:
    """True for the addition of a column that has no value for the rows that are there."""
    return change.action is Action.CREATE and change.token is ConsentToken.ADD_NOT_NULL_COLUMN


def words_in(pending: Iterable[Migration]) -> frozenset[str]:
    """Every word of the migrations, in lower case."""
    return frozenset(word for migration in pending for part in migration.statements for word in words_of(part.sql))


def is_backfilled(change: Change, words: frozenset[str]) -> bool:
    """True if a pending migration names the column."""
    return is_unfilled(change) and words_of(change.key.member or "") <= words


def close(change: Change) -> Change:
    """The second half of such an addition; it uses the consent of the first."""
    return replace(
        change,
        action=Action.ALTER,
        aspect="not_null",
        before=None,
        after="NOT NULL",
        hazards=(hazards.validates_rows(str(change.key.owner), f"{change.key.member} may not be null"),),
        reason=f"{change.key} is NOT NULL once the migrations have filled it",
        hint=None,
    )


def comes_apart(change: Change, desired: Catalog) -> bool:
    """True if what a typed table says of its type's new attribute may follow it behind the migrations: NOT NULL and a
    default."""
    column = desired.table_column(change.key)
    if column is None or change.action is not Action.CREATE or (column.not_null and not is_unfilled(change)):
        return False
    return replace(column, default=None, **_NULLABLE) == Column(name=column.name, type=column.type)


def settings_of(change: Change, desired: Catalog) -> Iterator[Change]:
    """The changes that follow: see `comes_apart`."""
    column = desired.table_column(change.key)
    if column is not None and column.default is not None:
        yield Change(
            action=Action.ALTER,
            key=change.key,
            aspect="default",
            after=column.default,
            reason=f"{change.key} gets a default",
        )
    if is_unfilled(change):
        yield close(change)


def without_not_null(desired: Catalog, added: Iterable[Change]) -> Catalog:
    """The catalog with the added columns nullable."""
    return _with_tables(desired, desired, added)


def with_added(live: Catalog, desired: Catalog, added: Iterable[Change]) -> Catalog:
    """The live catalog with the added columns, nullable."""
    return _with_tables(live, desired, added)


def with_planned_consent(changes: Iterable[Change], steps: Iterable[Step]) -> tuple[Change, ...]:
    """The changes that remain after the migrations, each asking for the consent that it was planned with."""
    closing = {
        change.identity: change
        for step in steps
        for change in step.changes
        if change.aspect == "not_null" and change.token is ConsentToken.ADD_NOT_NULL_COLUMN
    }
    return tuple(
        replace(change, token=ConsentToken.ADD_NOT_NULL_COLUMN) if change.identity in closing else change
        for change in changes
    )


def _with_tables(catalog: Catalog, desired: Catalog, added: Iterable[Change]) -> Catalog:
    by_table: dict[ObjectKey, dict[str, Column]] = {}
    for change in added:
        column = desired.table_column(change.key)
        if column is not None and change.key.kind is ObjectKind.COLUMN:
            nullable = replace(column, not_null=False, not_null_options=None)
            by_table.setdefault(change.key.owner, {})[column.name] = nullable
    if not by_table:
        return catalog
    return replace(catalog, tables=tuple(_with_columns(table, by_table.get(table.key, {})) for table in catalog.tables))


def _with_columns(table: Table, columns: dict[str, Column]) -> Table:
    known = {column.name for column in table.columns}
    new = tuple(column for name, column in columns.items() if name not in known)
    return replace(table, columns=(*(columns.get(column.name, column) for column in table.columns), *new))
