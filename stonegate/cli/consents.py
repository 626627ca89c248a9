"""What the user allowed, from the words of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from stonegate.cli import options

if TYPE_CHECKING:
    from stonegate.model.plan import PlanOptions


class ConsentOptions(Struct, frozen=True, kw_only=True):
    """What the command line consents to."""

    allow: options.Allow = None
    force: options.Force = False
    allow_drift: options.AllowDrift = False
    baseline: options.Baseline = False
    seed_missing: options.SeedMissing = False
    strict_contract: options.StrictContract = False

    def plan_options(self) -> PlanOptions:
        """The options of a plan.

        Raises:
            UsageError: no such token; the hint lists them.
        """
        from stonegate.model.consent import Consent
        from stonegate.model.plan import PlanOptions

        consents = (consent for text in self.allow or () for consent in Consent.parse_list(text))
        return PlanOptions(
            consents=tuple(dict.fromkeys(consents)),
            force=self.force,
            allow_drift=self.allow_drift,
            baseline=self.baseline,
            seed_missing=self.seed_missing,
            strict_contract=self.strict_contract,
        )
