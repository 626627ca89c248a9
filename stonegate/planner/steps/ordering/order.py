"""In what order the operations of a change run: what depends on a thing goes before it and comes back after it.

The places of behaviour §6 are tie-breakers; everything else is a constraint between two operations.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, CompositeType, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.steps.operations import Operation, Verb
from stonegate.planner.steps.ordering.dependencies import dependency_order
from stonegate.planner.steps.ordering.families import children_freed, family_order, shares_first
from stonegate.planner.steps.ordering.names import name_order, with_renames_apart
from stonegate.planner.steps.ordering.operation_index import OperationIndex
from stonegate.planner.steps.ordering.overloads import overloads_gone, overloads_held
from stonegate.planner.steps.ordering.rank import RUNNING, rank
from stonegate.planner.steps.ordering.running import running
from stonegate.planner.steps.ordering.tables import table_order


def put_in_order(
    operations: tuple[Operation, ...], desired: Catalog, live: Catalog, filled: Collection[ObjectKey] = ()
) -> tuple[Operation, ...]:
    """The operations in an order that PostgreSQL accepts, stable by rank, table and name.

    Args:
        filled: tables that get rows after all operations: foreign keys to them, and what has to follow those, are last
            and marked as closing.
    """
    operations = tuple(
        replace(operation, closing=True) if _refers_to(operation, desired, filled) else operation
        for operation in operations
    )
    index = OperationIndex(with_renames_apart(operations, desired, live), desired, live)
    after: dict[int, set[int]] = defaultdict(set)  # before → after
    freed = frozenset(_outweighing(index))
    for first, second in (*freed, *_pairs(index)):
        if first != second and (second, first) not in freed:
            after[first].add(second)
    operations = _mark_early(index.operations, after)
    places = _places(operations, desired)
    late = running(index)
    return tuple(_all_closing(operations[number] for number in _topological(operations, after, places, late)))


def _outweighing(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) that count where others say the contrary."""
    yield from children_freed(index)
    yield from shares_first(index)
    yield from overloads_held(index)


def _pairs(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """All other pairs (earlier, later)."""
    yield from dependency_order(index)
    yield from name_order(index)
    yield from overloads_gone(index)
    yield from table_order(index)
    yield from family_order(index)


def _refers_to(operation: Operation, desired: Catalog, tables: Collection[ObjectKey]) -> bool:
    """Whether it adds a foreign key that leads to one of the tables."""
    added = desired.foreign_keys.get(operation.key) if tables and operation.verb is Verb.CREATE else None
    return added is not None and added.target in tables


def _all_closing(operations: Iterator[Operation]) -> Iterator[Operation]:
    """The operations; what comes behind the first closing one waits for it, and closes too."""
    closing = False
    for operation in operations:
        closing = closing or operation.closing
        yield replace(operation, closing=closing)


def _places(operations: tuple[Operation, ...], desired: Catalog) -> dict[ObjectKey, int]:
    """Where new columns and attributes are declared: added in that order, they stand as in a fresh build."""
    holders = {
        operation.table
        for operation in operations
        if operation.verb is Verb.CREATE and operation.key.kind in (ObjectKind.COLUMN, ObjectKind.ATTRIBUTE)
    }
    places: dict[ObjectKey, int] = {}
    for holder in map(desired.objects.get, holders):
        match holder:
            case Table(columns=columns):
                names, kind = [column.name for column in columns], ObjectKind.COLUMN
            case CompositeType(attributes=attributes):
                names, kind = [attribute.name for attribute in attributes], ObjectKind.ATTRIBUTE
            case _:
                continue
        places |= {holder.key.part(kind, name): place for place, name in enumerate(names, 1)}
    return places


def _mark_early(operations: tuple[Operation, ...], after: Mapping[int, set[int]]) -> tuple[Operation, ...]:
    """A drop that something else waits for is early."""
    return tuple(
        replace(operation, early=True)
        if operation.verb is Verb.DROP
        and any(operations[later].verb is not Verb.DROP or operations[later].early for later in after.get(number, ()))
        else operation
        for number, operation in enumerate(operations)
    )


def _topological(
    operations: tuple[Operation, ...],
    after: Mapping[int, set[int]],
    places: Mapping[ObjectKey, int],
    late: Collection[int],
) -> Iterator[int]:
    waiting: dict[int, int] = defaultdict(int)
    for laters in after.values():
        for later in laters:
            waiting[later] += 1

    def priority(number: int) -> tuple[object, ...]:
        operation = operations[number]
        key = operation.key
        place = places.get(key, 0) if operation.verb is Verb.CREATE else 0
        first = max(rank(operation), RUNNING) if number in late else rank(operation)
        return (first, operation.table, place, key, operation.change.identity, operation.part, number)

    ready = [priority(number) for number in range(len(operations)) if not waiting[number]]
    heapq.heapify(ready)
    left = set(range(len(operations)))
    while left:
        # A circle among operations (two columns whose defaults call each other's functions) has no order; the least
        # rank goes first and PostgreSQL says what is wrong with it.
        number = heapq.heappop(ready)[-1] if ready else min(left, key=priority)
        if not isinstance(number, int) or number not in left:
            continue
        left.discard(number)
        yield number
        for later in sorted(after.get(number, ())):
            waiting[later] -= 1
            if waiting[later] == 0 and later in left:
                heapq.heappush(ready, priority(later))
