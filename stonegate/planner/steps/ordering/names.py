"""Names that change hands: one is free before it is taken again, and things that swap theirs go through another name.

Relations and row types share the names of a schema (manual 5.10.5), so an index can stand in the way of a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import WITH_INDEX, Catalog, Column, Table, View
from stonegate.model.names import NAMESPACE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Change
from stonegate.planner.diff.naming import has_given_sequence
from stonegate.planner.steps.operations import Operation, Part, Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex

_OF_SEQUENCES = ("new_name", "sequence_name")


def name_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later): a name is free before it is taken again, and borne before it is used.

    A routine makes way for one of another signature too: beside it, a call that fits both would be ambiguous.
    """
    freed: dict[object, list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        for name in _left(operation, index.live):
            freed[name].append(number)
    for number, operation in enumerate(index.operations):
        for name in _taken(operation, index.live, index.desired):
            yield from ((first, number) for first in freed.get(name, ()))
    yield from _renamed_first(index.operations)


def _renamed_first(operations: tuple[Operation, ...]) -> Iterator[tuple[int, int]]:
    """What is said about a thing calls it by its declared name, so that has to be its name by then."""
    renamed: dict[tuple[ObjectKey, ObjectKey], int] = {}
    aside: dict[Change, int] = {}
    for number, operation in enumerate(operations):
        if operation.part is Part.ASIDE:
            aside[operation.change] = number
        elif operation.is_rename:
            renamed[operation.table, _key_after(operation)] = number
    for number, operation in enumerate(operations):
        if operation.part is not Part.ASIDE and operation.change in aside:
            yield aside[operation.change], number
        elif operation.verb is Verb.ALTER and (operation.table, operation.key) in renamed:
            yield renamed[operation.table, operation.key], number


def _key_after(operation: Operation) -> ObjectKey:
    key, name = operation.key, operation.change.after or ""
    if key.kind is ObjectKind.SEQUENCE:
        return key
    return replace(key, name=name) if key.kind is ObjectKind.INDEX else replace(key, member=name)


def with_renames_apart(operations: tuple[Operation, ...], desired: Catalog, live: Catalog) -> tuple[Operation, ...]:
    """The operations; of every ring of renames (a to b, b to a) one is cut in two: to a name that nobody has, and from
    there."""
    renames = [operation for operation in operations if operation.is_rename]
    if len(renames) < 2:
        return operations
    used = {name for catalog in (live, desired) for name in _all_names(catalog)}
    halves: dict[Operation, tuple[Operation, Operation]] = {}
    for number, operation in enumerate(_closing_rings(renames, live), 1):
        between = f"renamed_{number}"
        while between in used:
            between += "_"
        final = replace(operation, between=between)
        halves[operation] = (replace(final, part=Part.ASIDE), final)
    return tuple(half for operation in operations for half in halves.get(operation, (operation,)))


def _closing_rings(renames: list[Operation], live: Catalog) -> Iterator[Operation]:
    """One rename of every ring; without these, all others can be put in order."""
    bearers = {name: operation for operation in renames for name in _left(operation, live)}
    waiting = dict.fromkeys(renames)
    while waiting:
        path = [next(iter(waiting))]
        while True:
            ahead = (bearers.get(name) for name in _after(path[-1], live))
            other = next((found for found in ahead if found in waiting), None)
            if other is None or other in path:
                break
            path.append(other)
        if other is not None:
            yield other
        del waiting[other if other is not None else path[-1]]


def _all_names(catalog: Catalog) -> Iterator[str]:
    for holder in catalog.relations.values():
        yield from (holder.name, *(index.name for index in holder.indexes))
        if isinstance(holder, Table):
            yield from (constraint.name for constraint in holder.constraints)
            yield from (column.not_null_name or "" for column in holder.columns)
    yield from (key.name for key in catalog.objects)


def _left(operation: Operation, live: Catalog) -> Iterator[object]:
    """The names that are free once the operation is done."""
    if operation.verb is Verb.DROP:
        yield from _names(operation, live)
    elif operation.verb is Verb.CREATE and operation.change.taken_index is not None:
        yield operation.key.schema, operation.change.taken_index
    elif operation.is_rename and (operation.part is Part.ASIDE or not operation.between):
        yield from _names_in(operation, operation.change.before or "", live)


def _taken(operation: Operation, live: Catalog, desired: Catalog) -> Iterator[object]:
    """The names that must be free before the operation."""
    if operation.is_rename:
        yield from () if operation.part is Part.ASIDE else _after(operation, live)
    elif operation.verb is not Verb.DROP and operation.change.aspect != "owned_by":  # which takes no name
        yield from _names(operation, desired)
    if operation.change.aspect == "identity":
        column = desired.table_column(operation.key)
        yield from _sequence_names(column) if column is not None and has_given_sequence(column) else ()


def _after(operation: Operation, live: Catalog) -> Iterator[object]:
    return _names_in(operation, operation.change.after or "", live)


def _names_in(operation: Operation, name: str, live: Catalog) -> Iterator[object]:
    """What a renamed thing is called by `name`: a constraint in its table, and its index in the schema."""
    key = operation.key
    if key.kind is ObjectKind.INDEX or operation.change.aspect in _OF_SEQUENCES:
        yield key.schema, name
        return
    yield key.owner.part(ObjectKind.CONSTRAINT, name)
    table = live.table(key.owner)
    parts = table.constraints if table is not None and operation.change.aspect == "name" else ()
    if any(part.name == operation.change.before and part.index is not None for part in parts):
        yield key.schema, name


def _names(operation: Operation, catalog: Catalog) -> Iterator[object]:
    """The names that an object takes, with its indexes' and keys': relations and row types share one namespace."""
    key, change, definition = operation.key, operation.change, operation.definition
    if key.kind is ObjectKind.CONSTRAINT and definition.startswith(WITH_INDEX):
        yield key.schema, key.member
        if definition.startswith("PRIMARY KEY"):
            yield key.owner, "PRIMARY KEY"  # a table has one, whatever its name
    elif key.kind is ObjectKind.CONSTRAINT and definition.startswith("FOREIGN KEY"):
        yield key.owner, definition  # one may have the name of the other inside, see the diff of constraints
    elif definition.startswith("CREATE DEFAULT CONVERSION"):  # a schema has one for two encodings
        yield key.kind, definition.partition(" FOR ")[2].partition(" FROM ")[0]
    if key.kind is ObjectKind.ROUTINE:
        yield key.kind, key.schema, key.name
    elif key.kind not in NAMESPACE_KINDS:
        yield key
        if key.kind is ObjectKind.TRIGGER:  # partitions have it under this name
            yield from (below.key.part(key.kind, key.member or "") for below in catalog.descendants(key.owner))
        table = catalog.table(key.owner) if key.kind is ObjectKind.COLUMN and operation.verb is not Verb.ALTER else None
        column = table.column(key.member or "") if table is not None else None
        yield from _sequence_names(column) if column is not None and not change.aspect else ()
        if table is not None and operation.verb is Verb.DROP and not change.aspect:
            yield from ((key.schema, part.name) for part in table.indexed if key.member in part.columns)
    else:
        yield key.schema, key.name
        found = catalog.objects.get(key)
        if isinstance(found, Table | View):
            yield from ((key.schema, index.name) for index in found.indexes)
        if isinstance(found, Table):
            yield from ((key.schema, part.name) for part in found.constraints if part.index is not None)
            yield from (name for column in found.columns for name in _sequence_names(column))


def _sequence_names(column: Column) -> Iterator[object]:
    """The name of the sequence that comes and goes with a serial or identity column."""
    for name in (column.owned_sequence, column.identity_name):
        if name is not None:
            yield name.schema, name.name
