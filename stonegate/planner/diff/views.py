"""Views and materialised views: replaced in place when PostgreSQL allows it (manual: CREATE VIEW), else recreated."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import Column, View
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.model.tokens import same_body
from stonegate.planner.diff.access import compare_access, compare_column_privileges, compare_comment
from stonegate.planner.diff.code import compare_triggers
from stonegate.planner.diff.columns import change_source, compare_settings
from stonegate.planner.diff.findings import Findings, Unmanaged, options_text, type_text
from stonegate.planner.diff.indexes import compare_indexes
from stonegate.planner.diff.sides import Sides
from stonegate.planner.diff.star import in_live_order
from stonegate.planner.diff.tables import compare_place


def compare_views(sides: Sides) -> Findings:
    """All views and materialised views."""
    live = {view.key: view for view in sides.live.views}
    desired = {view.key: view for view in sides.desired.views}
    for key, view in desired.items():
        if key not in live:
            yield sides.change(Action.CREATE, key, f"{key} is new", after=view.definition)
        elif view != live[key]:
            yield from _compare_view(sides, view, live[key])
    for key, view in live.items():
        if key in desired:
            continue
        if sides.was_declared(key):
            yield sides.change(Action.DROP, key, f"{key} is no longer declared", before=view.definition)
        else:
            yield Unmanaged(key)


def _compare_view(sides: Sides, desired: View, live: View) -> Findings:
    """The parts of a view that is created again come with it: only its columns' and its own access is compared."""
    expanded = in_live_order(sides, desired.key, desired.definition)
    same = _is_same(desired, live, expanded)
    reasons = tuple(_recreation_reasons(desired, live, expanded, same=same))
    if reasons or not same:
        what = f"is created again: {'; '.join(reasons)}" if reasons else "has another definition"
        yield sides.change(
            Action.RECREATE if reasons else Action.REPLACE,
            desired.key,
            f"{desired.key} {what}",
            before=live.definition,
            after=desired.definition,
            breaking=tuple(_breaking(desired, live)),
        )
    triggers = _held(desired, compare_triggers(sides, desired, live))
    parts = (*compare_indexes(sides, desired, live, None), *triggers)
    yield from (finding for finding in parts if not reasons or isinstance(finding, Unmanaged))
    if not reasons:
        yield from _compare_aspects(sides, desired, live)
        yield from compare_place(sides, desired, live)
    if desired.populated and not live.populated and not reasons:
        # The reverse is no difference: who declares WITH NO DATA refreshes the view at a time of his own.
        reason = f"{desired.key} has no rows that could be read: it was never refreshed"
        yield sides.change(Action.ALTER, desired.key, reason, aspect="populated", before="no", after="yes")
    yield from _held(desired, _compare_columns(sides, desired, live))
    yield from compare_access(sides, desired.key, desired.access, live.access)


def _held(view: View, findings: Findings) -> Findings:
    """What is found of parts whose keys do not say that a view has them."""
    yield from (replace(each, table=view.key) if isinstance(each, Change) else each for each in findings)


def _is_same(desired: View, live: View, expanded: str) -> bool:
    return (
        live.definition == expanded
        or same_text(desired.definition, live.definition)
        or same_body("sql", desired.definition, live.definition)
    )


def _recreation_reasons(desired: View, live: View, expanded: str, *, same: bool) -> Iterator[str]:
    """CREATE OR REPLACE VIEW keeps the columns that are there, by name, type and collation, and may append others."""
    if desired.materialized and not same:
        yield "a materialised view cannot be replaced"
        return
    wanted, present = {c.name: c for c in desired.columns}, {c.name: c for c in live.columns}
    for name, column in present.items():
        if name not in wanted:
            if not same:
                yield f"column {name} is gone"
            continue
        before, after = (type_text(each.type, each.collation) for each in (column, wanted[name]))
        if before != after:
            yield f"column {name} is {before} instead of {after}"
    if same:
        if desired.definition == live.definition and set(wanted) != set(present):
            yield "its columns have other names"
        return
    kept = [column.name for column in desired.columns][: len(live.columns)]
    if expanded != desired.definition or (
        set(present) <= set(wanted) and kept != [column.name for column in live.columns]
    ):
        yield "its columns stand in another order"


def _breaking(desired: View, live: View) -> Iterator[str]:
    wanted = {column.name: column for column in desired.columns}
    for column in live.columns:
        if column.name not in wanted:
            yield f"column {column.name} is removed"
        elif wanted[column.name].type != column.type:
            yield f"column {column.name} changes from {column.type} to {wanted[column.name].type}"


def _compare_aspects(sides: Sides, desired: View, live: View) -> Findings:
    aspects = (
        ("options", options_text(desired.options), options_text(live.options), False),
        ("access_method", desired.access_method, live.access_method, True),
    )
    for aspect, after, before, rewriting in aspects:
        if before != after:
            reason = f"{desired.key}: {aspect.replace('_', ' ')} is {before or 'none'} instead of {after or 'none'}"
            yield sides.change(
                Action.ALTER, desired.key, reason, aspect=aspect, before=before, after=after, rewrites=rewriting
            )


def _compare_columns(sides: Sides, desired: View, live: View) -> Findings:
    """Comments, defaults, privileges and settings of the columns; new columns bring theirs only with the whole view."""
    present = {column.name: column for column in live.columns}
    last = sides.last_declared(desired.key)
    former = {column.name: column for column in last.columns} if isinstance(last, View) else {}
    for column in desired.columns:
        key = desired.key.part(ObjectKind.COLUMN, column.name)
        there = present.get(column.name, Column(name=column.name, type=column.type))
        yield from compare_comment(sides, key, column.comment, there.comment)
        yield from compare_column_privileges(sides, key, column, there, former.get(column.name), live.access.owner)
        if column.default != there.default:
            yield change_source(sides, key, "default", there.default, column.default)
        yield from compare_settings(sides, key, column, there)
