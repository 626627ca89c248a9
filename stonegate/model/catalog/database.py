"""One database as a whole: its objects, what depends on what, and its fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog.access import DefaultPrivileges
from stonegate.model.catalog.objects import Extension, OtherObject, Routine, Schema
from stonegate.model.catalog.relations import Column, RelationPart, Sequence, Table, View, find_part
from stonegate.model.catalog.types import CompositeType, DomainType, EnumType, RangeType
from stonegate.model.json_form import to_json
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName


class Dependency(Struct, frozen=True, kw_only=True, order=True):
    """`dependent` cannot exist without `on` (pg_depend, rewritten to what people name: a view, a column, …)."""

    dependent: ObjectKey
    on: ObjectKey


class ForeignKey(NamedTuple):
    """Where a foreign key of a table leads, and whether it comes from a parent table only."""

    target: ObjectKey
    inherited: bool


#: What has an owner, privileges and a comment in `access`.
Accessible = Schema | EnumType | CompositeType | DomainType | RangeType | Sequence | Table | View | Routine
CatalogObject = Accessible | Extension | DefaultPrivileges | OtherObject


class Catalog(Struct, frozen=True, kw_only=True, dict=True):
    """Everything that stonegate knows of one database.

    Attributes:
        server: server_version_num (180006).
        dependencies: at column grain where PostgreSQL knows the column.
        search_path: schemas of the database's own search_path setting (ALTER DATABASE … SET), else ().
    """

    server: int = 0
    schemas: tuple[Schema, ...] = ()
    extensions: tuple[Extension, ...] = ()
    enums: tuple[EnumType, ...] = ()
    composites: tuple[CompositeType, ...] = ()
    domains: tuple[DomainType, ...] = ()
    ranges: tuple[RangeType, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    routines: tuple[Routine, ...] = ()
    default_privileges: tuple[DefaultPrivileges, ...] = ()
    others: tuple[OtherObject, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    search_path: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Catalog(server={self.server}, {len(self.objects)} objects)"

    @cached_property
    def objects(self) -> MappingProxyType[ObjectKey, CatalogObject]:
        """All top-level objects by key."""
        found: dict[ObjectKey, CatalogObject] = {}
        for things in self._keyed.values():
            found.update(things)
        return MappingProxyType(found)

    @cached_property
    def _keyed(self) -> dict[str, dict[ObjectKey, Any]]:
        """The objects of each field by key: catalogs that have the others in common share these."""
        return {field: {thing.key: thing for thing in getattr(self, field)} for field in _FIELDS.values()}

    @cached_property
    def dependents(self) -> MappingProxyType[ObjectKey, tuple[ObjectKey, ...]]:
        """For each object what directly depends on it, in key order."""
        found: dict[ObjectKey, list[ObjectKey]] = {}
        for edge in sorted(self.dependencies):
            found.setdefault(edge.on, []).append(edge.dependent)
        return MappingProxyType({key: tuple(values) for key, values in found.items()})

    @cached_property
    def uses(self) -> MappingProxyType[str, tuple[Dependency, ...]]:
        """The dependencies by the bare name of what is depended on, whatever its kind and schema."""
        found: dict[str, list[Dependency]] = {}
        for edge in self.dependencies:
            found.setdefault(edge.on.name, []).append(edge)
        return MappingProxyType({name: tuple(edges) for name, edges in found.items()})

    @cached_property
    def needs(self) -> MappingProxyType[ObjectKey, tuple[Dependency, ...]]:
        """The dependencies by what depends."""
        found: dict[ObjectKey, list[Dependency]] = {}
        for edge in self.dependencies:
            found.setdefault(edge.dependent, []).append(edge)
        return MappingProxyType({key: tuple(edges) for key, edges in found.items()})

    @cached_property
    def relations(self) -> MappingProxyType[QualifiedName, Table | View]:
        """All tables and views by name."""
        both: tuple[Table | View, ...] = (*self.tables, *self.views)
        return MappingProxyType({relation.key.qualified: relation for relation in both})

    @cached_property
    def domain_bases(self) -> MappingProxyType[str, str]:
        """The base types of domains, both as format_type prints them."""
        return MappingProxyType({domain.key.qualified.sql: domain.base for domain in self.domains})

    def routines_named(self, name: QualifiedName) -> tuple[Routine, ...]:
        """All overloads of that name."""
        return tuple(routine for routine in self.routines if (routine.schema, routine.name) == (name.schema, name.name))

    @cached_property
    def index_holders(self) -> MappingProxyType[ObjectKey, ObjectKey]:
        """For each index the table or materialised view that it is on."""
        return MappingProxyType(
            {
                relation.key.index(index.name): relation.key
                for relation in self.relations.values()
                for index in relation.indexes
            }
        )

    @cached_property
    def children(self) -> MappingProxyType[ObjectKey, tuple[Table, ...]]:
        """For each table those directly below it, as partitions or otherwise."""
        found: dict[ObjectKey, list[Table]] = {}
        for table in self.tables:
            for parent in table.parents:
                found.setdefault(parent.key(ObjectKind.TABLE), []).append(table)
        return MappingProxyType({key: tuple(tables) for key, tables in found.items()})

    def descendants(self, key: ObjectKey) -> Iterator[Table]:
        """The tables below one, each once, its children first."""
        yielded: set[ObjectKey] = set()
        entered: set[ObjectKey] = set()
        waiting = [key]
        while waiting:
            above = waiting.pop()
            if above in entered:
                continue
            entered.add(above)
            children = self.children.get(above, ())
            for child in children:
                if child.key not in yielded:
                    yielded.add(child.key)
                    yield child
            waiting += (child.key for child in reversed(children))

    def parents(self, table: Table) -> tuple[Table, ...]:
        """The tables directly above one, as far as the catalog has them."""
        found = (self.table(name.key(ObjectKind.TABLE)) for name in table.parents)
        return tuple(parent for parent in found if parent is not None)

    def ancestors(self, key: ObjectKey) -> Iterator[ObjectKey]:
        """The tables above one, each once, a parent in front of its own."""
        found: set[ObjectKey] = set()
        waiting = self._above(key)
        while waiting:
            above = waiting.pop()
            if above not in found:
                found.add(above)
                yield above
                waiting += self._above(above)

    def _above(self, key: ObjectKey) -> list[ObjectKey]:
        """The tables directly above one, the first one at the end."""
        table = self.table(key)
        return [parent.key(ObjectKind.TABLE) for parent in reversed(table.parents)] if table is not None else []

    @cached_property
    def foreign_keys(self) -> MappingProxyType[ObjectKey, ForeignKey]:
        """The foreign keys of all tables by the key of the constraint."""
        return MappingProxyType(
            {
                table.key.part(ObjectKind.CONSTRAINT, part.name): ForeignKey(
                    part.references.key(ObjectKind.TABLE), part.inherited
                )
                for table in self.tables
                for part in table.constraints
                if part.references is not None
            }
        )

    @cached_property
    def referring(self) -> MappingProxyType[QualifiedName, tuple[ObjectKey, ...]]:
        """For each table those whose foreign keys lead to it."""
        found: dict[QualifiedName, dict[ObjectKey, None]] = {}
        for key, foreign in self.foreign_keys.items():
            found.setdefault(foreign.target.qualified, {})[key.owner] = None
        return MappingProxyType({name: tuple(tables) for name, tables in found.items()})

    def table(self, key: ObjectKey) -> Table | None:
        """The table of that key, or None."""
        found = self.objects.get(key)
        return found if isinstance(found, Table) else None

    def column(self, key: ObjectKey) -> Column | None:
        """The column of a table or view of that key, or None."""
        relation = self.relations.get(key.qualified)
        columns = relation.columns if relation is not None else ()
        return next((column for column in columns if column.name == key.member), None)

    def table_column(self, key: ObjectKey) -> Column | None:
        """The column of a table, not of a view, of that key, or None."""
        table = self.table(key.owner)
        return table.column(key.member or "") if table is not None else None

    def part(self, key: ObjectKey) -> RelationPart | None:
        """The column, constraint, index, trigger or policy of that key, or None."""
        holder = self.index_holders.get(key, key) if key.kind is ObjectKind.INDEX else key
        return find_part(self.relations.get(holder.qualified), key.kind, key.own_name)

    def has(self, key: ObjectKey) -> bool:
        """True if the catalog has the object, or the relation or type with that part."""
        if key.kind is ObjectKind.ATTRIBUTE:
            composite = self.objects.get(key.owner)
            return isinstance(composite, CompositeType) and any(a.name == key.member for a in composite.attributes)
        return self.part(key) is not None if key.is_part else key in self.objects

    def with_object(self, thing: CatalogObject) -> Catalog:
        """The catalog with this object, in the place of another one of its key; it is the last of its kind then."""
        field = _FIELDS[type(thing)]
        return self._with(field, self._keyed[field].get(thing.key), thing, is_last=True)

    def with_table(self, table: Table) -> Catalog:
        """The catalog with another form of a table that it has, which stays where it is among the others.

        Raises:
            KeyError: it has no table of that key.
        """
        return self._with("tables", self._keyed["tables"][table.key], table, is_last=False)

    def without_object(self, key: ObjectKey) -> Catalog:
        """The catalog without the object of that key, if it has one."""
        found = self.objects.get(key)
        return self if found is None else self._with(_FIELDS[type(found)], found, None, is_last=True)

    def _with(self, field: str, before: CatalogObject | None, after: CatalogObject | None, *, is_last: bool) -> Catalog:
        """The catalog with one form of an object instead of another, and with the lookups that this leaves as they are:
        the replay of many migrations makes a catalog for each statement."""
        things = dict(self._keyed[field])
        if before is not None and is_last:
            del things[before.key]
        if after is not None:
            things[after.key] = after
        changed: dict[str, Any] = {field: tuple(things.values())}
        made = replace(self, **changed)
        lookups = vars(made)
        for name, known in _LOOKUPS.items():
            was, now = known(before), known(after)
            if name in vars(self) and ((not was and not now) or (was == now and not is_last)):
                lookups[name] = vars(self)[name]
        lookups["_keyed"] = self._keyed | {field: things}
        return made

    def with_dependencies(self, edges: Iterable[Dependency]) -> Catalog:
        """The catalog with these dependencies; itself if they are its own."""
        found = tuple(edges)
        if found == self.dependencies:
            return self
        made = replace(self, dependencies=found)
        others = vars(self).keys() - {"dependents", "uses", "needs"}
        vars(made).update({name: vars(self)[name] for name in others})
        return made

    def mapped(self, change: Callable[[CatalogObject], CatalogObject | None]) -> Catalog:
        """The catalog with what `change` makes of each object, without those of which it makes nothing."""
        made = {field: map(change, getattr(self, field)) for field in _FIELDS.values()}
        changed: dict[str, Any] = {field: tuple(filter(None, things)) for field, things in made.items()}
        return replace(self, **changed)

    def fingerprint(self) -> str:
        """sha256 (hex) of the canonical JSON form without the server's version: equal for equal databases."""
        return sha256(to_json(replace(self, server=0))).hexdigest()


