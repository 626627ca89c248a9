"""Drift: what somebody changed by hand since the last deployment, told apart from what the folder changes (§5)."""

from __future__ import annotations

from msgspec import Struct, field

from stonegate.model.catalog import Catalog
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Blocked, Change
from stonegate.model.tracking import TrackingState
from stonegate.planner.diff import differences
from stonegate.planner.migrations.simulate import Simulated

_DROPPED = "dropped by hand since the last deployment"


class Drift(Struct, frozen=True, kw_only=True):
    """The hand-made differences by key and aspect: (declared, live) texts.

    Attributes:
        is_unverified: perhaps not by hand but by the script that deployed last.
    """

    found: dict[tuple[ObjectKey, str], Change] = field(default_factory=dict)
    uncertain: frozenset[str] = frozenset()
    is_unverified: bool = False

    def reason(self, change: Change) -> str | None:
        """What was done by hand to the object of `change`, or None if nothing was."""
        hand = self.found.get((change.key, change.aspect))
        if hand is None or EVERYTHING in self.uncertain:
            return None
        if change.labels & self.uncertain:
            return None
        if hand.action is Action.CREATE:
            return "dropped by the script that deployed last, or since" if self.is_unverified else _DROPPED
        # Reasons of ALTERs say what becomes of the live object ("becomes NOT NULL"), others what differs.
        undone = "; undoing it" if hand.action is Action.ALTER else ""
        return f"changed by hand since the last deployment{undone}: {hand.reason or hand.identity}"

    def sentence(self, change: Change, reason: str) -> str:
        """The reason of the step that undoes it; it names the object."""
        return f"{change.key} was {reason}" if change.action is Action.CREATE else reason

    def redeploys(self, change: Change) -> bool:
        """True for what is written again without asking; the old text goes into the changelog."""
        return change.key.kind in CODE_KINDS or change.is_ensured

    def block(self, change: Change, reason: str, otherwise: Blocked | None) -> Blocked:
        """The refusal to overwrite what was done by hand to a managed object.

        Args:
            reason: what was done, see `reason`.
            otherwise: the refusal that the change would meet if nobody had touched the object: its consent is asked
                for as well.
        """
        also = f" {otherwise.allow}" if otherwise is not None and otherwise.allow else ""
        return Blocked(
            code="drift",
            object=change.key.label,
            change_class=change.change_class,
            reason=f"{change.key} was {reason}",
            allow=f"--allow-drift{also}",
            hint="put it into the folder, undo it, or let this deployment overwrite it with --allow-drift",
        )


def find_drift(
    live: Catalog,
    state: TrackingState,
    kept: tuple[ObjectKind, ...],
    simulated: Simulated | None = None,
) -> Drift:
    """Compares the live database with the catalog recorded at the last deployment; empty before the first one, and
    where another version of stonegate read that catalog in another way. Of what a script recorded only tables and
    columns that are gone count: it may well have left other differences, which nobody made by hand.
    """
    declared = state.comparable
    if state.last is None or declared is None or declared == live:
        return Drift()
    changes = differences(
        declared, live, declared=declared, kept=frozenset(kept), builder=state.last.executed_by
    ).changes
    known = frozenset(state.excepted)
    return Drift(
        found={
            (change.key, change.aspect): change
            for change in changes
            if not change.is_excepted(known) and (state.tells_changes or _lacks_rows(change))
        },
        uncertain=simulated.uncertain if simulated is not None else frozenset(),
        is_unverified=state.last.is_by_script,
    )


def _lacks_rows(change: Change) -> bool:
    """True if what had rows or values is not there any more: it would be made anew, empty."""
    return change.action is Action.CREATE and change.key.kind in (ObjectKind.TABLE, ObjectKind.COLUMN)
