"""In what order the operations of a change run: what depends on a thing goes before it and comes back after it.

The places of behaviour §6 are tie-breakers; everything else is a constraint between two operations.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from stonegate.model.catalog import LIKE_TYPES, REMARKS, Catalog, CompositeType, Dependency, Sequence, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.ddl.values import makes_way
from stonegate.planner.steps.family_order import children_freed, family_order, shares_first
from stonegate.planner.steps.name_order import WITH_INDEX, is_rename, name_order, with_renames_apart
from stonegate.planner.steps.operation_index import OperationIndex
from stonegate.planner.steps.operations import Operation, Part, Verb
from stonegate.planner.steps.overload_order import overloads_gone, overloads_held

_CREATE_RANK: dict[ObjectKind, int] = {
    ObjectKind.SCHEMA: 0,
    ObjectKind.EXTENSION: 1,
    ObjectKind.TYPE: 20,
    ObjectKind.SEQUENCE: 25,
    ObjectKind.TABLE: 30,
    ObjectKind.COLUMN: 50,
    ObjectKind.ATTRIBUTE: 21,
    ObjectKind.CONSTRAINT: 54,
    ObjectKind.INDEX: 56,
    ObjectKind.VIEW: 60,
    ObjectKind.MATERIALIZED_VIEW: 61,
    ObjectKind.ROUTINE: 70,
    ObjectKind.TRIGGER: 80,
    ObjectKind.POLICY: 82,
    ObjectKind.OTHER: 84,
    ObjectKind.DEFAULT_PRIVILEGES: 2,
}
_LATE_DROP_RANK: dict[ObjectKind, int] = {
    ObjectKind.OTHER: 89,
    ObjectKind.TRIGGER: 90,
    ObjectKind.POLICY: 90,
    ObjectKind.MATERIALIZED_VIEW: 91,
    ObjectKind.VIEW: 91,
    ObjectKind.ROUTINE: 92,
    ObjectKind.INDEX: 93,
    ObjectKind.CONSTRAINT: 93,
    ObjectKind.COLUMN: 50,
    ObjectKind.TABLE: 94,
    ObjectKind.SEQUENCE: 95,
    ObjectKind.ATTRIBUTE: 21,
    ObjectKind.TYPE: 96,
    ObjectKind.SCHEMA: 97,
}
_LIKE_TYPE = 22
_LAST = 100
# A remark is taken back while the thing is as it was, and made when all is there.
_REMARK_TAKEN_BACK, _REMARK_MADE = 5, 88
_ATTACHED = frozenset(
    {"owner", "comment", "privileges", "sequence_comment", "sequence_privileges", "enabled", "options", "name"}
)
#: What may change under the eyes of all that depends on a thing.
_UNFELT = frozenset({"owned_by", "row_security", "force_row_security", "replica_identity", "options", "owner"})
_WITH_DEFAULT = (ObjectKind.COLUMN, ObjectKind.TYPE)


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
    operations = with_renames_apart(operations, desired, live)
    index = OperationIndex(operations, desired, live)
    after: dict[int, set[int]] = defaultdict(set)  # before → after
    outweighing = (children_freed(operations, live, desired), shares_first(operations, desired))
    freed = frozenset(chain(*outweighing, overloads_held(operations, index, desired, live)))
    for first, second in (*freed, *_constraints(operations, index, desired, live)):
        if first != second and (second, first) not in freed:
            after[first].add(second)
    operations = _mark_early(operations, after)
    places = _places(operations, desired)
    return tuple(_all_closing(operations[number] for number in _topological(operations, after, places)))


def _refers_to(operation: Operation, desired: Catalog, tables: Collection[ObjectKey]) -> bool:
    """Whether it adds a foreign key that leads to one of the tables."""
    if not tables or operation.verb is not Verb.CREATE or operation.key.kind is not ObjectKind.CONSTRAINT:
        return False
    holder = desired.table(operation.key.owner)
    return holder is not None and any(
        constraint.references.key(ObjectKind.TABLE) in tables
        for constraint in holder.constraints
        if constraint.name == operation.key.member and constraint.references is not None
    )


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


def _rank(operation: Operation) -> int:
    """The place of an operation when nothing forces another (behaviour, §6: the phases are tie-breakers)."""
    kind = operation.key.kind
    if operation.closing:
        return _LAST
    is_remark = kind is ObjectKind.OTHER and operation.key.name.startswith(REMARKS)
    match operation.verb:
        case Verb.DROP | Verb.CREATE if is_remark:
            return _REMARK_TAKEN_BACK if operation.verb is Verb.DROP else _REMARK_MADE
        case Verb.DROP:
            return 10 if operation.early else _LATE_DROP_RANK.get(kind, 90)
        case Verb.CREATE:
            by_part = {Part.CALLING: 75, Part.FOREIGN_KEYS: 58, Part.TRIGGERS: 80, Part.POLICIES: 82}
            if operation.part in by_part:
                return by_part[operation.part]
            if kind is ObjectKind.CONSTRAINT and (operation.change.after or "").startswith("FOREIGN KEY"):
                return 58
            if kind is ObjectKind.OTHER and operation.key.name.startswith(LIKE_TYPES):
                return _LIKE_TYPE
            return _CREATE_RANK.get(kind, 85)
        case Verb.ALTER if is_rename(operation):
            return 53
        case Verb.ALTER:
            if operation.change.aspect in _ATTACHED and kind not in (ObjectKind.CONSTRAINT, ObjectKind.INDEX):
                # REVOKE on a table takes the right on its columns as well (manual: REVOKE), so those are given after.
                return 87 if kind is ObjectKind.COLUMN and operation.change.aspect == "privileges" else 86
            return {ObjectKind.TABLE: 52}.get(kind, _CREATE_RANK.get(kind, 85))


def _constraints(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog, live: Catalog
) -> Iterator[tuple[int, int]]:
    yield from _removal_order(operations, index, desired, live)
    yield from _creation_order(operations, index, desired)
    yield from name_order(operations, live, desired)
    yield from overloads_gone(operations, index, desired)
    yield from _within_tables(operations, index, live)
    yield from family_order(operations, index, desired, live)
    yield from _inner_sequences(operations, index, desired, live)
    yield from _keys_settled(operations, index, desired)
    yield from _types_free(operations, index, desired, live)
    yield from _persistence_order(operations, index, live)


def _removal_order(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog, live: Catalog
) -> Iterator[tuple[int, int]]:
    """What depends on a thing goes, or is changed, before the thing itself goes or changes.

    The sequence of a serial column goes before the column gets an identity, whose sequence then has the same name.
    """
    for edge in live.dependencies if index.removes else ():
        if edge.dependent.kind is ObjectKind.SEQUENCE and edge.on.kind is ObjectKind.COLUMN:
            # A sequence is owned by its column, whose default is what really depends on the other; it leaves before.
            moves = (n for n in index.alterers(edge.dependent) if operations[n].change.aspect == "owned_by")
            yield from ((number, second) for number in moves for second in index.removers(edge.on))
            continue
        gone = index.whole_removers(edge.on)
        altered = [n for n in index.alterers(edge.on) if operations[n].change.aspect not in _UNFELT]
        altered = [n for n in altered if n not in index.column_defaults]
        for first in index.removers(edge.dependent):
            yield from ((first, second) for second in gone)
            yield from ((first, second) for second in altered)
        sequence = live.objects.get(edge.on) if edge.on.kind is ObjectKind.SEQUENCE else None
        is_first = isinstance(sequence, Sequence) and makes_way(sequence, desired, live)
        lets_go = edge.dependent.kind in _WITH_DEFAULT and index.droppers(edge.dependent)  # its default goes before
        for number in () if lets_go else index.alterers(edge.dependent):
            if is_first and operations[number].change.aspect == "identity":
                yield from ((other, number) for other in gone)
            else:
                yield from ((number, other) for other in gone)


def _creation_order(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog
) -> Iterator[tuple[int, int]]:
    """What a thing needs stands in its desired form before the thing is made."""
    for edge in desired.dependencies:
        needed = [number for number in index.makers(edge.on, operations) if number not in index.column_defaults]
        users = index.makers(edge.dependent, operations) if needed else []
        if edge.on.kind is ObjectKind.ROUTINE:
            users = index.calling.get(edge.dependent) or users
        if users and ObjectKind.SEQUENCE in (edge.on.kind, edge.dependent.kind) and _is_mutual(edge, desired):
            # A column takes its default from a sequence that it owns: only the owner is told after it is there.
            if edge.on.kind is ObjectKind.SEQUENCE:
                needed = [number for number in needed if operations[number].change.aspect != "owned_by"]
            else:
                users = [number for number in users if operations[number].change.aspect == "owned_by"]
        yield from ((first, second) for second in users for first in needed)


def _is_mutual(edge: Dependency, desired: Catalog) -> bool:
    """True if each of the two depends on the other: a serial column and its sequence."""
    return edge.on in desired.dependents.get(edge.dependent, ())


def _within_tables(
    operations: tuple[Operation, ...], index: OperationIndex, live: Catalog
) -> Iterator[tuple[int, int]]:
    """Constraints and indexes go before the columns of their table, or the attributes of its type, change, and come
    back, with comments, after."""
    attached, members = (ObjectKind.CONSTRAINT, ObjectKind.INDEX), (ObjectKind.COLUMN, ObjectKind.ATTRIBUTE)
    types = {table.key: table.of_type for table in live.tables if table.of_type is not None}
    for key, own in index.by_table.items():
        of = types.get(key)
        numbers = [*own, *(index.by_table.get(of.key(ObjectKind.TYPE), ()) if of else ())]
        columns = [number for number in numbers if operations[number].key.kind in members]
        comments = {operations[each].key: each for each in numbers if operations[each].change.aspect == "comment"}
        for number in numbers:
            operation = operations[number]
            if operation.key.kind not in attached:
                continue
            if operation.verb is Verb.DROP:
                yield from ((number, column) for column in columns if operations[column].verb is not Verb.DROP)
                yield from ((number, column) for column in columns if operations[column].change.action is Action.DROP)
            elif operation.verb is Verb.CREATE:
                yield from ((column, number) for column in columns)
                if operation.key in comments:
                    yield number, comments[operation.key]


def _keys_settled(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog
) -> Iterator[tuple[int, int]]:
    """A unique key goes before a foreign key to its table comes: PostgreSQL would let that depend on the old one."""
    going: dict[ObjectKey, list[int]] = defaultdict(list)
    for number, operation in enumerate(operations):
        before = operation.change.before or ""
        if operation.verb is Verb.DROP and before.startswith((*WITH_INDEX, "CREATE UNIQUE INDEX")):
            going[operation.table].append(number)
    for table in desired.tables if going else ():
        for constraint in table.constraints:
            if constraint.references is None:
                continue
            key = table.key.part(ObjectKind.CONSTRAINT, constraint.name)
            target = constraint.references.key(ObjectKind.TABLE)
            for second in index.makers(key, operations):
                yield from ((first, second) for first in going.get(target, ()))


def _inner_sequences(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog, live: Catalog
) -> Iterator[tuple[int, int]]:
    """What else uses the sequence of a column lets go of it before it comes or goes with the column's identity, or gets
    another name, and takes it after that."""
    for number, operation in enumerate(operations):
        if operation.change.aspect not in ("identity", "sequence_name"):
            continue
        for user in _other_users(operation.key, live):
            yield from ((first, number) for first in index.removers(user) or index.alterers(user))
        for user in _other_users(operation.key, desired):
            yield from ((number, second) for second in index.makers(user, operations))


def _other_users(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """What uses the sequence that a column owns, or has inside, besides the column."""
    column = catalog.column(key)
    name = (column.identity_name or column.owned_sequence) if column is not None else None
    users = catalog.dependents.get(name.key(ObjectKind.SEQUENCE), ()) if name else ()
    return (user for user in users if user != key)


def _persistence_order(
    operations: tuple[Operation, ...], index: OperationIndex, live: Catalog
) -> Iterator[tuple[int, int]]:
    """No foreign key of a logged table refers to an unlogged one at any time (manual: CREATE TABLE, "UNLOGGED")."""
    moves = {
        operation.key: number for number, operation in enumerate(operations) if operation.change.aspect == "unlogged"
    }
    for table in live.tables if moves else ():
        for part in table.constraints:
            if part.references is None:
                continue
            target = part.references.key(ObjectKind.TABLE)
            gone = index.removers(table.key.part(ObjectKind.CONSTRAINT, part.name))
            mine, other = moves.get(table.key), moves.get(target)
            for number in (each for each in (mine, other) if each is not None):
                yield from ((first, number) for first in gone)
            if mine is not None and other is not None and mine != other and not gone:
                yield (other, mine) if table.unlogged else (mine, other)


def _types_free(
    operations: tuple[Operation, ...], index: OperationIndex, desired: Catalog, live: Catalog
) -> Iterator[tuple[int, int]]:
    """No column holds a composite type while one of its attributes is retyped (manual: ALTER TYPE), and none that goes
    holds a domain inside of another type while that is tightened (manual: ALTER DOMAIN)."""
    for number, operation in enumerate(operations):
        if operation.key.kind is ObjectKind.TYPE and operation.change.aspect in ("not_null", "constraints"):
            staying = frozenset(_columns_of(operation.key, desired))
            for user in _columns_of(operation.key, live):
                leaving = () if user in staying else (*index.removers(user), *index.alterers(user))
                yield from ((first, number) for first in leaving if operations[first].change.aspect in ("", "type"))
        if operation.key.kind is not ObjectKind.ATTRIBUTE or operation.change.aspect != "type":
            continue
        for user in _columns_of(operation.key.owner, live):
            leaving = (*index.removers(user), *index.alterers(user))
            yield from ((first, number) for first in leaving if operations[first].change.aspect in ("", "type"))
        for user in _columns_of(operation.key.owner, desired):
            yield from ((number, second) for second in index.makers(user, operations))


def _columns_of(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """Columns that hold a type, also inside of other types."""
    seen, worklist = {key}, [key]
    while worklist:
        for user in catalog.dependents.get(worklist.pop(), ()):
            if user.kind is ObjectKind.COLUMN:
                yield user
            elif user.owner.kind is ObjectKind.TYPE and user.owner not in seen:
                seen.add(user.owner)
                worklist.append(user.owner)


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
    operations: tuple[Operation, ...], after: Mapping[int, set[int]], places: Mapping[ObjectKey, int]
) -> Iterator[int]:
    waiting: dict[int, int] = defaultdict(int)
    for laters in after.values():
        for later in laters:
            waiting[later] += 1

    def priority(number: int) -> tuple[object, ...]:
        operation = operations[number]
        key = operation.key
        place = places.get(key, 0) if operation.verb is Verb.CREATE else 0
        return (_rank(operation), operation.table, place, key, operation.change.identity, operation.part, number)

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
