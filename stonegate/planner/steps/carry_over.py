"""Nothing lost on recreate: what a new form of an object takes over from the one before (behaviour, §10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Accessible,
    Catalog,
    CatalogObject,
    DefaultPrivileges,
    Extension,
    OtherObject,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change


def _access(thing: CatalogObject | None) -> Access | None:
    return thing.access if isinstance(thing, Accessible) else None


def carry_over(
    thing: CatalogObject, before: CatalogObject | None, heir: Access | None, builder: str, *, adopting: bool
) -> CatalogObject:
    """The desired object with what its live form or its predecessor has beyond it: owner, privileges and, at adoption,
    the comment.

    Later on a comment that the folder does not state is a difference, which goes like every other one.

    Args:
        before: the live object of that key; `heir` for a routine, see `find_heirs`.
        builder: the role that owns what says nothing about its owner.
    """
    if isinstance(thing, View) and isinstance(before, View):
        thing = replace(thing, populated=thing.populated or before.populated)
    if isinstance(thing, OtherObject):
        if not isinstance(before, OtherObject):
            return thing
        owner = thing.owner if thing.owner != builder else before.owner
        return replace(thing, owner=owner, comment=thing.comment or (before.comment if adopting else None))
    own, live = _access(thing), _access(before) or heir
    if own is None or live is None or isinstance(thing, Extension | DefaultPrivileges):
        return thing
    merged = replace(
        own.keeping(live),
        owner=live.owner if own.owner in ("", builder) else own.owner,
        comment=own.comment or (live.comment if adopting else None),
    )
    return replace(thing, access=merged)


def find_heirs(
    changes: tuple[Change, ...], live: Catalog, taken: Mapping[ObjectKey, CatalogObject]
) -> dict[ObjectKey, Access]:
    """For a routine whose signature changed: what its only predecessor of that name had.

    Args:
        taken: what is gone already.
    """
    changed = {change.key for change in changes}
    dropped = {change.key for change in changes if change.action is Action.DROP}
    gone = _routines_by_name(dropped | (taken.keys() - changed))
    made = _routines_by_name(change.key for change in changes if change.action is Action.CREATE)
    found: dict[ObjectKey, Access] = {}
    for name, keys in made.items():
        if len(keys) == 1 and len(former := gone.get(name, [])) == 1:
            access = _access(live.objects.get(former[0]) or taken.get(former[0]))
            if access is not None:
                found[keys[0]] = access
    return found


def _routines_by_name(keys: Iterable[ObjectKey]) -> dict[tuple[str, str], list[ObjectKey]]:
    found: dict[tuple[str, str], list[ObjectKey]] = {}
    for key in keys:
        if key.kind is ObjectKind.ROUTINE:
            found.setdefault((key.schema, key.name), []).append(key)
    return found
