"""Who owns an object and who may do what with it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from stonegate.model.names import ObjectKey, ObjectKind


class Privilege(Struct, frozen=True, kw_only=True, order=True):
    """One right of one role ("" is PUBLIC), as in `aclexplode` (manual 5.8)."""

    grantee: str
    privilege: str
    grantable: bool = False


class PassedOn(Struct, frozen=True, kw_only=True, order=True):
    """A right that another role than the owner gave, by a grant option."""

    giver: str
    grantee: str
    privilege: str


class Access(Struct, frozen=True, kw_only=True):
    """Owner, comment and privileges, which most objects have.

    Attributes:
        granted: what the object's ACL holds beyond `acldefault`.
        revoked: what `acldefault` gives and the ACL lacks.
        denied: what the folder takes away with REVOKE, see `held_although_denied`; an ACL shows no trace of that. Only
            in a desired catalog.
        affirmed: what the folder gives with GRANT although `acldefault` gives it. Only in a desired catalog.
        passed_on: which of `granted` other roles than the owner gave; no difference in itself. Where there is none,
            nothing stands in JSON.
    """

    owner: str = ""
    comment: str | None = None
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()
    denied: tuple[Privilege, ...] = ()
    affirmed: tuple[Privilege, ...] = ()
    passed_on: tuple[PassedOn, ...] | UnsetType = UNSET

    @property
    def given_by_others(self) -> tuple[PassedOn, ...]:
        """`passed_on`, () for none."""
        return () if isinstance(self.passed_on, UnsetType) else self.passed_on

    def keeping(self, live: Access) -> Access:
        """These rights, and those of the object whose place is taken, as far as nothing here denies them (§10)."""
        kept = set(without_denied(live.granted, self.denied)) - set(self.revoked)
        given = (*self.granted, *self.affirmed)
        taken = (right for right in live.revoked if right not in given)
        return replace(
            self,
            granted=tuple(sorted({*self.granted, *kept})),
            revoked=tuple(sorted({*self.revoked, *taken})),
        )


def held_although_denied(held: Iterable[Privilege], denied: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """What REVOKE has to take away.

    Args:
        held: what an ACL holds.
        denied: rights that nobody may hold; a `grantable` one may be held, but not be passed on.

    Returns:
        The rights to take away; of a `grantable` one the grant option alone.
    """
    wholly = {(right.grantee, right.privilege) for right in denied if not right.grantable}
    options = {(right.grantee, right.privilege) for right in denied if right.grantable}
    found: list[Privilege] = []
    for right in held:
        if (right.grantee, right.privilege) in wholly:
            found.append(replace(right, grantable=False))
        elif right.grantable and (right.grantee, right.privilege) in options:
            found.append(right)
    return tuple(found)


def without_denied(held: Iterable[Privilege], denied: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """What is left of `held` when that was taken away."""
    held = tuple(held)
    taken = {(right.grantee, right.privilege): right.grantable for right in held_although_denied(held, denied)}
    return tuple(
        replace(right, grantable=False) if (right.grantee, right.privilege) in taken else right
        for right in held
        if taken.get((right.grantee, right.privilege), True)
    )


class DefaultPrivileges(Struct, frozen=True, kw_only=True):
    """One ALTER DEFAULT PRIVILEGES entry; `schema` "" for all schemas; `objects` "tables", "functions", …

    The rights are as in `Access`.
    """

    role: str
    schema: str
    objects: str
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()
    denied: tuple[Privilege, ...] = ()
    affirmed: tuple[Privilege, ...] = ()

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.DEFAULT_PRIVILEGES, self.schema, f"{self.role} {self.objects}")
