"""Plans for many databases, made once for all that stand where others stand already (behaviour, §9 "Fleet plan")."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.connect import connect, using
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.survey import read_live, survey_database, with_warnings
from stonegate.database.deployment.unchanged import find_unchanged, unchanged_plan
from stonegate.database.preflight.findings import read_findings
from stonegate.database.tracking.state import read_state
from stonegate.model.catalog import Catalog
from stonegate.model.json_form import to_json
from stonegate.model.plan import Plan, PlanTarget
from stonegate.model.preflight import Finding
from stonegate.model.tracking import TrackingState
from stonegate.planner.build import live_fingerprint
from stonegate.source.lazy import LazySource

_UNCHANGED = "unchanged"


class Member(Struct, frozen=True, kw_only=True):
    """One database in its group: `key` is equal for all that a folder changes in the same way.

    Attributes:
        plan: of the group, for this database; not sealed.
        findings: rows that would make the plan fail there; () unless they were looked for.
    """

    key: str
    plan: Plan
    findings: tuple[Finding, ...] = ()


class PlanGroups:
    """The plans made so far, by group. One per folder and fleet."""

    def __init__(self, source: LazySource, options: ApplyOptions, *, preflight: bool = False) -> None:
        self.source = source
        self.options = options
        self.preflight = preflight
        self._plans: dict[str, Plan] = {}
        self._making = asyncio.Lock()

    async def plan_member(self, conninfo: str) -> Member:
        """The group of a database and the plan of that group; nothing is written to the database.

        Raises:
            DatabaseNotFound, ConnectionFailed: it cannot be read.
            StonegateError: as `deployment.plan_database`.
        """
        async with using(await connect(conninfo, lock_timeout_s=self.options.lock_timeout_s)) as conn:
            fingerprint = await find_unchanged(conn, self.source, self.options)
            if fingerprint is not None:
                if _UNCHANGED not in self._plans:
                    self._plans[_UNCHANGED] = unchanged_plan(self.source, conn.info.dbname, fingerprint)
                return Member(key=_UNCHANGED, plan=_for(self._plans[_UNCHANGED], conn.info.dbname, ""))
            live = await read_live(conn, everything=self.options.plan.baseline)
            state = await read_state(conn)
            key = _standpoint(live, state)
            async with self._making:
                if key not in self._plans:
                    survey = await survey_database(conn, conninfo, self.source, self.options)
                    self._plans[key] = with_warnings(survey.plan, *survey.warnings)
            plan = self._plans[key]
            findings = await read_findings(conn, plan, live) if self.preflight and plan.has_changes else ()
            return Member(key=key, plan=_for(plan, conn.info.dbname, live_fingerprint(live, state)), findings=findings)


def _for(plan: Plan, database: str, fingerprint: str) -> Plan:
    return replace(plan, target=PlanTarget(database=database, fingerprint=fingerprint))


def _standpoint(live: Catalog, state: TrackingState) -> str:
    """Everything that a plan depends on, but for the name of the database and the numbers of its deployments."""
    declared = state.declared.fingerprint() if state.declared is not None else ""
    told = to_json(replace(state.essence, fingerprints=()))
    return sha256(f"{live.fingerprint()}\n{live.server}\n{declared}\n".encode() + told).hexdigest()
