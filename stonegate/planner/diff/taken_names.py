"""Names that are taken: what cannot be made or renamed because something that stays bears the name already.

Relations, their indexes and types share one namespace in a schema (manual 5.10.1: a table's row type has its name).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Constraint, Index, Sequence, Table, View
from stonegate.model.names import NAMESPACE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass
from stonegate.planner.diff.findings import Finding
from stonegate.planner.diff.matching import Pair, match_parts

#: By schema and name: what has it, and what that goes along with.
_Kept = dict[tuple[str, str], tuple[ObjectKey, ObjectKey]]


def block_occupied(findings: Iterable[Finding], desired: Catalog, live: Catalog) -> Iterator[Finding]:
    """The findings, those refused that need a name which something else has and keeps.

    What has it from the former name of its table makes way: in a new database it would be called otherwise. So does, in
    turn, what has that name, as where tables were renamed in a row (a to b, b to c) and another one takes the first.
    """
    findings = tuple(findings)
    changes = tuple(finding for finding in findings if isinstance(finding, Change))
    needs_names = any(tuple(_needed(change, desired, live)) for change in changes)
    keeping = _keeping(changes, live) if needs_names else ()
    kept = {(key.schema, key.own_name): (key, holder) for key, holder in keeping}
    seen: set[str] = set()
    for finding in findings:
        if isinstance(finding, Change):
            yield from _with_way_made(finding, kept, desired, live, seen)
        else:
            yield finding


def _with_way_made(change: Change, kept: _Kept, desired: Catalog, live: Catalog, seen: set[str]) -> Iterator[Change]:
    """The change, and the renames of what has the names that these need; `seen` are the identities of the renames."""
    waiting = [change]
    while waiting:
        change = waiting.pop()
        occupants = tuple(_occupants(change, kept, desired, live))
        leaving = [_makes_way(key, holder, desired, live) for key, holder in occupants]
        if None in leaving:
            yield _refused(change, *occupants[leaving.index(None)])
            continue
        yield change
        new = [each for each in leaving if each is not None and each.identity not in seen]
        seen |= {each.identity for each in new}
        waiting += new


def _occupants(change: Change, kept: _Kept, desired: Catalog, live: Catalog) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """What else has one of the names that the change needs, and what that goes along with."""
    itself = replace(change.key, name=change.before or "") if change.aspect == "new_name" else change.key
    own = {itself, itself.owner, change.table}
    for name in _needed(change, desired, live):
        key, holder = kept.get((itself.schema, name), (None, None))
        if key is not None and holder is not None and (key != itself or holder not in own):
            yield key, holder
    made = desired.table(change.key) if change.action is Action.CREATE else None
    for column in made.columns if made is not None else ():
        if (own_name := column.owned_sequence) is not None:
            key = own_name.key(ObjectKind.SEQUENCE)
            if _makes_way(key, key, desired, live) is not None:
                yield key, key


def _makes_way(key: ObjectKey, holder: ObjectKey, desired: Catalog, live: Catalog) -> Change | None:
    """The rename of an index, constraint or owned sequence to its name in a new database, or None if it has that."""
    found = live.objects.get(key)
    aspect, after = "name", ""
    if isinstance(found, Sequence):
        aspect = "new_name"
        twins = (s.name for s in desired.sequences if s.owned_by is not None and s.owned_by == found.owned_by)
        after = next(twins, "")
    else:
        wanted, present = desired.table(holder), live.table(holder)
        for pair in _pairs(key, wanted, present) if wanted is not None and present is not None else ():
            after = pair.desired.name if pair.live.name == key.own_name else after
    if after in ("", key.own_name):
        return None
    renamed = replace(key, name=after) if aspect == "new_name" else key
    reason = f"{key} is called {after} in the folder"
    table = holder if key.kind is ObjectKind.INDEX else None
    return Change(
        action=Action.ALTER, key=renamed, table=table, aspect=aspect, before=key.own_name, after=after, reason=reason
    )


def _pairs(key: ObjectKey, desired: Table, live: Table) -> Iterator[Pair[Constraint] | Pair[Index]]:
    if key.kind is ObjectKind.INDEX:
        yield from match_parts(desired.indexes, live.indexes, owner=desired.name, remembered=()).pairs
    else:
        yield from match_parts(desired.constraints, live.constraints, owner=desired.name, remembered=()).pairs


def _needed(change: Change, desired: Catalog, live: Catalog) -> Iterator[str]:
    key = change.key
    if change.aspect in ("new_name", "sequence_name"):
        yield change.after or ""
    elif change.aspect == "name" and key.kind in (ObjectKind.INDEX, ObjectKind.CONSTRAINT):
        if key.kind is ObjectKind.INDEX or _has_index(live.table(key.owner), key.member):
            yield change.after or ""
    elif change.action is Action.CREATE and key.kind in NAMESPACE_KINDS:
        yield key.name
        made = desired.table(key)
        yield from (part_name for part_name, _ in _parts(made)) if made is not None else ()
    elif change.action is Action.CREATE and key.kind is ObjectKind.CONSTRAINT:
        yield from (key.member or "",) if _has_index(desired.table(key.owner), key.member) else ()


def _has_index(table: Table | None, name: str | None) -> bool:
    return table is not None and any(part.name == name and part.index is not None for part in table.constraints)


def _parts(holder: Table | View) -> Iterator[tuple[str, ObjectKey]]:
    """The indexes of a relation by name, without those that come and go with a parent's."""
    for index in holder.indexes:
        if not index.inherited:
            yield index.name, holder.key.index(index.name)
    for constraint in holder.constraints if isinstance(holder, Table) else ():
        if constraint.index is not None and not constraint.inherited:
            yield constraint.index, holder.key.part(ObjectKind.CONSTRAINT, constraint.name)


def _keeping(changes: tuple[Change, ...], live: Catalog) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """Every live object that keeps its name, and what it goes along with: an index with its relation."""
    going = (Action.DROP, Action.RECREATE)
    gone = {change.key for change in changes if change.action in going or change.aspect == "name"}
    gone |= {replace(c.key, name=c.before or "") for c in changes if c.aspect == "new_name"}
    gone |= {c.key.owner.index(c.taken_index) for c in changes if c.taken_index is not None}
    yield from ((key, key) for key in live.objects if key.kind in NAMESPACE_KINDS and key not in gone)
    members: dict[ObjectKey, set[str]] = defaultdict(set)
    for key in gone:
        if key.kind is ObjectKind.COLUMN:
            members[key.owner].add(key.own_name)
    for relation in live.relations.values():
        columns = members.get(relation.key, set())
        lost = {part.name for part in relation.indexed if not columns.isdisjoint(part.columns)}
        for _, key in _parts(relation) if relation.key not in gone else ():
            if key not in gone and key.own_name not in lost:
                yield key, relation.key


def _refused(change: Change, key: ObjectKey, holder: ObjectKey) -> Change:
    occupant = f"{key} of {holder}" if key.kind is ObjectKind.INDEX else str(key)
    need = f"renamed to {change.after}" if change.aspect.endswith("name") else "created"
    return replace(
        change,
        change_class=ChangeClass.INCOMPATIBLE,
        token=None,
        reason=f"{change.key} cannot be {need}: {occupant}, which the folder does not declare, has its name",
        hint=f"rename or drop {occupant} in a migration",
    )
