"""`differences`, the entry of this room: (desired, live, last declared) → changes, unmanaged objects and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass
from stonegate.planner.diff.code import compare_routines
from stonegate.planner.diff.findings import Diff, Finding, Findings, Note, build_diff
from stonegate.planner.diff.objects import (
    compare_all_default_privileges,
    compare_extensions,
    compare_others,
    compare_schemas,
)
from stonegate.planner.diff.sequences import compare_sequences
from stonegate.planner.diff.sides import Sides, relations
from stonegate.planner.diff.tables import compare_tables
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
    owner: str | None = None,
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
        owner: the role that stands for `builder` in the live database, if it is another one.
        stated: (extension, "version" | "schema" | "comment") that the folder states; None takes all as stated.
        starred: views and routines whose source has a `*`; None decides by what the last deployment shows.
    """
    sides = Sides(
        desired=desired,
        live=live,
        declared=declared,
        deployed=deployed_names,
        kept=kept,
        builder=builder,
        owner=builder if owner is None else owner,
        stated=stated,
        starred=starred,
    )
    findings = list(_compare_all(sides))
    return build_diff(iter(_block_occupied(findings, live)))


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
        yield Note(f"the database's search_path lacks {', '.join(missing)}")


# --- names that are taken -------------------------------------------------------------------------------------------

#: Relations and types share one namespace in a schema (manual 5.10.1: a table's row type has its name).
_ONE_NAMESPACE = frozenset(
    {
        ObjectKind.TABLE,
        ObjectKind.VIEW,
        ObjectKind.MATERIALIZED_VIEW,
        ObjectKind.SEQUENCE,
        ObjectKind.TYPE,
        ObjectKind.INDEX,
    }
)


def _block_occupied(findings: Iterable[Finding], live: Catalog) -> Iterator[Finding]:
    """An object cannot be created where one of another kind has its name and stays."""
    findings = tuple(findings)
    gone = {change.key for change in findings if isinstance(change, Change) and change.action is Action.DROP}
    taken = {(key.schema, key.name): key for key, holder in _named(live) if gone.isdisjoint((key, holder))}
    for finding in findings:
        if isinstance(finding, Change) and finding.action is Action.CREATE and finding.key.kind in _ONE_NAMESPACE:
            occupant = taken.get((finding.key.schema, finding.key.name))
            if occupant is not None and occupant != finding.key:
                yield _refused(finding, occupant)
                continue
        yield finding


def _named(catalog: Catalog) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """Every object with a name of that namespace, and what it goes along with: an index with its relation."""
    yield from ((key, key) for key in catalog.objects if key.kind in _ONE_NAMESPACE)
    for relation in relations(catalog):
        for index in relation.indexes:
            yield ObjectKey(ObjectKind.INDEX, relation.schema, index.name), relation.key


def _refused(change: Change, occupant: ObjectKey) -> Change:
    return replace(
        change,
        change_class=ChangeClass.INCOMPATIBLE,
        token=None,
        reason=f"{change.key} cannot be created: {occupant}, which the folder does not declare, has its name",
        hint=f"rename or drop {occupant} in a migration",
    )
