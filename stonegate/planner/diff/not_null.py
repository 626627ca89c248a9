"""NOT NULL: whether it is there, whose it is, and what its constraint is called, which domains have too."""

from __future__ import annotations

from stonegate.model.catalog import NOT_VALID, Column
from stonegate.model.names import ObjectKey, quote_ident
from stonegate.model.plan import Action
from stonegate.planner.diff.findings import Findings, Note
from stonegate.planner.diff.inheritance import LOCAL_NOT_NULL, Family
from stonegate.planner.diff.naming import is_given_not_null, make_object_name
from stonegate.planner.diff.sides import Sides


def compare_not_null(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None, family: Family
) -> Findings:
    """All of it for one column.

    Args:
        last: the column as the last deployment declared it.
    """
    yield from _compare_presence(sides, key, desired, live, last, family)
    yield from _compare_origin(sides, key, desired, live, family)
    yield from _compare_name(sides, key, desired, live, last, family)


def _compare_presence(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None, family: Family
) -> Findings:
    before, after = not_null_text(live), not_null_text(desired)
    if before == after or _comes_from_parent(desired, live, family):
        return
    is_shared = family.hands_down_null(live.name) == (True, True) or bool(sides.live.children.get(key.owner))
    is_kept = last is None or not_null_text(last) == after or is_shared
    if after is not None and after == f"{before} {NOT_VALID}" and is_kept:
        yield Note(f"{key}: NOT NULL is validated already, although the folder says NOT VALID")
        return
    validated = before is not None and NOT_VALID in before
    verb = "allows nulls" if after is None else "becomes NOT NULL" if before is None else f"becomes {after}"
    yield sides.change(
        Action.ALTER,
        key,
        f"{key}: NOT NULL is validated" if validated and after == "NOT NULL" else f"{key} {verb}",
        aspect="not_null",
        before=before,
        after=after,
        hint=_backfill(key, live) if before is None else None,
    )


def _comes_from_parent(desired: Column, live: Column, family: Family) -> bool:
    return family.carries(desired, live, "not_null") and family.carries(desired, live, "not_null_options")


def _compare_origin(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> Findings:
    """Whether a NOT NULL that parents hand down is the table's own besides (PostgreSQL 18)."""
    before, after = family.hands_down_null(live.name)
    if live.not_null:
        stays = before and after and not_null_text(desired) == not_null_text(live)
        inherited = live.not_null_inherited
    else:  # what comes with the parent's is that one's; what the table has to be told becomes its own
        stays = after and desired.not_null
        inherited = sides.live.server >= LOCAL_NOT_NULL and _comes_from_parent(desired, live, family)
    if not stays or desired.not_null_inherited == inherited:
        return
    if desired.not_null_inherited:
        yield Note(f"{key}: NOT NULL is the table's own instead of its parent's alone")
        return
    yield sides.change(
        Action.ALTER,
        key,
        f"{key}: NOT NULL becomes the table's own",
        aspect="not_null_origin",
        before="its parent's",
        after="its own",
    )


def _compare_name(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None, family: Family
) -> Findings:
    """The name of a NOT NULL constraint that stays; a made-up one, or one that nobody declared, is no difference.

    One that a parent hands down cannot be renamed, nor one that has another name below; one that goes with its
    parent's is made anew under its name.
    """
    if (text := not_null_text(desired)) is None or not_null_text(live) not in (text, f"{text} {NOT_VALID}"):
        return
    wanted, present = desired.not_null_name, live.not_null_name
    before, after = family.hands_down_null(live.name)
    if wanted == present or (after and family.carries(desired, live, "not_null_name")):
        return
    is_divided = family.is_called_otherwise_below(live)
    if is_divided or (before and (after or live.not_null_inherited)):
        if (is_divided or after) and (is_given_not_null(wanted) or is_given_not_null(present)):
            names = f"{present or 'without a given name'} would be called {wanted or 'as PostgreSQL does'}"
            yield Note(f"{key}: its NOT NULL constraint {names} in a new database")
        return
    usual = make_object_name(family.live.name, live.name, "not_null")
    was_declared = last is not None and last.not_null_name == present
    yield from rename_not_null(sides, key, wanted, present, usual, was_declared=was_declared)


def not_null_text(column: Column) -> str | None:
    """NOT NULL with the options that PostgreSQL 18 has for it."""
    return " ".join(("NOT NULL", *filter(None, (column.not_null_options,)))) if column.not_null else None


def _backfill(key: ObjectKey, column: Column) -> str:
    name = quote_ident(key.member or "")
    if column.generated is not None:
        return f"where it comes out as null, correct first what it is computed from: {column.generated}"
    return f"rows that lack it need a value first: UPDATE {key.owner.label} SET {name} = … WHERE {name} IS NULL"


def rename_not_null(
    sides: Sides, key: ObjectKey, wanted: str | None, present: str | None, usual: str, *, was_declared: bool
) -> Findings:
    """The name of a column's or domain's NOT NULL constraint; one that nobody declared stays.

    Args:
        wanted, present: None for the one that PostgreSQL makes up, which is `usual`.
        was_declared: the last deployment declared the present one.
    """
    if is_given_not_null(wanted) or (is_given_not_null(present) and was_declared):
        yield sides.change(
            Action.ALTER,
            key,
            f"{key}: its NOT NULL constraint is called {wanted or usual} in the folder",
            aspect="not_null_name",
            before=present or usual,
            after=wanted or usual,
        )
    elif is_given_not_null(present):
        yield Note(f"{key}: its NOT NULL constraint {present} would be called {wanted or usual} in a new database")
