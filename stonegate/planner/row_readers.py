"""Routines that take rows of a table, for whose sake PostgreSQL 15 refuses to write the table anew."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Catalog, Routine
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change

_SPARES_ROW_READERS = 160000  # the first PostgreSQL that does


def row_readers(table: ObjectKey, live: Catalog) -> Iterator[ObjectKey]:
    """Routines with an SQL-standard body that take rows of a table: PostgreSQL 15 refuses to write such a table anew,
    whatever they read of it."""
    row = table.qualified.sql
    for key in live.dependents.get(table, ()) if live.server < _SPARES_ROW_READERS else ():
        found = live.objects.get(key)
        parameters = found.parameters if isinstance(found, Routine) and not found.body else ()
        if any(parameter.type.removesuffix("[]") == row for parameter in parameters):
            yield key


def writes_anew(change: Change) -> bool:
    """True for a change of a column for which the rows of the table are written anew."""
    is_told = any(hazard.code == "rewrites-table" for hazard in change.hazards)
    is_sure = change.aspect in ("type", "generated") or change.action is Action.RECREATE
    return change.key.kind is ObjectKind.COLUMN and (is_told or is_sure)
