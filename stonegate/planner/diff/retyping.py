"""The type and collation of a column, and what refuses another one (manual: ALTER TABLE, "Notes")."""

from __future__ import annotations

from msgspec import Struct

from stonegate.model.catalog import Column, Table
from stonegate.model.names import ObjectKey, ObjectKind, in_list, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.planner.classify.classes import Circumstances
from stonegate.planner.classify.type_rules import TypeVerdict
from stonegate.planner.diff.findings import Findings, type_text
from stonegate.planner.diff.inheritance import LOCAL_NOT_NULL, Family, partitions_by
from stonegate.planner.diff.naming import make_object_name
from stonegate.planner.diff.sides import Sides


class _Refusal(Struct, frozen=True):
    """Why PostgreSQL gives a column no other type, and what to do instead."""

    reason: str
    hint: str


def compare_type(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> Findings:
    """The change of a column's type or collation."""
    if (desired.type, desired.collation) == (live.type, live.collation) or family.carries(desired, live, "type"):
        return
    before, after = (type_text(column.type, column.collation) for column in (live, desired))
    verdict = sides.type_change(live.type, desired.type)
    refusal = _refusal(sides, family, live, rewrites=verdict.rewrites) or _uncastable(key, live, desired, verdict)
    reason = f"{key} changes from {before} to {after}"
    if desired.type == live.type:
        reason = f"{key} gets another collation: {before} instead of {after}"
    elif live.generated is not None:
        # Its values are computed from the others: none of them can be lost.
        verdict = sides.type_change(desired.type, desired.type)
    elif refusal is None:
        reason += f": {verdict.reason}"
    if refusal is not None:
        reason += f", which PostgreSQL refuses: {refusal.reason}"
    yield sides.change(
        Action.ALTER,
        key,
        reason,
        aspect="type",
        before=before,
        after=after,
        hint=refusal.hint if refusal is not None else None,
        facts=Circumstances(verdict=verdict, impossible=refusal is not None),
        rewrites=verdict.rewrites,
    )


def _refusal(sides: Sides, family: Family, live: Column, *, rewrites: bool) -> _Refusal | None:
    table = family.live
    if partitions_by(sides.live, table, live.name):
        return _Refusal("rows are partitioned by it", made_anew(table))
    if rewrites and (elsewhere := rows_elsewhere(sides, table)) is not None:
        return _Refusal(elsewhere, made_anew(table))
    apart = _other_parent(sides, table, live) or _doubled_null(sides, table, live)
    if apart is None:
        return None
    way = f"write a migration: NO INHERIT {table.key.label}, the new type in each of the tables, INHERIT again"
    return _Refusal(apart, way)


def _uncastable(key: ObjectKey, live: Column, desired: Column, verdict: TypeVerdict) -> _Refusal | None:
    """Where no cast takes a single value, a consent would only fail when it is carried out."""
    if verdict.instead is None or live.generated is not None:
        return None
    name = quote_ident(live.name)
    default = f"ALTER {name} DROP DEFAULT, " if live.default is not None else ""
    using = verdict.instead.format(column=name)
    way = f"ALTER TABLE {key.owner.label} {default}ALTER {name} TYPE {desired.type} USING {using}"
    return _Refusal(f"no {live.type} is read as {desired.type}", f"write a migration: {way}")


def made_anew(table: Table) -> str:
    """What to do where PostgreSQL refuses to write the table anew."""
    return f"write a migration: rename {table.key.label}, create it anew, INSERT … SELECT, drop the old one"


def _other_parent(sides: Sides, table: Table, column: Column) -> str | None:
    """The children's columns that another parent, which they keep, hands down besides."""
    below = tuple(sides.live.descendants(table.key))
    family = {table.key, *(child.key for child in below)}
    held = tuple(
        str(child.key.part(ObjectKind.COLUMN, column.name))
        for child in below
        for parent in sides.live.parents(child)
        if parent.key not in family and parent.column(column.name) is not None
        if parent.key.qualified in (sides.desired.table(child.key) or child).parents
    )
    return f"from another parent too comes {in_list(held)}" if held else None


def _doubled_null(sides: Sides, table: Table, column: Column) -> str | None:
    """The children's own NOT NULL besides the one that they are handed down, which PostgreSQL 18 cannot make anew with
    the column unless both have one name."""
    if sides.live.server < LOCAL_NOT_NULL or not column.not_null:
        return None
    doubled = tuple(
        str(other.key.part(ObjectKind.COLUMN, below.name))
        for other in sides.live.descendants(table.key)
        if (below := other.column(column.name)) is not None and below.not_null and not below.not_null_inherited
        if _null_name(other, below) != _null_name(table, column)
        if sides.desired.table(other.key) is None or table.key in sides.desired.ancestors(other.key)
    )
    return f"beside that of a parent, NOT NULL has a name of its own in {in_list(doubled)}" if doubled else None


def _null_name(table: Table, column: Column) -> str:
    return column.not_null_name or make_object_name(table.name, column.name, "not_null")


def rows_elsewhere(sides: Sides, table: Table) -> str | None:
    """Where whole rows of the table, or of one below it, are kept: no table is written anew or gone through then."""
    tables = (table.key, *(other.key for other in sides.live.descendants(table.key)))
    users = {user for key in tables for user in sides.staying_users_of_type(key) if user.owner != key}
    return f"rows of the table stand in {in_list(tuple(sorted(map(str, users))))}" if users else None


#: Types that a foreign key may have at its two ends, each with the others of its line.
FAMILIES = (frozenset({"smallint", "integer", "bigint"}), frozenset({"text", "character varying"}))


def keeps_family(retyping: Change, *, exactly: bool) -> bool:
    """True if old and new values can be compared, whichever end of a foreign key gets the new type first.

    `exactly` is for one with a PERIOD: indexes of ranges know few pairs of types.
    """
    before, after = (
        (text or "").partition(" COLLATE ")[0].partition("(")[0] for text in (retyping.before, retyping.after)
    )
    return before == after or (not exactly and any({before, after} <= family for family in FAMILIES))
