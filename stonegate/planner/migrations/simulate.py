"""Pending migrations replayed on a Catalog value, so that the plan can be previewed before anything runs.

The text of a migration does not say how PostgreSQL will spell an expression, so what it makes is taken in the form that
the desired catalog has, and its key is marked uncertain: the apply decides again after the migration really ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from stonegate.model.catalog import (
    Access,
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    DefaultPrivileges,
    EnumType,
    Extension,
    OtherObject,
    Routine,
    Schema,
    Table,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, schema_key
from stonegate.model.source import Effect, EffectVerb, Migration
from stonegate.planner.migrations.cascades import taken_along
from stonegate.planner.migrations.enum_values import changed_labels
from stonegate.planner.migrations.moved import FIELDS
from stonegate.planner.migrations.table_parts import (
    adopt_members,
    altered_column,
    detached,
    follow_rename,
    follow_type,
    others_than,
    rename_column,
    rename_constraint,
    with_attributes_of,
    with_constraint,
    with_index,
    with_parent_renamed,
    with_unnamed_index,
    without_column,
    without_constraint,
    without_index,
)

#: The mark of a migration whose effects nobody can read (DO blocks, function calls): every step is decided at apply.
EVERYTHING = "*"

#: Kinds that share one namespace and take the same ALTER TABLE.
RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """The catalog after the replay, the labels of what is uncertain, the keys that the replay created, and those that
    it moved: (before, after)."""

    catalog: Catalog
    uncertain: frozenset[str]
    created: frozenset[ObjectKey]
    moved: tuple[tuple[ObjectKey, ObjectKey], ...]


def simulate(live: Catalog, desired: Catalog, migrations: Iterable[Migration]) -> Simulated:
    """Replays the migrations' effects, in order, on `live`."""
    replay = Replay(live, desired)
    for migration in migrations:
        for statement in migration.statements:
            for effect in statement.effects:
                replay.apply(effect)
    return replay.result()