#: Where a catalog has the objects of a class.
_FIELDS: dict[type, str] = {
    Schema: "schemas",
    Extension: "extensions",
    EnumType: "enums",
    CompositeType: "composites",
    DomainType: "domains",
    RangeType: "ranges",
    Sequence: "sequences",
    Table: "tables",
    View: "views",
    Routine: "routines",
    DefaultPrivileges: "default_privileges",
    OtherObject: "others",
}


def _foreign(thing: CatalogObject | None) -> object:
    constraints = thing.constraints if isinstance(thing, Table) else ()
    return [(part.name, part.references, part.inherited) for part in constraints if part.references is not None]


#: What the lookups take from one object, in their order; nothing for one that they do not know.
_LOOKUPS: dict[str, Callable[[CatalogObject | None], object]] = {
    "dependents": lambda thing: None,
    "uses": lambda thing: None,
    "needs": lambda thing: None,
    "relations": lambda thing: thing if isinstance(thing, Table | View) else None,
    "domain_bases": lambda thing: (thing.key, thing.base) if isinstance(thing, DomainType) else None,
    "index_holders": lambda thing: [index.name for index in thing.indexes] if isinstance(thing, Table | View) else None,
    "children": lambda thing: thing if isinstance(thing, Table) and thing.parents else None,
    "foreign_keys": _foreign,
    "referring": _foreign,
}
