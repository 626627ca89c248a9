"""What comes before what inside of a table or view, and between tables that refer to each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stonegate.model.catalog import WITH_INDEX, Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.ddl.text import is_catalog_table
from stonegate.planner.reach import reached
from stonegate.planner.steps.operations import Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex


def table_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later)."""
    yield from _within_tables(index)
    yield from _keys_settled(index)
    yield from _persistence_order(index)
    yield from _catalog_tables_rewritten(index)
    yield from _view_columns_there(index)
    yield from _readable_at_once(index)


def _within_tables(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Constraints and indexes go before the columns of their table, or the attributes of its type, change, and come
    back after, before anything is said about them."""
    attached, members = (ObjectKind.CONSTRAINT, ObjectKind.INDEX), (ObjectKind.COLUMN, ObjectKind.ATTRIBUTE)
    types = {table.key: table.of_type for table in index.live.tables if table.of_type is not None}
    for key, own in index.by_table.items():
        of = types.get(key)
        numbers = [*own, *(index.by_table.get(of.key(ObjectKind.TYPE), ()) if of else ())]
        columns = [number for number in numbers if index.operations[number].key.kind in members]
        for number in numbers:
            operation = index.operations[number]
            if operation.key.kind not in attached:
                continue
            if operation.verb is Verb.DROP:
                for column in columns:
                    other = index.operations[column]
                    if other.verb is not Verb.DROP or other.change.action is Action.DROP:
                        yield number, column
            elif operation.verb is Verb.CREATE:
                yield from ((column, number) for column in columns)
                said = (other for other in index.alterers(operation.key) if not index.operations[other].is_rename)
                yield from ((number, other) for other in said)


def _keys_settled(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A unique key goes before a foreign key to its table comes: PostgreSQL would let that depend on the old one."""
    going: dict[ObjectKey, list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        if operation.verb is Verb.DROP and operation.definition.startswith((*WITH_INDEX, "CREATE UNIQUE INDEX")):
            going[operation.table].append(number)
    for key, foreign in index.desired.foreign_keys.items() if going else ():
        for first in going.get(foreign.target, ()):
            yield from ((first, second) for second in index.makers(key))


def _persistence_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """No foreign key of a logged table refers to an unlogged one at any time (manual: CREATE TABLE, "UNLOGGED")."""
    moves = {
        operation.key: number
        for number, operation in enumerate(index.operations)
        if operation.change.aspect == "unlogged"
    }
    unlogged = {table.key for table in index.live.tables if table.unlogged}
    for key, foreign in index.live.foreign_keys.items() if moves else ():
        gone = index.removers(key)
        mine, other = moves.get(key.owner), moves.get(foreign.target)
        for number in (each for each in (mine, other) if each is not None):
            yield from ((first, number) for first in gone)
        if mine is not None and other is not None and mine != other and not gone:
            yield (other, mine) if key.owner in unlogged else (mine, other)


def _catalog_tables_rewritten(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A table stops being one that logical decoding reads before its columns change, or becomes one after that."""
    for number, operation in enumerate(index.operations):
        former, wanted = index.live.table(operation.key), index.desired.table(operation.key)
        if operation.change.aspect != "options" or former is None or wanted is None:
            continue
        before, after = is_catalog_table(former.options), is_catalog_table(wanted.options)
        for other in index.by_table.get(operation.key, ()) if before != after else ():
            if index.operations[other].key.kind is ObjectKind.COLUMN:
                yield (number, other) if before else (other, number)


def _view_columns_there(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A view has its new columns before these get a default or a setting, which PostgreSQL's REPLACE does not give."""
    for view in index.desired.views:
        for first in index.by_key.get((Verb.CREATE, view.key), ()):
            for column in view.columns:
                later = index.alterers(view.key.part(ObjectKind.COLUMN, column.name))
                yield from ((first, number) for number in later)


_RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
#: Aspects of whose a thing is and who may use it.
_USE = frozenset({"owner", "privileges"})


def _readable_at_once(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A materialised view gets its rows when it is made: each view below reads as its owner, who may do that by then
    (manual: CREATE VIEW)."""
    views = [view.key for view in index.desired.views if view.materialized]
    made = {key: numbers for key in views if (numbers := index.by_key.get((Verb.CREATE, key)))}
    for number, operation in enumerate(index.operations if made else ()):
        if operation.verb is Verb.ALTER and operation.change.aspect in _USE:
            users = reached((operation.key,), lambda key: _users(key, index.desired))
            yield from ((number, second) for key in made if key in users for second in made[key])


def _users(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """What depends on a thing or, if it is a relation, on its columns."""
    relation = catalog.relations.get(key.qualified) if key.kind in _RELATIONS else None
    columns = relation.columns if relation is not None else ()
    holder = key.qualified.key(ObjectKind.TABLE)
    for each in (key, *(holder.part(ObjectKind.COLUMN, column.name) for column in columns)):
        yield from catalog.dependents.get(each, ())