class Replay:
    """A catalog that effects are applied to one after the other."""

    def __init__(self, live: Catalog, desired: Catalog) -> None:
        self.catalog = live
        self.desired = desired
        self.uncertain: set[str] = set()
        self.created: set[ObjectKey] = set()
        self.moved: list[tuple[ObjectKey, ObjectKey]] = []

    def result(self) -> Simulated:
        """The state after all effects so far."""
        return Simulated(
            catalog=self.catalog,
            uncertain=frozenset(self.uncertain),
            created=frozenset(self.created),
            moved=tuple(self.moved),
        )

    def apply(self, effect: Effect) -> None:
        """Applies one effect."""
        effect = self.actual(effect)
        for taken in taken_along(effect, self.catalog):
            self.apply(taken)
        self._mark(effect)
        match effect.verb:
            case EffectVerb.CREATE:
                self._create(effect)
            case EffectVerb.DROP:
                self._drop(effect.key)
            case EffectVerb.RENAME:
                self._rename(effect)
            case EffectVerb.SET_SCHEMA:
                self._move(effect.key, effect.to or "public", effect.key.name)
            case EffectVerb.ADD_VALUE | EffectVerb.RENAME_VALUE:
                self._change_labels(effect)
            case EffectVerb.ADD_CONSTRAINT:
                self._on_table(effect.key, lambda table: with_constraint(table, self._wanted_table(table), effect))
            case EffectVerb.DROP_CONSTRAINT:
                self._on_table(effect.key, lambda table: without_constraint(table, effect.key.member or ""))
            case EffectVerb.DETACH:
                self._on_table(effect.key, detached)
            case EffectVerb.OPAQUE:
                self._adopt_unmodelled()
            case EffectVerb.ADD_COLUMN | EffectVerb.DROP_COLUMN:
                self._change_columns(effect)
            case (
                EffectVerb.SET_TYPE
                | EffectVerb.SET_NOT_NULL
                | EffectVerb.DROP_NOT_NULL
                | EffectVerb.SET_DEFAULT
                | EffectVerb.DROP_DEFAULT
            ):
                self._on_table(effect.key, lambda table: self._alter_column(table, effect))

    def actual(self, effect: Effect) -> Effect:
        """The effect on what has the name here and now: the folder may declare a view where a table still stands."""
        key = effect.key
        if key.kind not in RELATIONS or effect.verb is EffectVerb.CREATE or key in self.catalog.objects:
            return effect
        others = (replace(key, kind=kind) for kind in RELATIONS)
        found = next((other for other in others if other in self.catalog.objects), key)
        return replace(effect, key=found)

    def _mark(self, effect: Effect) -> None:
        match effect.verb:
            case EffectVerb.OPAQUE:
                self.uncertain.add(EVERYTHING)
            case EffectVerb.NONE | EffectVerb.WRITE_ROWS | EffectVerb.DELETE_ROWS:
                pass
            case _:
                self.uncertain |= {effect.key.label, effect.key.owner.label}
                if effect.verb is EffectVerb.RENAME and effect.to is not None:
                    renamed = (
                        replace(effect.key, member=effect.to)
                        if effect.key.member is not None
                        else replace(effect.key, name=effect.to)
                    )
                    self.uncertain |= {renamed.label, *(key.label for key in self._family(effect.key.owner))}
                for edge in self.catalog.dependencies:
                    if edge.on in (effect.key, effect.key.owner):
                        self.uncertain |= {edge.dependent.label, edge.dependent.owner.label}

    # --- whole objects ---------------------------------------------------------------------------------------------

    def _create(self, effect: Effect) -> None:
        key = effect.key
        if key in self.catalog.objects:
            return
        self.created.add(key)
        wanted = self.desired.objects.get(key)
        if key.kind is ObjectKind.TABLE:
            base = wanted if isinstance(wanted, Table) else Table(schema=key.schema, name=key.name, access=Access())
            columns = tuple(self._new_column(base, column) for column in effect.columns)
            self._put(replace(base, columns=columns) if effect.columns else base)
            self._adopt_sequences(key)
        elif wanted is not None:
            self._put(wanted)
        elif key.kind is ObjectKind.TYPE:
            self._adopt_unmodelled()
        elif key.kind is ObjectKind.INDEX and not key.name:
            self._adopt_unnamed_index(effect)
        elif key.kind is ObjectKind.INDEX:
            self._adopt_index(key)

    def _adopt_sequences(self, key: ObjectKey) -> None:
        """The declared ones of a table; what theirs are called after a rename is seen when it has happened."""
        for sequence in self.desired.sequences:
            if sequence.owning_column is not None and sequence.owning_column.owner == key:
                self._put(sequence)
                self.uncertain.add(sequence.key.label)

    def _adopt_unmodelled(self) -> None:
        """What only migrations make (publications, servers, base types) is there as they make it when they run."""
        for other in self.desired.others:
            if not other.creatable and self.catalog.objects.get(other.key) != other:
                self._remove(other.key)
                self._put(other)
                self.uncertain.add(other.key.label)

    def _adopt_index(self, key: ObjectKey) -> None:
        for table in self.desired.tables:
            for index in table.indexes:
                if (table.schema, index.name) == (key.schema, key.name):
                    self._on_table(table.key, partial(with_index, index=index))

    def _adopt_unnamed_index(self, effect: Effect) -> None:
        """A declared index over the same columns that is not there yet, in the same order if there is one."""
        names = tuple(column.key.member for column in effect.columns)
        table = effect.columns[0].key.owner if names else effect.key
        wanted = self.desired.table(table)
        if wanted is not None:
            self._on_table(table, partial(with_unnamed_index, wanted=wanted, columns=names))

    def _put(self, thing: object) -> None:
        name = FIELDS[type(thing).__name__]
        self._set(name, (*getattr(self.catalog, name), thing))

    def _set(self, name: str, things: tuple[Any, ...]) -> None:
        changed: dict[str, Any] = {name: things}
        self.catalog = replace(self.catalog, **changed)

    def _drop(self, key: ObjectKey) -> None:
        match key.kind:
            case ObjectKind.INDEX:
                self._each_table(lambda table: without_index(table, key))
            case ObjectKind.TRIGGER:
                self._on_table(key, lambda table: replace(table, triggers=others_than(table.triggers, key.member)))
            case ObjectKind.POLICY:
                self._on_table(key, lambda table: replace(table, policies=others_than(table.policies, key.member)))
            case ObjectKind.ROUTINE if key.arguments is None:
                for routine in self.catalog.routines:
                    if (routine.schema, routine.name) == (key.schema, key.name):
                        self._remove(routine.key)
            case _:
                self._remove(key)

    def _remove(self, key: ObjectKey) -> None:
        found = self.catalog.objects.get(key)
        if found is None:
            return
        name = FIELDS[type(found).__name__]
        self._set(name, tuple(thing for thing in getattr(self.catalog, name) if thing is not found))
        if key.kind is ObjectKind.TABLE:
            for sequence in self.catalog.sequences:
                if sequence.owning_column is not None and sequence.owning_column.owner == key:
                    self._remove(sequence.key)

    def _rename(self, effect: Effect) -> None:
        key, new = effect.key, effect.to or effect.key.name
        match key.kind:
            case ObjectKind.COLUMN:
                for holder in self._family(key.owner):
                    self._on_table(holder, lambda table: self._rename_column(table, key.member or "", new))
            case ObjectKind.SCHEMA:
                self._rename_schema(key.name, new)
            case ObjectKind.CONSTRAINT:
                self._on_table(key, lambda table: rename_constraint(table, key.member or "", new))
            case ObjectKind.INDEX:
                self._drop(key)
                self._adopt_index(replace(key, name=new))
            case _:
                self._move(key, key.schema, new)

    def _family(self, key: ObjectKey) -> tuple[ObjectKey, ...]:
        """The table and those below it, which follow it in what happens to its columns."""
        return (key, *(table.key for table in self.catalog.descendants(key)))

    def _rename_schema(self, old: str, new: str) -> None:
        """Everything in it goes along; what mentions it reads otherwise then, which is seen when it has happened."""
        schema = self.catalog.objects.get(schema_key(old))
        if not isinstance(schema, Schema) or schema_key(new) in self.catalog.objects:
            return
        self.uncertain.add(EVERYTHING)
        self._remove(schema.key)
        self._put(replace(schema, name=new))
        for key in tuple(self.catalog.objects):
            if key.schema == old and key in self.catalog.objects:
                self._move(key, new, key.name)

    def _move(self, key: ObjectKey, schema: str, name: str) -> None:
        found = self.catalog.objects.get(key)
        if found is None or isinstance(found, Schema | Extension | DefaultPrivileges | OtherObject):
            return
        self._remove(key)
        moved: CatalogObject = replace(found, schema=schema, name=name)
        self.moved.append((key, moved.key))
        wanted = self.desired.objects.get(moved.key)
        if isinstance(moved, Table) and isinstance(wanted, Table):
            moved = adopt_members(moved, wanted, frozenset(column.name for column in moved.columns))
            self._each_table(partial(self._follow, old=key.qualified, new=moved.key.qualified))
        elif isinstance(wanted, Routine) and isinstance(found, Routine):
            moved = replace(wanted, body=found.body)  # which goes on speaking of the old names
        elif wanted is not None and not isinstance(moved, Table):
            moved = wanted
        if key.kind is ObjectKind.TYPE:
            self._follow_type(key.qualified, moved.key.qualified)
        self._put(moved)
        if isinstance(moved, Table):
            self._adopt_sequences(moved.key)

    def _follow(self, table: Table, old: QualifiedName, new: QualifiedName) -> Table:
        table = with_parent_renamed(table, old, new)
        wanted = self._wanted_table(table)
        return table if wanted is None else follow_rename(table, wanted, old, new)

    def _follow_type(self, old: QualifiedName, new: QualifiedName) -> None:
        self._each_table(lambda table: follow_type(table, self._wanted_table(table), old, new))
        names = {f"{old.sql}{suffix}": f"{new.sql}{suffix}" for suffix in ("", "[]")}
        self.catalog = replace(
            self.catalog,
            composites=tuple(with_attributes_of(composite, names) for composite in self.catalog.composites),
            domains=tuple(replace(domain, base=names.get(domain.base, domain.base)) for domain in self.catalog.domains),
        )

    def _change_labels(self, effect: Effect) -> None:
        found = self.catalog.objects.get(effect.key)
        if not isinstance(found, EnumType) or effect.to is None:
            return
        self._remove(effect.key)
        self._put(replace(found, labels=changed_labels(effect, found, self.desired.objects.get(effect.key))))

    # --- tables ----------------------------------------------------------------------------------------------------

    def _on_table(self, key: ObjectKey, change: Callable[[Table], Table]) -> None:
        self._each_table(change, key.owner)

    def _each_table(self, change: Callable[[Table], Table], only: ObjectKey | None = None) -> None:
        tables = self.catalog.tables
        changed = tuple(change(table) if only is None or table.key == only else table for table in tables)
        self.catalog = replace(self.catalog, tables=changed)

    def _wanted_table(self, table: Table) -> Table | None:
        return self.desired.table(table.key)

    def _new_column(self, table: Table | None, effect: Effect) -> Column:
        """The column as the desired catalog has it where the text agrees, else as the text says."""
        name = effect.key.member or ""
        wanted = table.column(name) if table is not None else None
        if wanted is None:
            return Column(name=name, type=effect.type or "text", not_null=effect.not_null)
        keeps_type = effect.type is None or effect.type == wanted.type
        return replace(
            wanted,
            type=wanted.type if keeps_type else effect.type or wanted.type,
            not_null=effect.not_null or bool(wanted.identity),
            default=wanted.default if effect.has_default else None,
        )

    def _change_columns(self, effect: Effect) -> None:
        name = effect.key.member or ""
        if effect.verb is EffectVerb.DROP_COLUMN:
            self._drop_column(effect.key.owner, name)
            return

        def add(table: Table) -> Table:
            if table.column(name) is not None:
                return table
            self.created.add(effect.key)
            column = self._new_column(self._wanted_table(table), effect)
            return replace(table, columns=(*table.columns, column))

        self._on_table(effect.key, add)

    def _drop_column(self, key: ObjectKey, name: str) -> None:
        """Children lose it too, unless they have it from elsewhere."""
        found = self.catalog.objects.get(key)
        if isinstance(found, CompositeType):
            self._remove(key)
            self._put(replace(found, attributes=others_than(found.attributes, name)))
        self._on_table(key, lambda table: without_column(table, name))
        for child in self.catalog.tables:
            column = child.column(name)
            if child.parents == (key.qualified,) and column is not None and column.inherited:
                self._drop_column(child.key, name)

    def _rename_column(self, table: Table, old: str, new: str) -> Table:
        renamed = rename_column(table, old, new)
        wanted = self._wanted_table(table)
        return renamed if wanted is None else adopt_members(renamed, wanted, frozenset({old, new}))

    def _alter_column(self, table: Table, effect: Effect) -> Table:
        name = effect.key.member or ""
        wanted_table = self._wanted_table(table)
        wanted = wanted_table.column(name) if wanted_table is not None else None
        columns = (altered_column(part, wanted, effect) if part.name == name else part for part in table.columns)
        changed = replace(table, columns=tuple(columns))
        if effect.verb is EffectVerb.SET_TYPE and wanted_table is not None:
            return adopt_members(changed, wanted_table, frozenset({name}))
        return changed
