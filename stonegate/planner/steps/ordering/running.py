"""What runs routines over rows while it is made: it waits for all of them, since bodies call each other unseen."""

from __future__ import annotations

from stonegate.model.names import ObjectKind
from stonegate.planner.reach import reached
from stonegate.planner.steps.operations import Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex

_FILLED = frozenset({ObjectKind.MATERIALIZED_VIEW, ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.INDEX})
_COMPUTED = frozenset({"type", "generated", "validated"})


def running(index: OperationIndex) -> frozenset[int]:
    """Operations that compute values with routines of the folder, by way of views, operators or casts too.

    Made before these are replaced, a materialised view or a generated column would hold what the former ones return.
    """
    makes = [(number, each) for number, each in enumerate(index.operations) if each.verb is not Verb.DROP]
    if not any(operation.key.kind is ObjectKind.ROUTINE for _, operation in makes):
        return frozenset()
    routines = (routine.key for routine in index.desired.routines)
    calling = frozenset(reached(routines, lambda key: index.desired.dependents.get(key, ())))
    return frozenset(
        number
        for number, operation in makes
        if operation.key.kind in _FILLED
        and (operation.verb is Verb.CREATE or index.aspect(number) in _COMPUTED)
        and operation.key in calling
    )
