"""What the folder takes away with REVOKE, noted in the desired catalog: an access control list shows no trace of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from stonegate.model.catalog import Accessible, Catalog, Privilege
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Revocation, SourceTree

_Some = TypeVar("_Some", bound=Accessible)

_RELATION = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
#: What ALL stands for (manual 5.8, table 5.2).
_ALL: Mapping[ObjectKind, tuple[str, ...]] = {
    **dict.fromkeys(_RELATIONS, _RELATION),
    ObjectKind.SEQUENCE: ("USAGE", "SELECT", "UPDATE"),
    ObjectKind.SCHEMA: ("USAGE", "CREATE"),
    ObjectKind.ROUTINE: ("EXECUTE",),
    ObjectKind.TYPE: ("USAGE",),
}


def with_denials(desired: Catalog, tree: SourceTree) -> Catalog:
    """The desired catalog with the rights that the folder revokes and does not grant again."""
    denied: dict[ObjectKey, set[tuple[str, str]]] = {}
    for item in tree.items:
        if item.revocation is not None:
            for key in _objects(item.revocation, desired):
                names = item.revocation.privileges or _ALL.get(key.kind, ())
                denied.setdefault(key, set()).update((role, name) for role in item.revocation.roles for name in names)
    if not denied:
        return desired

    def noted(things: tuple[_Some, ...]) -> tuple[_Some, ...]:
        return tuple(_with_denied(thing, denied[thing.key]) if thing.key in denied else thing for thing in things)

    return replace(
        desired,
        schemas=noted(desired.schemas),
        enums=noted(desired.enums),
        composites=noted(desired.composites),
        domains=noted(desired.domains),
        ranges=noted(desired.ranges),
        sequences=noted(desired.sequences),
        tables=noted(desired.tables),
        views=noted(desired.views),
        routines=noted(desired.routines),
    )


def _objects(revocation: Revocation, desired: Catalog) -> Iterator[ObjectKey]:
    """The keys of the desired objects that a REVOKE concerns."""
    if revocation.all_of is not None:
        schemas = {key.name for key in revocation.keys}
        kinds: tuple[ObjectKind, ...] = _RELATIONS if revocation.all_of is ObjectKind.TABLE else (revocation.all_of,)
        yield from (key for key in desired.objects if key.kind in kinds and key.schema in schemas)
        return
    for key in revocation.keys:
        kinds = _RELATIONS if key.kind in _RELATIONS else (key.kind,)
        named = (replace(key, kind=kind) for kind in kinds)
        if key.kind is ObjectKind.ROUTINE and key not in desired.objects:
            # A type may be written by an alias that only the catalog resolves, and a name alone means its only routine.
            named = (r.key for r in desired.routines if (r.schema, r.name) == (key.schema, key.name))
        yield from (each for each in named if each in desired.objects)


def _with_denied(thing: _Some, rights: set[tuple[str, str]]) -> _Some:
    held = {(right.grantee, right.privilege) for right in thing.access.granted}
    denied = tuple(Privilege(grantee=role, privilege=name) for role, name in sorted(rights - held))
    return replace(thing, access=replace(thing.access, denied=denied))
