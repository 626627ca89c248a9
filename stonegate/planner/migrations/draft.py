"""A catalog on which the effects of migrations are carried out, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, CatalogObject, Index, Policy, Table, Trigger
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.migrations.table_parts import others_than, with_index, without_index


class Draft:
    """The catalog as it is by now, and what happened to it.

    Attributes:
        desired: the catalog whose forms are taken for what the text of a migration does not spell out.
        uncertain: labels of what is only known once the migrations really ran; EVERYTHING among them where one of them
            cannot be read.
        created, moved: the keys that were made, and those that changed (before, after).
    """

    def __init__(self, live: Catalog, desired: Catalog) -> None:
        self.catalog = live
        self.desired = desired
        self.uncertain: set[str] = set()
        self.created: set[ObjectKey] = set()
        self.moved: list[tuple[ObjectKey, ObjectKey]] = []

    def put(self, thing: CatalogObject) -> None:
        """Adds an object, in the place of its namesake."""
        self.catalog = self.catalog.with_object(thing)

    def remove(self, key: ObjectKey) -> None:
        """Takes a whole object away, and with a table the sequences that its columns own."""
        if key not in self.catalog.objects:
            return
        self.catalog = self.catalog.without_object(key)
        if key.kind is ObjectKind.TABLE:
            for sequence in self.catalog.sequences:
                if sequence.owning_column is not None and sequence.owning_column.owner == key:
                    self.remove(sequence.key)

    def drop(self, key: ObjectKey) -> None:
        """Takes an object or a part of a table away; of a routine without arguments all of that name."""
        match key.kind:
            case ObjectKind.INDEX:
                if key in self.catalog.index_holders:
                    self.each_table(lambda table: without_index(table, key))
            case ObjectKind.TRIGGER:
                holder = self.catalog.relations.get(key.qualified)
                if holder is not None:
                    self.put(replace(holder, triggers=others_than(holder.triggers, key.member)))
            case ObjectKind.POLICY:
                self.on_table(key, lambda table: replace(table, policies=others_than(table.policies, key.member)))
            case ObjectKind.ROUTINE if key.arguments is None:
                for routine in self.catalog.routines_named(key.qualified):
                    self.remove(routine.key)
            case _:
                self.remove(key)

    # --- tables ----------------------------------------------------------------------------------------------------

    def on_table(self, key: ObjectKey, change: Callable[[Table], Table]) -> None:
        """Changes the table of that key, or that it is a part of."""
        table = self.catalog.table(key.owner)
        if table is not None:
            self.catalog = self.catalog.with_table(change(table))

    def each_table(self, change: Callable[[Table], Table]) -> None:
        """Changes every table."""
        self.catalog = replace(self.catalog, tables=tuple(map(change, self.catalog.tables)))

    def wanted_table(self, table: Table) -> Table | None:
        """The table as it is declared."""
        return self.desired.table(table.key)

    def family(self, key: ObjectKey) -> tuple[ObjectKey, ...]:
        """The table and those below it, which follow it in what happens to its columns."""
        return (key, *(table.key for table in self.catalog.descendants(key)))

    def rename_dependencies(self, renamed: Mapping[ObjectKey, ObjectKey]) -> None:
        """What depends on what, under the names that objects and their parts have now."""
        if not renamed:
            return

        names = {key.name for key in renamed}

        def now(key: ObjectKey) -> ObjectKey:
            owner = renamed.get(key.owner)
            if owner is None or key.member is None:
                return renamed.get(key, key)
            return replace(key, schema=owner.schema, name=owner.name)

        edges = (
            replace(edge, dependent=now(edge.dependent), on=now(edge.on))
            if edge.dependent.name in names or edge.on.name in names
            else edge
            for edge in self.catalog.dependencies
        )
        self.catalog = self.catalog.with_dependencies(edges)

    def adopt_sequences(self, key: ObjectKey) -> None:
        """The declared ones of a table; what theirs are called after a rename is seen when it has happened."""
        for sequence in self.desired.sequences:
            if sequence.owning_column is not None and sequence.owning_column.owner == key:
                self.put(sequence)
                self.uncertain.add(sequence.key.label)

    def adopt_index(self, key: ObjectKey) -> None:
        """The declared index of that key, on its table."""
        index = self.desired.part(key)
        if isinstance(index, Index):
            self.on_table(self.desired.index_holders[key], partial(with_index, index=index))

    def adopt_member(self, key: ObjectKey) -> None:
        """The declared trigger or policy of that key, on its table or view."""
        holder, part = self.catalog.relations.get(key.qualified), self.desired.part(key)
        if holder is not None and isinstance(part, Trigger):
            self.put(replace(holder, triggers=(*others_than(holder.triggers, part.name), part)))
        elif isinstance(holder, Table) and isinstance(part, Policy):
            self.put(replace(holder, policies=(*others_than(holder.policies, part.name), part)))
