"""What is tried out before an apply: the folder built for real, and the rows that stand against a plan."""

from __future__ import annotations

import psycopg

from stonegate.database.connect import connect
from stonegate.database.failures import explain_failure
from stonegate.database.preflight import read_findings
from stonegate.database.progress import OnProgress
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.reference.store import Reference
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.server.facts import read_session
from stonegate.database.survey import ApplyOptions, survey_database
from stonegate.model.plan import Plan
from stonegate.model.preflight import Finding
from stonegate.source.lazy import LazySource


async def build_reference(server: str, source: LazySource, on_progress: OnProgress | None = None) -> Reference:
    """Build the folder for real, from empty, as a reference database of a server.

    Args:
        server: conninfo of any database of it.

    Raises:
        SourceError: the folder is wrong.
        ReferenceUnavailable: the role may not create databases.
        StonegateError: the folder does not deploy; with file and line.
    """
    tree, ordered = source.tree(), source.ordered()
    conn = await connect_maintenance(server)
    try:
        facts = await read_session(conn)
        key = await build_key(conn, tree, facts, facts.role)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
    return await obtain_reference(server, tree, ordered, key, on_progress=on_progress)


async def plan_with_findings(
    conninfo: str, source: LazySource, options: ApplyOptions, on_progress: OnProgress | None = None
) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan, and the rows that would make it fail (behaviour, §10 "Preflight of the data"). Writes nothing.

    Raises:
        StonegateError: as `deployment.plan_database`; the database has to exist.
    """
    conn = await connect(conninfo)
    try:
        survey = await survey_database(conn, conninfo, source, options, on_progress=on_progress)
        return survey.plan, await read_findings(conn, survey.plan, survey.live)
    except psycopg.Error as error:
        raise explain_failure(error, database=conn.info.dbname) from error
    finally:
        await conn.close()
