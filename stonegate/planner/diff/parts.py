"""What is said alike of constraints and indexes: they are made, named and marked in the same way."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Constraint, Index, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner.diff.access import compare_comment
from stonegate.planner.diff.findings import Findings, Note
from stonegate.planner.diff.index_options import differs_in_options, options_text
from stonegate.planner.diff.matching import Pair, Part, is_generated_name
from stonegate.planner.diff.naming import looks_made_up
from stonegate.planner.diff.sides import Sides

_MARKS = {"clustered": "for CLUSTER", "replica_identity": "as replica identity"}


def part_key(holder: Table | View, part: Constraint | Index, name: str | None = None) -> ObjectKey:
    """The key of a part of `holder`; `name` if it is not called as `part` is."""
    name = part.name if name is None else name
    return holder.key.index(name) if isinstance(part, Index) else holder.key.part(ObjectKind.CONSTRAINT, name)


def table_of(holder: Table | View, part: Constraint | Index) -> ObjectKey | None:
    """What the change of an index is on, which its key does not say."""
    return holder.key if isinstance(part, Index) else None


def create_part(sides: Sides, holder: Table | View, part: Constraint | Index, reason: str) -> Change:
    """The change that makes a declared part; `reason` without its subject."""
    key = part_key(holder, part)
    return sides.change(Action.CREATE, key, f"{key} {reason}", table=table_of(holder, part), after=part.definition)


def recreate_part(sides: Sides, holder: Table | View, pair: Pair[Part], reason: str) -> Findings:
    """The changes that make a part anew in another form; `reason` without its subject."""
    key, table = part_key(holder, pair.desired), table_of(holder, pair.desired)
    before, after = pair.live.definition, pair.desired.definition
    yield sides.change(Action.RECREATE, key, f"{key} {reason}", table=table, before=before, after=after)
    yield from compare_comment(sides, key, pair.desired.comment, pair.live.comment, table=table)


def keeps_index(holder: Table | View, pair: Pair[Part]) -> bool:
    """True if ALTER INDEX does it, which knows no parameters of partitioned indexes."""
    is_partitioned = isinstance(holder, Table) and holder.partition_key is not None
    is_as_before = pair.desired.inherited == pair.live.inherited
    return not is_partitioned and is_as_before and differs_in_options(pair.desired.definition, pair.live.definition)


def change_options(sides: Sides, holder: Table | View, pair: Pair[Part]) -> Change:
    """The change of an index's storage parameters in place; what is said of the index may differ besides."""
    key, texts = part_key(holder, pair.desired), [options_text(part.definition) for part in (pair.live, pair.desired)]
    reason, table = f"{key}: options is {texts[0]} instead of {texts[1]}", table_of(holder, pair.desired)
    return sides.change(Action.ALTER, key, reason, aspect="options", before=texts[0], after=texts[1], table=table)


def compare_name(sides: Sides, holder: Table | View, pair: Pair[Part]) -> Findings:
    """A rename, or the remark that a name of somebody's choice stays."""
    before, after = pair.live.name, pair.desired.name
    if before == after:
        return
    key, table = part_key(holder, pair.live), table_of(holder, pair.live)
    if pair.renamed:
        reason = f"{key} is called {after} in the folder"
        yield sides.change(Action.ALTER, key, reason, aspect="name", before=before, after=after, table=table)
    elif not (looks_made_up(pair.live) and (pair.desired.inherited or is_generated_name(pair.desired, holder.name))):
        yield Note(f"{key} would be called {after} in a new database")


def compare_marks(
    sides: Sides, key: ObjectKey, holder: Table | View, desired: Constraint | Index, live: Constraint | Index
) -> Iterator[Change]:
    """CLUSTER ON and REPLICA IDENTITY USING INDEX, which belong to the index, be it behind a constraint.

    Args:
        holder: the desired table or materialised view: marking one of its indexes takes the mark from the others.
    """
    marks = []
    if desired.replica_identity and not live.replica_identity:
        marks.append(("replica_identity", True))
    if desired.clustered != live.clustered and (desired.clustered or not any(p.clustered for p in holder.indexed)):
        marks.append(("clustered", desired.clustered))
    for aspect, after in marks:
        reason = f"{key} is {'marked' if after else 'no longer marked'} {_MARKS[aspect]}"
        texts = (str(not after).lower(), str(after).lower())
        yield sides.change(
            Action.ALTER, key, reason, aspect=aspect, table=table_of(holder, desired), before=texts[0], after=texts[1]
        )
