"""Objects that need each other and are dropped or changed: a part of one goes first, so that the others can follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from stonegate.model.catalog import Catalog, Table, View
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner.order.graph import circles
from stonegate.planner.reach import reached

_Changes = Mapping[tuple[ObjectKey, str], Change]
_Needs = Mapping[ObjectKey, AbstractSet[ObjectKey]]

_PARTS = (ObjectKind.POLICY, ObjectKind.CONSTRAINT, ObjectKind.COLUMN, ObjectKind.TRIGGER, ObjectKind.INDEX)


def break_circles(changes: _Changes, live: Catalog) -> Iterator[Change]:
    """Parts of tables that are dropped before everything else, so that the rest has an order; on tables that stay they
    come back."""
    moved = frozenset(key for key, aspect in changes if aspect == "unlogged")
    yield from _keys_between_moved(changes, moved, live)
    dropped = {change.key for change in changes.values() if change.action is Action.DROP}
    holders = {relation.key: relation for relation in live.relations.values() if relation.key in dropped}
    if holders:
        ways = _Ways(_needs(live))
        yield from _keys_between_dropped(changes, holders, ways, live)
        yield from _parts_that_hold(changes, holders, ways, live)


class _Ways:
    """Whether something needs an object, directly or by way of others; asked for each of thousands of edges, and so
    answered by the circles of the whole graph, found once."""

    def __init__(self, needs: _Needs) -> None:
        self.needs = needs
        keys = tuple(dict.fromkeys(key for each, others in needs.items() for key in (each, *others)))
        numbers = {key: number for number, key in enumerate(keys)}
        found = circles(len(keys), {numbers[key]: [numbers[on] for on in others] for key, others in needs.items()})
        self.circle = {keys[number]: circle for circle, members in enumerate(found) for number in members}

    def lead_back(self, starts: AbstractSet[ObjectKey], key: ObjectKey) -> bool:
        """True if one of `starts` needs the object: where that needs all of them, these are in one circle with it."""
        if key not in starts and starts <= self.needs.get(key, frozenset()):
            return key in self.circle and any(self.circle.get(start) == self.circle[key] for start in starts)
        return key in reached(starts, lambda on: self.needs.get(on, ()))


def _needs(live: Catalog) -> _Needs:
    """What each object and part needs, and the object that this is a part of."""
    needs: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    for edge in live.dependencies:
        for key in (edge.dependent, edge.dependent.owner):
            needs[key] |= {edge.on, edge.on.owner}
    return needs


def _parts_that_hold(
    changes: _Changes,
    holders: Mapping[ObjectKey, Table | View],
    ways: _Ways,
    live: Catalog,
) -> Iterator[Change]:
    """Parts of a dropped relation (policies, triggers, indexes, checks, defaults) that use something which needs the
    relation itself and is dropped as well."""
    indexed = {
        holder.key.index(index.name): holder.key
        for holder in holders.values()
        for index in holder.indexes
        if not index.inherited
    }
    gone = {change.key for change in changes.values() if change.action in (Action.DROP, Action.RECREATE)}
    for edge in live.dependencies:
        part, holder = edge.dependent, indexed.get(edge.dependent, edge.dependent.owner)
        aspect = "former_default" if part.kind is ObjectKind.COLUMN else ""
        if part.kind not in _PARTS or holder not in holders or edge.on.owner not in gone or edge.on.owner == holder:
            continue
        if edge.on.kind not in CODE_KINDS and part.kind is not ObjectKind.POLICY:
            continue
        if (part, aspect) in changes or (aspect and not _has_default(part, live)):
            continue
        if ways.lead_back({edge.on, edge.on.owner}, holder):
            reason = f"dropped first: {holder} and {edge.on.owner} need each other and are dropped"
            action = Action.ALTER if aspect else Action.DROP
            yield Change(action=action, key=part, table=holder, aspect=aspect, reason=reason, restored=True)


def _has_default(key: ObjectKey, live: Catalog) -> bool:
    column = live.table_column(key)
    return column is not None and column.default is not None


def _keys_between_dropped(
    changes: _Changes,
    holders: Mapping[ObjectKey, Table | View],
    ways: _Ways,
    live: Catalog,
) -> Iterator[Change]:
    """Foreign keys of dropped tables to others that need these: none of them can go before its key is gone.

    A partitioned table that refers to itself has partitions which refer to each other.
    """
    tables = {key: holder for key, holder in holders.items() if isinstance(holder, Table)}
    for key, target in _references(live, tables.keys()).items():
        is_own = target == key.owner
        if (key, "") in changes or (is_own and tables[target].partition_key is None):
            continue
        if is_own or ways.lead_back({target}, key.owner):
            reason = f"dropped first: {key.owner} and {target} need each other and are dropped"
            yield Change(action=Action.DROP, key=key, reason=reason, restored=True)


def _keys_between_moved(changes: _Changes, tables: frozenset[ObjectKey], live: Catalog) -> Iterator[Change]:
    """Foreign keys of tables that refer to each other and become UNLOGGED, or LOGGED: neither can be the first (manual:
    CREATE TABLE, "UNLOGGED")."""
    keys = _references(live, tables)
    needs: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    for key, target in keys.items():
        needs[key.owner] |= {target} - {key.owner}
    ways = _Ways(needs)
    for key, target in keys.items():
        if (key, "") not in changes and ways.lead_back({target}, key.owner):
            reason = f"restored: {key.owner} and {target} refer to each other and become logged or unlogged"
            yield Change(action=Action.RECREATE, key=key, reason=reason, restored=True)


def _references(live: Catalog, tables: AbstractSet[ObjectKey]) -> dict[ObjectKey, ObjectKey]:
    """The foreign keys between the tables with the table that each leads to."""
    return {key: foreign.target for key, foreign in live.foreign_keys.items() if {key.owner, foreign.target} <= tables}
