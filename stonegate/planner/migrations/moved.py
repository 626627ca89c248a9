"""What was last declared, under the names that pending migrations give it: what is no longer declared of it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stonegate.model.catalog import Catalog, CompositeType, DomainType, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.table_parts import with_column_renamed

#: What has parts that the folder may drop in the release that renames the whole.
_WITH_PARTS = (Table, View, CompositeType, DomainType)


def with_moved(declared: Catalog | None, moved: Iterable[tuple[ObjectKey, ObjectKey]]) -> Catalog | None:
    """The last declared catalog with its tables, views and types as they are called after the migrations, and with
    constraints over columns that got another name: the database may have those under an older name.

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
    return declared
