"""Every object that something can depend on, by its address in pg_depend (manual 53.18)."""

from __future__ import annotations

from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup
from stonegate.model.names import ObjectKey, ObjectKind, extension_key, schema_key

_KINDS: Final = {
    "v": ObjectKind.VIEW,
    "m": ObjectKind.MATERIALIZED_VIEW,
    "S": ObjectKind.SEQUENCE,
    "c": ObjectKind.TYPE,
}
#: Their columns are not told apart: they are replaced as a whole.
_WHOLE: Final = ("v", "m", "S")


class Nodes:
    """What people call the objects of a reading."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._columns: dict[tuple[int, int], ObjectKey] = {}
        self._whole: dict[tuple[int, int], ObjectKey] = {}
        self._add_relations()
        self._add_types()
        self._add_routines()
        self._add_parts()
        self._add_constraints()
        self._add_indexes()
        self._add_extensions()

    def find(self, cls: int, oid: int, number: int) -> ObjectKey | None:
        """What people call the address, None for what has no name of its own."""
        if number and cls == rows.PG_CLASS:
            return self._columns.get((oid, number))
        return None if number else self._whole.get((cls, oid))

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
        read = self._lookup.rows
        for trigger in read.triggers:
            if not trigger.inner and (relation := self._relation(trigger.relation)) is not None:
                self._whole[rows.PG_TRIGGER, trigger.oid] = relation.part(ObjectKind.TRIGGER, trigger.name)
        for policy in read.policies:
            if (relation := self._relation(policy.relation)) is not None:
                self._whole[rows.PG_POLICY, policy.oid] = relation.part(ObjectKind.POLICY, policy.name)
        for rule in read.rules:
            if rule.name == "_RETURN" and (relation := self._relation(rule.relation)) is not None:
                self._whole[rows.PG_REWRITE, rule.oid] = relation

    def _add_constraints(self) -> None:
        for one in self._lookup.rows.constraints:
            relation, domain = self._relation(one.relation), self._whole.get((rows.PG_TYPE, one.domain))
            key = domain if relation is None else relation.part(ObjectKind.CONSTRAINT, one.name)
            if key is not None and one.kind != "n" and not self._lookup.is_copy(one):
                self._whole[rows.PG_CONSTRAINT, one.oid] = key

    def _add_indexes(self) -> None:
        """Indexes; one that a constraint owns is that constraint."""
        for index in self._lookup.rows.indexes:
            if (table := self._relation(index.relation)) is None:
                continue
            owner = self._lookup.index_owners.get(index.oid)
            self._whole[rows.PG_CLASS, index.oid] = (
                ObjectKey(ObjectKind.INDEX, table.schema, self._lookup.relation(index.oid).name)
                if owner is None
                else table.part(ObjectKind.CONSTRAINT, owner.name)
            )

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
