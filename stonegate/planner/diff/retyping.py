"""The type and collation of a column, and what refuses another one (manual: ALTER TABLE, "Notes")."""

from __future__ import annotations

from stonegate.model.catalog import Column
from stonegate.model.names import ObjectKey
from stonegate.model.plan import Action, Change
from stonegate.planner.classify import Circumstances
from stonegate.planner.diff.findings import Findings, in_list
from stonegate.planner.diff.inheritance import Family, partitions_by
from stonegate.planner.diff.sides import Sides


def compare_type(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> Findings:
    """The change of a column's type or collation."""
    if (desired.type, desired.collation) == (live.type, live.collation) or family.carries(desired, live, "type"):
        return
    before, after = type_text(live), type_text(desired)
    verdict = sides.type_change(live.type, desired.type)
    refusal = _refusal(sides, family, live, rewrites=verdict.rewrites)
    reason = f"{key} changes from {before} to {after}"
    if desired.type == live.type:
        reason = f"{key} gets another collation: {before} instead of {after}"
    elif live.generated is not None:
        # Its values are computed from the others: none of them can be lost.
        verdict = sides.type_change(desired.type, desired.type)
    elif refusal is None:
        reason += f": {verdict.reason}"
    if refusal is not None:
        reason += f", which PostgreSQL refuses: {refusal}"
    yield sides.change(
        Action.ALTER,
        key,
        reason,
        aspect="type",
        before=before,
        after=after,
        hint=f"write a migration: rename {key.owner.label}, create it anew, INSERT … SELECT, drop the old one"
        if refusal is not None
        else None,
        facts=Circumstances(verdict=verdict, impossible=refusal is not None),
        rewrites=verdict.rewrites,
    )


def _refusal(sides: Sides, family: Family, live: Column, *, rewrites: bool) -> str | None:
    """Why PostgreSQL gives the column no other type, or None."""
    if partitions_by(sides.live, family.live, live.name):
        return "rows are partitioned by it"
    users = sides.staying_users_of_type(family.live.key) if rewrites else ()
    others = tuple(str(user) for user in users if user.owner != family.live.key)
    return f"rows of the table stand in {in_list(others)}" if others else None


def type_text(column: Column) -> str:
    """The type with its collation, if that is not the type's own."""
    return f"{column.type} COLLATE {column.collation}" if column.collation else column.type


#: Types that a foreign key may have at its two ends, each with the others of its line.
_FAMILIES = (frozenset({"smallint", "integer", "bigint"}), frozenset({"text", "character varying"}))


def keeps_family(retyping: Change) -> bool:
    """True if old and new values can be compared, whichever end of a foreign key gets the new type first."""
    before, after = (
        (text or "").partition(" COLLATE ")[0].partition("(")[0] for text in (retyping.before, retyping.after)
    )
    return before == after or any({before, after} <= family for family in _FAMILIES)
