"""pg_depend in the words of the model: from and to what people name, members at column grain (manual 53.18).

A dependency on the schema goes without saying, since the key names it, and so does that on plpgsql, which every
database has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup
from stonegate.model.catalog import Dependency
from stonegate.model.names import ObjectKey, ObjectKind, extension_key, schema_key

_FIRST_USER_OID: Final = 16384  # FirstNormalObjectId
_KINDS: Final = {
    "v": ObjectKind.VIEW,
    "m": ObjectKind.MATERIALIZED_VIEW,
    "S": ObjectKind.SEQUENCE,
    "c": ObjectKind.TYPE,
}
#: Their columns are not told apart: they are replaced as a whole.
_WHOLE: Final = ("v", "m", "S")

#: Class and object.
Address = tuple[int, int]


class Nodes:
    """Every object that something can depend on, by its address in pg_depend."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._columns: dict[tuple[int, int], ObjectKey] = {}
        self._whole: dict[Address, ObjectKey] = {}
        self._add_relations()
        self._add_types()
        self._add_routines()
        self._add_parts()
        self._add_keys()
        self._add_extensions()

    def add(self, address: Address, key: ObjectKey) -> None:
        """One more object."""
        self._whole[address] = key

    def find(self, cls: int, oid: int, number: int) -> ObjectKey | None:
        """What people call the address, None for what has no name of its own."""
        if number and cls == rows.PG_CLASS:
            return self._columns.get((oid, number))
        return None if number else self._whole.get((cls, oid))

    def find_whole(self, address: Address) -> ObjectKey | None:
        """The same of an object as a whole."""
        return self._whole.get(address)

    def _add_relations(self) -> None:
        for one in self._lookup.rows.relations:
            if not one.ours:
                continue
            key = ObjectKey(_KINDS.get(one.kind, ObjectKind.TABLE), one.schema, one.name)
            self._whole[rows.PG_CLASS, one.oid] = key
            if one.kind == "S":
                self._columns.update(dict.fromkeys(((one.oid, number) for number in range(1, 4)), key))
            for column in self._lookup.columns.get(one.oid, ()):
                if one.kind in _WHOLE:
                    self._columns[one.oid, column.number] = key
                elif not column.dropped:
                    part = ObjectKind.ATTRIBUTE if one.kind == "c" else ObjectKind.COLUMN
                    self._columns[one.oid, column.number] = key.part(part, column.name)
        for default in self._lookup.rows.column_defaults:
            column_key = self._columns.get((default.relation, default.number))
            if column_key is not None:
                self._whole[rows.PG_ATTRDEF, default.oid] = column_key
        self._add_inner_sequences()

    def _add_inner_sequences(self) -> None:
        """The sequence inside an identity column is part of that, but others may use it by its name."""
        for sequence, owner in self._lookup.sequence_owners.items():
            one = self._lookup.relations.get(sequence)
            if owner.identity and one is not None and (owner.relation, owner.number) in self._columns:
                key = ObjectKey(ObjectKind.SEQUENCE, one.schema, one.name)
                self._whole[rows.PG_CLASS, sequence] = key
                self._columns.update(dict.fromkeys(((sequence, number) for number in range(1, 4)), key))

    def _add_types(self) -> None:
        """Types by name, and the row types of relations; arrays and multiranges stand for their elements."""
        row_types = {one.row_type: one for one in self._lookup.rows.relations if one.ours and one.kind != "c"}
        multiranges = {one.type: one.multirange for one in self._lookup.rows.ranges}
        for one in self._lookup.rows.types:
            relation = row_types.get(one.oid)
            if one.ours:
                key = ObjectKey(ObjectKind.TYPE, one.schema, one.name)
            elif relation is not None:
                key = self._whole[rows.PG_CLASS, relation.oid]
            else:
                continue
            for oid in filter(None, (one.oid, one.array_type, multiranges.get(one.oid))):
                self._whole[rows.PG_TYPE, oid] = key
        for row in self._lookup.rows.dependencies:  # the constructors of a range type stand for it
            if row.cls == rows.PG_PROC and row.on_class == rows.PG_TYPE and row.kind == "i":
                type_key = self._whole.get((rows.PG_TYPE, row.on_object))
                if type_key is not None:
                    self._whole[rows.PG_PROC, row.object] = type_key

    def _add_routines(self) -> None:
        for one in self._lookup.rows.routines:
            types = one.types if one.modes is None else _inputs(one.types, one.modes)
            key = ObjectKey(ObjectKind.ROUTINE, one.schema, one.name, ", ".join(types))
            self._whole[rows.PG_PROC, one.oid] = key

    def _add_parts(self) -> None:
        """Triggers, policies, and the rules that views are."""
        for trigger in self._lookup.rows.triggers:
            self._add_part(rows.PG_TRIGGER, trigger, ObjectKind.TRIGGER, when=not trigger.inner)
        for policy in self._lookup.rows.policies:
            self._add_part(rows.PG_POLICY, policy, ObjectKind.POLICY)
        for rule in self._lookup.rows.rules:
            relation = self._relation(rule.relation)
            if relation is not None and rule.name == "_RETURN":
                self._whole[rows.PG_REWRITE, rule.oid] = relation

    def _add_part(self, cls: int, one: rows.Trigger | rows.Policy, kind: ObjectKind, *, when: bool = True) -> None:
        relation = self._relation(one.relation)
        if relation is not None and when:
            self._whole[cls, one.oid] = relation.part(kind, one.name)

    def _add_keys(self) -> None:
        """Constraints, and indexes, which stand for the constraint that owns them."""
        owners: dict[int, ObjectKey] = {}
        by_oid = {one.oid: one for one in self._lookup.rows.constraints}
        for one in self._lookup.rows.constraints:
            relation = self._relation(one.relation)
            key = self._whole.get((rows.PG_TYPE, one.domain)) if one.domain else None
            if relation is not None and one.kind != "n":
                key = relation.part(ObjectKind.CONSTRAINT, one.name)
                if one.kind in ("p", "u", "x"):
                    owners[one.its_index] = key
            parent = by_oid.get(one.parent)
            if one.parent and (parent is None or parent.relation == one.relation):
                continue
            if key is not None and one.kind != "n":
                self._whole[rows.PG_CONSTRAINT, one.oid] = key
        for index in self._lookup.rows.indexes:
            if (table := self._relation(index.relation)) is not None:
                usual = ObjectKey(ObjectKind.INDEX, table.schema, self._lookup.relation(index.oid).name)
                self._whole[rows.PG_CLASS, index.oid] = owners.get(index.oid, usual)

    def _add_extensions(self) -> None:
        extensions = {one.oid: extension_key(one.name) for one in self._lookup.rows.extensions}
        for oid, key in extensions.items():
            self._whole[rows.PG_EXTENSION, oid] = key
        for row in self._lookup.rows.dependencies:
            if row.kind == "e" and row.on_object in extensions:
                self._whole[row.cls, row.object] = extensions[row.on_object]

    def add_schemas(self) -> None:
        """Schemas, on which objects depend that are no more than text."""
        for one in self._lookup.rows.schemas:
            self._whole.setdefault((rows.PG_NAMESPACE, one.oid), schema_key(one.name))

    def _relation(self, oid: int) -> ObjectKey | None:
        return self._whole.get((rows.PG_CLASS, oid))


