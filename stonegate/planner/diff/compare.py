"""`differences`, the entry of this room: (desired, live, last declared) → changes, unmanaged objects and notes."""

from __future__ import annotations

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.diff.code import compare_routines
from stonegate.planner.diff.doubled import without_doubled
from stonegate.planner.diff.findings import Diff, Findings, Note, build_diff
from stonegate.planner.diff.objects import (
    compare_all_default_privileges,
    compare_extensions,
    compare_others,
    compare_schemas,
)
from stonegate.planner.diff.positions import in_live_positions
from stonegate.planner.diff.sequences import compare_sequences
from stonegate.planner.diff.sides import Sides
from stonegate.planner.diff.tables import compare_tables
from stonegate.planner.diff.taken_names import block_occupied
from stonegate.planner.diff.types import compare_types
from stonegate.planner.diff.views import compare_views


def differences(
    desired: Catalog,
    live: Catalog,
    *,
    declared: Catalog | None,
    deployed_names: frozenset[ObjectKey] = frozenset(),
    kept: frozenset[ObjectKind] = frozenset(),
    builder: str = "",
    stated: frozenset[tuple[str, str]] | None = None,
    starred: frozenset[ObjectKey] | None = None,
) -> Diff:
    """What has to be done to `live` so that it is as `desired` says (behaviour, §4 and §5).

    An object or member that is live only is removed if an earlier deployment declared it, and listed otherwise.

    Args:
        desired: the folder, built in the reference database.
        live: the target.
        declared: the desired catalog of the last stonegate deployment, None at adoption.
        deployed_names: keys of the tables, types and routines that tracking rows name.
        kept: kinds that the folder does not manage: nothing of them is removed.
        builder: the role that built the reference; an object that it owns says nothing about its owner.
        stated: (extension, "version" | "schema" | "comment") that the folder states; None takes all as stated.
        starred: views and routines whose source has a `*`; None decides by what the last deployment shows.
    """
    desired = in_live_positions(desired, live, declared)
    sides = Sides(
        desired=desired,
        live=live,
        declared=declared,
        deployed=deployed_names,
        kept=kept,
        builder=builder,
        stated=stated,
        starred=starred,
    )
    findings = list(without_doubled(_compare_all(sides), desired))
    return build_diff(iter(block_occupied(findings, desired, live)))


def _compare_all(sides: Sides) -> Findings:
    yield from compare_schemas(sides)
    yield from compare_extensions(sides)
    yield from compare_types(sides)
    yield from compare_sequences(sides)
    yield from compare_tables(sides)
    yield from compare_views(sides)
    yield from compare_routines(sides)
    yield from compare_all_default_privileges(sides)
    yield from compare_others(sides)
    missing = [schema for schema in sides.desired.search_path if schema not in sides.live.search_path]
    if missing:
        yield Note(f"the database's search_path gets {', '.join(missing)}")
