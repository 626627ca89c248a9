"""Pending migrations replayed on a Catalog value, so that the plan can be previewed before anything runs.

The text of a migration does not say how PostgreSQL will spell an expression, so what it makes is taken in the form that
the desired catalog has, and its key is marked uncertain: the apply decides again after the migration really ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Catalog,
    Column,
    CompositeType,
    DomainType,
    EnumType,
    Schema,
    Table,
    View,
)
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import EVERYTHING
from stonegate.model.source import Effect, EffectVerb, Migration
from stonegate.planner.migrations.cascades import taken_along
from stonegate.planner.migrations.draft import Draft
from stonegate.planner.migrations.enum_values import changed_labels
from stonegate.planner.migrations.renames import move, rename
from stonegate.planner.migrations.schema_renames import rename_schema
from stonegate.planner.migrations.table_parts import (
    adopt_members,
    altered_column,
    altered_domain,
    as_created,
    attached,
    detached,
    others_than,
    with_constraint,
    with_unnamed_index,
    without_column,
    without_constraint,
    without_parent,
)

#: Kinds that share one namespace and take the same ALTER TABLE.
RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE)


class Simulated(Struct, frozen=True, kw_only=True):
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
        for effect in migration.effects:
            replay.apply(effect)
    _adopt_views(replay)
    return Simulated(
        catalog=replay.catalog,
        uncertain=frozenset(replay.uncertain),
        created=frozenset(replay.created),
        moved=tuple(replay.moved),
    )


def _adopt_views(replay: Draft) -> None:
    """Views with another name that read what the migrations change or call otherwise: how PostgreSQL shows their
    queries then is not known; those of all others stay as they are."""
    for after in {after for _, after in replay.moved if after.kind in VIEW_KINDS}:
        wanted = replay.desired.objects.get(after)
        reads = (edge.on for edge in replay.desired.needs.get(after, ()))
        is_known = all(replay.uncertain.isdisjoint((on.label, on.owner.label)) for on in reads)
        if isinstance(wanted, View) and not is_known and after in replay.catalog.objects:
            replay.put(wanted)


def _in_one_step(moves: Sequence[tuple[ObjectKey, ObjectKey]]) -> dict[ObjectKey, ObjectKey]:
    """Each key with the last one that it gets: a routine moves with its types, and then with its schema."""
    found: dict[ObjectKey, ObjectKey] = {}
    for before, after in reversed(moves):
        found[before] = found.get(after, after)
    return found


class Replay(Draft):
    """A draft that knows what each effect does."""

    def apply(self, effect: Effect) -> None:
        """Applies one effect."""
        effect = self.actual(effect)
        for taken in taken_along(effect, self.catalog):
            self.apply(taken)
        self._mark(effect)
        moved_before = len(self.moved)
        self._carry_out(effect)
        self.rename_dependencies(_in_one_step(self.moved[moved_before:]))

    def _carry_out(self, effect: Effect) -> None:
        domain = self.catalog.objects.get(effect.key.qualified.key(ObjectKind.TYPE))
        if isinstance(domain, DomainType):
            wanted = self.desired.objects.get(domain.key)
            self.put(altered_domain(domain, wanted if isinstance(wanted, DomainType) else None, effect))
        match effect.verb:
            case EffectVerb.CREATE:
                self._create(effect)
            case EffectVerb.DROP:
                self.drop(effect.key)
                if effect.key.kind is ObjectKind.SCHEMA:
                    self._empty(effect.key.name)
            case EffectVerb.RENAME if effect.key.kind is ObjectKind.SCHEMA:
                rename_schema(self, effect.key.name, effect.to or effect.key.name)
            case EffectVerb.RENAME:
                rename(self, effect)
            case EffectVerb.SET_SCHEMA:
                move(self, effect.key, effect.to or "public", effect.key.name)
            case EffectVerb.ADD_VALUE | EffectVerb.RENAME_VALUE:
                self._change_labels(effect)
            case EffectVerb.ADD_CONSTRAINT:
                self.on_table(effect.key, lambda table: with_constraint(table, self.wanted_table(table), effect))
            case EffectVerb.DROP_CONSTRAINT:
                self.on_table(effect.key, lambda table: without_constraint(table, effect.key.member or ""))
            case EffectVerb.ATTACH | EffectVerb.DETACH if effect.parent is not None:
                self._change_parents(effect.key, effect.parent.qualified, joins=effect.verb is EffectVerb.ATTACH)
            case EffectVerb.ATTACH:
                self.on_table(effect.key, lambda table: attached(table, self.wanted_table(table)))
            case EffectVerb.DETACH:
                self._detach(effect.key)
            case EffectVerb.OPAQUE:
                self._adopt_unmodelled()
            case EffectVerb.ADD_COLUMN | EffectVerb.SET_TYPE if effect.key.kind is ObjectKind.ATTRIBUTE:
                self._adopt_attribute(effect)
            case EffectVerb.ADD_COLUMN:
                self._add_column(effect)
            case EffectVerb.DROP_COLUMN:
                self._drop_column(effect.key.owner, effect.key.member or "")
            case EffectVerb.SET_TYPE:
                for key in self.family(effect.key.owner):
                    self.on_table(key, lambda table: self._alter_column(table, effect))
                    self._leave_former_types(key.part(ObjectKind.COLUMN, effect.key.member or ""))
            case EffectVerb.SET_NOT_NULL | EffectVerb.DROP_NOT_NULL | EffectVerb.SET_DEFAULT | EffectVerb.DROP_DEFAULT:
                self.on_table(effect.key, lambda table: self._alter_column(table, effect))

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
                key, owner, moved = effect.key, effect.key.owner, effect.moved
                self.uncertain |= {key.label, owner.label}
                if moved is not None:
                    self.uncertain |= {moved.label, *(each.label for each in self.family(owner))}
                for edge in self.catalog.uses.get(key.name, ()):
                    # What reads a column of a table shows the name of that.
                    if edge.on in (key, owner) or (moved is not None and edge.on.owner == key):
                        self.uncertain |= {edge.dependent.label, edge.dependent.owner.label}

    # --- whole objects ---------------------------------------------------------------------------------------------

    def _create(self, effect: Effect) -> None:
        key = effect.key
        if key in self.catalog.objects:
            return
        self.created.add(key)
        wanted = self.desired.objects.get(key)
        if key.kind in (ObjectKind.TRIGGER, ObjectKind.POLICY):
            self.adopt_member(key)
        elif key.kind is ObjectKind.TABLE:
            base = wanted if isinstance(wanted, Table) else Table(schema=key.schema, name=key.name, access=Access())
            columns = tuple(self._new_column(base, column) for column in effect.columns)
            names = {column.name for column in columns}
            above = tuple(each for each in base.columns if each.inherited and each.name not in names)
            self.put(as_created(replace(base, columns=(*above, *columns))) if columns else base)
            self.adopt_sequences(key)
        elif wanted is not None:
            self.put(wanted)
        elif key.kind is ObjectKind.SCHEMA:  # which may get a declared name later
            self.put(Schema(name=key.name, access=Access()))
        elif key.kind is ObjectKind.TYPE:
            self._adopt_unmodelled()
        elif key.kind is ObjectKind.INDEX and not key.name:
            self._adopt_unnamed_index(effect)
        elif key.kind is ObjectKind.INDEX:
            self.adopt_index(key)

    def _empty(self, schema: str) -> None:
        """What CASCADE takes along, also of what holds no data."""
        for key in self.catalog.objects:
            if key.schema == schema:
                self.remove(key)

    def _adopt_unmodelled(self) -> None:
        """What only migrations make (publications, servers, base types) is there as they make it when they run."""
        for other in self.desired.others:
            if not other.creatable and self.catalog.objects.get(other.key) != other:
                self.put(other)
                self.uncertain.add(other.key.label)

    def _adopt_unnamed_index(self, effect: Effect) -> None:
        """A declared index over the same columns that is not there yet, in the same order if there is one."""
        names = tuple(column.key.member for column in effect.columns)
        table = effect.columns[0].key.owner if names else effect.key
        wanted = self.desired.table(table)
        if wanted is not None:
            self.on_table(table, partial(with_unnamed_index, wanted=wanted, columns=names))

    def _change_labels(self, effect: Effect) -> None:
        found = self.catalog.objects.get(effect.key)
        if not isinstance(found, EnumType) or effect.to is None:
            return
        self.put(replace(found, labels=changed_labels(effect, found, self.desired.objects.get(effect.key))))

    def _adopt_attribute(self, effect: Effect) -> None:
        """The declared attribute, where the text agrees with it, and the columns of the tables that follow the type."""
        found, wanted = (side.objects.get(effect.key.owner) for side in (self.catalog, self.desired))
        if not isinstance(found, CompositeType) or not isinstance(wanted, CompositeType):
            return
        declared = [part for part in wanted.attributes if part.name == effect.key.member and part.type == effect.type]
        present = {part.name: part for part in found.attributes}
        self.put(replace(found, attributes=tuple((present | {part.name: part for part in declared}).values())))
        for table in self.catalog.tables if declared else ():
            if table.of_type == found.key.qualified:
                column = table.key.part(ObjectKind.COLUMN, declared[0].name)
                self._carry_out(replace(effect, key=column))

    # --- tables ----------------------------------------------------------------------------------------------------

    def _new_column(self, table: Table | None, effect: Effect) -> Column:
        """The column as the desired catalog has it where the text agrees, else as the text says."""
        name = effect.key.member or ""
        wanted = table.column(name) if table is not None else None
        if wanted is None:
            return Column(name=name, type=effect.type or "text", not_null=effect.not_null)
        return replace(
            wanted,
            type=effect.type or wanted.type,
            not_null=effect.not_null or bool(wanted.identity),
            default=wanted.default if effect.has_default else None,
        )

    def _add_column(self, effect: Effect) -> None:
        def add(table: Table) -> Table:
            if table.column(effect.key.member or "") is not None:
                return table
            self.created.add(effect.key)
            column = self._new_column(self.wanted_table(table), effect)
            return replace(table, columns=(*table.columns, column))

        self.on_table(effect.key, add)

    def _drop_column(self, key: ObjectKey, name: str) -> None:
        """Children lose it too, unless they have it from elsewhere."""
        found = self.catalog.objects.get(key)
        if isinstance(found, CompositeType):
            self.put(replace(found, attributes=others_than(found.attributes, name)))
        self.on_table(key, lambda table: without_column(table, name))
        for child in self.catalog.tables:
            column = child.column(name)
            if child.parents == (key.qualified,) and column is not None and column.inherited:
                self._drop_column(child.key, name)

    def _detach(self, key: ObjectKey) -> None:
        """A partition that stands alone does not depend on its former parent, nor its parts on the parent's."""
        table, holders = self.catalog.table(key), self.catalog.index_holders
        if table is None or table.partition_of is None:
            return
        parting = (key, table.partition_of.key(ObjectKind.TABLE))
        kept = (
            edge
            for edge in self.catalog.dependencies
            if (holders.get(edge.dependent, edge.dependent.owner), holders.get(edge.on, edge.on.owner)) != parting
        )
        self.catalog = self.catalog.with_dependencies(kept)
        self.on_table(key, detached)

    def _change_parents(self, key: ObjectKey, parent: QualifiedName, *, joins: bool) -> None:
        """INHERIT, after which a child's own parts stay so, or NO INHERIT, after which those of no other parent are."""
        child = self.catalog.table(key)
        if child is None:
            return
        others = tuple(other for other in child.inherits if other != parent)
        above = [table for table in self.catalog.tables if table.key.qualified in others]
        if joins:
            self.put(replace(child, inherits=(*others, parent)))
        else:
            self.put(replace(without_parent(child, above), inherits=others))

    def _leave_former_types(self, key: ObjectKey) -> None:
        """A column that has another type no longer depends on the one that it had."""
        column = self.catalog.table_column(key)
        kind = column.type if column is not None else ""
        left = {
            edge
            for edge in self.catalog.needs.get(key, ())
            if edge.on.kind is ObjectKind.TYPE and edge.on.qualified.sql not in kind
        }
        if left:
            self.catalog = self.catalog.with_dependencies(e for e in self.catalog.dependencies if e not in left)

    def _alter_column(self, table: Table, effect: Effect) -> Table:
        name = effect.key.member or ""
        wanted_table = self.wanted_table(table)
        wanted = wanted_table.column(name) if wanted_table is not None else None
        columns = (altered_column(part, wanted, effect) if part.name == name else part for part in table.columns)
        changed = replace(table, columns=tuple(columns))
        if effect.verb is EffectVerb.SET_TYPE and wanted_table is not None:
            return adopt_members(changed, wanted_table, frozenset({name}))
        return changed
