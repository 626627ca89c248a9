"""A whole catalog as statements that rebuild it on an empty database, in an order that PostgreSQL accepts."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator

from stonegate.model.catalog import Catalog, CatalogObject, Dependency, OtherObject, Schema, Sequence, Table, View
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.planner.ddl import access, code, sequences, tables
from stonegate.planner.ddl.objects import BUILT_IN_SCHEMA, create_statements

_RANK: dict[ObjectKind, int] = {
    ObjectKind.SCHEMA: 0,
    ObjectKind.EXTENSION: 1,
    ObjectKind.TYPE: 2,
    ObjectKind.SEQUENCE: 3,
    ObjectKind.TABLE: 4,
    ObjectKind.ROUTINE: 5,
    ObjectKind.OTHER: 6,
}
_LATE_PARTS = frozenset({ObjectKind.TRIGGER, ObjectKind.POLICY})
_DEFERRABLE_PARTS = frozenset({ObjectKind.CONSTRAINT, ObjectKind.INDEX, ObjectKind.COLUMN})


def reproduce(catalog: Catalog, builder: str) -> tuple[str, ...]:
    """All statements that make an empty database (with its `public` schema) equal to `catalog`.

    Args:
        catalog: dependencies included, since they give the order.
        builder: the role that runs the statements, which has all rights.

    What has no CREATE statement (`OtherObject.creatable` is False) and the database's own search_path are left out.
    """
    return tuple(_Reproduction(catalog, builder).run())


class _Reproduction:
    def __init__(self, catalog: Catalog, builder: str) -> None:
        self.catalog = catalog
        self.builder = builder
        self.needs: dict[ObjectKey, dict[ObjectKey, set[str | None]]] = defaultdict(dict)
        for dependent, on, part in self._edges():
            self.needs[dependent].setdefault(on, set()).add(part)

    def run(self) -> Iterator[str]:
        yield "SET check_function_bodies = off"  # bodies mention what their routine does not depend on
        yield from self._public()
        late: list[tuple[Table, frozenset[str]]] = []
        for key, left_out in self._ordered():
            thing = self.catalog.objects[key]
            if isinstance(thing, Table):
                yield from tables.create_table(thing, self.catalog, left_out, has_sequences=True)
                late += [(thing, left_out)] if left_out else []
            elif not isinstance(thing, OtherObject) or thing.creatable:
                yield from create_statements(thing, builder=self.builder)
        for table, left_out in late:
            yield from tables.finish_table(table, left_out)
        yield from self._finish()

    def _finish(self) -> Iterator[str]:
        for table in self.catalog.tables:  # a sequence has its owner already, and wants its table's to be the same
            yield from tables.table_notes(table, self.builder)
        for sequence in self.catalog.sequences:
            if sequence.owned_by is not None:
                yield sequences.ownership_statement(sequence)
        for table in self.catalog.tables:
            yield from tables.foreign_key_statements(table)
        for holder in self.catalog.relations.values():
            yield from code.trigger_statements(holder)
        for table in self.catalog.tables:
            yield from code.policy_statements(table)
        for entry in self.catalog.default_privileges:  # last: they would add rights to everything created after
            yield from create_statements(entry)

    def _public(self) -> Iterator[str]:
        """PostgreSQL makes every database with the schema `public`, its comment and rights."""
        public = next((schema for schema in self.catalog.schemas if schema.name == BUILT_IN_SCHEMA), None)
        if public is None:
            yield f"DROP SCHEMA {BUILT_IN_SCHEMA}"
            return
        if ("", "USAGE") not in {(right.grantee, right.privilege) for right in public.access.granted}:
            yield f"REVOKE USAGE ON SCHEMA {BUILT_IN_SCHEMA} FROM PUBLIC"
        if public.access.comment is None:
            yield access.comment_statement(access.reference(public), None)
        yield f"ALTER SCHEMA {BUILT_IN_SCHEMA} OWNER TO {quote_ident(public.access.owner)}"

    # --- order ------------------------------------------------------------------------------------------------------

    def _edges(self) -> Iterator[tuple[ObjectKey, ObjectKey, str | None]]:
        """(dependent, on, part): `part` is the member that can be added to the dependent later, or None."""
        foreign = {
            table.key.part(ObjectKind.CONSTRAINT, constraint.name)
            for table in self.catalog.tables
            for constraint in table.constraints
            if constraint.kind == "foreign key"
        }
        for thing in self.catalog.objects.values():
            schema = ObjectKey(ObjectKind.SCHEMA, "", thing.key.schema)
            if schema in self.catalog.objects:
                yield thing.key, schema, None
        for extension in self.catalog.extensions:
            place = ObjectKey(ObjectKind.SCHEMA, "", extension.schema)
            if place in self.catalog.objects:
                yield extension.key, place, None
        for edge in self.catalog.dependencies:
            if edge.dependent in foreign or edge.dependent.kind in _LATE_PARTS:
                continue
            dependent, on = self._holder(edge.dependent), self._holder(edge.on)
            if dependent is None or on is None or dependent == on or self._is_ownership(dependent, on):
                continue
            yield dependent, on, self._deferrable(edge, on)

    def _holder(self, key: ObjectKey) -> ObjectKey | None:
        """The top-level object that a key is, or is a part of."""
        key = self.catalog.index_holders.get(key, key)
        for kind in (key.kind, key.owner.kind, ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW):
            found = ObjectKey(kind, key.schema, key.name, key.arguments)
            if found in self.catalog.objects:
                return found
        return None

    def _is_ownership(self, dependent: ObjectKey, on: ObjectKey) -> bool:
        found = self.catalog.objects.get(dependent)
        return isinstance(found, Sequence) and found.owned_by is not None and on.kind is ObjectKind.TABLE

    def _deferrable(self, edge: Dependency, on: ObjectKey) -> str | None:
        key = edge.dependent
        if key.kind not in _DEFERRABLE_PARTS or on.kind is not ObjectKind.ROUTINE:
            return None
        if key.kind is ObjectKind.COLUMN:
            column = self.catalog.table_column(key)
            return key.member if column is not None and column.default is not None else None
        return key.own_name

    def _ordered(self) -> Iterator[tuple[ObjectKey, frozenset[str]]]:
        """Keys in order, each with the members that must come later because they close a circle."""
        waiting = {key: dict(self.needs[key]) for key in self.catalog.objects}
        users: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for key, needed in waiting.items():
            for on in needed:
                users[on].append(key)
        ready = [self._place(key) for key, needed in waiting.items() if not needed]
        heapq.heapify(ready)
        while waiting:
            if ready:
                key = heapq.heappop(ready)[-1]
                left_out: frozenset[str] = frozenset()
            else:
                key, left_out = self._cut(waiting)
            del waiting[key]
            if key.kind is not ObjectKind.DEFAULT_PRIVILEGES:
                yield key, left_out
            for user in users[key]:
                if user in waiting and waiting[user].pop(key, None) is not None and not waiting[user]:
                    heapq.heappush(ready, self._place(user))

    def _cut(self, waiting: dict[ObjectKey, dict[ObjectKey, set[str | None]]]) -> tuple[ObjectKey, frozenset[str]]:
        """A table of a circle that can be made without some of its parts, or else the least object."""
        for key in sorted(waiting, key=self._place):
            parts = {part for names in waiting[key].values() for part in names}
            if None not in parts:
                return key, frozenset(part for part in parts if part is not None)
        return min(waiting, key=self._place), frozenset()

    def _place(self, key: ObjectKey) -> tuple[int, ObjectKey]:
        thing: CatalogObject = self.catalog.objects[key]
        rank = 5 if isinstance(thing, View) else _RANK.get(key.kind, 9)
        return (-1 if isinstance(thing, Schema) else rank, key)
