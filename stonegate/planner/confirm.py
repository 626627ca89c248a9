"""After the migrations really ran: the diff taken again may only confirm or remove steps (behaviour, §5)."""

from __future__ import annotations

from stonegate.errors import MigrationBlocked, PlanChanged
from stonegate.model.plan import Change, Plan
from stonegate.planner.consent import Allowed
from stonegate.planner.migrations.simulate import EVERYTHING


def confirm(plan: Plan, changes: tuple[Change, ...], allowed: Allowed) -> None:
    """Accepts `changes` or says why not.

    Raises:
        PlanChanged: a change was neither planned nor marked "decided at apply".
        MigrationBlocked: a change has no consent.
    """
    planned = {change.identity for step in plan.steps for change in step.changes}
    uncertain = frozenset(plan.uncertain)
    surprises = tuple(
        change
        for change in changes
        if change.identity not in planned and EVERYTHING not in uncertain and not change.labels & uncertain
    )
    if surprises:
        raise PlanChanged(
            "after the migrations ran, changes are needed that were not planned",
            details=tuple(change.reason or change.identity for change in surprises),
            hint="stonegate plan again; a migration did something that its text does not show",
        )
    refused = tuple(refusal for change in changes if (refusal := allowed.refusal(change)) is not None)
    if refused:
        raise MigrationBlocked(
            "after the migrations ran, changes are needed that have no consent",
            details=tuple(f"{refusal.reason} ({refusal.allow or 'no consent'})" for refusal in refused),
            hint=" ".join(refusal.allow for refusal in refused if refusal.allow) or None,
        )
