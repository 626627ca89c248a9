"""What was last declared, under the names that pending migrations give it: what is no longer declared of it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, CompositeType, DomainType, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.table_parts import (
    with_column_renamed,
    with_reference_renamed,
    with_referenced_column_renamed,
)

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
        found = declared.objects.get(before)
        if before.kind is ObjectKind.COLUMN:
            declared = _with_column(declared, before, after)
        elif isinstance(found, _WITH_PARTS):
            renamed = replace(found, schema=after.schema, name=after.name)
            declared = declared.without_object(before).with_object(renamed)
        if isinstance(found, Table):
            follow = partial(with_reference_renamed, old=before.qualified, new=after.qualified)
            declared = _with_keys_to(declared, before, follow)
    return declared


def _with_column(declared: Catalog, before: ObjectKey, after: ObjectKey) -> Catalog:
    table, old, new = declared.table(before.owner), before.own_name, after.own_name
    if table is None:
        return declared
    declared = declared.with_object(with_column_renamed(table, old, new))
    follow = partial(with_referenced_column_renamed, referenced=before.qualified, old=old, new=new)
    return _with_keys_to(declared, before.owner, follow)


def _with_keys_to(declared: Catalog, table: ObjectKey, follow: Callable[[Table], Table]) -> Catalog:
    """The catalog with what `follow` makes of the tables whose foreign keys lead to that one."""
    for other in declared.tables:
        if any(constraint.references == table.qualified for constraint in other.constraints):
            declared = declared.with_object(follow(other))
    return declared
