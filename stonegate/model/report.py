"""What happened: the report of one database and of a fleet (behaviour, §8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from stonegate.model.plan import Action, Plan, Step


class Status(StrEnum):
    """The end of one apply; "dropped": of a fleet, by `tenant drop` in the middle of the run."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    DRY_RUN = "dry_run"
    BLOCKED = "blocked"
    FAILED = "failed"
    DROPPED = "dropped"


class StepReport(Struct, frozen=True, kw_only=True):
    """One executed step; `state` "done", "not rehearsed" (dry-run) or "failed"; `rows` inserted by a seeder.

    Attributes:
        excused: labels of the declared rows that are missing, which a consent of this apply does without.
    """

    step: Step
    state: str = "done"
    rows: int | None = None
    excused: tuple[str, ...] = ()


class SeedReport(Struct, frozen=True, kw_only=True):
    """What became of the declared rows of one table."""

    table: str
    expected: int
    found: int
    inserted: int = 0


class ErrorReport(Struct, frozen=True, kw_only=True):
    """A failure as a value; `exit_code` and `http_status` are those of its class."""

    code: str
    message: str
    exit_code: int
    http_status: int
    cause: str | None = None
    hint: str | None = None
    sqlstate: str | None = None
    details: tuple[str, ...] = ()


class ApplyReport(Struct, frozen=True, kw_only=True):
    """The result of one apply to one database. `duration_ms` is wall time in milliseconds.

    Its repr is short, as those of plans and catalogs: asyncio.run makes it of every result, and throws it away.
    """

    status: Status
    database: str
    plan: Plan | None = None
    created_database: bool = False
    steps: tuple[StepReport, ...] = ()
    seeds: tuple[SeedReport, ...] = ()
    warnings: tuple[str, ...] = ()
    verified: bool = False
    duration_ms: float = 0.0
    error: ErrorReport | None = None

    def __repr__(self) -> str:
        return f"ApplyReport(database={self.database!r}, status={self.status.value!r}, error={self.error!r})"

    @property
    def counts(self) -> dict[str, int]:
        """Executed steps by action, e.g. {"create": 30, "replace": 2}."""
        return count_actions(report.step for report in self.steps)


def count_actions(steps: Iterable[Step]) -> dict[str, int]:
    """How many steps there are of each action; skipped ones are none."""
    return dict(Counter(step.action.value for step in steps if step.action is not Action.SKIP))


class FleetReport(Struct, frozen=True, kw_only=True):
    """The results of all targets, in the order of the targets."""

    results: tuple[ApplyReport, ...]

    def __repr__(self) -> str:
        return f"FleetReport({len(self.results)} results, {len(self.failed)} failed)"

    @property
    def failed(self) -> tuple[ApplyReport, ...]:
        """The targets that did not reach the declared state."""
        return tuple(result for result in self.results if result.status in (Status.FAILED, Status.BLOCKED))
