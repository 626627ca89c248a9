"""Constraints of tables: by definition before name (behaviour, §5; manual: ALTER TABLE)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from msgspec.structs import replace

from stonegate.model.catalog import NOT_ENFORCED, NOT_VALID, Constraint, Index, Table
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.model.tokens import words_of
from stonegate.planner.classify.classes import Circumstances
from stonegate.planner.diff.access import compare_comment
from stonegate.planner.diff.findings import Findings, Note, Unmanaged
from stonegate.planner.diff.inheritance import MADE_ANEW, REENFORCED, REMADE, Family
from stonegate.planner.diff.matching import Matched, Pair, match_parts, remembers
from stonegate.planner.diff.naming import looks_made_up
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

_ALTERED = re.compile(r"(?: DEFERRABLE)?(?: INITIALLY DEFERRED)?(?: NOT ENFORCED|( NOT VALID))?\Z")
_PARTS_NUMBERED = 180000  # parts of foreign keys have the whole's name and a number since PostgreSQL 18


def compare_constraints(
    sides: Sides, desired: Table, live: Table, family: Family, taken: Mapping[str, Index]
) -> Findings:
    """All constraints of one table but NOT NULL, which belongs to the column.

    Args:
        taken: the index that a new key takes over, by the key's name.
    """
    last = sides.last_table(desired.key)
    known = last.constraints if last is not None else ()
    has_shares = any(part.inherited and part.kind == "foreign key" for part in desired.constraints)
    matched = match_parts(
        desired.constraints,
        live.constraints,
        owner=desired.name,
        remembered={part.name for part in known},
        above=[key.name for key in sides.desired.ancestors(desired.key)] if has_shares else (),
    )
    for pair in matched.pairs:
        former = next((part for part in known if part.name == pair.live.name), None)
        if family.loses(pair.desired, pair.live):
            yield create_part(sides, desired, pair.desired, MADE_ANEW)
        elif pair.desired.name == pair.live.name and family.remakes(pair.live):
            yield from recreate_part(sides, desired, pair, REMADE)
        elif pair.desired.name == pair.live.name and family.reenforces(pair.live):
            yield from recreate_part(sides, desired, pair, REENFORCED)
        else:
            yield from _compare_pair(sides, desired, pair, former, family)
            yield from _compare_share(desired, live, pair)
    for pair in matched.replaced:
        if family.loses(pair.desired, pair.live):
            yield create_part(sides, desired, pair.desired, MADE_ANEW)
        else:
            yield from _replace(sides, desired, pair, family)
    for part in matched.missing:
        if family.brings_constraint(part):
            yield from _compare_brought(sides, desired, part)
        else:
            yield _new(sides, desired, part, taken.get(part.name))
    for part in matched.surplus:
        yield from _surplus(sides, desired, live, part, matched, family)


def _new(sides: Sides, table: Table, part: Constraint, taken: Index | None) -> Change:
    if taken is None:
        return create_part(sides, table, part, "is new")
    key = part_key(table, part)
    reason = f"{key} is made of {part_key(table, taken)}"
    return sides.change(Action.CREATE, key, reason, before=taken.name, after=part.definition)


def _compare_pair(
    sides: Sides, table: Table, pair: Pair[Constraint], former: Constraint | None, family: Family
) -> Findings:
    desired, live = pair.desired, pair.live
    is_named_above = family.names(live)
    key = part_key(table, live, live.name if is_named_above else pair.name)
    if family.leaves_origin(desired, live):
        yield Note(f"{key} is {_whose(live)} instead of {_whose(desired)}")
    elif family.becomes_own(desired, live):
        yield Note(f"{key} becomes the table's own besides its parent's")
    if not is_named_above:
        yield from _compare_name(sides, table, pair)
    if not family.carries_constraint(desired, live):
        yield from _compare_validity(sides, key, desired, live, former)
    # PostgreSQL keeps what is said of a constraint of a retyped column, but not of the shares that partitions have.
    said = _bare(live) if live.inherited and family.retypes(live) else live
    yield from compare_comment(sides, key, desired.comment, said.comment)
    yield from compare_marks(sides, key, table, desired, said)


def _bare(part: Constraint) -> Constraint:
    """What comes with a parent's, of which nothing is said yet."""
    return replace(part, comment=None, clustered=False, replica_identity=False)


