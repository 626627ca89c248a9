"""What a plan still has to do in a database: after its migrations ran, before the commit, and after (behaviour, §6)."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import Catalog, CatalogObject
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass, Phase, Plan, Step
from stonegate.model.tracking import TrackingState
from stonegate.planner.adoption import recorded_keys
from stonegate.planner.confirm import confirm
from stonegate.planner.consent import Allowed, free_of_consent, with_consents
from stonegate.planner.diff import Diff, differences, in_live_positions
from stonegate.planner.migrations.backfill import with_planned_consent
from stonegate.planner.migrations.moved import with_moved
from stonegate.planner.obstacles.clear import clear_the_way
from stonegate.planner.obstacles.own_rows import refuse_own_rows
from stonegate.planner.steps.evolve import Evolution, evolve
from stonegate.planner.steps.operations import is_executable
from stonegate.planner.steps.places import Place
from stonegate.planner.steps.seeding import filled_tables
from stonegate.planner.unmanaged import named_drops

#: What is done to objects in front of a migration.
_TAKING = frozenset({Action.DROP, Action.RECREATE})
#: What a fresh build is looked for: all else is part of these.
_CHECKED = CODE_KINDS | {ObjectKind.SCHEMA, ObjectKind.TYPE, ObjectKind.SEQUENCE, ObjectKind.TABLE}


def compare_with(plan: Plan, live: Catalog, state: TrackingState) -> Diff:
    """How `live` differs from what the plan declares; objects are known by the names that its migrations give them."""
    assert plan.desired is not None
    return differences(
        plan.desired,
        live,
        declared=with_moved(state.declared, plan.moved, plan.desired),
        deployed_names=recorded_keys(state, live),
        kept=frozenset(plan.kept),
        builder=plan.builder,
        stated=frozenset(plan.stated),
        starred=frozenset(plan.starred),
    )


def standing_notes(plan: Plan, live: Catalog, state: TrackingState) -> tuple[str, ...]:
    """Differences that stay and were told by the last deployment: plans do not repeat them."""
    return compare_with(plan, live, state).standing if plan.desired is not None else ()


def build_remaining(plan: Plan, before: Catalog, live: Catalog, state: TrackingState) -> tuple[Step, ...]:
    """The steps still needed after the pending migrations really ran, seeders and late statements left out.

    Args:
        before, live: the database before the migrations, and as it is now.

    Raises:
        PlanChanged: a step is needed that was neither planned nor announced as "decided at apply".
        MigrationBlocked: a needed step has no consent, or cannot be made.
    """
    assert plan.desired is not None
    allowed = Allowed(consents=plan.consents, force=plan.force)
    excepted = frozenset(plan.excepted + plan.awaited)
    diff = compare_with(plan, live, state)
    made = frozenset(step.key for step in plan.steps if step.action is Action.CREATE and step.kind is ObjectKind.TABLE)
    left = with_planned_consent((c for c in diff.changes if not c.is_excepted(excepted)), plan.steps)
    changes = (*free_of_consent(left, made), *named_drops(diff.unmanaged, allowed, live))
    confirm(plan, changes, before, allowed)
    keys = _keys_taken_away(plan)
    restored = frozenset(c.key for c in changes if c.action is Action.CREATE and c.key in keys)
    changes = tuple(replace(c, action=Action.RECREATE) if c.key in restored and not c.aspect else c for c in changes)
    cleared = clear_the_way(tuple(filter(is_executable, changes)), plan.desired, live)
    _refuse_own_rows(cleared.changes, plan.desired)
    places = {
        step.key: Place(file=step.file, line=step.line, body_line=step.body_line)
        for step in plan.steps
        if step.file is not None and step.line is not None
    }
    declared = with_moved(state.declared, plan.moved, plan.desired)
    evolution = Evolution(
        desired=in_live_positions(plan.desired, live, declared),
        live=live,
        builder=plan.builder,
        places=places,
        declared=declared,
        filled=filled_tables(plan.steps, seed_missing=plan.seed_missing),
        taken=_as_they_were(keys, plan, before),
        gone=restored,
    )
    refreshes = (step for step in plan.steps if step.phase is Phase.REFRESHES)
    return (*with_consents(evolve(cleared.changes, evolution), allowed), *refreshes)


def _refuse_own_rows(changes: tuple[Change, ...], desired: Catalog) -> None:
    refused = tuple(refuse_own_rows(changes, desired))
    if refused:
        raise MigrationBlocked(
            "after the migrations ran, changes are needed that cannot be made",
            details=tuple(refusal.reason for refusal in refused),
            hint=refused[0].hint,
        )


def _keys_taken_away(plan: Plan) -> frozenset[ObjectKey]:
    """What the plan takes away in front of its migrations."""
    steps = (step for step in plan.steps if step.phase is Phase.MIGRATIONS and step.action is not Action.RUN)
    return frozenset(change.key for step in steps for change in step.changes if change.action in _TAKING)


def _as_they_were(keys: frozenset[ObjectKey], plan: Plan, before: Catalog) -> dict[ObjectKey, CatalogObject]:
    """Whole objects, and for parts the relations that they are of, by the names behind the migrations."""
    if not keys or plan.desired is None or (moved := with_moved(before, plan.moved, plan.desired)) is None:
        return {}
    holders = moved.index_holders
    wholes = ((key, moved.objects.get(key)) for key in keys if not key.is_part)
    parts = ((key, moved.relations.get(holders.get(key, key).qualified)) for key in keys if key.is_part)
    return {key: thing for key, thing in (*wholes, *parts) if thing is not None}


def unmet_changes(plan: Plan, live: Catalog, state: TrackingState) -> tuple[Change, ...]:
    """Verification before the commit: what still differs from what the folder declares; () when all is as declared."""
    if plan.desired is None:
        return tuple(
            Change(
                action=Action.CREATE,
                key=step.key,
                change_class=ChangeClass.SAFE,
                reason=f"{step.key} is declared but was not found after the apply",
            )
            for step in plan.steps
            if step.phase is not Phase.POST_COMMIT and _is_missing(step, live)
        )
    excepted = frozenset(plan.excepted + plan.awaited)
    return tuple(change for change in compare_with(plan, live, state).changes if not change.is_excepted(excepted))


def unmanaged_objects(plan: Plan, live: Catalog, state: TrackingState) -> frozenset[str]:
    """What is in the database and nobody declared, as `Plan.unmanaged` names it."""
    return frozenset() if plan.desired is None else frozenset(map(str, compare_with(plan, live, state).unmanaged))


def _is_missing(step: Step, live: Catalog) -> bool:
    if step.action is not Action.CREATE or step.kind not in _CHECKED or step.key in live.objects:
        return False
    if step.kind is ObjectKind.ROUTINE:
        # The text may name a type by an alias that only the catalog resolves.
        return not live.routines_named(step.key.qualified)
    return True
