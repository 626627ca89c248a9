"""What the user allowed, from the words of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stonegate.model.plan import PlanOptions


def plan_options(
    allow: Iterable[str] | None,
    *,
    force: bool = False,
    allow_drift: bool = False,
    baseline: bool = False,
    seed_missing: bool = False,
    strict_contract: bool = False,
) -> PlanOptions:
    """The options of a plan.

    Args:
        allow: `token` or `token:object`; tokens without an object may stand in a comma list.

    Raises:
        UsageError: no such token; the hint lists them.
    """
    from stonegate.model.plan import Consent, PlanOptions

    consents = tuple(Consent.parse(part) for text in allow or () for part in _split(text))
    return PlanOptions(
        consents=tuple(dict.fromkeys(consents)),
        force=force,
        allow_drift=allow_drift,
        baseline=baseline,
        seed_missing=seed_missing,
        strict_contract=strict_contract,
    )


def _split(text: str) -> list[str]:
    """The parts of a comma list; commas behind a colon may belong to a routine: `stale_body:add(integer, integer)`."""
    return [text] if ":" in text else [part for part in text.split(",") if part.strip()]
