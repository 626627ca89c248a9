"""How one database of a fleet stands: what was deployed there and when, and whether somebody changed it since."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from stonegate.database.connect import connect
from stonegate.database.failures import explain_failure
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.introspect.stamp import read_stamp
from stonegate.database.tracking.history import DeploymentEntry, read_deployments
from stonegate.database.tracking.tables import read_state
from stonegate.model.plan import Change
from stonegate.planner.drift import find_drift
from stonegate.source.checksum import same_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One database.

    Attributes:
        deployed: the latest apply; None where stonegate never deployed.
        by_original: stonescriptdb-gateway deployed, stonegate not yet.
        drift: what was changed by hand of what was deployed, as the changes that would undo it.
        unfinished: statements after the commit that the next apply finishes.
    """

    database: str
    deployed: DeploymentEntry | None = None
    by_original: bool = False
    drift: tuple[Change, ...] = ()
    unfinished: tuple[str, ...] = ()


async def read_standing(conninfo: str) -> Standing:
    """The standing of a database; its catalog is read only where its change stamp has moved.

    Raises:
        DatabaseNotFound, ConnectionFailed: it cannot be read.
    """
    conn = await connect(conninfo)
    database = conn.info.dbname
    try:
        state = await read_state(conn, with_catalog=False)
        if state.last is None:
            return Standing(database=database, by_original=not state.is_empty)
        (latest,) = await read_deployments(conn, limit=1)
        drift: tuple[Change, ...] = ()
        if state.last.stamp != await read_stamp(conn):
            found = find_drift(await read_catalog(conn), await read_state(conn), (), same_body)
            drift = tuple(found.found.values())
        return Standing(database=database, deployed=latest, drift=drift, unfinished=state.unfinished)
    except psycopg.Error as error:
        raise explain_failure(error, database=database) from error
    finally:
        await conn.close()
