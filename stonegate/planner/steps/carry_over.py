"""Nothing lost on recreate: what a new form of an object takes over from the one before (behaviour, §10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Accessible,
    Attribute,
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    DefaultPrivileges,
    Extension,
    Index,
    OtherObject,
    Policy,
    Trigger,
    View,
    without_denied,
)
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner.diff.access import comments_of

_Thing = TypeVar("_Thing", bound=Struct)

#: What relations and types consist of.
_PARTS = (Attribute, Column, Constraint, Index, Trigger, Policy)


def _access(thing: CatalogObject | None) -> Access | None:
    return thing.access if isinstance(thing, Accessible) else None


def carry_over(
    thing: CatalogObject, before: CatalogObject | None, heir: Access | None, builder: str, declared: Catalog | None
) -> CatalogObject:
    """The desired object with what its live form or its predecessor has beyond it: owner, privileges, comments.

    Args:
        before: the live object of that key; `heir` for a routine, see `find_heirs`.
        builder: the role that owns what says nothing about its owner.
        declared: what the last deployment declared; None before the first one.
    """
    if isinstance(thing, View) and isinstance(before, View):
        thing = replace(thing, populated=thing.populated or before.populated)
    thing = keep_parts(thing, before, declared)
    if isinstance(thing, OtherObject):
        owner = before.owner if isinstance(before, OtherObject) and thing.owner == builder else thing.owner
        return replace(thing, owner=owner)
    own, live = _access(thing), _access(before) or heir
    if own is None or live is None or isinstance(thing, Extension | DefaultPrivileges):
        return thing
    merged = replace(
        own.keeping(live),
        owner=live.owner if own.owner in ("", builder) else own.owner,
        comment=own.comment or (heir.comment if before is None and heir is not None else None),
    )
    return replace(thing, access=merged)


def keep_parts(thing: _Thing, before: CatalogObject | None, declared: Catalog | None) -> _Thing:
    """The desired object with the comments on it and on its parts that no deployment declared, and with the rights on
    its columns: all of these stay where nothing is made anew (`compare_comment`, `compare_privileges`). Comments that
    the last deployment declared, and the folder no longer does, go."""
    if not isinstance(before, type(thing)):
        return thing
    former = declared.objects.get(before.key) if declared is not None else None
    return _keeping(thing, before, frozenset(comments_of(former)))


def _keeping(thing: _Thing, before: Struct, said: frozenset[str]) -> _Thing:
    found: dict[str, object] = {}
    for name in thing.__struct_fields__:
        wanted, present = getattr(thing, name), getattr(before, name)
        if name == "comment":
            found[name] = wanted or (present if present not in said else None)
        elif name == "granted" and isinstance(thing, Column):
            found[name] = tuple(sorted({*wanted, *without_denied(present, thing.denied)}))
        elif isinstance(wanted, Struct) and isinstance(present, type(wanted)):
            found[name] = _keeping(wanted, present, said)
        elif isinstance(wanted, tuple):
            named = {part.name: part for part in present if isinstance(part, _PARTS)}
            pairs = ((part, named.get(part.name) if isinstance(part, _PARTS) else None) for part in wanted)
            found[name] = tuple(part if was is None else _keeping(part, was, said) for part, was in pairs)
    return replace(thing, **found)


def find_heirs(
    changes: tuple[Change, ...],
    live: Catalog,
    taken: Mapping[ObjectKey, CatalogObject],
    declared: Catalog | None,
) -> dict[ObjectKey, Access]:
    """For a routine whose signature changed: what its only predecessor of that name had, and shall keep.

    Args:
        taken: what is gone already.
        declared: as in `carry_over`.
    """
    changed = {change.key for change in changes}
    dropped = {change.key for change in changes if change.action is Action.DROP}
    gone = _routines_by_name(dropped | (taken.keys() - changed))
    made = _routines_by_name(change.key for change in changes if change.action is Action.CREATE)
    found: dict[ObjectKey, Access] = {}
    for name, keys in made.items():
        if len(keys) == 1 and len(former := gone.get(name, [])) == 1:
            access = _access(live.objects.get(former[0]) or taken.get(former[0]))
            said = _access(declared.objects.get(former[0])) if declared is not None else None
            if access is not None:
                is_said = said is not None and said.comment == access.comment
                found[keys[0]] = replace(access, comment=None) if is_said else access
    return found


def _routines_by_name(keys: Iterable[ObjectKey]) -> dict[tuple[str, str], list[ObjectKey]]:
    found: dict[tuple[str, str], list[ObjectKey]] = {}
    for key in keys:
        if key.kind is ObjectKind.ROUTINE:
            found.setdefault((key.schema, key.name), []).append(key)
    return found
