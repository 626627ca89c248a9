"""What depends on a thing goes before it and comes back after it, as the catalogs know it (manual 5.15)."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Catalog, Dependency, Sequence
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.ddl.values import makes_way
from stonegate.planner.reach import reached
from stonegate.planner.row_readers import row_readers, writes_anew
from stonegate.planner.steps.operations import Part, Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex

#: What may change under the eyes of all that depends on a thing.
_UNFELT = frozenset({"owned_by", "row_security", "force_row_security", "replica_identity", "options", "owner"})
_WITH_DEFAULT = (ObjectKind.COLUMN, ObjectKind.TYPE)


def dependency_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later)."""
    yield from _removal_order(index)
    yield from _creation_order(index)
    yield from _inner_sequences(index)
    yield from _types_free(index)
    yield from _row_readers_gone(index)


def _removal_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """What depends on a thing goes, or is changed, before the thing itself goes or changes.

    The sequence of a serial column goes before the column gets an identity, whose sequence then has the same name.
    """
    for edge in index.live.dependencies if index.removes else ():
        if edge.dependent.kind is ObjectKind.SEQUENCE and edge.on.kind is ObjectKind.COLUMN:
            # A sequence is owned by its column, whose default is what really depends on the other; it leaves before.
            moves = (n for n in index.alterers(edge.dependent) if index.aspect(n) == "owned_by")
            yield from ((number, second) for number in moves for second in index.whole_removers(edge.on))
            continue
        gone = index.whole_removers(edge.on)
        altered = [n for n in index.alterers(edge.on) if index.aspect(n) not in _UNFELT]
        altered = [n for n in altered if n not in index.column_defaults]
        for first in index.removers(edge.dependent):
            yield from ((first, second) for second in gone)
            yield from ((first, second) for second in altered)
        sequence = index.live.objects.get(edge.on) if edge.on.kind is ObjectKind.SEQUENCE else None
        is_first = isinstance(sequence, Sequence) and makes_way(sequence, index.desired, index.live)
        lets_go = edge.dependent.kind in _WITH_DEFAULT and index.droppers(edge.dependent)  # its default goes before
        for number in () if lets_go else index.alterers(edge.dependent):
            if is_first and index.aspect(number) == "identity":
                yield from ((other, number) for other in gone)
                continue
            comes_back = index.operations[number].part is Part.ATTACHMENT
            yield from ((index.leaving[edge.dependent] if comes_back else number, other) for other in gone)


def _creation_order(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """What a thing needs stands in its desired form before the thing is made."""
    for edge in index.desired.dependencies:
        needed = [number for number in index.makers(edge.on) if number not in index.column_defaults]
        users = index.makers(edge.dependent) if needed else []
        if users and (former := index.live.table(edge.dependent)) is not None and edge.on.qualified in former.parents:
            users = [number for number in users if index.aspect(number) != "inherits"]  # it has that parent already
        if edge.on.kind is ObjectKind.ROUTINE:
            users = index.calling.get(edge.dependent) or users
        # A column may take its default from a sequence that it owns, by way of routines too: only the owner is told
        # after it is there.
        if edge.on.kind is ObjectKind.SEQUENCE:
            needed = [number for number in needed if index.aspect(number) != "owned_by"]
        elif users and edge.dependent.kind is ObjectKind.SEQUENCE:
            aspects = ("owned_by",) if _is_mutual(edge, index.desired) else ("owned_by", "")
            users = [number for number in users if index.aspect(number) in aspects]
        yield from ((first, second) for second in users for first in needed)


def _is_mutual(edge: Dependency, desired: Catalog) -> bool:
    """True if each of the two depends on the other: a serial column and its sequence."""
    return edge.on in desired.dependents.get(edge.dependent, ())


def _inner_sequences(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Other users of a column's sequence let go of it before it goes, comes or is renamed with the column's identity,
    and take it again after that."""
    for number, operation in enumerate(index.operations):
        if operation.change.aspect not in ("identity", "sequence_name"):
            continue
        for user in _other_users(operation.key, index.live):
            yield from ((first, number) for first in index.removers(user) or index.alterers(user))
        for user in _other_users(operation.key, index.desired):
            yield from ((number, second) for second in index.makers(user))


def _other_users(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """What uses the sequence that a column owns, or has inside, besides the column."""
    column = catalog.table_column(key)
    name = (column.identity_name or column.owned_sequence) if column is not None else None
    users = catalog.dependents.get(name.key(ObjectKind.SEQUENCE), ()) if name else ()
    return (user for user in users if user != key)


def _types_free(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Columns that go or get another type anyway do so before PostgreSQL would refuse a change because of them.

    It refuses to retype an attribute of a composite type that a column holds (manual: ALTER TYPE), to go through the
    rows of a table of whose row type a column is, and to tighten a domain that a column holds inside of another type
    (manual: ALTER DOMAIN).
    """
    for number, operation in enumerate(index.operations):
        kind, aspect, holder = operation.key.kind, operation.change.aspect, operation.key.owner
        tightens = kind is ObjectKind.TYPE and aspect in ("not_null", "constraints")
        is_new = kind is ObjectKind.COLUMN and operation.verb is Verb.CREATE
        if not (tightens or is_new or aspect in ("type", "unlogged")):
            continue
        staying = frozenset(_columns_of(holder, index.desired))
        for user in _columns_of(holder, index.live):
            leaving = () if tightens and user in staying else (*index.removers(user), *index.alterers(user))
            yield from ((first, number) for first in leaving if index.aspect(first) in ("", "type"))
        for user in () if tightens else staying:
            yield from ((number, second) for second in index.makers(user))


def _columns_of(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """Columns that hold a type, also inside of other types."""

    def types_over(holder: ObjectKey) -> Iterator[ObjectKey]:
        return (user.owner for user in catalog.dependents.get(holder, ()) if user.owner.kind is ObjectKind.TYPE)

    for holder in dict.fromkeys((key, *reached((key,), types_over))):
        users = catalog.dependents.get(holder, ())
        yield from (user for user in users if user.kind is ObjectKind.COLUMN and user.owner != key)


def _row_readers_gone(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """On PostgreSQL 15 a routine with an SQL body goes before the table is written anew whose rows it takes."""
    for number, operation in enumerate(index.operations if index.removes else ()):
        if writes_anew(operation.change):
            for table in (operation.table, *(child.key for child in index.live.descendants(operation.table))):
                for routine in row_readers(table, index.live):
                    yield from ((first, number) for first in index.droppers(routine))
