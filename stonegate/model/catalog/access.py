"""Who owns an object and who may do what with it."""

from __future__ import annotations

from dataclasses import dataclass

from stonegate.model.names import ObjectKey, ObjectKind


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Privilege:
    """One right of one role ("" is PUBLIC), as in `aclexplode` (manual 5.8)."""

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Owner, comment and privileges, which most objects have.

    Attributes:
        granted: what the object's ACL holds beyond `acldefault`.
        revoked: what `acldefault` gives and the ACL lacks.
        denied: rights that the folder takes away with REVOKE; an ACL shows no trace of that. Only in a desired catalog.
    """

    owner: str = ""
    comment: str | None = None
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()
    denied: tuple[Privilege, ...] = ()

    def held_although_denied(self, denied: tuple[Privilege, ...]) -> tuple[Privilege, ...]:
        """The rights of `granted` that are among the denied ones, with or without grant option."""
        names = {(right.grantee, right.privilege) for right in denied}
        return tuple(right for right in self.granted if (right.grantee, right.privilege) in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPrivileges:
    """One ALTER DEFAULT PRIVILEGES entry; `schema` "" for all schemas; `objects` "tables", "functions", …"""

    role: str
    schema: str
    objects: str
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.DEFAULT_PRIVILEGES, self.schema, f"{self.role} {self.objects}")
