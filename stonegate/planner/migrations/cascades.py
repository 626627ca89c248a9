"""What a migration's CASCADE takes along of what holds data (manual: TRUNCATE, DROP …; 5.15 Dependency Tracking)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Effect, EffectVerb
from stonegate.planner.reach import reached

_WHOLE = (ObjectKind.TABLE, ObjectKind.TYPE, ObjectKind.SEQUENCE)
_VERBS = {
    ObjectKind.COLUMN: EffectVerb.DROP_COLUMN,
    ObjectKind.ATTRIBUTE: EffectVerb.DROP_COLUMN,
    ObjectKind.CONSTRAINT: EffectVerb.DROP_CONSTRAINT,
}


def taken_along(effect: Effect, catalog: Catalog) -> Iterator[Effect]:
    """The further drops of tables, types, sequences, columns, attributes and foreign keys, or the further tables that
    are emptied."""
    if not effect.cascade:
        return
    match effect.verb:
        case EffectVerb.DELETE_ROWS:
            found = reached((effect.key,), lambda key: (foreign.owner for foreign in _foreign_keys(key, catalog)))
        case EffectVerb.DROP:
            found = reached((effect.key,), lambda key: _holding(key, catalog))
        case _:
            return
    for key in found:
        if key != effect.key and (key.owner == key or key.owner not in found):
            yield replace(effect, verb=_VERBS.get(key.kind, effect.verb), key=key, cascade=False)


def _foreign_keys(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """Those that refer to the table."""
    keys = catalog.foreign_keys.items()
    return (each for each, foreign in keys if foreign.target == key and not foreign.inherited)


def _holding(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """What stands in the schema, or consists of the type, table or extension; nothing goes on from a single part."""
    if key.kind is ObjectKind.SCHEMA:
        owned = {sequence.key for sequence in catalog.sequences if sequence.owned_by is not None}
        for other in catalog.objects:
            if other.schema == key.name and other.kind in _WHOLE and other not in owned:
                yield other
    elif key.owner == key:
        others = (*catalog.dependents.get(key, ()), *_foreign_keys(key, catalog))
        yield from (other for other in others if other.owner != key and _is_lost(other, catalog))


def _is_lost(key: ObjectKey, catalog: Catalog) -> bool:
    match key.kind:
        case ObjectKind.COLUMN:
            column = catalog.column(key)
            if column is None or column.inherited or column.generated is not None:
                return False  # it goes with its parent's, or held nothing of its own
            return column.default is None or "." in column.type  # where a built-in type stays, it was the default's
        case ObjectKind.CONSTRAINT:
            return key in catalog.foreign_keys
        case _:
            return key.kind in (*_WHOLE, ObjectKind.ATTRIBUTE)
