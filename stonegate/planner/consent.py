"""What the user allowed, held against what the changes need (behaviour, §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.consent import Consent, ConsentToken
from stonegate.model.names import ObjectKey
from stonegate.model.plan import Blocked, Change, ChangeClass, Step


class Allowed(Struct, frozen=True, kw_only=True):
    """The consents of one plan; `force` stands for everything in the table of §5 (never for naming an unmanaged
    object, a stale plan, or what only a migration can do)."""

    consents: tuple[Consent, ...] = ()
    force: bool = False
    drift: bool = False

    def permits(self, token: ConsentToken, label: str) -> bool:
        """True if `token` is allowed for the object with that label."""
        return self.force or any(consent.covers(token, label) for consent in self.consents)

    def names(self, token: ConsentToken, label: str) -> bool:
        """True if the object itself was named: what an unmanaged object needs."""
        return any(consent.object == label and consent.token is token for consent in self.consents)

    def consents_for(self, change: Change) -> Iterator[Consent]:
        """The consents that `change` uses, which is carried out."""
        if change.overwrites:
            yield self._consent(ConsentToken.DRIFT, change.key.label)
        if change.change_class is ChangeClass.SAFE or change.token is None:
            return
        if self.permits(change.token, change.key.label):
            yield self._consent(change.token, change.key.label)

    def changed_migration(self, name: str) -> tuple[Consent, ...]:
        """The consent that records an applied file as it is now, if it is given."""
        token = ConsentToken.CHANGED_MIGRATION
        return (self._consent(token, name),) if self.permits(token, name) else ()

    def _consent(self, token: ConsentToken, label: str) -> Consent:
        """As it was given, the narrower first; as it would be typed, where --force or --allow-drift gave it."""
        given = (consent for consent in self.consents if consent.covers(token, label))
        return min(given, key=lambda consent: consent.object is None, default=Consent(token=token, object=label))

    def overwrites(self, change: Change) -> bool:
        """True if what was done by hand to its object may be undone; --force does not say so (behaviour, §5)."""
        return self.drift or any(consent.covers(ConsentToken.DRIFT, change.key.label) for consent in self.consents)

    def refusal(self, change: Change, file: str | None = None, line: int | None = None) -> Blocked | None:
        """Why the change may not be made, or None if it may."""
        if change.change_class is ChangeClass.SAFE or (change.token and self.permits(change.token, change.key.label)):
            return None
        unmodelled = any(hazard.code == "unmodelled" for hazard in change.hazards)
        return Blocked(
            object=change.key.label,
            change_class=change.change_class,
            reason=change.reason or change.identity,
            allow=f"--allow {change.token}:{change.key.label}" if change.token else None,
            hint=change.hint or (None if change.token else _NO_CONSENT if not unmodelled else _UNMODELLED),
            file=file,
            line=line,
        )


def free_of_consent(changes: Iterable[Change], created: frozenset[ObjectKey]) -> tuple[Change, ...]:
    """No consent is needed for objects that the same plan creates (behaviour, §4)."""
    return tuple(
        replace(change, change_class=ChangeClass.SAFE, token=None)
        if change.token is not None and change.key.owner in created
        else change
        for change in changes
    )


def with_consents(steps: Iterable[Step], allowed: Allowed) -> tuple[Step, ...]:
    """Each step with the consents that its changes use."""
    return tuple(
        replace(
            step,
            consents=tuple(
                dict.fromkeys(
                    (*step.consents, *(consent for change in step.changes for consent in allowed.consents_for(change)))
                )
            ),
        )
        for step in steps
    )


def unmatched(consents: Iterable[Consent], steps: Iterable[Step], blocked: Iterable[Blocked]) -> tuple[str, ...]:
    """Warnings of consents to one object that no step uses, while a change of that kind is blocked: mistyped ones."""
    used = {consent for step in steps for consent in step.consents}
    refused = {token for reason in blocked for token in re.findall(r"--allow[ -](\w+)", reason.allow or "")}
    return tuple(
        f"--allow {consent} matches nothing in this plan"
        for consent in consents
        if consent.object is not None and consent.token in refused - _NOT_OF_STEPS and consent not in used
    )


#: Consents that are used elsewhere than in a step.
_NOT_OF_STEPS = frozenset({ConsentToken.STALE_BODY, ConsentToken.CHANGED_MIGRATION})
_NO_CONSENT = "no consent can do this: write a migration"
_UNMODELLED = "stonegate deploys objects of this kind but does not alter them: write a migration"