def _compare_brought(sides: Sides, table: Table, part: Constraint) -> Findings:
    key, bare = part_key(table, part), _bare(part)
    yield from compare_comment(sides, key, part.comment, bare.comment)
    yield from compare_marks(sides, key, table, part, bare)


def _compare_share(desired: Table, live: Table, pair: Pair[Constraint]) -> Findings:
    """A partition's key may be part of an index of the parent, and nothing exchanges it for another one there."""
    if pair.desired.shared == pair.live.shared:
        return
    others = live.indexes if pair.desired.shared else desired.indexes
    if any(index.inherited and index.columns == pair.live.columns for index in others):
        key = part_key(live, pair.live)
        words = {True: "part of the parent's index", False: "beside the partition's part of the parent's index"}
        yield Note(f"{key} is {words[pair.live.shared]}, and would be {words[pair.desired.shared]} in a new database")


def _whose(part: Constraint) -> str:
    return "its parent's" if part.inherited else "the table's own"


def _compare_name(sides: Sides, table: Table, pair: Pair[Constraint]) -> Findings:
    desired, live = pair.desired, pair.live
    if not (pair.renamed and desired.name != live.name and _is_taken_inside(sides, desired)):
        yield from compare_name(sides, table, pair)
    elif not live.inherited:  # else it comes and goes with its parent's
        key = part_key(table, live)
        reason, gives_way = f"{key} gives way to {desired.name}", Circumstances(replaced=True)
        yield sides.change(Action.DROP, key, reason, before=live.definition, facts=gives_way)
        yield create_part(sides, table, desired, f"takes the place of {live.name}")


def _is_taken_inside(sides: Sides, desired: Constraint) -> bool:
    """True if a foreign key to a partitioned table may have the name for its part that leads to a partition: up to
    PostgreSQL 17 the names that it makes up for those are what it would call the whole."""
    target = sides.live.relations.get(desired.references) if desired.references is not None else None
    is_partitioned = isinstance(target, Table) and target.partition_key is not None
    return is_partitioned and sides.live.server < _PARTS_NUMBERED and looks_made_up(desired)


def _compare_validity(
    sides: Sides, key: ObjectKey, desired: Constraint, live: Constraint, former: Constraint | None
) -> Findings:
    """Definitions that differ in NOT VALID, and in the order of storage parameters at most (else they were no pair).

    NOT VALID spares a large table the check; a constraint that was validated since is better than that, unless the
    folder takes the validation back.
    """
    validates = live.definition.endswith(NOT_VALID)
    if validates == desired.definition.endswith(NOT_VALID):
        return
    if not validates and (former is None or former.definition == desired.definition):
        yield Note(f"{key} is validated already, although the folder says NOT VALID")
        return
    yield sides.change(
        Action.ALTER,
        key,
        f"{key} is {'not validated yet' if validates else 'declared NOT VALID now'}",
        aspect="validated",
        before="NOT VALID" if validates else "valid",
        after="valid" if validates else "NOT VALID",
    )


