"""Plans and records as an apply hands them to the tracking tables."""

from __future__ import annotations

import hashlib
from typing import Any

from stonegate.database.connect import Session
from stonegate.database.tracking.records import record_deployment, record_plan
from stonegate.database.tracking.tables import ensure_tracking
from stonegate.model.names import ObjectKey
from stonegate.model.plan import Action, Mode, Phase, Plan, PlanSource, Step
from stonegate.model.report import StepReport
from stonegate.model.tracking import Record, RecordKind

PREFIX = "_stonescriptdb_gateway_"


def routine(
    name: str, *types: str, identity: str | None = None, file: str = "functions/a.pssql", checksum: str = "ours"
) -> Record:
    return Record(
        kind=RecordKind.ROUTINE,
        name=name,
        identity=identity or f"{name}({', '.join(each.lower() for each in types)})",
        file=file,
        checksum=checksum,
        original_checksum=f"original {checksum}",
        signature=f"{name}({', '.join(types)})",
        param_types=types,
        return_type="INT",
    )


def migration(name: str, *, baselined: bool = False, raw: str | None = None) -> Record:
    raw = raw or hashlib.sha256(name.encode()).hexdigest()
    return Record(
        kind=RecordKind.MIGRATION,
        name=name,
        identity=name,
        file=f"migrations/{name}",
        checksum=f"ours {raw}"[:64],
        original_checksum=raw,
        baselined=baselined,
    )


TABLE = Record(
    kind=RecordKind.TABLE,
    name="users",
    identity="users",
    file="tables/users.pssql",
    checksum="t ours",
    original_checksum="t1",
)
TYPE = Record(
    kind=RecordKind.TYPE,
    name="mood",
    identity="mood",
    file="types/mood.pssql",
    checksum="y ours",
    original_checksum="y1",
    detail="enum",
)


def plan(
    *records: Record, digest: str = "digest", steps: tuple[Step, ...] = (), excepted: tuple[str, ...] = ()
) -> Plan:
    source = PlanSource(fingerprint=f"print of {digest}", digest=digest, path="postgresql")
    return Plan(mode=Mode.CHANGE, source=source, records=records, steps=steps, excepted=excepted).sealed()


def step(action: Action, key: ObjectKey, **facts: Any) -> Step:
    return Step(id=f"{action.value}:{key}", action=action, phase=Phase.CHANGES, key=key, **facts)


async def deploy(conn: Session, what: Plan, **facts: Any) -> int:
    async with conn.transaction():
        await ensure_tracking(conn)
        await record_plan(conn, what, steps=[StepReport(step=each) for each in what.steps])
        facts = {"catalog": None, "counts": {}, "duration_ms": 1.5} | facts
        return await record_deployment(conn, what, **facts)
