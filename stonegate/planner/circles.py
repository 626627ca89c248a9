"""Objects that need each other and are dropped: a part of one of them goes first, so that the others can follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from stonegate.model.catalog import Catalog, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change

_Changes = Mapping[tuple[ObjectKey, str], Change]


def break_circles(changes: _Changes, live: Catalog) -> Iterator[Change]:
    """The drops of parts of dropped tables that have to come before everything else."""
    dropped = {change.key for change in changes.values() if change.action is Action.DROP}
    yield from _keys_between_dropped(changes, dropped, live)
    yield from _parts_that_hold(changes, dropped, live)


def _parts_that_hold(changes: _Changes, dropped: set[ObjectKey], live: Catalog) -> Iterator[Change]:
    """Policies, checks and defaults of a dropped table that use what needs the table itself, and is dropped too."""
    needs: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    for edge in live.dependencies:
        needs[edge.dependent].add(edge.on)
        needs[edge.dependent.owner].add(edge.on)

    def reaches(start: ObjectKey, goal: ObjectKey) -> bool:
        seen, worklist = {start}, [start]
        while worklist:
            new = needs.get(worklist.pop(), set()) - seen
            seen |= new
            worklist += new
        return any(key.owner == goal for key in seen - {start})

    gone = {change.key for change in changes.values() if change.action in (Action.DROP, Action.RECREATE)}
    for edge in live.dependencies:
        part, table = edge.dependent, edge.dependent.owner
        aspect = "former_default" if part.kind is ObjectKind.COLUMN else ""
        if part.kind not in _PARTS or table not in dropped or edge.on not in gone or edge.on.owner == table:
            continue
        if aspect and not _has_default(part, live):
            continue
        if edge.on.kind in _CODE and (part, aspect) not in changes and reaches(edge.on, table):
            reason = f"dropped first: {table} and {edge.on} need each other and are dropped"
            action = Action.ALTER if aspect else Action.DROP
            yield Change(action=action, key=part, aspect=aspect, reason=reason, restored=True)


def _has_default(key: ObjectKey, live: Catalog) -> bool:
    table = live.table(key.owner)
    column = table.column(key.member or "") if table is not None else None
    return column is not None and column.default is not None and column.generated is None


_PARTS = (ObjectKind.POLICY, ObjectKind.CONSTRAINT, ObjectKind.COLUMN)
_CODE = (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.ROUTINE)


def _keys_between_dropped(changes: _Changes, dropped: set[ObjectKey], live: Catalog) -> Iterator[Change]:
    """Foreign keys of dropped tables that refer to each other: none of these can go before its key is gone.

    A partitioned table that refers to itself has partitions which refer to each other.
    """
    tables = {table.key: table for table in live.tables if table.key in dropped}

    def referenced(table: Table) -> Iterator[tuple[str, ObjectKey]]:
        for constraint in table.constraints:
            target = constraint.references
            if target is not None and (key := ObjectKey(ObjectKind.TABLE, target.schema, target.name)) in tables:
                yield constraint.name, key

    def reaches(start: ObjectKey, goal: ObjectKey) -> bool:
        seen, worklist = {start}, [start]
        while worklist:
            new = {key for _, key in referenced(tables[worklist.pop()])} - seen
            seen |= new
            worklist += new
        return goal in seen

    for table in tables.values():
        for name, target in referenced(table):
            key = table.key.part(ObjectKind.CONSTRAINT, name)
            if target == table.key and table.partition_key is None:
                continue
            if (key, "") not in changes and reaches(target, table.key):
                reason = f"dropped first: {table.key} and {target} refer to each other and are dropped"
                yield Change(action=Action.DROP, key=key, reason=reason, restored=True)
