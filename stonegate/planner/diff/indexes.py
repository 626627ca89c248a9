"""Indexes of tables and materialised views that no constraint owns."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from stonegate.model.catalog import Index, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.diff.access import compare_comment
from stonegate.planner.diff.findings import Findings, Note, Unmanaged
from stonegate.planner.diff.inheritance import MADE_ANEW, REMADE, Family
from stonegate.planner.diff.matching import Pair, match_parts, remembers
from stonegate.planner.diff.parts import (
    change_options,
    compare_marks,
    compare_name,
    create_part,
    keeps_index,
    part_key,
    recreate_part,
)
from stonegate.planner.diff.sides import Sides


def compare_indexes(
    sides: Sides, desired: Table | View, live: Table | View, family: Family | None, taken: Collection[Index] = ()
) -> Findings:
    """All indexes of one table or materialised view; `family` for tables, and `taken`, of which keys are made."""
    last = sides.last_declared(desired.key)
    known = last.indexes if isinstance(last, Table | View) else ()
    matched = match_parts(desired.indexes, live.indexes, owner=desired.name, remembered={part.name for part in known})
    for pair in matched.pairs:
        if family is not None and family.loses(pair.desired, pair.live):
            yield create_part(sides, desired, pair.desired, MADE_ANEW)
        elif family is not None and family.remakes(pair.live):
            yield from _rebuild(sides, desired, pair, REMADE)
        else:
            yield from _compare_pair(sides, desired, pair, family)
    for pair in matched.replaced:
        if family is not None and family.loses(pair.desired, pair.live):
            yield create_part(sides, desired, pair.desired, MADE_ANEW)
        elif family is not None and family.brings_index(pair.desired):
            part = pair.desired
            yield from _compare_remarks(sides, desired, part_key(desired, part), part, _bare(part))
        elif pair.live.valid and keeps_index(desired, pair):
            yield change_options(sides, desired, pair)
            yield from _compare_remarks(sides, desired, part_key(desired, pair.live), pair.desired, pair.live)
        else:
            yield from recreate_part(sides, desired, pair, "has another definition")
    for part in matched.missing:
        # The parent's takes an index in that is there already; else it would bring one under a made-up name.
        if family is None or not family.brings_index(part):
            yield create_part(sides, desired, part, "is new")
        elif (parent := family.bare_parent(part)) is not None:
            why = f"is part of {parent.name}, which is ON ONLY its table in the folder"
            yield Note(f"{part_key(desired, part)} {why}: a migration has to make and attach it")
        else:
            yield from _compare_remarks(sides, desired, part_key(desired, part), part, _bare(part))
    for part in matched.surplus:
        if part not in taken and (family is None or not family.keeps_index(part)):
            yield from _surplus(sides, desired, live, part, known)


def _compare_pair(sides: Sides, relation: Table | View, pair: Pair[Index], family: Family | None) -> Findings:
    desired, live = pair.desired, pair.live
    if desired.valid and not live.valid:
        yield from _rebuild(sides, relation, pair, _why_invalid(relation))
        return
    key = part_key(relation, live, pair.name)
    is_taken_in = desired.inherited and family is not None and family.takes_in(live)
    if desired.inherited != live.inherited and not is_taken_in:
        yield Note(f"{key} {'is' if live.inherited else 'is not'} part of an index of the partitioned table")
    yield from compare_name(sides, relation, pair)
    if live.valid and not desired.valid:
        yield Note(f"{key} is valid already")
    # PostgreSQL keeps what is said of an index of a retyped column, but not of the shares that partitions have.
    if family is not None and live.inherited and family.retypes(live):
        live = replace(_bare(live), comment=family.comment_handed_down(live))
    yield from _compare_remarks(sides, relation, key, desired, live)


def _bare(part: Index) -> Index:
    """What comes with a parent's, of which nothing is said yet."""
    return replace(part, comment=None, clustered=False, replica_identity=False, statistics=())


def _compare_remarks(sides: Sides, relation: Table | View, key: ObjectKey, desired: Index, live: Index) -> Findings:
    yield from compare_comment(sides, key, desired.comment, live.comment, table=relation.key)
    yield from compare_marks(sides, key, relation, desired, live)
    if desired.statistics != live.statistics:
        before, after = _statistics(live), _statistics(desired)
        reason, table = f"{key}: statistics is {before} instead of {after}", relation.key
        yield sides.change(Action.ALTER, key, reason, aspect="statistics", before=before, after=after, table=table)


def _statistics(index: Index) -> str:
    return ", ".join(f"column {number}: {target}" for number, target in index.statistics) or "default"


def _why_invalid(relation: Table | View) -> str:
    """An index that a failed CREATE INDEX CONCURRENTLY left behind serves no query."""
    if isinstance(relation, Table) and relation.partition_key is not None:
        return "is invalid: some partition's index is not part of it"
    return "is invalid: CREATE INDEX CONCURRENTLY did not finish"


def _rebuild(sides: Sides, relation: Table | View, pair: Pair[Index], reason: str) -> Findings:
    if pair.desired.name == pair.live.name:
        yield from recreate_part(sides, relation, pair, reason)
        return
    gone, made = part_key(relation, pair.live), f"is built in place of {pair.live.name}"
    yield sides.change(Action.DROP, gone, f"{gone} {reason}", table=relation.key, before=pair.live.definition)
    yield create_part(sides, relation, pair.desired, made)


def _surplus(
    sides: Sides, desired: Table | View, live: Table | View, part: Index, known: tuple[Index, ...]
) -> Findings:
    key = part_key(desired, part)
    if remembers(known, part, live.indexes) and sides.kept.isdisjoint({ObjectKind.INDEX, desired.key.kind}):
        yield sides.change(Action.DROP, key, f"{key} is no longer declared", table=desired.key, before=part.definition)
    else:
        yield Unmanaged(key)
