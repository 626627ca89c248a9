"""What pending migrations make and nobody declares, of the kinds whose form their text does not tell.

Tables, columns and schemas are replayed as the text has them, and found by the comparison; of all else only the names
are known before the migrations ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Effect, EffectVerb, Migration
from stonegate.planner.migrations.new_names import is_there

_REPLAYED = frozenset({ObjectKind.TABLE, ObjectKind.SCHEMA})


def find_undeclared(migrations: Iterable[Migration], live: Catalog, desired: Catalog) -> frozenset[ObjectKey]:
    """Their keys, as far as the text tells these: no name that PostgreSQL makes up, nothing on undeclared tables."""
    found: dict[ObjectKey, ObjectKey] = {}  # with the table or view that it is on, or itself
    for effect in (effect for migration in migrations for effect in migration.effects):
        match effect.verb:
            case EffectVerb.CREATE | EffectVerb.ADD_CONSTRAINT:
                if effect.old is not None:  # the index that becomes a key
                    found.pop(effect.key.index(effect.old), None)
                found |= _made(effect)
            case EffectVerb.DROP | EffectVerb.DROP_COLUMN | EffectVerb.DROP_CONSTRAINT:
                found = {key: holder for key, holder in found.items() if not _is_in(key, holder, effect.key)}
            case EffectVerb.RENAME | EffectVerb.SET_SCHEMA:
                found = dict(_moved(key, holder, effect) for key, holder in found.items())
    return frozenset(key for key, holder in found.items() if _is_undeclared(key, holder, live, desired))


def _made(effect: Effect) -> Mapping[ObjectKey, ObjectKey]:
    key = effect.key
    if key.kind in _REPLAYED or not key.own_name:
        return {}
    if key.kind is not ObjectKind.INDEX:
        return {key: key.owner}
    return {key: effect.columns[0].key.owner} if effect.columns else {}


def _is_in(key: ObjectKey, holder: ObjectKey, dropped: ObjectKey) -> bool:
    """True for what is dropped, with its schema or what it is on, or as the routine of that name."""
    if dropped.kind is ObjectKind.SCHEMA:
        return key.schema == dropped.name
    if dropped.kind is ObjectKind.ROUTINE and dropped.arguments is None:
        return replace(key, arguments=None) == dropped
    is_on = holder != key and dropped.member is None and holder.qualified == dropped.qualified
    return key == dropped or is_on


def _moved(key: ObjectKey, holder: ObjectKey, effect: Effect) -> tuple[ObjectKey, ObjectKey]:
    """The two under the names that they have after the effect."""
    before, after = effect.key, effect.moved
    if after is None:
        return key, holder
    if before.kind is ObjectKind.SCHEMA:
        here = replace(key, schema=after.name) if key.schema == before.name else key
        return here, replace(holder, schema=after.name) if holder.schema == before.name else holder
    if key == before:
        return after, after if holder == key else holder
    if holder == before:
        here = replace(key, schema=after.schema)
        return here if key.member is None else replace(here, name=after.name), after
    return key, holder


def _is_undeclared(key: ObjectKey, holder: ObjectKey, live: Catalog, desired: Catalog) -> bool:
    base_type = replace(key, kind=ObjectKind.OTHER, schema="", name=f"base type {key.qualified.sql}")
    if any(is_there(catalog, each) for catalog in (live, desired) for each in (key, base_type)):
        return False
    domain = key.qualified.key(ObjectKind.TYPE)
    return not key.is_part or holder.qualified in desired.relations or domain in desired.objects
