"""What one carrying-out of a plan is given and what comes out of it: the values between executor and its parts."""

from __future__ import annotations

import time
from typing import Literal, TypeAlias

from msgspec import Struct, field

from stonegate.database.executor.head_start import HeadStart
from stonegate.database.executor.session import SessionSettings
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.errors import StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind, QualifiedName
from stonegate.model.plan import Action, Phase, Plan, Step
from stonegate.model.report import SeedReport, StepReport
from stonegate.model.tracking import TrackingState

#: What a missing declared row does: roll back, warn (a container that starts must not be stopped), or be inserted.
MissingSeeds: TypeAlias = Literal["block", "warn", "insert"]

_WITHOUT_DDL = frozenset({Action.SKIP, Action.VALIDATE, Action.BASELINE})
DONE = "done"
NOT_REHEARSED = "not rehearsed"


class ExecuteOptions(Struct, frozen=True, kw_only=True):
    """How a plan is carried out.

    Attributes:
        dry_run: roll back at the end.
        skip_verification: commit without reading the catalog again.
        lock_timeout_s, statement_timeout_s: seconds; 0 is no limit.
        role: who owns what is created, if not the role of the connection.
        tracked: write tracking and changelog rows (not in a reference database).
    """

    dry_run: bool = False
    skip_verification: bool = False
    lock_timeout_s: float = 5.0
    statement_timeout_s: float = 0.0
    missing_seeds: MissingSeeds = "block"
    role: str | None = None
    tracked: bool = True


class Job(Struct, frozen=True, kw_only=True):
    """One plan for one database, and what was read from it before.

    Attributes:
        name: of the database, for messages, where the plan names none.
        live, state: what the plan was made for.
        stamp: the change stamp by which `live` is known; None where it was read.
        is_presumed: that stamp was looked at for routines alone; its word for all the rest is proven after the steps.
        is_derived: no reference was built for the plan, so nobody has tried the bodies of its routines yet.
        has_tracking: the tracking tables are certainly as this stonegate makes them.
        hidden: tables whose policies hide rows from the role of the connection.
        by_admin: ids of the steps that only a superuser may do; they run before the transaction, on its connection.
        started: time.monotonic() of the apply's start.
        head: what may have begun already; None where nobody could begin before the plan was made.
    """

    plan: Plan
    name: str = ""
    live: Catalog
    state: TrackingState
    stamp: str | None = None
    is_presumed: bool = False
    is_derived: bool = False
    has_tracking: bool = False
    options: ExecuteOptions = field(default_factory=ExecuteOptions)
    hidden: frozenset[QualifiedName] = frozenset()
    by_admin: frozenset[str] = frozenset()
    started: float = field(default_factory=time.monotonic)
    on_progress: OnProgress | None = None
    head: HeadStart | None = None

    @property
    def database(self) -> str:
        return self.plan.target.database if self.plan.target is not None else self.name

    @property
    def known(self) -> Catalog | None:
        """What the database holds besides routines, from before the steps until after them; None if it must be read."""
        return self.live if self.stamp is not None and changes_only_routines(self.plan) else None

    @property
    def search_path(self) -> tuple[str, ...]:
        """Where unqualified names of the folder are made and found: `public`, and schemas that extensions have."""
        declared = self.plan.desired.search_path if self.plan.desired is not None else ()
        return self.plan.search_path or declared or ("public",)

    @property
    def prelude(self) -> tuple[Step, ...]:
        """What is committed before the transaction begins."""
        return tuple(step for step in self.plan.steps if step.phase is Phase.PRELUDE or step.id in self.by_admin)

    @property
    def inside(self) -> tuple[Step, ...]:
        """What is one transaction."""
        early = {step.id for step in self.prelude}
        return tuple(step for step in self.plan.steps if step.id not in early and step.phase is not Phase.POST_COMMIT)

    @property
    def late(self) -> tuple[Step, ...]:
        """What follows after the commit."""
        return tuple(step for step in self.plan.steps if step.phase is Phase.POST_COMMIT)

    def settings(self, version: int, *, check_bodies: bool = True) -> SessionSettings:
        """What its statements run under on a server of that version (server_version_num)."""
        return SessionSettings(
            lock_timeout_s=self.options.lock_timeout_s,
            statement_timeout_s=self.options.statement_timeout_s,
            search_path=self.search_path,
            role=self.options.role,
            version=version,
            check_bodies=check_bodies,
        )

    def announce(self, stage: Stage, step: Step | None = None, index: int = 0, total: int = 0) -> None:
        """Tell whoever watches what comes next."""
        if self.on_progress is not None:
            self.on_progress(
                Progress(
                    database=self.database,
                    stage=stage,
                    phase=step.phase if step else None,
                    index=index,
                    total=total,
                    object=step.key.label if step else "",
                )
            )


def changes_only_routines(plan: Plan) -> bool:
    """True if no step is meant to touch anything else."""
    return all(step.kind is ObjectKind.ROUTINE or step.action in _WITHOUT_DDL for step in plan.steps)


class Execution(Struct, kw_only=True):
    """What has happened so far; a retried transaction begins with a new one.

    Attributes:
        durations: milliseconds by step id, where a step was sent alone.
        catalog: read at the end of the transaction; None if verification was skipped and nobody else needed it.
        stamp: the change stamp of just before.
        digest: of the routines that are there at the end, "" where it was not asked for or there is none.
        deployment: id of the row of this apply, None when untracked.
        late_error: why a statement after the commit failed; all before it stays.
    """

    steps: list[StepReport] = field(default_factory=list)
    seeds: list[SeedReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    missing_seeds: set[str] = field(default_factory=set)
    verified: bool = False
    catalog: Catalog | None = None
    stamp: str | None = None
    digest: str = ""
    deployment: int | None = None
    late_error: StonegateError | None = None

    @property
    def is_rehearsed(self) -> bool:
        """False if some step could not be tried in a dry run, so that the end cannot be verified either."""
        outside = (Phase.PRELUDE, Phase.POST_COMMIT)
        return all(report.state != NOT_REHEARSED for report in self.steps if report.step.phase not in outside)
