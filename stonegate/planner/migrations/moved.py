"""What was last declared, under the names that pending migrations give it: what is no longer declared of it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from stonegate.model.catalog import Catalog, CatalogObject, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.new_names import is_there, object_renamed, with_part_renamed
from stonegate.planner.migrations.table_parts import (
    rename_column,
    with_referenced_column_renamed,
    with_references_renamed,
)

Move = tuple[ObjectKey, ObjectKey]


def with_moved(declared: Catalog | None, moved: Iterable[Move], desired: Catalog) -> Catalog | None:
    """The last declared catalog as it reads after the migrations: everything under its new name, and constraints that
    mention other tables and columns as PostgreSQL shows them then.

    Args:
        moved: (before, after), in the order of the migrations.
        desired: what the folder declares: a routine over a type that another one takes the place of stays what it was.
    """
    if declared is None:
        return None
    # What was never declared stays so, also under a name that something declared had before: that has gone.
    strangers: set[ObjectKey] = set()
    for run in _runs(moved):
        names: dict[ObjectKey, ObjectKey] = {}
        for before, after in run:
            if before in strangers or not is_there(declared, before):
                strangers = strangers - {before} | {after}
                continue
            strangers.discard(after)
            stays = before.kind is ObjectKind.ROUTINE and before in desired.objects and after not in desired.objects
            if not stays:
                names[before] = after
        declared = _with_names(declared, names)
    return declared


def _runs(moved: Iterable[Move]) -> Iterator[tuple[Move, ...]]:
    """The moves in runs that can be made in one go: parts one by one, and whole objects up to one that moves again."""
    run: list[Move] = []
    seen: set[ObjectKey] = set()
    for before, after in moved:
        if before.is_part or before in seen:
            yield tuple(run)
            run, seen = [], set()
        run.append((before, after))
        seen |= {before, after}
        if before.is_part:
            yield tuple(run)
            run, seen = [], set()
    yield tuple(run)


def _with_names(declared: Catalog, names: dict[ObjectKey, ObjectKey]) -> Catalog:
    for before, after in names.items():
        if before.kind is ObjectKind.COLUMN:
            return _with_column(declared, before, after)
        if before.is_part:
            return with_part_renamed(declared, before, after)
    tables = {before.qualified: after.qualified for before, after in names.items() if before.kind is ObjectKind.TABLE}
    taken = frozenset(names.values())

    def renamed(thing: CatalogObject) -> CatalogObject | None:
        key, after = thing.key, names.get(thing.key)
        if after is None and key in taken:
            return None
        if isinstance(thing, Table) and any(part.references in tables for part in thing.constraints):
            thing = with_references_renamed(thing, tables)
        return object_renamed(thing, after) if after is not None else thing

    return declared.mapped(renamed) if names else declared


def _with_column(declared: Catalog, before: ObjectKey, after: ObjectKey) -> Catalog:
    table, old, new = declared.table(before.owner), before.own_name, after.own_name
    if table is None:
        return declared
    declared = declared.with_object(rename_column(table, old, new))
    follow = partial(with_referenced_column_renamed, referenced=before.qualified, old=old, new=new)
    referring = (declared.table(key) for key in declared.referring.get(before.qualified, ()))
    for other in referring:
        if other is not None:
            declared = declared.with_object(follow(other))
    return declared
