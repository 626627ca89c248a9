"""Materialised views with an index that calls a routine of their own rows: made with their indexes, they cannot be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from stonegate.model.catalog import Catalog, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Blocked, Change
from stonegate.planner.ddl import drop_statement
from stonegate.planner.reach import reached

_MAKING = (Action.CREATE, Action.RECREATE)


def refuse_own_rows(
    changes: Iterable[Change],
    desired: Catalog,
    uncertain: frozenset[str] = frozenset(),
    moved: Iterable[tuple[ObjectKey, ObjectKey]] = (),
) -> Iterator[Blocked]:
    """A refusal for each materialised view that is made, or made again, and whose index needs a routine that needs the
    view: the routine would have to come between the two.

    A migration may do that, since it makes the index by itself.

    Args:
        uncertain: labels of what is compared again behind the migrations: what reads a table that they rename may well
            be as it is declared then.
        moved: (before, after) of what they call otherwise, with the queries of those views as far as these are known.
    """
    known = frozenset() if EVERYTHING in uncertain else {after for _, after in moved}
    made = (
        change.key
        for change in changes
        if change.action in _MAKING
        and not change.aspect
        and (change.restored or change.key in known or not change.labels & uncertain)
    )
    views = [view for view in map(desired.objects.get, made) if isinstance(view, View) and view.indexes]
    if not views:
        return
    needs: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    for edge in desired.dependencies:
        needs[edge.dependent] |= {edge.on, edge.on.owner}
    for view in views:
        for index in (view.key.index(index.name) for index in view.indexes):
            for routine in sorted(on for on in needs.get(index, ()) if on.kind is ObjectKind.ROUTINE):
                if view.key in reached((routine,), lambda key: needs.get(key, ())):
                    yield _refusal(index, routine, view.key, desired)


def _refusal(index: ObjectKey, routine: ObjectKey, view: ObjectKey, desired: Catalog) -> Blocked:
    parts = (index, routine, view)
    drops = "; ".join(drop_statement(key, desired.objects.get(key)) for key in parts)
    return Blocked(
        object=view.label,
        reason=f"{view} is made with its {index}, which calls {routine}, which takes rows of the view",
        hint=f"write a migration: {drops}; as far as they are there; then make {view}, {routine} and {index}, in this "
        "order, as they are declared",
    )
