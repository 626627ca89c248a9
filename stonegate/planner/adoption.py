"""What the original's tracking rows say was deployed, as object keys: they count as managed (behaviour, §4)."""

from __future__ import annotations

from collections import defaultdict

from stonegate.model.catalog import Catalog, Routine
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.tracking import TrackingState


def recorded_keys(state: TrackingState, live: Catalog) -> frozenset[ObjectKey]:
    """Keys of the recorded tables, types and routines.

    The original records a function's parameter types as written; a row stands for the live routine of that name with
    that many parameters, if there is exactly one.
    """
    keys = {ObjectKey(ObjectKind.TABLE, *_split(table.name)) for table in state.tables}
    keys |= {ObjectKey(ObjectKind.TYPE, *_split(kind.name)) for kind in state.types}
    by_name: dict[tuple[str, str], list[Routine]] = defaultdict(list)
    for routine in live.routines:
        by_name[routine.schema, routine.name].append(routine)
    for row in state.routines:
        candidates = by_name.get(_split(row.name), [])
        if row.identity is not None:
            keys |= {routine.key for routine in candidates if routine.key.label == row.identity}
            continue
        fitting = [routine for routine in candidates if len(routine.arguments) == len(row.param_types)]
        if len(fitting) == 1:
            keys.add(fitting[0].key)
    return frozenset(keys)


def _split(name: str) -> tuple[str, str]:
    schema, _, bare = name.rpartition(".")
    return schema.strip('"') or "public", bare.strip('"')
