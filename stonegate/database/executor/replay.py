"""A deployment of routines that was just carried out, again, where a database stands as that one stood: its fast way.

It is the same statements, the same records and the same proof, all sent at once: what is known of the first database
(the plan, the catalog before and after, by what declared rows are looked up) need not be found out a second time. What
turns out otherwise is rolled back, and is for the long way to find out about.
"""

from __future__ import annotations

import time

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg.pq.abc import PGresult

from stonegate.database.connect import Session
from stonegate.database.executor.batch import Sent, StatementFailed, entered, send_batch, statements_of
from stonegate.database.executor.declared_rows import declared_order, excused_rows
from stonegate.database.executor.execute import explain_statement
from stonegate.database.executor.head_start import BEGIN
from stonegate.database.executor.job import Execution, Job
from stonegate.database.executor.session import roll_back
from stonegate.database.executor.transaction import commit
from stonegate.database.executor.verify import deployed_catalog
from stonegate.database.failures.cancelling import is_timeout
from stonegate.database.failures.explain import CANCELLED
from stonegate.database.introspect.catalog import digest_query
from stonegate.database.introspect.fetch import NO_NAMES, SETTINGS
from stonegate.database.introspect.stamp import moved_only_routines
from stonegate.database.progress import Stage
from stonegate.database.seeds.lookup import lookup_queries
from stonegate.database.tracking.records import Entry, deployment_entry, plan_entries
from stonegate.model.catalog import Catalog
from stonegate.model.report import SeedReport, StepReport, count_actions


class Precedent(Struct, frozen=True, kw_only=True):
    """What was carried out, and what came of it.

    Attributes:
        lookups: queries that return no row if all declared rows are there.
        digest: of the routines afterwards.
        catalog: as it was read and verified.
        statements: of the steps, ready to be sent.
        records, deployment: what records it, with this database's own values.
    """

    job: Job
    steps: tuple[StepReport, ...]
    seeds: tuple[SeedReport, ...]
    lookups: tuple[str, ...]
    digest: str
    catalog: Catalog
    statements: tuple[Sent, ...]
    records: tuple[Entry, ...]
    deployment: Entry


async def precedent_of(conn: Session, job: Job, execution: Execution) -> Precedent | None:
    """What others may repeat of an execution; None of one that took more than routines, or met something unusual.

    Args:
        conn: on which it was carried out, after the commit.
    """
    catalog = execution.catalog
    is_plain = job.is_presumed and job.has_tracking and not (job.prelude or job.late)
    is_usual = job.search_path in (("public",), job.live.search_path) and not (
        execution.warnings or excused_rows(job, execution) or any(report.inserted for report in execution.seeds)
    )
    if catalog is None or job.known is None or not (is_plain and is_usual and execution.digest):
        return None
    seeders = [seeder for step in job.inside for seeder in step.seeders]
    lookups = await lookup_queries(conn, seeders, declared=declared_order(job.plan), known=job.known)
    if lookups is None:
        return None
    return Precedent(
        job=replace(job, on_progress=None, head=None),
        steps=tuple(execution.steps),
        seeds=tuple(execution.seeds),
        lookups=lookups,
        digest=execution.digest,
        catalog=catalog,
        statements=tuple(sent for step in job.inside for sent in statements_of(step)),
        records=plan_entries(conn, job.plan, steps=execution.steps, state=job.state),
        deployment=deployment_entry(
            conn,
            job.plan,
            catalog=deployed_catalog(job.plan, job.live, catalog),
            counts=count_actions(report.step for report in execution.steps),
            live=catalog,
        ),
    )


async def repeat(conn: Session, job: Job, precedent: Precedent) -> Execution | None:
    """Carry out what was carried out elsewhere; None where that is not possible, and nothing happened.

    Args:
        conn: in autocommit, outside a transaction.
        job: that of the precedent, for this database; its stamp is presumed.

    Raises:
        StonegateError: the connection broke, or a statement was cancelled.
    """
    settings = job.settings(conn.info.server_version, check_bodies=job.plan.desired is None).statements(local=True)
    before = [Sent(sql=BEGIN), *(Sent(sql=text) for text in settings), *precedent.statements]
    # The stamp is taken before the digest: what somebody commits in between shows in one of them.
    after = [Sent(sql=text) for text in precedent.lookups]
    after += entered(entry.of(job.plan) for entry in precedent.records)
    after += [Sent(sql=text) for text in (NO_NAMES, *SETTINGS)]
    duration_ms = (time.monotonic() - job.started) * 1000
    after += [*entered([precedent.deployment.of(job.plan, str(duration_ms))]), Sent(sql=digest_query())]
    job.announce(Stage.STEPS, None, len(job.inside), len(job.inside))
    began = time.monotonic()
    try:
        answers = await send_batch(conn, [*before, *after])
        lookups = answers[len(before) :][: len(precedent.lookups)]
        deployment, digest = answers[-2:]
        stamp = _text(deployment, 1)
        is_proven = _text(digest) == precedent.digest and moved_only_routines(job.stamp or "", stamp)
        if not is_proven or any(rows.ntuples for rows in lookups):
            await roll_back(conn)
            return None
    except StatementFailed as failure:
        await roll_back(conn)
        if conn.closed or is_final(failure, time.monotonic() - began, job.options.statement_timeout_s):
            raise explain_statement(job, failure.sent, failure.error) from failure.error
        return None
    except BaseException:
        await roll_back(conn)
        raise
    job.announce(Stage.COMMIT)
    try:
        await commit(conn, job)
    except psycopg.Error as error:  # a deferred trigger of somebody's, which the long way tells of
        if error.sqlstate == CANCELLED:
            raise explain_statement(job, Sent(sql="COMMIT"), error) from error
        return None
    return Execution(
        steps=list(precedent.steps),
        seeds=list(precedent.seeds),
        verified=True,
        catalog=precedent.catalog,
        stamp=stamp,
        digest=precedent.digest,
        deployment=int(_text(deployment)),
    )


def is_final(failure: StatementFailed, took: float, limit: float) -> bool:
    """True if the long way would be against somebody's will, or take as long to tell the same.

    Args:
        took: the seconds since the statements were sent.
        limit: the timeout of each of them; 0 if they have none.
    """
    if failure.error.sqlstate != CANCELLED:
        return False
    return failure.sent.step is not None or not is_timeout(failure.error.diag.message_primary or "", took, limit)


def _text(answer: PGresult, column: int = 0) -> str:
    """A value of the one row; "" for NULL."""
    return (answer.get_value(0, column) or b"").decode()
