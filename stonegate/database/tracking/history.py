"""What was done to a database: its changelog and its deployments, as `stonegate history` and `status` show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import sql

from stonegate.database.connect import Session
from stonegate.database.sql import fixed
from stonegate.database.tracking.state import fetch_from_block

MOST_AHEAD = 100  # of what a deployment commits before all else


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One row of the changelog.

    Attributes:
        executed_at: with time zone; all rows of one apply share it, it is the time of its transaction.
        change_type: "create_table", "replace_function", "run_migration", …
        detail: sql, reason, class, hazards, consents, old_definition, … as far as the step had them.
        forced: a consent was used.
        plan_checksum, executed_by, duration_ms: None for rows that the original wrote.
    """

    id: int
    executed_at: datetime
    change_type: str
    object_name: str
    detail: Mapping[str, Any]
    forced: bool
    plan_checksum: str | None = None
    executed_by: str | None = None
    duration_ms: float | None = None

    @property
    def step(self) -> str:
        """As a plan calls it: "alter type mood"."""
        return f"{self.change_type.replace('_', ' ')} {self.object_name}"


class DoneStep(Struct, frozen=True, kw_only=True):
    """What a row of the changelog says of a step: `changes` as `Change.identity`, () where it changed no part."""

    change_type: str
    object_name: str
    changes: tuple[str, ...] = ()


class DeploymentEntry(Struct, frozen=True, kw_only=True):
    """One apply: `post_commit` holds the state of each statement after the commit, by step id."""

    id: int
    deployed_at: datetime
    mode: str
    digest: str
    fingerprint: str
    tool_version: str
    plan_checksum: str
    counts: Mapping[str, int]
    duration_ms: float
    executed_by: str
    post_commit: Mapping[str, str]


async def read_history(
    conn: Session,
    limit: int = 50,
    *,
    object_name: str | None = None,
    forced_only: bool = False,
    since: datetime | None = None,
) -> tuple[HistoryEntry, ...]:
    """The newest rows of the changelog, newest first; empty where there is none. One round trip.

    Args:
        conn: any connection; nothing is written.
        limit: how many rows at most.
        object_name: only those of this object and its parts, or in which it was one of several, by its label
            ("users", "users.email", "sales.add(integer)"); a name without types means all routines of that name.
        forced_only: only those that needed a consent.
        since: only those of later transactions.
    """
    label = None if object_name is None else object_name.removeprefix("public.")
    wanted = {"object": label, "forced_only": forced_only, "since": since}
    rows = await _read(conn, "tracking/read_history", limit=limit, **wanted)
    return tuple(
        HistoryEntry(
            id=row[0],
            executed_at=row[1],
            change_type=row[2],
            object_name=row[3],
            detail=row[4] if isinstance(row[4], dict) else {} if row[4] is None else {"detail": row[4]},
            forced=bool(row[5]),
            plan_checksum=row[6],
            executed_by=row[7],
            duration_ms=row[8],
        )
        for row in rows
    )


async def read_committed_ahead(conn: Session, last: DeploymentEntry | None) -> tuple[HistoryEntry, ...]:
    """What a deployment behind the `last` one had to commit before all else, before it failed; oldest first."""
    rows = await read_history(conn, limit=MOST_AHEAD, since=None if last is None else last.deployed_at)
    # What follows the commit of the last one is its own, and the original's rows are of no plan.
    own = {None, None if last is None else last.plan_checksum}
    return tuple(entry for entry in reversed(rows) if entry.plan_checksum not in own)


async def read_deployments(conn: Session, limit: int = 50) -> tuple[DeploymentEntry, ...]:
    """The latest applies, newest first; empty where there were none. One round trip."""
    rows = await _read(conn, "tracking/read_deployments", limit=limit)
    return tuple(
        DeploymentEntry(
            id=row[0],
            deployed_at=row[1],
            mode=row[2],
            digest=row[3],
            fingerprint=row[4],
            tool_version=row[5],
            plan_checksum=row[6],
            counts=row[7],
            duration_ms=row[8],
            executed_by=row[9],
            post_commit=row[10],
        )
        for row in rows
    )


async def read_done(conn: Session, deployments: Sequence[DeploymentEntry]) -> dict[int, tuple[DoneStep, ...]]:
    """The steps of deployments, by the ids of these, in order. One round trip.

    One plan may have been carried out several times: a step is of the deployment that is nearest to it.
    """
    if not deployments:
        return {}
    by_plan: dict[str, list[DeploymentEntry]] = {}
    for entry in deployments:
        by_plan.setdefault(entry.plan_checksum, []).append(entry)
    query = fixed("tracking/read_deployed").format(checksums=sql.Literal(list(by_plan)))
    found: dict[int, list[DoneStep]] = {entry.id: [] for entry in deployments}
    for checksum, executed_at, change_type, name, changes in await fetch_from_block(conn, query.as_bytes(conn)):
        nearest = min(by_plan[checksum], key=lambda entry: abs(entry.deployed_at - executed_at))
        step = DoneStep(change_type=change_type, object_name=name, changes=tuple(changes or ()))
        found[nearest.id].append(step)
    return {number: tuple(steps) for number, steps in found.items()}


async def _read(conn: Session, name: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows of a script that has one statement with rows."""
    query = fixed(name).format(**{key: sql.Literal(value) for key, value in values.items()})
    return await fetch_from_block(conn, query.as_bytes(conn))
