"""The plan for a database that has something already: migrations, differences, drift and consent (behaviour, §4–§6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind, schema_key
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, Mode, Phase, Plan, PlanOptions, Step
from stonegate.model.source import SourceTree, Verb
from stonegate.model.tracking import TrackingState
from stonegate.planner.consent import Allowed, free_of_consent, unmatched, with_consents
from stonegate.planner.diff import Diff, in_live_positions
from stonegate.planner.drift import Drift, find_drift
from stonegate.planner.fresh import extension_search_path
from stonegate.planner.kept_types import Leaning, is_remembered, leaning_on
from stonegate.planner.migrations.decide import MigrationPlan, plan_migrations
from stonegate.planner.migrations.enum_values import moved_enums, refuse_values
from stonegate.planner.migrations.former_routines import warn_of_former
from stonegate.planner.migrations.moved import with_moved
from stonegate.planner.migrations.other_tables import refuse_unreached
from stonegate.planner.migrations.overtaken import refuse_early, with_late_hints
from stonegate.planner.migrations.read_views import refuse_unmade
from stonegate.planner.migrations.recorded import changed_migrations, refuse_unrun
from stonegate.planner.migrations.rewind import Rewound, rewind, with_rewound
from stonegate.planner.migrations.simulate import Simulated, simulate
from stonegate.planner.migrations.undeclared import find_undeclared
from stonegate.planner.obstacles.clear import clear_the_way
from stonegate.planner.obstacles.migrations import MadeWay, TakenAway, take_away
from stonegate.planner.obstacles.own_rows import refuse_own_rows
from stonegate.planner.obstacles.refuse import refuse_lost_parts
from stonegate.planner.order.tree import Ordered
from stonegate.planner.records import build_records
from stonegate.planner.remaining import compare_with
from stonegate.planner.stale import BodyUses, refuse_stale_bodies
from stonegate.planner.steps.evolve import Evolution, evolve
from stonegate.planner.steps.operations import is_executable
from stonegate.planner.steps.phases import arrange
from stonegate.planner.steps.places import Place, find_places
from stonegate.planner.steps.seeding import filled_tables, seed_steps
from stonegate.planner.unmanaged import kept_exceptions, kept_kinds, named_drops


class Given(Struct, frozen=True, kw_only=True):
    """What the plan of a change is made from; see `build_plan` for the parts."""

    tree: SourceTree
    ordered: Ordered
    options: PlanOptions
    live: Catalog
    state: TrackingState
    desired: Catalog
    body_uses: BodyUses


class _Preview(Struct, frozen=True, kw_only=True):
    """What is expected after the pending migrations.

    Attributes:
        start: the live catalog with the new tables that the migrations work on, each in the form that they expect.
        rewound: those tables; `made`: the changes that create them.
        simulated: the replay on `start`; `diff`: what is then left to do.
    """

    start: Catalog
    rewound: Rewound
    made: tuple[Change, ...]
    simulated: Simulated
    diff: Diff


class _Decided(Struct, frozen=True, kw_only=True):
    """The changes to carry out, and what stands against them."""

    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]
    excepted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_change(plan: Plan, given: Given) -> Plan:
    """Fills `plan` for the modes CHANGE, ADOPTION and BASELINE."""
    tree, options, state = given.tree, given.options, given.state
    allowed = Allowed(consents=options.consents, force=options.force, drift=options.allow_drift)
    plan = _with_facts(plan, given)
    ordered, baseline = given.ordered.migrations, plan.mode is Mode.BASELINE
    migrations = plan_migrations(tree, ordered, state, allowed, given.live, given.desired, baseline=baseline)
    records = build_records(tree, migrations.steps, changed_migrations(tree, state))
    if baseline:
        unrun = refuse_unrun(tree, state) if options.of_many else ()
        return replace(plan, steps=migrations.steps, blocked=(*migrations.blocked, *unrun), records=records)
    allowed = replace(allowed, consents=(*allowed.consents, *migrations.consents))
    preview = _preview(plan, given, migrations)
    plan = replace(plan, consents=allowed.consents, moved=preview.simulated.moved)
    decided = _decide_all(plan, given, allowed, migrations, preview)
    wanted = tuple(filter(is_executable, decided.changes))
    going = {change.key: change for change in wanted if change.action is Action.DROP}
    taken = take_away(migrations.pending, preview.start, given.desired, going)
    cleared = clear_the_way(wanted, given.desired, preview.simulated.catalog, taken.restored)
    created = preview.simulated.created | {c.key for c in decided.changes if c.action is Action.CREATE}
    seeds = seed_steps(given.ordered.seeders, given.desired, created)
    evolution = _evolution(plan, given, preview, taken, seeds)
    migrations = _with_way_made(migrations, taken.ways, evolution)
    steps = with_consents(arrange(cleared.changes, evolution, migrations, seeds), allowed)
    moved = moved_enums(migrations.pending, given.live, evolution.live)
    unmanaged = find_undeclared(migrations.running, given.live, given.desired).union(preview.diff.unmanaged)
    refused = (_refusal(change, allowed, evolution.places) for change in decided.changes)
    blocked = (
        *decided.blocked,
        *migrations.blocked,
        *preview.rewound.blocked,
        *(refusal for refusal in refused if refusal is not None),
        *taken.blocked,
        *(each for each in cleared.blocked if each.object not in {refused.object for refused in taken.blocked}),
        *refuse_lost_parts(cleared.changes, preview.diff.unmanaged, going, given.desired, given.live),
        *refuse_unreached(decided.changes, migrations.pending, given.live, evolution.live),
        *refuse_early(decided.changes, migrations.late, given.desired, given.live),
        *refuse_unmade(steps, migrations.pending, given.live),
        *refuse_own_rows(cleared.changes, given.desired, preview.simulated.uncertain, preview.simulated.moved),
        *refuse_values(steps, migrations.pending, given.desired, evolution.live, moved),
    )
    return replace(
        plan,
        steps=steps,
        blocked=tuple(_placed(blocked, evolution.places)),
        warnings=(*plan.warnings, *decided.warnings, *preview.diff.notes, *unmatched(options.consents, steps, blocked)),
        skipped=_skipped(given.desired, (*preview.diff.changes, *decided.changes)),
        uncertain=tuple(sorted(preview.simulated.uncertain)) if migrations.running else (),
        excepted=tuple(sorted({*decided.excepted, *kept_exceptions(given.state.excepted, plan.kept)})),
        awaited=_left_to_late(plan, given, migrations, preview),
        records=records,
        unmanaged=tuple(sorted({str(key) for key in unmanaged - taken.done - going.keys()})),
    )


def _with_facts(plan: Plan, given: Given) -> Plan:
    """The plan with what the folder says about the comparison, which an apply needs without the folder."""
    tree, last = given.tree, given.state.last
    return replace(
        plan,
        kept=kept_kinds(tree, last.outside if last is not None else ()),
        desired=given.desired,
        search_path=extension_search_path(tree),
        stated=_stated(tree),
        starred=tuple(sorted({item.key for item in tree.items if item.starred and item.key.kind in CODE_KINDS})),
    )


def _preview(plan: Plan, given: Given, migrations: MigrationPlan) -> _Preview:
    rewound = rewind(migrations.running, given.desired, migrations.new)
    start = with_rewound(given.live, rewound.tables)
    simulated = simulate(start, given.desired, migrations.running)
    made = tuple(
        Change(action=Action.CREATE, key=table.key, reason=f"{table.key} is new; made as the migrations expect it")
        for table in rewound.tables
    )
    diff = compare_with(replace(plan, moved=simulated.moved), simulated.catalog, given.state)
    return _Preview(start=start, rewound=rewound, made=made, simulated=simulated, diff=diff)


def _decide_all(plan: Plan, given: Given, allowed: Allowed, migrations: MigrationPlan, preview: _Preview) -> _Decided:
    """What is carried out and what blocks: differences, unmanaged objects named by consents, stale bodies, contract."""
    drift = find_drift(given.live, given.state, plan.kept, preview.simulated)
    wanted = (
        *preview.made,
        *free_of_consent(preview.diff.changes, frozenset(change.key for change in preview.made)),
        *named_drops(preview.diff.unmanaged, allowed, preview.simulated.catalog),
    )
    former = with_moved(given.state.declared, plan.moved, given.desired)
    lean = partial(leaning_on, desired=given.desired, live=preview.simulated.catalog, former=former)
    decided = _decide(plan, wanted, drift, given.state, allowed, lean)
    by_migrations = (change for step in migrations.steps for change in step.changes)
    stale = refuse_stale_bodies((*decided.changes, *by_migrations), given.tree, allowed, given.desired, given.body_uses)
    return replace(
        decided,
        changes=with_late_hints(decided.changes, migrations.late),
        blocked=(*decided.blocked, *stale, *_broken(decided.changes, given.options)),
        warnings=(*decided.warnings, *warn_of_former(decided.changes, migrations.pending, given.tree, given.live)),
    )


def _evolution(plan: Plan, given: Given, preview: _Preview, taken: TakenAway, seeds: tuple[Step, ...]) -> Evolution:
    declared = with_moved(given.state.declared, plan.moved, given.desired)
    return Evolution(
        desired=in_live_positions(given.desired, preview.simulated.catalog, declared),
        live=preview.simulated.catalog,
        builder=plan.builder,
        places=find_places(given.tree),
        declared=declared,
        real=given.live,
        rewound=preview.rewound.tables,
        filled=filled_tables(seeds, seed_missing=given.options.seed_missing),
        taken=taken.former,
        gone=taken.done,
    )


def _with_way_made(migrations: MigrationPlan, ways: Iterable[MadeWay], evolution: Evolution) -> MigrationPlan:
    """The migrations with the steps in front of each that take away what stands in its way."""
    ahead = {
        way.migration: evolve(
            way.changes, replace(evolution, live=way.catalog, gone=frozenset()), only=lambda each: each.is_removal
        )
        for way in ways
    }
    steps = (
        each
        for step in migrations.steps
        for each in (*(_in_front(first, step) for first in ahead.get(step.key.name, ())), step)
    )
    return replace(migrations, steps=tuple(steps))


def _in_front(step: Step, migration: Step) -> Step:
    return replace(step, id=f"{step.id} for {migration.key.name}", phase=Phase.MIGRATIONS)


def _stated(tree: SourceTree) -> tuple[tuple[str, str], ...]:
    """What the folder pins of its extensions: an installed one is left as it is otherwise (behaviour, §4)."""
    versions = {(item.name, "version") for item in tree.extensions if item.version is not None}
    schemas = {(item.name, "schema") for item in tree.extensions if item.schema is not None}
    said = (item.key for item in tree.items if item.verb is Verb.COMMENT and item.key.kind is ObjectKind.EXTENSION)
    return tuple(sorted(versions | schemas | {(key.name, "comment") for key in said}))


def _decide(
    plan: Plan,
    wanted: Iterable[Change],
    drift: Drift,
    state: TrackingState,
    allowed: Allowed,
    lean: Callable[[Iterable[Change]], Leaning],
) -> _Decided:
    """Sorts the differences into what is carried out, what is tolerated, and what blocks as drift."""
    changes: list[Change] = []
    blocked: list[Blocked] = []
    excepted: list[str] = []
    warnings: list[str] = []
    wanted = tuple(wanted)
    is_first = plan.mode is Mode.ADOPTION
    left = {
        change.exception
        for change in wanted
        if (is_first or is_remembered(change, state.excepted, plan.moved)) and allowed.refusal(change) is not None
    }
    leaning = lean(tuple(change for change in wanted if change.exception in left))
    excepted += leaning.marks
    for change in wanted:
        refused = allowed.refusal(change)
        if change.exception in left or leaning.leaves(change):
            excepted.append(change.exception)
            if is_first:
                warnings.append(f"left as it is (first stonegate deployment): {change.reason or change.identity}")
            continue
        reason = drift.reason(change)
        asks = reason is not None and not drift.redeploys(change)
        if reason is None:
            changes.append(change)
        elif asks and not allowed.overwrites(change):
            blocked.append(drift.block(change, reason, refused))
        else:
            is_possible = change.change_class is not ChangeClass.INCOMPATIBLE  # else it says itself what is in the way
            said = drift.sentence(change, reason) if is_possible else change.reason
            changes.append(replace(change, reason=said, overwrites=asks))
    return _Decided(changes=tuple(changes), blocked=tuple(blocked), excepted=tuple(excepted), warnings=tuple(warnings))


def _left_to_late(plan: Plan, given: Given, migrations: MigrationPlan, preview: _Preview) -> tuple[str, ...]:
    """Differences that statements after the commit will remove: neither steps nor failures of verification."""
    if not migrations.late:
        return ()
    after_commit = {change.exception for change in preview.diff.changes}
    before = simulate(preview.start, given.desired, migrations.pending).catalog
    changes = compare_with(plan, before, given.state).changes
    return tuple(sorted(mark for change in changes if (mark := change.exception) not in after_commit))


def _broken(changes: Iterable[Change], options: PlanOptions) -> tuple[Blocked, ...]:
    """With --strict-contract, what callers would notice blocks (behaviour, §10)."""
    if not options.strict_contract:
        return ()
    return tuple(
        Blocked(
            object=change.key.label,
            reason=hazard.message,
            hint="keep the old routine beside the new one until all callers have moved, or leave out --strict-contract",
        )
        for change in changes
        for hazard in change.hazards
        if hazard.code == "breaks-callers"
    )


def _placed(blocked: Iterable[Blocked], places: Mapping[ObjectKey, Place]) -> Iterator[Blocked]:
    """Reasons that say nothing of a file point at the declaration of their object."""
    by_label = {key.label: place for key, place in places.items()}
    for each in blocked:
        place = by_label.get(each.object) if each.file is None else None
        yield replace(each, file=place.file, line=place.line) if place is not None else each


def _refusal(change: Change, allowed: Allowed, places: Mapping[ObjectKey, Place]) -> Blocked | None:
    place = places.get(change.key) or places.get(change.key.owner)
    return allowed.refusal(change, place.file if place else None, place.line if place else None)


def _skipped(desired: Catalog, changes: Iterable[Change]) -> tuple[ObjectKey, ...]:
    """The declared objects that are as declared already."""
    touched = {key for change in changes for key in (change.holder, change.key)}
    return tuple(sorted(key for key in desired.objects if key not in touched and key != schema_key("public")))
