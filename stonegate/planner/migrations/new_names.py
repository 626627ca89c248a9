"""Objects and their parts under the names that migrations give them, whether or not the folder declares these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from stonegate.model.catalog import (
    Attribute,
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    Constraint,
    DefaultPrivileges,
    DomainType,
    Extension,
    Index,
    OtherObject,
    Policy,
    Routine,
    Schema,
    Table,
    Trigger,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident
from stonegate.planner.migrations.table_parts import rename_constraint

_Part = TypeVar("_Part", Attribute, Constraint, Index, Policy, Trigger)

_NAME = r'(?:"(?:[^"]|"")*"|[^".\s]+)'
#: Operator classes and families are of an access method, operators of the types that they take.
_QUALIFIED = re.compile(rf"({_NAME})\.({_NAME})( USING {_NAME}|\(.*\)|)")
_RULE = re.compile(rf"({_NAME}) on ({_NAME}\.{_NAME})")


def object_renamed(thing: CatalogObject, after: ObjectKey) -> CatalogObject:
    """The object under another name, in another schema or, a routine, with another spelling of its input types; what
    its definition says of its own name stays."""
    match thing:
        case OtherObject():
            identity = after.name.removeprefix(f"{thing.kind} ")
            return replace(thing, identity=identity, drop=_drop_of_other(thing, identity))
        case Schema():
            return replace(thing, name=after.name)
        case Routine() if after.arguments != thing.key.arguments:
            arguments = tuple(filter(None, (after.arguments or "").split(", ")))
            return replace(thing, schema=after.schema, name=after.name, arguments=arguments)
        case Extension() | DefaultPrivileges():
            return thing
        case _:
            return replace(thing, schema=after.schema, name=after.name)


def _drop_of_other(thing: OtherObject, identity: str) -> str:
    """DROP … of the object by its new name: it names a rule before its table, as the identity does, or the whole."""
    before, now = (_as_dropped(text) for text in (thing.identity, identity))
    return thing.drop.replace(before, now)


def _as_dropped(identity: str) -> str:
    found = _RULE.fullmatch(identity)
    return f"{found[1]} ON {found[2]}" if found is not None else identity


def other_moved(thing: OtherObject, schema: str | None = None, name: str | None = None) -> ObjectKey | None:
    """The key of a rule, statistics object, collation, … under another name or in another schema; None for what is
    known by more than a name."""
    if found := _RULE.fullmatch(thing.identity):
        identity = f"{quote_ident(name) if name is not None else found[1]} on {found[2]}"
    elif found := _QUALIFIED.fullmatch(thing.identity):
        parts = (
            quote_ident(new) if new is not None else old
            for new, old in zip((schema, name), found.groups()[:2], strict=True)
        )
        identity = ".".join(parts) + found[3]
    else:
        return None
    return replace(thing, identity=identity).key


def rules_of(catalog: Catalog, names: Mapping[QualifiedName, QualifiedName]) -> dict[ObjectKey, ObjectKey]:
    """The rules of tables and views that get other names: their keys as they are and as they will be."""
    spelled = {before.sql: after.sql for before, after in names.items()}
    found = ((thing, _RULE.fullmatch(thing.identity)) for thing in catalog.others if thing.kind == "rule")
    return {
        rule.key: replace(rule, identity=f"{parts[1]} on {spelled[parts[2]]}").key
        for rule, parts in found
        if parts is not None and parts[2] in spelled
    }


def with_part_renamed(catalog: Catalog, before: ObjectKey, after: ObjectKey) -> Catalog:
    """The catalog with another name of a constraint, index, trigger, policy or attribute, if it has that."""
    old, new = before.own_name, after.own_name
    holder = catalog.index_holders.get(before, before)
    relation = catalog.relations.get(holder.qualified)
    type_ = catalog.objects.get(ObjectKey(ObjectKind.TYPE, before.schema, before.name))
    match before.kind:
        case ObjectKind.CONSTRAINT if isinstance(relation, Table):
            return catalog.with_object(rename_constraint(relation, old, new))
        case ObjectKind.CONSTRAINT if isinstance(type_, DomainType):
            null = new if type_.not_null_name == old else type_.not_null_name
            checks = _renamed(type_.constraints, old, new)
            return catalog.with_object(replace(type_, constraints=checks, not_null_name=null))
        case ObjectKind.ATTRIBUTE if isinstance(type_, CompositeType):
            return catalog.with_object(replace(type_, attributes=_renamed(type_.attributes, old, new)))
        case ObjectKind.INDEX if (constraint := _of_constraint(catalog, before)) is not None:
            return with_part_renamed(catalog, constraint, replace(constraint, member=new))
        case ObjectKind.INDEX if relation is not None:
            return catalog.with_object(replace(relation, indexes=_renamed(relation.indexes, old, new)))
        case ObjectKind.TRIGGER if isinstance(relation, Table | View):
            return catalog.with_object(replace(relation, triggers=_renamed(relation.triggers, old, new)))
        case ObjectKind.POLICY if isinstance(relation, Table):
            return catalog.with_object(replace(relation, policies=_renamed(relation.policies, old, new)))
        case _:
            return catalog


def is_there(catalog: Catalog, key: ObjectKey) -> bool:
    """True if the catalog has what a migration calls otherwise: as `Catalog.has`, constraints of domains, those of NOT
    NULL and indexes behind constraints, too."""
    domain = catalog.objects.get(key.qualified.key(ObjectKind.TYPE))
    if key.kind is ObjectKind.CONSTRAINT and isinstance(domain, DomainType):
        return key.member in (domain.not_null_name, *(constraint.name for constraint in domain.constraints))
    if catalog.has(key) or null_column(catalog, key) is not None:
        return True
    return key.kind is ObjectKind.INDEX and _of_constraint(catalog, key) is not None


def null_column(catalog: Catalog, key: ObjectKey) -> Column | None:
    """The column whose NOT NULL constraint has that key."""
    table = catalog.table(key.owner) if key.kind is ObjectKind.CONSTRAINT else None
    columns = table.columns if table is not None else ()
    return next((column for column in columns if column.not_null_name == key.member), None)


def _of_constraint(catalog: Catalog, index: ObjectKey) -> ObjectKey | None:
    """The constraint that the index is behind, which gets another name with it."""
    names = (
        table.key.part(ObjectKind.CONSTRAINT, constraint.name)
        for table in catalog.tables
        if table.schema == index.schema
        for constraint in table.constraints
        if constraint.index is not None and constraint.name == index.name
    )
    return next(names, None)


def _renamed(parts: tuple[_Part, ...], old: str, new: str) -> tuple[_Part, ...]:
    return tuple(replace(part, name=new) if part.name == old else part for part in parts)
