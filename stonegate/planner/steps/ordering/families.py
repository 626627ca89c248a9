"""What comes before what between parents and children, by inheritance or as partitions (manual 5.11 and 5.12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

from stonegate.model.catalog import NOT_VALID, WITH_INDEX, Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.diff.naming import is_given_not_null
from stonegate.planner.steps.operations import Operation, Part, Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex

_PARTS = (ObjectKind.CONSTRAINT, ObjectKind.INDEX)
_MEMBERS = frozenset({*_PARTS, ObjectKind.COLUMN, ObjectKind.ATTRIBUTE})
#: Aspects of changes that say something about a constraint or index.
_REMARKS = ("comment", "clustered", "replica_identity", "statistics")


def family_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later); those of `children_freed` and `shares_first`, which outweigh all others, are apart."""
    yield from _parents_first(index)
    yield from _generated_in_turn(index)
    yield from _heirlooms_settled(index)
    yield from _children_fitted(index)
    yield from _parents_ready(index)
    yield from _parts_freed(index)
    yield from _own_ready(index)
    yield from _bounds_freed(index)
    yield from _references_freed(index)
    yield from _absent_for_a_moment(index)
    yield from _shares_named(index)


def children_freed(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A child or partition that leaves its parent does so before the parent's columns, keys and indexes come or go.

    Else it would gain or lose them too; and only once it has left can its share of the parent's keys be dropped, and
    columns be changed that were the parent's.
    """
    for first, operation in enumerate(index.operations):
        former, table = index.live.table(operation.key), index.desired.table(operation.key)
        is_move = operation.change.aspect in ("inherits", "partition", "of_type") and operation.part is Part.WHOLE
        if operation.change.action is not Action.ALTER or not is_move or former is None:
            continue
        kept = table.parents if table is not None else ()
        left = {p.key(ObjectKind.TABLE) for p in former.parents if p not in kept}
        if former.of_type is not None and table is not None and table.of_type != former.of_type:
            # A typed table can neither get nor lose a column but by its type, whose changes reach it.
            left |= {former.key, former.of_type.key(ObjectKind.TYPE)}
        staying = {p.key(ObjectKind.TABLE) for p in kept}
        left |= {above for parent in left for above in index.live.ancestors(parent)}
        left -= {above for parent in staying for above in (parent, *index.live.ancestors(parent))}
        shares = {part.name for part in former.indexed if part.inherited}
        # One that joins another parent in the same step has its columns ready by then.
        is_free = operation.verb is Verb.DROP or set(kept) <= set(former.parents)
        shared = {c.name for key in left if (parent := index.live.table(key)) is not None for c in parent.columns}
        heirlooms = {c.name for c in former.columns if is_free and (c.inherited or c.name in shared)}
        above = frozenset(index.live.ancestors(former.key)) if left and is_free else frozenset()
        for second, other in enumerate(index.operations):
            is_part = other.key.kind in _MEMBERS
            is_share = other.verb is Verb.DROP and other.key.own_name in shares
            is_heirloom = other.key.kind is ObjectKind.COLUMN and other.key.member in heirlooms
            is_own = other.table == former.key and (is_share or is_heirloom)
            retypes = other.table in above and other.change.aspect == "type"  # no two parents may have a retyped column
            is_check = other.verb is Verb.DROP and other.definition.startswith("CHECK")
            settles = operation.verb is Verb.DROP and is_check and (other.table in above or other.table == former.key)
            if is_part and (other.table in left or (left and is_own) or retypes or settles):
                yield first, second


def _parents_first(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A column comes to a child with its parent's; what is special about the child's is done after that.

    A child's own column of the same name can only go, and one that the parent leaves to it change, once the parent's is
    gone; see `_fits_parent` for what must be done before the parent's comes. A child that leaves a parent is out of its
    reach by then (`children_freed`).
    """
    for catalog, above_first, below_then in (
        (index.desired, index.changers, index.changers),
        (index.live, index.droppers, index.droppers),
        (index.live, index.droppers, index.changers),
    ):
        for table in catalog.tables:
            wanted = index.desired.table(table.key) or table
            for parent in set(table.parents) & set(wanted.parents):
                above = parent.key(ObjectKind.TABLE)
                for column in table.columns:
                    firsts = above_first(above.part(ObjectKind.COLUMN, column.name))
                    seconds = below_then(table.key.part(ObjectKind.COLUMN, column.name))
                    for first, second in product(firsts, seconds):
                        is_before = _fits_parent(index, index.operations[second], index.operations[first])
                        yield (second, first) if is_before else (first, second)


def _fits_parent(index: OperationIndex, below: Operation, above: Operation) -> bool:
    """True if a child's column must be ready when its parent's comes, or be named before a NOT NULL is handed down.

    Beside one that is handed down PostgreSQL adds none of the child's own that is named, and none at all if the former
    is NOT VALID.
    """
    column = index.desired.table_column(below.key)
    if above.change.aspect == "not_null" and above.change.after is not None:
        is_own = below.change.aspect == "not_null" and not (below.change.after or NOT_VALID).endswith(NOT_VALID)
        is_given = column is not None and is_given_not_null(column.not_null_name) and not column.not_null_inherited
        is_named = (is_own and is_given) or below.change.aspect == "not_null_name"
        is_handed_down = "NO INHERIT" not in above.change.after
        return (is_named and is_handed_down) or (is_own and above.change.after.endswith(NOT_VALID))
    if above.change.aspect == "identity":  # which a partition has as well, and no default beside it
        return below.change.aspect == "default" and below.change.after is None
    if above.change.action is Action.RECREATE and below.change.action is Action.RECREATE:
        return above.verb is below.verb is Verb.CREATE  # where the child has it as well, the parent's joins that
    is_new = above.verb is Verb.CREATE and above.change.action is Action.CREATE
    is_own = below.change.action is Action.CREATE and column is not None and not column.inherited
    return is_new and (is_own or below.change.aspect in ("type", "generated"))


def _generated_in_turn(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A child's own generation expression is set after those of all tables above, which are written over it; where all
    are made anew, the child's goes after theirs, and theirs join it when they come."""
    for number, operation in enumerate(index.operations):
        change, is_column = operation.change, operation.key.kind is ObjectKind.COLUMN
        for above in index.desired.ancestors(operation.table) if is_column else ():
            key = above.part(ObjectKind.COLUMN, operation.key.own_name)
            if change.aspect == "generated" and operation.verb is Verb.ALTER:
                yield from ((first, number) for first in index.changers(key))
            elif change.action is Action.RECREATE and operation.verb is Verb.DROP:
                yield from ((first, number) for first in index.droppers(key))
            elif change.action is Action.RECREATE:
                yield from ((number, last) for last in index.by_key.get((Verb.CREATE, key), ()))


def _heirlooms_settled(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A parent's column changes that of its children too: what depends on a child's is dropped before, and comes back
    after. The same holds for the columns of typed tables and the attribute of their type."""
    tables = (table for catalog in (index.desired, index.live) for table in catalog.tables)
    heirs = frozenset(table.key for table in tables if table.parents or table.of_type is not None)
    for catalog in (index.desired, index.live) if heirs else ():
        for edge in catalog.dependencies:
            if edge.on.kind is not ObjectKind.COLUMN or edge.on.owner not in heirs:
                continue
            for above in _above(edge.on, catalog):
                if catalog is index.live:
                    changing = (*index.droppers(above), *index.alterers(above))
                    yield from ((first, second) for first in index.removers(edge.dependent) for second in changing)
                elif settled := index.changers(above):
                    makers = index.makers(edge.dependent)
                    yield from ((first, second) for first in settled for second in makers)


def _above(column: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """The same column of all tables above, and the attribute of a typed table's type."""
    name, table = column.member or "", catalog.table(column.owner)
    yield from (ancestor.part(ObjectKind.COLUMN, name) for ancestor in catalog.ancestors(column.owner))
    if table is not None and table.of_type is not None:
        yield table.of_type.key(ObjectKind.TYPE).part(ObjectKind.ATTRIBUTE, name)


def _children_fitted(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A table joins a parent after the changes of both tables' columns, after the drops and renames of constraints on
    both and on what is above the parent, and after its own new checks."""
    for second, operation in enumerate(index.operations):
        former, table = index.live.table(operation.key), index.desired.table(operation.key)
        is_move = operation.change.aspect in ("inherits", "partition", "of_type")
        if operation.verb is not Verb.ALTER or not is_move or former is None or table is None:
            continue
        known = former.parents
        joined = {p.key(ObjectKind.TABLE) for p in table.parents if p not in known}
        if table.of_type is not None and table.of_type != former.of_type:
            joined.add(table.key)  # its columns must be the type's by then
        near = {table.key, *joined}
        known_above = frozenset(above for parent in joined for above in index.live.ancestors(parent))
        for first, other in enumerate(index.operations) if joined else ():
            is_column = other.key.kind is ObjectKind.COLUMN and other.table in near
            is_attached = operation.part is Part.ATTACHMENT and operation.change.aspect == "inherits"
            is_check = other.table == table.key and other.definition.startswith("CHECK")
            is_ready = other.verb is Verb.DROP or other.is_rename or is_check or (is_attached and other.table in near)
            is_part = other.key.kind is ObjectKind.CONSTRAINT and other.table in near | known_above and is_ready
            if is_column or is_part:
                yield first, second


def _parents_ready(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A new child or partition is made once the tables above it have the columns and checks that it has too."""
    for second, operation in enumerate(index.operations):
        above = frozenset(index.desired.ancestors(operation.key)) if operation.change.action is Action.CREATE else ()
        for first, other in enumerate(index.operations) if above else ():
            is_check = other.verb is Verb.CREATE and other.definition.startswith("CHECK")
            if other.table in above and (other.key.kind is ObjectKind.COLUMN or is_check):
                yield first, second


def _parts_freed(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A parent's constraint or index goes, with those of its children, before a child gets one of its own, or loses
    the one that it had besides."""
    going: dict[ObjectKey, list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        if operation.verb is Verb.DROP and operation.key.kind in _PARTS:
            going[operation.table].append(number)
    for number, operation in enumerate(index.operations) if going else ():
        if operation.verb is not Verb.ALTER and operation.key.kind in _PARTS:
            above = [first for ancestor in index.live.ancestors(operation.table) for first in going.get(ancestor, ())]
            if operation.verb is Verb.DROP:
                is_check = operation.definition.startswith("CHECK")
                above = [
                    first for first in above if is_check and index.operations[first].key.member == operation.key.member
                ]
            yield from ((first, number) for first in above)


def shares_first(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """The index or key of a partition that the folder names is made before its parent's, which then takes it in."""
    shares: dict[ObjectKey, list[int]] = defaultdict(list)
    joining: dict[ObjectKey, list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        if operation.verb is not Verb.DROP and _is_share(operation):
            shares[operation.table].append(number)
        if operation.verb is not Verb.DROP and operation.change.aspect == "partition":
            joining[operation.key].append(number)
    for table, numbers in shares.items():
        parents = frozenset(index.desired.ancestors(table))
        later = [number for above in parents for number in shares.get(above, ())]
        later += [number for above in {table, *parents} if parents for number in joining.get(above, ())]
        made = (number for number in numbers if index.operations[number].verb is Verb.CREATE)
        yield from product(made, later)


def _is_share(operation: Operation) -> bool:
    """True for what a partition has its share of, under a name of its own: indexes, and the constraints with one."""
    if operation.key.kind is ObjectKind.CONSTRAINT:
        return operation.definition.startswith(WITH_INDEX)
    return operation.key.kind is ObjectKind.INDEX


def _own_ready(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A child's check or foreign key goes, or is made, before its parents' of that name comes, which PostgreSQL hands
    down to one that is equal, or enforced more strictly."""
    for second, operation in enumerate(index.operations):
        if operation.verb is not Verb.CREATE or operation.key.kind is not ObjectKind.CONSTRAINT:
            continue
        staying = {table.key for table in index.desired.descendants(operation.table)} - index.leaving.keys()
        for key in (table.key for table in index.live.descendants(operation.table) if table.key in staying):
            below = key.part(ObjectKind.CONSTRAINT, operation.key.own_name)
            own = (*index.droppers(below), *index.by_key.get((Verb.CREATE, below), ()))
            yield from ((first, second) for first in own)


def _bounds_freed(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A partition goes or narrows before another one takes its values: bounds may not overlap at any time."""
    for first, operation in enumerate(index.operations):
        former = index.live.table(operation.key)
        wanted = index.desired.table(operation.key)
        goes = operation.verb is Verb.DROP or (
            former is not None and wanted is not None and wanted.partition_of != former.partition_of
        )
        moves = operation.change.aspect == "partition" and operation.part is Part.WHOLE
        if former is None or former.partition_of is None or not (goes or moves):
            continue
        for second, other in enumerate(index.operations):
            table = index.desired.table(other.key)
            if table is None or table.partition_of != former.partition_of:
                continue
            before = index.live.table(other.key)
            joins = before is not None and before.partition_of != former.partition_of
            comes = other.verb is Verb.ALTER and other.change.aspect == "partition"
            if other.verb is Verb.CREATE or (comes and (goes or joins)):
                yield first, second


def _references_freed(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A foreign key to a partitioned table is dropped before one of the partitions goes, which PostgreSQL would not let
    go otherwise, and comes back after that."""
    leaving: dict[ObjectKey, list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        former = index.live.table(operation.key)
        goes = operation.verb is Verb.DROP or operation.change.aspect == "partition"
        if former is not None and former.partition_of is not None and goes:
            for above in index.live.ancestors(operation.key):
                leaving[above].append(number)
    for key, foreign in index.live.foreign_keys.items() if leaving else ():
        for second in leaving.get(foreign.target, ()) if not foreign.inherited else ():
            yield from ((first, second) for first in index.removers(key))
            yield from ((second, last) for last in index.changers(key))


def _absent_for_a_moment(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """What changes on a parent does so before a partition leaves it to come back with other bounds, which would miss
    it; its keys and indexes are made once the partition is back, and take in those of that."""
    for number, operation in enumerate(index.operations):
        former, table = index.live.table(operation.key), index.desired.table(operation.key)
        leaves, is_back = operation.verb is Verb.DROP, operation.part is Part.ATTACHMENT
        if operation.change.aspect != "partition" or not (leaves or is_back) or former is None or table is None:
            continue
        stays = former.partition_of == table.partition_of
        parts = (n for above in index.live.ancestors(former.key) if stays for n in index.by_table.get(above, ()))
        for other in (n for n in parts if index.operations[n].key.kind in _MEMBERS):
            is_made = _is_made_of_shares(index.operations[other])
            if leaves and not is_made:
                yield other, number
            elif is_back and is_made:
                yield number, other


def _is_made_of_shares(operation: Operation) -> bool:
    """True for a new constraint or index of a partitioned table that its partitions have, too, but for a check."""
    is_check = operation.definition.startswith("CHECK")
    return operation.verb is Verb.CREATE and operation.key.kind in _PARTS and not is_check


def _shares_named(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """What comes to a table with its parents' constraints and indexes is there before anything is said about it."""
    for second, operation in enumerate(index.operations):
        if operation.verb is Verb.ALTER and operation.change.aspect in _REMARKS and operation.key.kind in _PARTS:
            above = frozenset(index.desired.ancestors(operation.table))
            for number in (n for each in above for n in index.by_table.get(each, ())):
                if index.operations[number].verb is Verb.CREATE and index.operations[number].key.kind in _PARTS:
                    yield number, second
            moves = (n for each in (operation.table, *above) for n in index.alterers(each))
            yield from ((n, second) for n in moves if index.aspect(n) == "partition")
