"""The relation that a column, index, key, trigger or policy belongs to, looked up in a catalog."""

from __future__ import annotations

from stonegate.model.catalog import Catalog, Column, Table, View
from stonegate.model.names import ObjectKey, ObjectKind


def has_part(holder: Table | View, key: ObjectKey) -> bool:
    """Whether the relation has the part of that kind and name."""
    match key.kind, holder:
        case ObjectKind.COLUMN, _:
            names = [part.name for part in holder.columns]
        case ObjectKind.INDEX, _:
            names = [part.name for part in holder.indexes]
        case ObjectKind.TRIGGER, _:
            names = [part.name for part in holder.triggers]
        case ObjectKind.POLICY, Table():
            names = [part.name for part in holder.policies]
        case ObjectKind.CONSTRAINT, Table():
            names = [part.name for part in holder.constraints]
        case _:
            names = []
    return (key.member or key.name) in names


def column_in(catalog: Catalog, key: ObjectKey) -> Column | None:
    """The column of a table or view of that key."""
    holder = catalog.relations.get(key.qualified)
    columns = holder.columns if holder is not None else ()
    return next((column for column in columns if column.name == key.member), None)
