"""What was surveyed and planned is carried out: from a survey to a report."""

from __future__ import annotations

import shlex

from msgspec.structs import replace

from stonegate.database.connect import connect
from stonegate.database.conninfo import with_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.precedents import Place, note_precedent
from stonegate.database.deployment.reports import blocked_error, failed_report, finished_report
from stonegate.database.deployment.survey import Survey
from stonegate.database.deployment.visit import Visit
from stonegate.database.executor.execute import execute_plan
from stonegate.database.executor.head_start import HeadStart
from stonegate.database.executor.job import ExecuteOptions, Job
from stonegate.database.executor.session import SessionSettings
from stonegate.database.reference.build import admin_steps
from stonegate.errors import PlatformIsolationViolation, StonegateError
from stonegate.model.labels import Label, parse_label
from stonegate.model.plan import Plan
from stonegate.model.report import ApplyReport


async def carry_out(
    visit: Visit, survey: Survey, head: HeadStart | None = None, place: Place | None = None
) -> ApplyReport:
    """Carry out what was planned; a failure is a value.

    Args:
        head: what may have begun already.
        place: where the database stood, for others that stand there; None where nobody can.

    Raises:
        PlatformIsolationViolation: the database is another's.
        psycopg.Error: the connection was lost between the parts.
    """
    conn, options, plan = visit.conn, visit.options, survey.plan
    database = plan.target.database if plan.target is not None else conn.info.dbname
    require_own(visit, survey.facts.comment)
    if plan.blocked:
        return failed_report(blocked_error(plan, database), database, visit.started, plan, survey.warnings)
    job = _job_of(visit, survey, database, head)
    try:
        admin = None
        if job.by_admin and options.admin is not None and not options.dry_run:
            admin = await connect(with_database(options.admin, conn.info.dbname))
        try:
            execution = await execute_plan(conn, job, admin=admin)
        finally:
            if admin is not None:
                await admin.close()
        await note_precedent(conn, place, job, execution, survey.essence, survey.warnings)
    except StonegateError as error:
        return failed_report(error, database, visit.started, plan, survey.warnings)
    return finished_report(
        execution,
        plan,
        database,
        visit.started,
        dry_run=options.dry_run,
        created=visit.created,
        warnings=survey.warnings,
    )


def _job_of(visit: Visit, survey: Survey, database: str, head: HeadStart | None) -> Job:
    plan = survey.plan
    by_admin: frozenset[str] = frozenset()
    if visit.options.admin is not None and not survey.facts.superuser:
        by_admin = admin_steps(plan, set(survey.untrusted))
    return Job(
        plan=plan,
        name=database,
        live=survey.live,
        state=survey.state,
        stamp=survey.stamp,
        is_presumed=survey.is_presumed,
        is_derived=survey.is_derived,
        has_tracking=survey.has_tracking,
        options=_execute_options(visit.options, plan),
        hidden=survey.hidden,
        by_admin=by_admin,
        started=visit.started,
        on_progress=visit.on_progress,
        head=head,
    )


def require_own(visit: Visit, comment: str | None) -> None:
    """Refuse a database that says itself that it is another's, whatever the records say (http-contract, Names).

    Args:
        comment: of the database.

    Raises:
        PlatformIsolationViolation: it does.
    """
    label, wanted, database = parse_label(comment), visit.options.label, visit.database
    if wanted is None or label is None or replace(label, unfinished=False) == wanted:
        return
    whose = f"tenant {label.tenant or 'main'}" if label.platform == wanted.platform else "another platform"
    raise PlatformIsolationViolation(
        f"the database {database} belongs to {whose}, not to {wanted.tenant or 'main'} of platform {wanted.platform}",
        hint=f"if the records are wrong: {_forgetting(wanted, database)}; if the label is: "
        f"{_adopting(wanted, database, label)}",
        database=database,
    )


def _forgetting(wanted: Label, database: str) -> str:
    return shlex.join(["stonegate", "platform", "forget", wanted.platform, database, "--keep-database"])


def _adopting(wanted: Label, database: str, former: Label) -> str:
    """What makes it that owner's; another platform's name is told to that alone."""
    words = ["stonegate", "platform", "adopt", wanted.platform, database]
    words += [] if wanted.schema is None else ["--schema", wanted.schema]
    words += ["--tenant", wanted.tenant or "null"]  # or its name might speak of one
    return shlex.join([*words, "--from", wanted.platform if former.platform == wanted.platform else "THAT_PLATFORM"])


def settings_of(visit: Visit) -> SessionSettings:
    """What the statements run under in an empty database, unless the plan says otherwise."""
    return SessionSettings(
        lock_timeout_s=visit.options.lock_timeout_s,
        statement_timeout_s=visit.options.statement_timeout_s,
        search_path=("public",),
        role=None,
        version=visit.conn.info.server_version,
    )


def _execute_options(options: ApplyOptions, plan: Plan) -> ExecuteOptions:
    return ExecuteOptions(
        dry_run=options.dry_run,
        skip_verification=options.skip_verification,
        lock_timeout_s=options.lock_timeout_s,
        statement_timeout_s=options.statement_timeout_s,
        missing_seeds="insert" if plan.seed_missing else options.missing_seeds,
    )
