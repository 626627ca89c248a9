"""What was last declared, under the names that pending migrations give it: what is no longer declared of it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stonegate.model.catalog import Catalog, CompositeType, DomainType, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.table_parts import with_column_renamed, with_reference_renamed

#: What has parts that the folder may drop in the release that renames the whole.
_WITH_PARTS = (Table, View, CompositeType, DomainType)


def with_moved(declared: Catalog | None, moved: Iterable[tuple[ObjectKey, ObjectKey]]) -> Catalog | None:
    """The last declared catalog with its tables, views and types as they are called after the migrations, and with
    constraints as they read then: the database may have those under an older name.

    Args:
        moved: (before, after), in the order of the migrations.
    """
    if declared is None:
        return None
    for before, after in moved:
        table = declared.table(before.owner) if before.kind is ObjectKind.COLUMN else None
        if table is not None:
            followed = with_column_renamed(table, before.member or "", after.member or "")
            declared = declared.with_object(followed)
        found = declared.objects.get(before)
        if isinstance(found, _WITH_PARTS):
            renamed = replace(found, schema=after.schema, name=after.name)
            declared = declared.without_object(before).with_object(renamed)
        if isinstance(found, Table):
            declared = _with_references(declared, before, after)
    return declared


def _with_references(declared: Catalog, before: ObjectKey, after: ObjectKey) -> Catalog:
    """The catalog with the foreign keys that lead to a table under its new name."""
    old, new = before.qualified, after.qualified
    for table in declared.tables:
        if any(constraint.references == old for constraint in table.constraints):
            declared = declared.with_object(with_reference_renamed(table, old, new))
    return declared
