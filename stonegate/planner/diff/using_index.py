"""Unique indexes that become keys as they are: ADD CONSTRAINT … USING INDEX builds nothing (manual: ALTER TABLE)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stonegate.model.catalog import Constraint, Index, Table
from stonegate.model.names import ObjectKind
from stonegate.planner.diff.inheritance import Family
from stonegate.planner.diff.matching import remembers, shape
from stonegate.planner.diff.sides import Sides

_LIST = r' \((?:[^()"]|"(?:[^"]|"")*")*\)'
_KEY = re.compile(
    rf"(?:UNIQUE|PRIMARY KEY)(?P<nulls> NULLS NOT DISTINCT)?(?P<keys>{_LIST})(?P<more> INCLUDE{_LIST})?"
    rf"(?P<options> WITH{_LIST})?(?: DEFERRABLE(?: INITIALLY DEFERRED)?)?"
)


def taken_over(sides: Sides, desired: Table, live: Table, family: Family) -> Mapping[str, Index]:
    """The live index for each new key, by the key's name: one that the folder no longer declares, or has its name."""
    if desired.partition_key is not None:
        return {}
    free = list(_free_indexes(sides, desired, live, family))
    if not free:
        return {}
    names = {part.name for part in live.constraints}
    wanted = {part.name for part in desired.indexed}
    shapes = {shape(part) for part in live.constraints}
    found: dict[str, Index] = {}
    for key in desired.constraints:
        if key.inherited or key.name in names or shape(key) in shapes:
            continue
        named = (index for index in free if index.name == key.name or index.name not in wanted)
        fitting = [index for index in named if _is_made_of(key, index, desired)]
        if fitting:
            found[key.name] = min(fitting, key=lambda index: (index.name != key.name, index.name))
            free.remove(found[key.name])
    return found


def _free_indexes(sides: Sides, desired: Table, live: Table, family: Family) -> Iterator[Index]:
    """The live unique indexes that would go; and those that nobody declared, and have the name of a declared key."""
    last = sides.last_table(desired.key)
    known = last.indexes if last is not None and ObjectKind.TABLE not in sides.kept else ()
    keys = {part.name for part in desired.constraints}
    wanted = {shape(index) for index in desired.indexes}
    for index in live.indexes:
        is_usable = index.unique and index.valid and not index.inherited and index.comment is None
        if not is_usable or shape(index) in wanted or family.retypes(index):
            continue
        if index.name in keys or remembers(known, index, live.indexes):
            yield index


def _is_made_of(key: Constraint, index: Index, table: Table) -> bool:
    """True if the index is what PostgreSQL would build for the key."""
    found = _KEY.fullmatch(key.definition)
    if found is None or (key.clustered, key.replica_identity) != (index.clustered, index.replica_identity):
        return False
    parts = (found[name] or "" for name in ("keys", "more", "nulls", "options"))
    definition = f"CREATE UNIQUE INDEX ON {table.key.qualified.sql} USING btree{''.join(parts)}"
    made = Index(name=key.name, definition=definition, shape=definition)
    return _unquoted(shape(made)) == _unquoted(shape(index))


def _unquoted(definition: str) -> str:
    """PostgreSQL quotes storage parameters of indexes, and not those of keys."""
    return definition.replace("'", "")