def _inputs(types: list[str], modes: list[str]) -> list[str]:
    return [name for name, mode in zip(types, modes, strict=True) if mode in ("i", "b", "v")]


def edges(lookup: Lookup, nodes: Nodes) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """What depends on what, with repetitions."""
    for row in lookup.rows.dependencies:
        if row.kind in ("e", "x") or (row.kind == "i" and row.on_number) or row.on_object < _FIRST_USER_OID:
            continue
        dependent = nodes.find(row.cls, row.object, row.number)
        if dependent is None:
            continue
        on = nodes.find(row.on_class, row.on_object, row.on_number)
        if on is not None and on != dependent:
            yield dependent, on


def dependencies(found: Iterable[tuple[ObjectKey, ObjectKey]]) -> tuple[Dependency, ...]:
    """The edges in their order, each once."""
    edges_found = [*found]
    # Keys are compared once, and told apart by identity: hashing those of a large database takes longer than all else.
    keys = {id(key): key for edge in edges_found for key in edge}
    rank: dict[int, int] = {}
    number: int = 0
    previous: tuple[str, ...] = ()
    for order, identity in sorted((_in_order(key), identity) for identity, key in keys.items()):
        number, previous = number + (order != previous), order
        rank[identity] = number
    once = {(rank[id(dependent)], rank[id(on)]): (dependent, on) for dependent, on in edges_found}
    return tuple(Dependency(dependent=dependent, on=on) for _, (dependent, on) in sorted(once.items()))


def _in_order(key: ObjectKey) -> tuple[str, ...]:
    return key.kind, key.schema, key.name, key.arguments or "", key.member or ""
