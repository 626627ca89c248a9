"""`/register` of a database that is there: never forced, never backwards, never a long lock on a large table."""

from __future__ import annotations

import time
from collections.abc import Iterable

from stonegate.database.connect import connect, using
from stonegate.database.deployment.one_database import apply_plan, plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.reports import blocked_error, failed_report, unchanged_report
from stonegate.database.deployment.unchanged import unchanged_plan
from stonegate.database.server.sizes import read_sizes
from stonegate.database.tracking.state import read_state
from stonegate.errors import LockTimeout, StalePlan, TableTooLarge
from stonegate.fleet.targets import Renew, Target, log_in
from stonegate.gateway.deploy.results import Outcome, blocked_only_by_drift, failure_of_report, summary_of_single
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Mode, Phase, Plan
from stonegate.model.tracking import TrackingState
from stonegate.settings import MIB
from stonegate.source.lazy import LazySource

#: How often the plan is made again because another replica was faster.
ATTEMPTS = 20
_HEAVY = frozenset({"rewrites-table", "share-lock", "validates-rows"})
_HOLDERS = (ObjectKind.TABLE, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE)
SUPERSEDED = (
    "this folder is older than what the database has: nothing was changed. /migrate and `stonegate apply` deploy what "
    "they are given, and would roll back"
)


async def register_existing(
    target: Target, source: LazySource, options: ApplyOptions, *, max_table_mb: int, renew: Renew
) -> Outcome:
    """Bring the database up to date, if the folder is not one that it has moved on from.

    The plan is carried out only on the state that it was made for, so that of several replicas, old and new, none
    undoes what another one did meanwhile.

    Args:
        renew: the target as the registry has it now, for one whose password was changed meanwhile.

    Raises:
        TableTooLarge: a table above the limit would be rewritten, indexed or validated.
        StonegateError: the database cannot be reached.
    """

    async def attempt(conninfo: str) -> Outcome:
        for _ in range(ATTEMPTS):
            outcome = await _attempt(conninfo, target.database, source, options, max_table_mb)
            if outcome is not None:
                return outcome
        raise LockTimeout(f"other deployments keep changing the database {target.database}", database=target.database)

    return await log_in(target, attempt, renew)


async def _attempt(
    conninfo: str, database: str, source: LazySource, options: ApplyOptions, max_table_mb: int
) -> Outcome | None:
    started = time.monotonic()
    state = await _read_records(conninfo)
    fingerprint = source.tree().fingerprint
    last = None if state.last is None else state.last.fingerprint
    if last is not None and fingerprint != last and fingerprint in state.fingerprints:
        report = unchanged_report(database, started, unchanged_plan(source, database, last))
        return summary_of_single(report, source, superseded=True, warnings=(SUPERSEDED,))
    plan = await plan_database(conninfo, source, options)
    if plan.mode is Mode.UNCHANGED:
        return summary_of_single(unchanged_report(database, started, plan), source)
    if plan.blocked and (await _read_records(conninfo)).last != state.last:
        return None  # a newer release came in between, from which the plan leads back
    if fingerprint == last and blocked_only_by_drift(plan):
        # A container that starts again must not be kept from it by what somebody did in the database.
        warnings = tuple(f"drift: {blocked.object}: {blocked.reason}" for blocked in plan.blocked)
        return summary_of_single(unchanged_report(database, started, plan), source, warnings=warnings)
    if plan.blocked:
        return failure_of_report(failed_report(blocked_error(plan, database), database, started, plan))
    await _refuse_large(conninfo, plan, database, max_table_mb)
    report = await apply_plan(conninfo, plan, options)
    if report.error is not None and report.error.code == StalePlan.code:
        return None
    return summary_of_single(report, source)


async def _read_records(conninfo: str) -> TrackingState:
    async with using(await connect(conninfo)) as conn:
        return await read_state(conn, with_catalog=False)


async def _refuse_large(conninfo: str, plan: Plan, database: str, max_table_mb: int) -> None:
    heavy = tuple(dict.fromkeys(_heavy_objects(plan)))
    if not heavy or plan.mode is Mode.FRESH:
        return
    tables, types = (
        tuple(key.qualified.sql for key in heavy if (key.kind is ObjectKind.TYPE) == of_type)
        for of_type in (False, True)
    )
    async with using(await connect(conninfo)) as conn:
        sizes = await read_sizes(conn, tables, types)
    large = {table: size for table, size in sizes.items() if size > max_table_mb * MIB}
    if large:
        raise TableTooLarge(
            "nothing was changed: tables would be rewritten, indexed or validated that are larger than "
            f"REGISTER_MAX_TABLE_MB ({max_table_mb} MB)",
            details=tuple(f"{table}: {size // MIB} MB" for table, size in large.items()),
            hint="deploy this release with /migrate, or `stonegate apply`",
            database=database,
        )


def _heavy_objects(plan: Plan) -> Iterable[ObjectKey]:
    """Tables that are there already and that a step locks for as long as they are large, and types whose tables are."""
    new = {step.key for step in plan.steps if step.kind is ObjectKind.TABLE and step.action is Action.CREATE}
    for step in plan.steps:
        if step.phase in (Phase.MIGRATIONS, Phase.SEEDERS):
            continue
        is_index = step.kind is ObjectKind.INDEX and step.action in (Action.CREATE, Action.RECREATE)
        is_heavy = is_index or any(hazard.code in _HEAVY for hazard in step.hazards)
        for change in step.changes:
            holder = change.table or change.key.owner
            heavy = is_heavy or any(hazard.code in _HEAVY for hazard in change.hazards)
            if holder.kind in _HOLDERS and heavy and holder not in new:
                yield holder
