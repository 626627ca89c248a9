"""What the folder says with GRANT and REVOKE and no access control list shows: rights that nobody may have, and rights
that PostgreSQL gives by itself unless somebody took them away. Both are noted in the desired catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Accessible,
    Catalog,
    CatalogObject,
    Column,
    DefaultPrivileges,
    Privilege,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Granting, SourceTree, Verb

_Granted = TypeVar("_Granted", Access, DefaultPrivileges)
_Right = tuple[str, str]  # role ("" is PUBLIC) and privilege

_RELATION = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
_SEQUENCE = ("USAGE", "SELECT", "UPDATE")
_SCHEMA = ("USAGE", "CREATE")
_RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
#: What ALL stands for (manual 5.8, table 5.2), by kind and by what ALTER DEFAULT PRIVILEGES calls objects.
_ALL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_RELATIONS, _RELATION),
    ObjectKind.COLUMN: _COLUMN,
    ObjectKind.SEQUENCE: _SEQUENCE,
    ObjectKind.SCHEMA: _SCHEMA,
    ObjectKind.ROUTINE: ("EXECUTE",),
    ObjectKind.TYPE: ("USAGE",),
    "tables": _RELATION,
    "sequences": _SEQUENCE,
    "functions": ("EXECUTE",),
    "types": ("USAGE",),
    "schemas": _SCHEMA,
    "large objects": ("SELECT", "UPDATE"),
}


class _Said(Struct):
    """What all statements about one object say.

    Attributes:
        revoked: True where the right goes as a whole, False where its grant option alone does.
    """

    granted: set[_Right] = field(default_factory=set)
    revoked: dict[_Right, bool] = field(default_factory=dict)

    def note(self, granting: Granting, verb: Verb, names: Iterable[str]) -> None:
        """One more statement."""
        for right in ((role, name) for role in granting.roles for name in names):
            if verb is Verb.GRANT:
                self.granted.add(right)
            else:
                self.revoked[right] = self.revoked.get(right, False) or not granting.options_only


def with_declared_rights(desired: Catalog, tree: SourceTree, builder: str) -> Catalog:
    """The desired catalog with what `Access.denied` and `Access.affirmed` mean.

    Args:
        builder: whose default privileges a statement without FOR ROLE is about.
    """
    said: dict[ObjectKey, _Said] = {}
    inside = _inside_columns(desired)
    entries = {entry.key: entry for entry in desired.default_privileges}
    for item in tree.items:
        if (granting := item.granting) is None:
            continue
        if granting.deploying:
            granting = replace(granting, roles=(*granting.roles, builder))
        for entry in _entries(granting, builder):
            entries.setdefault(entry.key, entry)
            for name, _ in granting.rights or (("", ()),):
                names = (name,) if name else _ALL.get(entry.objects, ())
                said.setdefault(entry.key, _Said()).note(granting, item.verb, names)
        for key in _objects(granting, desired, inside):
            for name, columns in granting.rights or (("", ()),):
                for part in (key.part(ObjectKind.COLUMN, column) for column in columns) if columns else (key,):
                    names = (name,) if name else _ALL.get(part.kind, ())
                    said.setdefault(part, _Said()).note(granting, item.verb, names)
    if not said:
        return desired
    desired = replace(desired, default_privileges=tuple(entries.values()))
    return desired.mapped(lambda thing: _with_rights(thing, said))


# --- which objects --------------------------------------------------------------------------------------------------


def _entries(granting: Granting, builder: str) -> Iterator[DefaultPrivileges]:
    for role, schema, objects in granting.defaults:
        yield DefaultPrivileges(role=role or builder, schema=schema, objects=objects)


def _inside_columns(desired: Catalog) -> frozenset[ObjectKey]:
    """Keys of the sequences inside identity columns, which are no objects of the catalog."""
    names = (column.identity_name for table in desired.tables for column in table.columns)
    return frozenset(name.key(ObjectKind.SEQUENCE) for name in names if name is not None)


def _objects(granting: Granting, desired: Catalog, inside: frozenset[ObjectKey]) -> Iterator[ObjectKey]:
    """The keys of the desired objects that a GRANT or REVOKE concerns."""
    known = desired.objects.keys() | inside
    if granting.all_of is not None:
        schemas = {key.name for key in granting.keys}
        kinds: tuple[ObjectKind, ...] = _RELATIONS if granting.all_of is ObjectKind.TABLE else (granting.all_of,)
        yield from (key for key in known if key.kind in kinds and key.schema in schemas)
        return
    one_namespace = (*_RELATIONS, ObjectKind.SEQUENCE)  # ON t may also be a view, and ON s a sequence
    for key in granting.keys:
        kinds = one_namespace if key.kind in one_namespace else (key.kind,)
        named = (replace(key, kind=kind) for kind in kinds)
        if key.kind is ObjectKind.ROUTINE and key not in desired.objects:
            # A type may be written by an alias that only the catalog resolves, and a name alone means its only routine.
            named = (routine.key for routine in desired.routines_named(key.qualified))
        yield from (each for each in named if each in known)


# --- which rights ---------------------------------------------------------------------------------------------------


def _with_rights(thing: CatalogObject, said: Mapping[ObjectKey, _Said]) -> CatalogObject:
    known = said.get(thing.key)
    if isinstance(thing, DefaultPrivileges) and known is not None:
        return _noted(thing, known)
    if isinstance(thing, Accessible) and known is not None:
        thing = replace(thing, access=_noted(thing.access, known))
    if isinstance(thing, Table | View):
        columns = tuple(_column_with_rights(thing, column, said) for column in thing.columns)
        thing = replace(thing, columns=columns)
    return thing


def _noted(access: _Granted, said: _Said) -> _Granted:
    denied, affirmed = _denied(said.revoked, access.granted), _affirmed(said.granted, access)
    return replace(access, denied=denied, affirmed=affirmed)


def _column_with_rights(holder: Table | View, column: Column, said: Mapping[ObjectKey, _Said]) -> Column:
    """REVOKE on a table takes the same rights on its columns too (manual: REVOKE)."""
    nothing = _Said()
    whole = said.get(holder.key, nothing).revoked
    own = said.get(holder.key.part(ObjectKind.COLUMN, column.name), nothing).revoked
    both = {
        right: whole.get(right, False) or own.get(right, False)
        for right in whole.keys() | own.keys()
        if right[1] in _COLUMN
    }
    if rights := _denied(both, column.granted):
        column = replace(column, denied=rights)
    name = column.identity_name
    if name is not None and (known := said.get(name.key(ObjectKind.SEQUENCE))) is not None:
        column = replace(column, identity_access=_noted(column.identity_access or Access(), known))
    return column


def _denied(revoked: Mapping[_Right, bool], granted: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """The revoked rights that no grant gives back; where one is granted again without grant option, that option."""
    held = {(right.grantee, right.privilege): right.grantable for right in granted}
    return tuple(
        Privilege(grantee=right[0], privilege=right[1], grantable=right in held or not wholly)
        for right, wholly in sorted(revoked.items())
        if not held.get(right, False)
    )


def _affirmed(granted: set[_Right], desired: Access | DefaultPrivileges) -> tuple[Privilege, ...]:
    """What is granted, but stands in no access control list: PostgreSQL gives it by itself unless it is taken away."""
    seen = {(right.grantee, right.privilege) for right in (*desired.granted, *desired.revoked)}
    return tuple(Privilege(grantee=right[0], privilege=right[1]) for right in sorted(granted - seen))
