"""Is a saved plan still for the database as it is? If not, what moved (behaviour, §8)."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.database.connect import Session
from stonegate.database.tracking.state import read_unchanged
from stonegate.errors import MOST_DETAILS, StalePlan, UsageError
from stonegate.model.catalog import Accessible, Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Change, Mode, Plan
from stonegate.model.tracking import TrackingState
from stonegate.planner.build import live_fingerprint
from stonegate.planner.remaining import unmanaged_objects, unmet_changes


def refuse_stale(plan: Plan, live: Catalog, state: TrackingState, database: str) -> None:
    """Nothing, if the plan was made for this state.

    Raises:
        StalePlan: it was not; the details name what moved, as far as a plan can tell.
    """
    fingerprint = plan.target.fingerprint if plan.target is not None else ""
    if fingerprint == live_fingerprint(live, state):
        return
    # A plan without a server, or for a missing database, fits every database that has none of its objects.
    moved = tuple(_moved(plan, live, state))
    if not fingerprint and not moved:
        return
    raise StalePlan(
        f"the plan was made for another state of {database}; nothing was changed",
        details=moved[:MOST_DETAILS] or ("something that the folder does not manage was changed",),
        hint="stonegate plan again, and review what is different",
        database=database,
    )


def refuse_other_role(plan: Plan, live: Catalog, role: str, database: str) -> None:
    """Nothing, unless the plan takes for granted that what it makes again belongs to a role that is not this one.

    Raises:
        UsageError: it was made by the owner of what is in the database, and another role would carry it out.
    """
    if plan.builder in ("", role) or plan.mode is Mode.FRESH:
        return
    if any(thing.access.owner == plan.builder for thing in live.objects.values() if isinstance(thing, Accessible)):
        raise UsageError(
            f"the plan was made as {plan.builder}, who owns what is in {database}, and not as {role}",
            hint=f"connect as {plan.builder} (--platform does, for a platform's role), or plan again as {role}",
        )


async def refuse_moved(conn: Session, plan: Plan, database: str) -> None:
    """Nothing, if a database of whose plan nothing was read, since it was as deployed, still is.

    Raises:
        StalePlan: it is not, or another folder was deployed.
    """
    deployed = await read_unchanged(conn, plan.source.digest)
    if deployed is None or deployed[0] != plan.source.digest:
        raise StalePlan(
            f"the plan was made when nothing was to do in {database}, which has moved since",
            hint="stonegate plan again, and review what is different",
            database=database,
        )


def _moved(plan: Plan, live: Catalog, state: TrackingState) -> Iterator[str]:
    if plan.mode is Mode.FRESH:
        if state.last is not None:
            yield f"the database was deployed meanwhile (deployment {state.last.id})"
        created = [step.key for step in plan.steps if step.action is Action.CREATE]
        yield from (
            f"{key} exists already" for key in created if key in live.objects and key.kind is not ObjectKind.EXTENSION
        )
        return
    recorded = {migration.name for migration in state.migrations}
    running = {step.key.name for step in plan.steps if step.action in (Action.RUN, Action.BASELINE)}
    yield from (f"migration {name} was applied meanwhile" for name in sorted(running & recorded))
    planned = {change.identity: change for step in plan.steps for change in step.changes if not change.restored}
    needed = {change.identity: change for change in unmet_changes(plan, live, state)}
    others = unmanaged_objects(plan, live, state)
    for identity in sorted(planned.keys() - needed.keys()):
        change = planned[identity]
        if change.action is Action.DROP and str(change.key) in others:
            others -= {str(change.key)}  # named in --allow
        elif not running:  # else the differences are those after the migrations
            yield f"no longer needed: {identity}"
        elif change.action is Action.CREATE and change.holder in live.objects:
            yield f"{change.key} exists already"
    for identity in sorted(needed.keys() - planned.keys()):
        if not _is_touched(needed[identity], plan):
            yield f"not in the plan: {needed[identity].reason or identity}"
    if not running:
        yield from (f"{name} was made meanwhile" for name in sorted(others - {*plan.unmanaged}))
        yield from (f"{name} was dropped meanwhile" for name in sorted({*plan.unmanaged} - others))
    for identity in sorted(planned.keys() & needed.keys()):
        before, now = planned[identity].before, needed[identity].before
        if before != now and (needed[identity].is_ensured or not _is_touched(needed[identity], plan)):
            yield f"{identity}: it is {now} now, was {before}"


def _is_touched(change: Change, plan: Plan) -> bool:
    """True for what a migration of the plan changes: the plan knows it as it is behind that."""
    return EVERYTHING in plan.uncertain or not change.labels.isdisjoint(plan.uncertain)
