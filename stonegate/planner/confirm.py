"""After the migrations really ran: the diff taken again may only confirm or remove steps (behaviour, §5)."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.errors import MigrationBlocked, PlanChanged
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Change, ChangeClass, Plan
from stonegate.planner.classify.classes import DROP_TOKENS
from stonegate.planner.consent import Allowed


def confirm(plan: Plan, changes: tuple[Change, ...], before: Catalog, allowed: Allowed) -> None:
    """Accepts `changes` or says why not.

    Args:
        before: the live catalog before the migrations.

    Raises:
        PlanChanged: a change was neither planned nor marked "decided at apply".
        MigrationBlocked: a change has no consent.
    """
    planned = {change.identity for step in plan.steps for change in step.changes}
    # What is made again around another change has its own changes in it.
    remade = {c.key for step in plan.steps for c in step.changes if c.action is Action.RECREATE}
    uncertain = frozenset(plan.uncertain)
    surprises = tuple(
        change
        for change in changes
        if change.identity not in planned
        and not change.is_ensured  # a migration may grant, revoke or give away what the folder says otherwise
        and remade.isdisjoint((change.key, change.key.owner))
        and EVERYTHING not in uncertain
        and not change.labels & uncertain
    )
    if surprises:
        raise PlanChanged(
            "after the migrations ran, changes are needed that were not planned",
            details=tuple(change.reason or change.identity for change in surprises),
            hint="stonegate plan again; a migration did something that its text does not show",
        )
    emptied = (_as_loss(change, before) for change in changes if change.identity not in planned)
    asking = (*changes, *(loss for loss in emptied if loss is not None))
    refused = tuple(refusal for change in asking if (refusal := allowed.refusal(change)) is not None)
    if refused:
        raise MigrationBlocked(
            "after the migrations ran, changes are needed that have no consent",
            details=tuple(f"{refusal.reason} ({refusal.allow or 'no consent'})" for refusal in refused),
            hint=" ".join(refusal.allow for refusal in refused if refusal.allow) or None,
        )


_LOST = frozenset({ObjectKind.TABLE, ObjectKind.COLUMN, ObjectKind.SEQUENCE})


def _as_loss(change: Change, before: Catalog) -> Change | None:
    """What the change means if it makes something anew that a migration took away without its text showing it."""
    key = change.key
    column = before.column(key) if key.kind is ObjectKind.COLUMN else None
    was_there = key in before.objects or (column is not None and column.generated is None)
    if change.action is not Action.CREATE or key.kind not in _LOST or not was_there:
        return None
    reason = f"a migration took {key} away, which the folder declares: it would be made anew, without what was in it"
    return replace(change, change_class=ChangeClass.DATALOSS, token=DROP_TOKENS[key.kind], reason=reason)
