"""Finds which nodes of a folder make the object that a name stands for, and how firmly another node depends on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import IntEnum

from stonegate.model.names import RELATION_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import EffectVerb, ExtensionItem, Migration, Need, NeedKind, Seeder, SourceItem, Verb
from stonegate.planner.order.nodes import Node

Spot = tuple[NeedKind, str, str]
Numbers = Sequence[int]


class Strength(IntEnum):
    """How firmly one node needs another."""

    SOFT = 0  # a preference: dropped where it would close a circle
    LOOSE = 1  # a foreign key or the owner of a sequence, which can be split off
    HARD = 2


def made_spots(key: ObjectKey) -> tuple[Spot, ...]:
    """The names under which others find an object: a relation is a type as well (its row type)."""
    if key.kind in RELATION_KINDS:
        relation = (NeedKind.RELATION, key.schema, key.name)
        return (relation, (NeedKind.TYPE, key.schema, key.name))
    match key.kind:
        case ObjectKind.TYPE:
            return ((NeedKind.TYPE, key.schema, key.name),)
        case ObjectKind.ROUTINE:
            return ((NeedKind.ROUTINE, key.schema, key.name),)
        case ObjectKind.SCHEMA:
            return ((NeedKind.SCHEMA, "", key.name),)
        case ObjectKind.EXTENSION:
            return ((NeedKind.EXTENSION, "", key.name),)
        case ObjectKind.OTHER:
            return ((NeedKind.OTHER, "", key.name),)
        case _:
            return ()


class Makers:
    """Which nodes make which objects; nodes are known by their number."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._made: defaultdict[Spot, list[int]] = defaultdict(list)
        self._schemas: defaultdict[tuple[NeedKind, str], set[str]] = defaultdict(set)
        self._by_migration: defaultdict[Spot, list[int]] = defaultdict(list)
        self._keys: dict[ObjectKey, int] = {}
        self._added_columns: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.triggers: defaultdict[str, list[int]] = defaultdict(list)
        self.unique_keys: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.seeds: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.references: defaultdict[tuple[str, str], list[tuple[tuple[str, ...], tuple[str, str]]]] = defaultdict(list)
        for number, node in enumerate(nodes):
            match node.value:
                case SourceItem() as item:
                    self._note_item(number, item)
                case ExtensionItem() as extension:
                    self._made[NeedKind.EXTENSION, "", extension.name].append(number)
                case Migration() as migration:
                    self._note_migration(number, migration)
                case Seeder() as seeder:
                    self.seeds[seeder.table.schema, seeder.table.name].append(number)
                case _:
                    pass

    def _note_item(self, number: int, item: SourceItem) -> None:
        for key in item.creates:
            self._keys.setdefault(key, number)
        if item.verb is Verb.CREATE:
            self._keys[item.key] = number
            if item.key.kind is ObjectKind.TRIGGER:
                self.triggers[item.key.member or ""].append(number)
            for spot in made_spots(item.key):
                self._made[spot].append(number)
                self._schemas[spot[0], spot[2]].add(spot[1])
        elif any(key.kind is ObjectKind.COLUMN for key in item.creates):
            self._added_columns[item.key.schema, item.key.name].append(number)
        table = item.key if item.target is None else item.target
        if item.unique_key:
            self.unique_keys[table.schema, table.name].append(number)
        for reference in item.references:
            target = (reference.table.schema or "public", reference.table.name)
            self.references[table.schema, table.name].append((reference.columns, target))

    def _note_migration(self, number: int, migration: Migration) -> None:
        for effect in migration.effects:
            key = effect.key if effect.verb is EffectVerb.CREATE else effect.moved
            for spot in made_spots(key) if key is not None else ():
                self._by_migration[spot].append(number)

    def spot(self, need: Need) -> Spot:
        """Where a need looks: `public` for a name without schema, or the schemas that declare it."""
        if need.kind in (NeedKind.SCHEMA, NeedKind.EXTENSION, NeedKind.OTHER):
            return need.kind, "", need.name
        if need.schema is not None:
            return need.kind, need.schema, need.name
        declared = self._schemas.get((need.kind, need.name), ())
        return need.kind, "public" if not declared or "public" in declared else min(declared), need.name

    def find(self, need: Need) -> Iterator[tuple[int, Strength]]:
        """The nodes of declared state that make a needed object; nothing for what the folder does not declare.

        A name shared by several overloads is a soft need: which one is meant, only types can tell.
        """
        spot = self.spot(need)
        found: Numbers = self._made.get(spot, ())
        if not found and need.kind is NeedKind.RELATION:
            found = self._generated_sequence(spot)
        strength = Strength.SOFT if need.soft or (need.kind is NeedKind.ROUTINE and len(found) > 1) else Strength.HARD
        for number in found:
            yield number, strength
        if need.kind is not NeedKind.RELATION:
            return
        if need.column is not None:
            column = self._keys.get(ObjectKey(ObjectKind.COLUMN, spot[1], spot[2], None, need.column))
            if column is not None:
                yield column, strength
        else:
            for number in self._added_columns.get((spot[1], spot[2]), ()):
                yield number, Strength.SOFT

    def is_made(self, need: Need) -> bool:
        """Whether declared state makes the object; a column that is added to a table does not make the table."""
        spot = self.spot(need)
        return bool(self._made.get(spot) or (need.kind is NeedKind.RELATION and self._generated_sequence(spot)))

    def in_migrations(self, need: Need) -> Numbers:
        """The migrations that make a needed object which no declared item makes."""
        spot = self.spot(need)
        return () if self._made.get(spot) else self._by_migration.get(spot, ())

    def before(self, need: Need, migration: int) -> bool:
        """Whether this migration or one in front of it makes the object."""
        return any(number <= migration for number in self._by_migration.get(self.spot(need), ()))

    def maker(self, key: ObjectKey) -> Numbers:
        """The node that creates this very object, or the relation, type or routines of its name."""
        number = self._keys.get(key)
        if number is not None:
            return (number,)
        for spot in made_spots(key):
            if found := self._made.get(spot):
                return found
        return ()

    def _generated_sequence(self, spot: Spot) -> Numbers:
        """`users_id_seq` comes with the table `users` whose column `id` is serial (manual 8.1.4)."""
        _, schema, name = spot
        parts = name.split("_")
        if parts[-1] != "seq":
            return ()
        for cut in range(1, len(parts) - 1):
            column = ObjectKey(ObjectKind.COLUMN, schema, "_".join(parts[:cut]), None, "_".join(parts[cut:-1]))
            if column in self._keys:
                return (self._keys[column],)
        return ()
