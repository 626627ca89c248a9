"""One dependency graph over everything a folder declares, and the stable order in which it deploys (behaviour, §3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stonegate.errors import DependencyCycle
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import (
    ExtensionItem,
    Folder,
    InlineForeignKey,
    Migration,
    Need,
    NeedKind,
    Seeder,
    SourceItem,
    SourceTree,
    Verb,
)
from stonegate.planner.graph import circles, one_circle, stable_order
from stonegate.planner.migrations_order import order_migrations

_RANK = {folder: number for number, folder in enumerate(Folder)}
_RELATIONS = frozenset(
    {ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE, ObjectKind.INDEX}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingKey:
    """A foreign key that closes a cycle between tables: cut out of its CREATE TABLE and added afterwards."""

    item: SourceItem
    foreign_key: InlineForeignKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing to deploy.

    Attributes:
        value: what it is.
        label: how people speak of it ("table users").
        without: foreign keys that are cut out of a CREATE TABLE (they follow as ClosingKey nodes).
    """

    value: ExtensionItem | SourceItem | ClosingKey | Migration | Seeder
    folder: Folder
    file: str
    line: int
    label: str
    without: tuple[InlineForeignKey, ...] = ()

    @property
    def sql(self) -> str:
        """The statement to execute; "" for migrations (several) and extensions (generated)."""
        match self.value:
            case SourceItem() as item:
                return cut_out(item.sql, self.without)
            case ClosingKey() as closing:
                return closing.foreign_key.sql
            case Seeder() as seeder:
                return seeder.sql
            case _:
                return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Nodes in deployment order; `edges` are (needed, dependent) positions in `nodes`."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """The migrations in the order in which they run."""
        return tuple(node.value for node in self.nodes if isinstance(node.value, Migration))

    @property
    def seeders(self) -> tuple[Seeder, ...]:
        """The seeders, referenced tables first."""
        return tuple(node.value for node in self.nodes if isinstance(node.value, Seeder))


def cut_out(sql: str, foreign_keys: Iterable[InlineForeignKey]) -> str:
    """The CREATE TABLE without these foreign keys."""
    for start, end in sorted((key.span for key in foreign_keys), reverse=True):
        sql = sql[:start] + sql[end:]
    return sql


def order_tree(tree: SourceTree) -> Ordered:
    """The folder's deployment order: kind, then path, then line; a dependency overrides it.

    Raises:
        DependencyCycle: items need each other in a way that splitting off foreign keys does not solve.
        SourceError: a migration needs an object that only a later file which may not move makes.
    """
    nodes = _nodes(tree)
    names = _Names(nodes)
    needs, deferrable = _needs(nodes, names)
    closing = [
        (node, foreign_key)
        for members in circles(len(nodes), needs)
        for node in members
        for need, foreign_key in deferrable.get(node, ())
        if need in members
    ]
    if closing:
        nodes, needs = _split(nodes, names, closing)
    for members in circles(len(nodes), needs):
        raise _cycle([nodes[number] for number in one_circle(members, needs)])
    order = stable_order(len(nodes), needs)
    position = {number: place for place, number in enumerate(order)}
    edges = sorted((position[need], position[node]) for node, found in needs.items() for need in set(found))
    return Ordered(nodes=tuple(nodes[number] for number in order), edges=tuple(edges))


def _nodes(tree: SourceTree) -> list[Node]:
    """All nodes sorted by kind, path and line: the order that holds where nothing forces another."""
    nodes = [
        Node(value=item, folder=Folder.EXTENSIONS, file=item.file, line=item.line, label=f"extension {item.name}")
        for item in tree.extensions
    ]
    nodes += [
        Node(value=item, folder=item.folder, file=item.file, line=item.line, label=_label(item)) for item in tree.items
    ]
    nodes += [
        Node(value=item, folder=Folder.SEEDERS, file=item.file, line=item.line, label=f"seed {item.table}")
        for item in tree.seeders
    ]
    nodes.sort(key=lambda node: (_RANK[node.folder], node.file, node.line))
    declared = frozenset(item.key for item in tree.items if item.verb is Verb.CREATE)
    migrations = [
        Node(
            value=migration, folder=Folder.MIGRATIONS, file=migration.file, line=1, label=f"migration {migration.name}"
        )
        for migration in order_migrations(tree.migrations, declared)
    ]
    before = [node for node in nodes if _RANK[node.folder] < _RANK[Folder.MIGRATIONS]]
    return [*before, *migrations, *nodes[len(before) :]]


def _label(item: SourceItem) -> str:
    return str(item.key) if item.verb is Verb.CREATE else f"{item.verb.value} {item.target or item.key}"


class _Names:
    """Finds the nodes that make what a name stands for."""

    def __init__(self, nodes: list[Node]) -> None:
        self.made: dict[tuple[NeedKind, str, str], list[int]] = defaultdict(list)
        self.keys: dict[ObjectKey, int] = {}
        self.unique_keys: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.seeds: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, node in enumerate(nodes):
            match node.value:
                case SourceItem() as item if item.verb is Verb.CREATE:
                    self._add(number, item)
                case SourceItem(unique_key=True) as item if item.target is not None:
                    self.unique_keys[item.target.schema, item.target.name].append(number)
                case Seeder() as seeder:
                    self.seeds[seeder.table.schema, seeder.table.name].append(number)
                case _:
                    pass

    def _add(self, number: int, item: SourceItem) -> None:
        key = item.key
        self.keys.setdefault(key, number)
        if item.unique_key and item.target is not None:
            self.unique_keys[item.target.schema, item.target.name].append(number)
        for made in (key, *(part for part in item.creates if part.kind in _RELATIONS)):
            if made.kind in _RELATIONS:
                self.made[NeedKind.RELATION, made.schema, made.name].append(number)
                self.made[NeedKind.TYPE, made.schema, made.name].append(number)
        match key.kind:
            case ObjectKind.TYPE:
                self.made[NeedKind.TYPE, key.schema, key.name].append(number)
            case ObjectKind.ROUTINE:
                self.made[NeedKind.ROUTINE, key.schema, key.name].append(number)
            case ObjectKind.SCHEMA:
                self.made[NeedKind.SCHEMA, "", key.name].append(number)
            case _:
                pass

    def find(self, need: Need) -> list[int]:
        """Nodes that make the needed object; [] for what the folder does not declare."""
        if need.kind is NeedKind.SCHEMA:
            return self.made.get((need.kind, "", need.name), [])
        return self.made.get((need.kind, need.schema or "public", need.name), [])

    def schema_of(self, key: ObjectKey) -> list[int]:
        """The node that makes the schema in which an object stands."""
        return self.made.get((NeedKind.SCHEMA, "", key.schema), []) if key.schema else []

    def maker(self, key: ObjectKey) -> list[int]:
        """The node that creates the object itself, whatever kind of relation it is."""
        number = self.keys.get(key)
        if number is not None:
            return [number]
        if key.kind in _RELATIONS:
            return self.made.get((NeedKind.RELATION, key.schema, key.name), [])
        if key.kind is ObjectKind.ROUTINE:
            return self.made.get((NeedKind.ROUTINE, key.schema, key.name), [])
        return []


Needs = dict[int, list[int]]
Deferrable = dict[int, list[tuple[int, InlineForeignKey]]]


def _needs(nodes: list[Node], names: _Names) -> tuple[Needs, Deferrable]:
    """For each node what must stand before it, and which of that is only an inline foreign key."""
    needs: Needs = {}
    deferrable: Deferrable = defaultdict(list)
    previous_migration: int | None = None
    for number, node in enumerate(nodes):
        found: set[int] = set()
        match node.value:
            case SourceItem() as item:
                found = set(_item_needs(item, names, node.without))
                for foreign_key in item.foreign_keys:
                    if foreign_key not in node.without:
                        deferrable[number] += [(need, foreign_key) for need in names.find(foreign_key.references)]
            case ClosingKey() as closing:
                found = {*names.maker(closing.item.key), *_key_needs(closing.foreign_key.references, names)}
            case Migration() as migration:
                found = _migration_needs(migration, names)
                if previous_migration is not None:
                    found.add(previous_migration)
                previous_migration = number
            case Seeder() as seeder:
                found = set(_seeder_needs(seeder, nodes, names))
            case _:
                pass
        found.discard(number)
        needs[number] = sorted(found)
    return _break_seed_circles(nodes, needs), deferrable


def _item_needs(item: SourceItem, names: _Names, without: tuple[InlineForeignKey, ...]) -> Iterator[int]:
    left_out = {(key.references.schema or "public", key.references.name) for key in without}
    for need in item.needs:
        if need.soft or (need.deferrable and (need.schema or "public", need.name) in left_out):
            continue
        if need.deferrable:
            yield from _key_needs(need, names)
        else:
            yield from names.find(need)
    for key in (item.key, item.target):
        if key is not None:
            yield from names.schema_of(key)
    if item.target is not None:
        yield from names.maker(item.target)
    if item.verb is not Verb.CREATE:
        yield from names.maker(item.key)
        yield from names.maker(item.key.owner)


def _key_needs(need: Need, names: _Names) -> Iterator[int]:
    """A foreign key needs the table and the unique keys that other statements add to it."""
    yield from names.find(need)
    yield from names.unique_keys.get((need.schema or "public", need.name), ())


def _migration_needs(migration: Migration, names: _Names) -> set[int]:
    made = {(effect.key.schema, effect.key.name) for statement in migration.statements for effect in statement.effects}
    return {
        number
        for statement in migration.statements
        for need in statement.needs
        if need.kind is NeedKind.ROUTINE and not need.soft and (need.schema or "public", need.name) not in made
        for number in names.find(need)
    }


def _seeder_needs(seeder: Seeder, nodes: list[Node], names: _Names) -> Iterator[int]:
    """Rows of referenced tables, and rows that the statement reads, come first."""
    for need in seeder.needs:
        yield from names.find(need)
        if need.kind is NeedKind.RELATION and (need.schema or "public", need.name) != (
            seeder.table.schema,
            seeder.table.name,
        ):
            yield from names.seeds.get((need.schema or "public", need.name), ())
    table = ObjectKey(ObjectKind.TABLE, seeder.table.schema, seeder.table.name)
    for number in names.maker(table):
        yield number
        item = nodes[number].value
        if isinstance(item, SourceItem):
            for foreign_key in item.foreign_keys:
                referenced = (foreign_key.references.schema or "public", foreign_key.references.name)
                if referenced != (table.schema, table.name):
                    yield from names.seeds.get(referenced, ())


def _break_seed_circles(nodes: list[Node], needs: Needs) -> Needs:
    """Tables that refer to each other are seeded in path order: their rows decide what PostgreSQL accepts."""
    for members in circles(len(nodes), needs):
        seeds = {number for number in members if isinstance(nodes[number].value, Seeder)}
        for number in seeds:
            needs[number] = [need for need in needs[number] if need not in seeds]
    return needs


def _split(nodes: list[Node], names: _Names, closing: list[tuple[int, InlineForeignKey]]) -> tuple[list[Node], Needs]:
    """The same nodes with the closing keys cut out of their tables, and as nodes of their own after all tables."""
    by_node: Mapping[int, list[InlineForeignKey]] = defaultdict(list)
    for number, foreign_key in closing:
        if foreign_key not in by_node[number]:
            by_node[number].append(foreign_key)
    split = [_without(node, tuple(by_node.get(number, ()))) for number, node in enumerate(nodes)]
    added = [
        Node(
            value=ClosingKey(item=item, foreign_key=foreign_key),
            folder=item.folder,
            file=item.file,
            line=item.line,
            label=f"foreign key of {item.key}",
        )
        for number, keys in sorted(by_node.items())
        if isinstance(item := nodes[number].value, SourceItem)
        for foreign_key in keys
    ]
    place = sum(1 for node in split if _RANK[node.folder] < _RANK[Folder.MIGRATIONS])
    whole = [*split[:place], *added, *split[place:]]
    return whole, _needs(whole, _Names(whole))[0]


def _without(node: Node, keys: tuple[InlineForeignKey, ...]) -> Node:
    if not keys:
        return node
    return Node(value=node.value, folder=node.folder, file=node.file, line=node.line, label=node.label, without=keys)


def _cycle(members: list[Node]) -> DependencyCycle:
    return DependencyCycle(
        "these items need each other in a circle",
        file=members[0].file,
        line=members[0].line,
        details=tuple(
            f"{node.label} ({node.file}:{node.line}) needs {after.label}"
            for node, after in zip(members, [*members[1:], members[0]], strict=True)
        ),
        hint="only foreign keys between tables may form a circle; move what one of them needs into an ALTER",
    )
