"""Declared rows in an apply: inserted into the tables that it made, required in all others, excused by consent."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from stonegate.database.connect import Session
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.failures.explain import hidden_hint
from stonegate.database.seeds.insert import count_rows, insert_seeds
from stonegate.database.seeds.lookup import DeclaredOrder, MissingSeed, find_missing
from stonegate.errors import MOST_DETAILS
from stonegate.errors import MissingSeed as MissingSeedError
from stonegate.model.consent import ConsentToken
from stonegate.model.plan import Action, Plan, Step
from stonegate.model.report import SeedReport, StepReport


async def insert_declared(conn: Session, job: Job, execution: Execution, steps: Sequence[Step]) -> None:
    """SEED steps: the rows of new tables, in foreign-key order; a fresh database's catalog may have been read already.

    Raises:
        MigrationFailed: a row cannot be inserted.
    """
    seeders = [seeder for step in steps for seeder in step.seeders]
    # It is read before the rows only where this transaction has made everything.
    reports = await insert_seeds(conn, seeders, declared=declared_order(job.plan), made=execution.catalog)
    _report(execution, steps, reports)


async def validate_declared(conn: Session, job: Job, execution: Execution, steps: Sequence[Step]) -> None:
    """VALIDATE steps: every declared row is there, or excused (earlier or now), or inserted if that was asked for.

    Who asks for rows to be inserted gets all of them, those that were excused earlier too.

    Raises:
        MissingSeed: rows are missing; each is a detail, the hint names the ways out.
        MigrationFailed: the rows cannot be looked up or inserted.
    """
    seeders = [seeder for step in steps for seeder in step.seeders]
    order = declared_order(job.plan)
    missing = await find_missing(conn, seeders, declared=order, known=job.known)
    inserted: tuple[SeedReport, ...] = ()
    if missing and job.options.missing_seeds == "insert":
        tables = {row.table for row in missing}
        lacking_rows = [seeder for seeder in seeders if seeder.table in tables]
        inserted = await insert_seeds(conn, lacking_rows, only_missing=True, declared=order)
        missing = ()
    unexcused = [row for row in missing if row.label not in job.state.missing_seeds]
    refused = [row for row in unexcused if not _is_allowed(job.plan, row)]
    if refused and job.options.missing_seeds == "block":
        raise _failure(job, refused)
    execution.warnings += [f"the declared row is missing: {row.label} ({row.file}:{row.line})" for row in unexcused]
    execution.missing_seeds |= {row.label for row in missing if row not in refused}
    by_table = {report.table: report for report in inserted}
    reports = tuple(by_table.get(_table(step)) or _found(step, missing) for step in steps)
    _report(execution, steps, reports, [row for row in unexcused if row not in refused])


def excused_rows(job: Job, execution: Execution) -> set[str]:
    """The rows whose absence stays accepted: also those of tables that this folder declares no rows of."""
    asked = tuple(f"{_table(step)} " for step in job.inside if step.action in (Action.SEED, Action.VALIDATE))
    return execution.missing_seeds | {label for label in job.state.missing_seeds if not label.startswith(asked)}


def declared_order(plan: Plan) -> DeclaredOrder:
    """The columns of each table as the folder lists them, which a seeder without a column list means (behaviour, §5).

    A fresh build has no other order than that.
    """
    tables = plan.desired.tables if plan.desired is not None else ()
    return {table.key.qualified: tuple(column.name for column in table.columns) for table in tables}


def _table(step: Step) -> str:
    return str(step.key.qualified)


def _found(step: Step, missing: Sequence[MissingSeed]) -> SeedReport:
    lacking = [row for row in missing if str(row.table) == _table(step)]
    # A query counts as one row, or as those that are missing of it.
    queries = Counter((row.file, row.line) for row in lacking if not row.seeder.rows)
    expected = count_rows(step.seeders) + sum(count - 1 for count in queries.values())
    return SeedReport(table=_table(step), expected=expected, found=expected - len(lacking))


def _is_allowed(plan: Plan, row: MissingSeed) -> bool:
    """`--force`, `--allow missing_seed`, or the same for this table or this row."""
    return plan.force or any(
        consent.covers(ConsentToken.MISSING_SEED, label)
        for consent in plan.consents
        for label in (row.label, str(row.table))
    )


def _failure(job: Job, rows: Sequence[MissingSeed]) -> MissingSeedError:
    first = rows[0]
    tables = sorted({str(row.table) for row in rows})
    hidden = job.hidden & {row.table for row in rows}
    token = "missing_seed" if len(tables) > 1 else f"missing_seed:{tables[0]}"
    ways = f"they may be there: {hidden_hint(*hidden)}" if hidden else "insert them: --seed-missing, or a migration"
    return MissingSeedError(
        f"{_rows(len(rows))} missing from {', '.join(tables)}; everything was rolled back",
        file=first.file,
        line=first.line,
        details=tuple(row.label for row in rows[:MOST_DETAILS]),
        hint=f"{ways}; accept it: --allow {shlex.quote(token)}",
        database=job.database or None,
    )


def _rows(number: int) -> str:
    return "1 declared row is" if number == 1 else f"{number} declared rows are"


def _report(
    execution: Execution, steps: Sequence[Step], reports: Sequence[SeedReport], excused: Sequence[MissingSeed] = ()
) -> None:
    execution.seeds += reports
    rows = {report.table: report.inserted for report in reports}
    for step in steps:
        table = _table(step)
        labels = tuple(row.label for row in excused if str(row.table) == table)
        execution.steps.append(StepReport(step=step, state=DONE, rows=rows.get(table), excused=labels))
