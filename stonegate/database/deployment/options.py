"""What is asked of a deployment beyond the folder and the target."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from stonegate.database.executor.job import MissingSeeds
from stonegate.model.labels import Label
from stonegate.model.plan import PlanOptions


class ApplyOptions(Struct, frozen=True, kw_only=True):
    """What the user asked for beyond the folder and the target.

    Attributes:
        plan: consents and flags of the plan.
        lock_timeout_s, statement_timeout_s: of each statement, in seconds; 0 is no limit.
        wait_for_lock_s: how long to queue for the apply lock, in seconds.
        missing_seeds: what a missing declared row does; "insert" is implied by `plan.seed_missing`.
        shadow: where the reference database is built: a conninfo, the home of a private server, None for the target's.
        create_database: make the database if it is missing (and drop it again if that first deploy fails).
        admin: conninfo of a superuser on the same server, for untrusted extensions.
        label: whose the database has to be, if it says whose it is; None for any.
    """

    plan: PlanOptions = field(default_factory=PlanOptions)
    dry_run: bool = False
    skip_verification: bool = False
    lock_timeout_s: float = 5.0
    statement_timeout_s: float = 0.0
    wait_for_lock_s: float = 300.0
    missing_seeds: MissingSeeds = "block"
    shadow: str | Path | None = None
    create_database: bool = True
    admin: str | None = None
    label: Label | None = None
