"""What was last declared, under the names that pending migrations give it: what is no longer declared of it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from stonegate.model.catalog import Catalog, Routine, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.new_names import is_there, object_renamed, with_part_renamed
from stonegate.planner.migrations.table_parts import (
    rename_column,
    with_reference_renamed,
    with_referenced_column_renamed,
)


def with_moved(
    declared: Catalog | None, moved: Iterable[tuple[ObjectKey, ObjectKey]], desired: Catalog
) -> Catalog | None:
    """The last declared catalog with all that it has as it is called after the migrations, and with constraints as they
    read then: the database may have those under an older name.

    Args:
        moved: (before, after), in the order of the migrations.
        desired: what the folder declares: a routine over a type that another one takes the place of stays what it was.
    """
    if declared is None:
        return None
    # What was never declared stays so, also under a name that something declared had before: that has gone.
    strangers: set[ObjectKey] = set()
    for before, after in moved:
        if before in strangers or not is_there(declared, before):
            strangers = strangers - {before} | {after}
            continue
        strangers.discard(after)
        found = declared.objects.get(before)
        if isinstance(found, Routine) and before in desired.objects and after not in desired.objects:
            continue
        if before.kind is ObjectKind.COLUMN:
            declared = _with_column(declared, before, after)
        elif before.is_part:
            declared = with_part_renamed(declared, before, after)
        elif found is not None:
            declared = declared.without_object(before).with_object(object_renamed(found, after))
        if isinstance(found, Table):
            follow = partial(with_reference_renamed, old=before.qualified, new=after.qualified)
            declared = _with_keys_to(declared, before, follow)
    return declared


def _with_column(declared: Catalog, before: ObjectKey, after: ObjectKey) -> Catalog:
    table, old, new = declared.table(before.owner), before.own_name, after.own_name
    if table is None:
        return declared
    declared = declared.with_object(rename_column(table, old, new))
    follow = partial(with_referenced_column_renamed, referenced=before.qualified, old=old, new=new)
    return _with_keys_to(declared, before.owner, follow)


def _with_keys_to(declared: Catalog, table: ObjectKey, follow: Callable[[Table], Table]) -> Catalog:
    """The catalog with what `follow` makes of the tables whose foreign keys lead to that one."""
    for other in declared.tables:
        if any(constraint.references == table.qualified for constraint in other.constraints):
            declared = declared.with_object(follow(other))
    return declared