def _replace(sides: Sides, table: Table, pair: Pair[Constraint], family: Family) -> Findings:
    key = part_key(table, pair.desired)
    if pair.desired.inherited and family.brings_constraint(pair.desired):
        if not pair.live.inherited:
            reason = f"{key} gives way to its parent's"
            yield sides.change(
                Action.DROP, key, reason, before=pair.live.definition, facts=Circumstances(replaced=True)
            )
        yield from _compare_brought(sides, table, pair.desired)
    elif _is_alterable(pair.desired, pair.live):
        texts = (pair.live.definition, pair.desired.definition)
        unenforced = tuple(text.endswith(NOT_ENFORCED) for text in texts)
        aspect = "deferrable" if unenforced[0] == unenforced[1] else "enforced"
        word = "deferred otherwise" if aspect == "deferrable" else "no longer enforced" if unenforced[1] else "enforced"
        yield sides.change(Action.ALTER, key, f"{key} is {word}", aspect=aspect, before=texts[0], after=texts[1])
        yield from compare_comment(sides, key, pair.desired.comment, pair.live.comment)
    elif pair.live.index is not None and keeps_index(table, pair):
        yield change_options(sides, table, pair)
        yield from compare_comment(sides, key, pair.desired.comment, pair.live.comment)
        yield from compare_marks(sides, key, table, pair.desired, pair.live)
    else:
        yield from recreate_part(sides, table, pair, "has another definition")


def _is_alterable(desired: Constraint, live: Constraint) -> bool:
    """True for a foreign key, none of a parent's, that only ALTER CONSTRAINT need change (manual: ALTER TABLE)."""
    parts = (desired, live)
    if any(part.kind != "foreign key" or part.inherited for part in parts):
        return False
    first, second = (_ALTERED.sub(r"\1", part.definition) for part in parts)
    return same_text(first, second)


def _surplus(
    sides: Sides, desired: Table, live: Table, part: Constraint, matched: Matched[Constraint], family: Family
) -> Findings:
    key = part_key(desired, part)
    if part.inherited and family.keeps_constraint(part):
        return
    successor = next((new for new in matched.missing if new.kind == part.kind == "primary key"), None)
    last = sides.last_table(desired.key)
    known = last is not None and remembers(last.constraints, part, live.constraints)
    if successor is None and (not known or not sides.kept.isdisjoint({ObjectKind.CONSTRAINT, ObjectKind.TABLE})):
        yield Unmanaged(key)
        return
    if successor is None:
        successor = matched.successor(part, desired.name)
    heir = successor.name if successor is not None else _stands_in(desired, part)
    is_idle = _loses_columns(sides, desired, live, part)
    if heir is not None:
        reason = f"{key} gives way to {heir}"
    elif is_idle:
        reason = f"{key} goes with its column{'s' * (len(part.columns) > 1)}"
    else:
        reason = f"{key} is no longer declared"
    facts = Circumstances(replaced=heir is not None, is_idle=is_idle)
    yield sides.change(Action.DROP, key, reason, before=part.definition, facts=facts)


def _loses_columns(sides: Sides, desired: Table, live: Table, part: Constraint) -> bool:
    """True if all columns that the constraint is about are dropped, not by way of a type or parent, which say so."""
    if live.of_type is not None:
        return False
    declared = {column.name for column in desired.columns}
    leaving = (each for each in live.columns if each.name not in declared and not each.inherited)
    dropped = {each.name for each in leaving if sides.removes_column(desired, each)}
    about = set(part.columns)
    if part.kind == "exclusion":  # PostgreSQL does not list the columns of its expressions
        words = words_of(part.definition)
        about |= {each.name for each in live.columns if words_of(each.name) <= words}
    return bool(about) and about <= dropped


def _stands_in(desired: Table, part: Constraint) -> str | None:
    """The declared key or unique index that keeps the same columns unique as a removed constraint did."""
    if part.kind not in ("unique", "primary key") or "NULLS NOT DISTINCT" in part.definition:
        return None
    columns = set(part.columns)
    keys = (c.name for c in desired.constraints if c.kind in ("unique", "primary key") and set(c.columns) == columns)
    bare = tuple(quote_ident(name) for name in part.columns)
    indexes = (
        index.name
        for index in desired.indexes
        if index.unique and set(index.columns) == columns and index.shape.endswith(f"({', '.join(bare)})")
    )
    return next(chain(keys, indexes), None)
