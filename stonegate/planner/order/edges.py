"""The edges of the dependency graph: what each node needs, which edges give way in a circle, what is split off."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from stonegate.model.extensions import REQUIRES
from stonegate.model.names import ObjectKey, ObjectKind, extension_key, schema_key
from stonegate.model.source import (
    EARLY_FOLDERS,
    ExtensionItem,
    LooseClause,
    Migration,
    Need,
    NeedKind,
    Seeder,
    SourceItem,
    Verb,
)
from stonegate.planner.order.graph import circles
from stonegate.planner.order.nodes import ClosingClause, Node
from stonegate.planner.order.resolve import Makers, Strength

#: For each node the nodes that it needs, and how firmly.
Edges = list[dict[int, Strength]]
Edge = tuple[int, Strength]


def find_edges(nodes: Sequence[Node], makers: Makers) -> Edges:
    """What each node needs, by number."""
    edges: Edges = []
    previous_migration: int | None = None
    for number, node in enumerate(nodes):
        found: dict[int, Strength] = {}
        match node.value:
            case ExtensionItem() as extension:
                needed = _of_extension(extension, makers)
            case SourceItem() as item:
                needed = _of_item(item, node, makers)
            case ClosingClause() as closing:
                needed = _of_closing_clause(closing, makers)
            case Migration() as migration:
                needed = _of_migration(migration, number, makers, previous_migration)
                previous_migration = number
            case Seeder() as seeder:
                needed = _of_seeder(seeder, makers)
        for need, strength in needed:
            if need != number:
                found[need] = max(strength, found.get(need, Strength.SOFT))
        edges.append(found)
    return edges


def _of_extension(extension: ExtensionItem, makers: Makers) -> Iterator[Edge]:
    if extension.schema is not None:
        yield from _hard(makers.maker(schema_key(extension.schema)))
    for name in REQUIRES.get(extension.name, ()):
        yield from _hard(makers.maker(extension_key(name)))


def _hard(numbers: Sequence[int]) -> Iterator[Edge]:
    return ((number, Strength.HARD) for number in numbers)


def _of_item(item: SourceItem, node: Node, makers: Makers) -> Iterator[Edge]:
    split = {_target(clause) for clause in node.without}
    inline = {_target(clause) for clause in item.loose_clauses}
    for need in item.needs:
        name = (need.schema, need.name)
        if not need.deferrable:
            yield from makers.find(need)
        elif name not in split and not _is_to_itself(item, need, makers):
            yield from _of_foreign_key(need, makers, Strength.LOOSE if name in inline else Strength.HARD)
        for migration in makers.in_migrations(need):
            yield migration, Strength.SOFT if node.folder in EARLY_FOLDERS else Strength.HARD
    if item.key.schema:
        yield from _hard(makers.maker(schema_key(item.key.schema)))
    if item.target is not None:
        yield from _hard(makers.maker(item.target))
    if item.verb is not Verb.CREATE:
        itself = makers.maker(item.key)
        yield from _hard(itself or makers.maker(item.key.owner))
        if item.key.kind is ObjectKind.TRIGGER and not itself:  # a partition has its parent's
            yield from _hard(makers.triggers[item.key.member or ""])
        if item.key.kind is ObjectKind.EXTENSION:
            yield from _hard(makers.maker(extension_key(item.key.name)))


def _target(clause: LooseClause) -> tuple[str | None, str]:
    """The table that the clause points to, as written."""
    return clause.references.schema, clause.references.name


def _is_to_itself(item: SourceItem, need: Need, makers: Makers) -> bool:
    """A CREATE TABLE that refers to its own table: the key is in it, whatever others are added later."""
    return item.verb is Verb.CREATE and makers.spot(need)[1:] == (item.key.schema, item.key.name)


def _of_foreign_key(need: Need, makers: Makers, strength: Strength) -> Iterator[Edge]:
    """A foreign key needs the table, and the unique keys that other statements add to it; the owner of a sequence does
    not, but comes after all tables anyway."""
    _, schema, name = makers.spot(need)
    for number, _ in makers.find(need):
        yield number, strength
    for number in makers.unique_keys.get((schema, name), ()):
        yield number, strength


def _of_closing_clause(closing: ClosingClause, makers: Makers) -> Iterator[Edge]:
    yield from _hard(makers.maker(closing.item.key))
    yield from _of_foreign_key(closing.clause.references, makers, Strength.HARD)


def _of_migration(migration: Migration, number: int, makers: Makers, previous: int | None) -> Iterator[Edge]:
    """The migration in front of it, and the declared objects that it mentions and no migration up to it makes."""
    if previous is not None:
        yield previous, Strength.HARD
    for statement in migration.statements:
        for need in statement.needs:
            if not makers.before(need, number):
                yield from makers.find(need)


def _of_seeder(seeder: Seeder, makers: Makers) -> Iterator[Edge]:
    """What the INSERT mentions; and, unless tables refer to each other, rows of referenced and read tables first."""
    table = (seeder.table.schema, seeder.table.name)
    yield from _hard(makers.maker(ObjectKey(ObjectKind.TABLE, *table)))
    read = {(spot[1], spot[2]) for need in seeder.needs if (spot := makers.spot(need))[0] is NeedKind.RELATION}
    for need in seeder.needs:
        yield from makers.find(need)
        yield from _hard(makers.in_migrations(need))
    referenced = {spot for columns, spot in makers.references.get(table, ()) if _fills(seeder, columns)}
    for other in sorted((read | referenced) - {table}):
        for number in makers.seeds.get(other, ()):
            yield number, Strength.SOFT


def _fills(seeder: Seeder, columns: tuple[str, ...]) -> bool:
    """Whether the rows give a value to every column of a foreign key (one NULL among them refers to nothing)."""
    if not seeder.columns:
        return True
    if not set(columns) <= set(seeder.columns):
        return False
    places = [seeder.columns.index(column) for column in columns]
    return not seeder.rows or any(all(row.values[place].upper() != "NULL" for place in places) for row in seeder.rows)


# --- circles ---------------------------------------------------------------------------------------------------------


def drop_soft_circles(edges: Edges) -> Edges:
    """The edges without soft ones inside of a circle; the others stay, and keep their effect on the order."""
    if not any(strength is Strength.SOFT for found in edges for strength in found.values()):
        return edges
    member_of = {
        number: component for component, members in enumerate(circles(len(edges), _plain(edges))) for number in members
    }
    return [
        {
            need: strength
            for need, strength in found.items()
            if strength > Strength.SOFT or number not in member_of or member_of.get(need) != member_of[number]
        }
        for number, found in enumerate(edges)
    ]


def _plain(edges: Edges) -> Mapping[int, Sequence[int]]:
    return {number: sorted(found) for number, found in enumerate(edges)}


def clauses_that_close(nodes: Sequence[Node], edges: Edges) -> dict[int, tuple[LooseClause, ...]]:
    """What to split off, by the number of its table or sequence, so that no circle of these is left.

    Circles that nothing loose can open stay: they are the caller's to report.
    """
    cuts: dict[int, set[int]] = {}
    for members in circles(len(edges), _plain(edges)):
        for number, needs in _opened(members, edges):
            cuts.setdefault(number, set()).update(needs)
    return {number: _clauses_to(nodes[number], needs, nodes) for number, needs in sorted(cuts.items())}


def _opened(members: Sequence[int], edges: Edges) -> Iterator[tuple[int, set[int]]]:
    """Emit the members of one circle in order (Kahn 1962); where nothing is ready, the first one that only waits for
    what is loose goes ahead without that."""
    inside = set(members)
    waits = {number: {need: edges[number][need] for need in edges[number] if need in inside} for number in members}
    dependents: dict[int, list[int]] = {number: [] for number in members}
    firm = dict.fromkeys(members, 0)
    for number, found in waits.items():
        for need, strength in found.items():
            dependents[need].append(number)
            firm[number] += strength is not Strength.LOOSE
    ready = [number for number in members if not waits[number]]
    openable = [number for number in members if firm[number] == 0]
    heapq.heapify(openable)
    done: set[int] = set()
    while True:
        if ready:
            number = heapq.heappop(ready)
        else:
            while openable and openable[0] in done:
                heapq.heappop(openable)
            if not openable:
                return
            number = heapq.heappop(openable)
            yield number, set(waits[number])
        if number in done:
            continue
        done.add(number)
        for dependent in dependents[number]:
            if dependent in done:
                continue
            firm[dependent] -= waits[dependent].pop(number) is not Strength.LOOSE
            if not waits[dependent]:
                heapq.heappush(ready, dependent)
            elif firm[dependent] == 0:
                heapq.heappush(openable, dependent)


def _clauses_to(node: Node, needs: set[int], nodes: Sequence[Node]) -> tuple[LooseClause, ...]:
    """The loose clauses that lead to these nodes: the table itself, or what adds its unique key or its column."""
    assert isinstance(node.value, SourceItem), "only tables and sequences have loose clauses"
    tables = set()
    for number in needs:
        value = nodes[number].value
        assert isinstance(value, SourceItem), "a loose clause needs tables and their parts"
        table = value.key if value.target is None else value.target
        tables.add((table.schema, table.name))
    return tuple(
        clause
        for clause in node.value.loose_clauses
        if (clause.references.schema or "public", clause.references.name) in tables
    )
