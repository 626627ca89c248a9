"""`build_plan`, the only entry of the planner: a folder and what a database holds go in, a Plan comes out."""

from __future__ import annotations

from hashlib import sha256
from typing import assert_never

from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.plan import Blocked, Mode, Plan, PlanOptions, PlanSource, PlanTarget
from stonegate.model.source import SourceTree
from stonegate.model.tracking import TrackingState
from stonegate.planner.change import Given, plan_change
from stonegate.planner.fresh import declared_keys, plan_fresh
from stonegate.planner.migrations.recorded import warn_of_lost_files
from stonegate.planner.order.tree import Ordered
from stonegate.planner.rights import with_declared_rights
from stonegate.planner.stale import BodyUses, uses_nothing
from stonegate.planner.unfilled import warn_of_unfilled
from stonegate.planner.unmanaged import kinds_outside
from stonegate.planner.unseen import warn_of_unseen

_NO_OPTIONS = PlanOptions()
_NOTHING_RECORDED = TrackingState()


def choose_mode(state: TrackingState, options: PlanOptions) -> Mode:
    """What kind of deployment it is (behaviour, §4 "Migrations"): FRESH needs no desired catalog, the others do."""
    if options.baseline:
        return Mode.BASELINE
    if state.last is not None:
        return Mode.CHANGE
    if not state.is_empty:
        return Mode.ADOPTION
    return Mode.FRESH


def build_plan(
    *,
    tree: SourceTree,
    ordered: Ordered,
    options: PlanOptions = _NO_OPTIONS,
    database: str | None = None,
    live: Catalog | None = None,
    state: TrackingState = _NOTHING_RECORDED,
    desired: Catalog | None = None,
    builder: str = "",
    body_uses: BodyUses = uses_nothing,
) -> Plan:
    """The plan that brings a database to what the folder declares.

    Args:
        tree, ordered: the folder, parsed and put in order.
        options: consents and flags.
        database: the target's name; None when no server is involved.
        live: the target's catalog; None for an empty database.
        state: the target's tracking tables.
        desired: the reference catalog of the folder; needed unless the mode is FRESH.
        builder: the role that built the reference and owns the target's objects.
        body_uses: the tables and columns that a routine's body certainly uses (behaviour, §10 "Stale bodies").
    """
    mode = Mode.FRESH if live is None else choose_mode(state, options)
    plan = _blank(tree, options, mode, _target(database, live, state), builder)
    match mode:
        case Mode.FRESH:
            plan = plan_fresh(plan, tree, ordered)
            plan = replace(plan, blocked=(*plan.blocked, *_occupied(tree, live)))
        case Mode.CHANGE | Mode.ADOPTION | Mode.BASELINE:
            assert live is not None and desired is not None, f"{mode} needs the live and the desired catalog"
            given = Given(
                tree=tree,
                ordered=ordered,
                options=options,
                live=live,
                state=state,
                desired=with_declared_rights(desired, tree, builder),
                body_uses=body_uses,
            )
            seen = (*warn_of_unseen(tree, desired), *warn_of_unfilled(tree, desired), *warn_of_lost_files(tree, state))
            plan = replace(plan, warnings=(*plan.warnings, *seen))
            plan = plan_change(plan, given)
        case Mode.UNCHANGED:
            raise AssertionError("unchanged is decided before a plan is built")
        case _:
            assert_never(mode)
    return plan.sealed()


def _target(database: str | None, live: Catalog | None, state: TrackingState) -> PlanTarget | None:
    if database is None:
        return None
    return PlanTarget(database=database, fingerprint=live_fingerprint(live, state) if live is not None else "")


def _blank(tree: SourceTree, options: PlanOptions, mode: Mode, target: PlanTarget | None, builder: str) -> Plan:
    """The plan without anything that has to be thought about."""
    return Plan(
        mode=mode,
        source=PlanSource(fingerprint=tree.fingerprint, digest=tree.digest, path=tree.path),
        target=target,
        warnings=tree.warnings,
        consents=options.consents,
        force=options.force,
        allow_drift=options.allow_drift,
        seed_missing=options.seed_missing,
        builder="" if mode is Mode.FRESH else builder,
        outside=kinds_outside(tree),
    )


def _occupied(tree: SourceTree, live: Catalog | None) -> tuple[Blocked, ...]:
    """Declared objects that exist without tracking rows: no fresh database (behaviour, §4)."""
    return tuple(
        Blocked(
            object=key.label,
            reason=f"{key} exists already, and nothing is recorded about who deployed it",
            hint="stonegate apply --baseline records what is there and runs no migration",
        )
        for key in declared_keys(tree)
        if live is not None and key in live.objects
    )


def live_fingerprint(live: Catalog, state: TrackingState) -> str:
    """What a saved plan remembers of its target: the catalog and the latest deployment."""
    return plan_fingerprint(live.fingerprint(), state)


def plan_fingerprint(catalog: str, state: TrackingState) -> str:
    """The same, given the catalog's fingerprint."""
    last = "" if state.last is None else f"{state.last.id}:{state.last.digest}"
    migrations = ",".join(migration.name for migration in state.migrations)
    return sha256(f"{catalog}\n{last}\n{migrations}".encode()).hexdigest()
