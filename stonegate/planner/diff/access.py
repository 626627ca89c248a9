"""Owner, comment and privileges, which most objects have (behaviour, §1: privileges are ensured, never removed)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Access, Column, DefaultPrivileges, PassedOn, Privilege, held_although_denied
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action
from stonegate.planner.diff.findings import Findings, Note
from stonegate.planner.diff.sides import Sides

#: Owns the schema `public` of a new database (manual 22.5): nobody declares that.
_DATABASE_OWNER = "pg_database_owner"


def compare_access(sides: Sides, key: ObjectKey, desired: Access, live: Access) -> Findings:
    """Everything in `Access` but what follows from another object."""
    last = sides.last_access(key)
    yield from compare_owner(sides, key, desired, live, last)
    yield from compare_comment(sides, key, desired.comment, live.comment)
    yield from compare_privileges(sides, key, desired, live, last)


def compare_owner(sides: Sides, key: ObjectKey, desired: Access, live: Access, last: Access | None) -> Findings:
    """Only a folder that names an owner says anything about it: else the reference's builder owns the object."""
    if desired.owner == live.owner:
        return
    if desired.owner in (sides.builder, _DATABASE_OWNER, ""):
        if last is not None and last.owner == live.owner and last.owner not in (sides.builder, desired.owner):
            yield Note(f"{key} still belongs to {live.owner}: the folder does not say to whom")
        return
    yield sides.change(
        Action.ALTER,
        key,
        f"{key} belongs to {live.owner} instead of {desired.owner}",
        aspect="owner",
        before=live.owner,
        after=desired.owner,
    )


def compare_comment(
    sides: Sides,
    key: ObjectKey,
    desired: str | None,
    live: str | None,
    *,
    table: ObjectKey | None = None,
    inside: str = "",
) -> Findings:
    """A comment that the last deployment did not declare is somebody's own, and left alone as a right is.

    Args:
        inside: what inside of the object it is about, if not the object itself; begins the name of the aspect.
    """
    if desired == live:
        return
    subject = _subject(key, inside)
    if desired is None and live is not None and not _was_said(sides, key, live):
        yield Note(f"the comment on {subject} is kept: the folder has none")
        return
    verb = "has another comment" if desired and live else "gets a comment" if desired else "loses its comment"
    aspect = f"{inside}_comment".removeprefix("_")
    yield sides.change(Action.ALTER, key, f"{subject} {verb}", aspect=aspect, before=live, after=desired, table=table)


def _was_said(sides: Sides, key: ObjectKey, comment: str) -> bool:
    """True if the last deployment declared that text on the object, or on a part of it, whatever this was called."""
    if sides.declared is None:
        return False
    holder = sides.live.index_holders.get(key, key.owner)
    relation = sides.declared.relations.get(holder.qualified)
    # The key of a part does not say whether it is a view's, or a domain's. The share of an index has the comment of the
    # whole once a column of theirs was retyped (PostgreSQL 15 and 16).
    above = sides.live.ancestors(holder) if holder.kind is ObjectKind.TABLE else ()
    wholes = (
        *(sides.last_declared(owner) for owner in (holder, holder.qualified.key(ObjectKind.TYPE), *above)),
        *(sides.desired.objects.get(owner) for owner in above),
        relation,
    )
    return any(comment in comments_of(whole) for whole in wholes)


def comments_of(thing: object) -> Iterator[str]:
    """Every comment on an object and on its parts."""
    if isinstance(thing, Struct):
        for name in thing.__struct_fields__:
            value = getattr(thing, name)
            if name == "comment" and value is not None:
                yield value
            elif isinstance(value, Struct | tuple):
                yield from comments_of(value)
    elif isinstance(thing, tuple):
        for part in thing:
            yield from comments_of(part)


def _subject(key: ObjectKey, inside: str) -> str:
    return f"the {inside} of {key}" if inside else str(key)


def compare_privileges(
    sides: Sides, key: ObjectKey, desired: Access, live: Access, last: Access | None, *, inside: str = ""
) -> Findings:
    """Rights that are declared and missing, and rights that are declared revoked and still there."""
    granted, revoked = due_rights(desired, live, sides.builder)
    subject = _subject(key, inside)
    if granted or revoked:
        yield sides.change(
            Action.ALTER,
            key,
            f"{subject} lacks declared privileges"
            if granted
            else f"{subject} has privileges that are declared revoked",
            aspect=f"{inside}_privileges".removeprefix("_"),
            before=_rights_text(live.granted, live.revoked),
            after=_rights_text(granted, revoked),
        )
        yield from _remarks_on_passing_on(subject, live, revoked)
    if last is not None:
        yield from _remarks_on_rights(subject, desired, live, last, given=granted, taken=revoked)


def _remarks_on_passing_on(subject: str, live: Access, taken: Iterable[Privilege]) -> Findings:
    """The owner takes only what the owner gave, and not from who gave it to others (manual: REVOKE)."""
    for right in taken:
        said = f"{subject}: {_taken_text(right)}"
        revoke = "REVOKE GRANT OPTION FOR …" if right.grantable else "REVOKE …"
        passed_on = [each for each in live.given_by_others if each.privilege == right.privilege]
        givers = sorted({each.giver for each in passed_on if each.grantee == right.grantee})
        if givers:
            names = ", ".join(map(quote_ident, givers))
            yield Note(
                f"{said} was given by {names}, from whom alone the owner can take it; in a migration: {revoke} FROM "
                f"{names} CASCADE, and GRANT it again to who shall keep it"
            )
        elif others := _reached(right.grantee, passed_on):
            names = ", ".join(quote_ident(role) if role else "PUBLIC" for role in others)
            yield Note(
                f"{said} was passed on to {names}, and is not taken as long as they have it; in a migration: {revoke} "
                f"FROM {quote_ident(right.grantee)} CASCADE takes it from all of these"
            )


def _reached(role: str, passed_on: Iterable[PassedOn]) -> list[str]:
    """Who has a right by way of a role."""
    found = {role}
    while more := {each.grantee for each in passed_on if each.giver in found} - found:
        found |= more
    return sorted(found - {role})


def remarks_on_carried_rights(
    sides: Sides, key: ObjectKey, desired: Access, former: Access, last: Access | None
) -> Findings:
    """Rights that a routine takes over from the one whose place it takes, and that the folder no longer declares.

    Args:
        former: what that one has; `last` is what the last deployment declared of it.
    """
    given, taken = due_rights(desired, former, sides.builder)
    if last is not None:
        yield from _remarks_on_rights(str(key), desired, former, last, given=given, taken=taken)


def _remarks_on_rights(
    subject: str,
    desired: Access | DefaultPrivileges,
    live: Access,
    last: Access | DefaultPrivileges,
    *,
    given: Iterable[Privilege],
    taken: Iterable[Privilege],
) -> Findings:
    """What the last deployment declared and the folder no longer does: it stays, but for what is given or taken now."""
    lost = {(right.grantee, right.privilege) for right in taken}
    for right in last.granted:
        is_lost = (right.grantee, right.privilege) in lost
        if not is_among(right, desired.granted) and right in live.granted and not is_lost:
            yield Note(f"{subject}: {_right_text(right)} is no longer declared, and stays until a REVOKE is")
    for right in last.revoked:
        if right not in (*desired.revoked, *given) and right in live.revoked:
            yield Note(f"{subject}: {_right_text(right)} is no longer declared revoked, and stays so until a GRANT is")


def compare_column_privileges(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None, owner: str
) -> Findings:
    """The rights on one column; `owner` is that of the live relation."""
    yield from compare_privileges(
        sides,
        key,
        column_access(desired, sides.builder, owner),
        Access(granted=live.granted, passed_on=live.passed_on),
        Access(granted=last.granted) if last is not None else None,
    )


def compare_default_privileges(
    sides: Sides, desired: DefaultPrivileges, live: DefaultPrivileges | None, last: DefaultPrivileges | None
) -> Findings:
    """One entry of ALTER DEFAULT PRIVILEGES."""
    present = as_access(live)
    granted, revoked = due_rights(desired, present)
    if granted or revoked:
        yield sides.change(
            Action.ALTER,
            desired.key,
            f"default privileges of {desired.role} on {desired.objects} differ"
            + (f" in schema {quote_ident(desired.schema)}" if desired.schema else ""),
            aspect="privileges",
            before=_rights_text(present.granted, present.revoked),
            after=_rights_text(granted, revoked),
        )
    if last is not None:
        yield from _remarks_on_rights(str(desired.key), desired, present, last, given=granted, taken=revoked)


def due_rights(
    desired: Access | DefaultPrivileges, live: Access, builder: str = ""
) -> tuple[tuple[Privilege, ...], tuple[Privilege, ...]]:
    """The declared rights that have to be granted, and those that have to be revoked.

    Args:
        builder: the role that built the desired object; whoever owns the live one stands for it.
    """
    granted, affirmed, revoked = (
        as_owner(rights, builder, live.owner) for rights in (desired.granted, desired.affirmed, desired.revoked)
    )
    return (
        (
            *(right for right in granted if not _holds(live, right)),
            *(right for right in affirmed if lacks(live, right)),
        ),
        (
            *(right for right in revoked if not lacks(live, right)),
            *held_although_denied(live.granted, desired.denied),
        ),
    )


def column_access(column: Column, builder: str = "", owner: str = "") -> Access:
    """The declared rights on a column, of which nobody has any to begin with, not even who owns the relation.

    Args:
        builder, owner: the role that built the desired relation, and the one that owns the live one and stands for it.
    """
    granted, denied = (as_owner(rights, builder, owner) for rights in (column.granted, column.denied))
    return Access(granted=granted, denied=denied)


def as_access(entry: DefaultPrivileges | None) -> Access:
    """An entry of ALTER DEFAULT PRIVILEGES as rights; none without one."""
    return Access(granted=entry.granted, revoked=entry.revoked) if entry is not None else Access()


def _holds(access: Access, right: Privilege) -> bool:
    """True if the right is effective: given beyond the defaults, or the owner's own."""
    return is_among(right, access.granted) or (right.grantee == access.owner != "" and not lacks(access, right))


def lacks(access: Access, right: Privilege) -> bool:
    """True if the right, which objects of this kind come with, was taken away."""
    return any((r.grantee, r.privilege) == (right.grantee, right.privilege) for r in access.revoked)


def is_among(right: Privilege, held: Iterable[Privilege]) -> bool:
    """A right with grant option includes the one without."""
    return any(
        (other.grantee, other.privilege) == (right.grantee, right.privilege) and other.grantable >= right.grantable
        for other in held
    )


def as_owner(rights: tuple[Privilege, ...], builder: str, owner: str) -> tuple[Privilege, ...]:
    """The rights with the builder of the reference replaced by whoever owns the live object."""
    if not owner or owner == builder:
        return rights
    return tuple(replace(right, grantee=owner) if right.grantee == builder != "" else right for right in rights)


def _right_text(right: Privilege) -> str:
    role = quote_ident(right.grantee) if right.grantee else "PUBLIC"
    return f"{right.privilege} for {role}" + (" with grant option" if right.grantable else "")


def _taken_text(right: Privilege) -> str:
    return f"grant option for {_right_text(replace(right, grantable=False))}" if right.grantable else _right_text(right)


def _rights_text(granted: Iterable[Privilege], revoked: Iterable[Privilege]) -> str | None:
    parts = [f"grant {_right_text(right)}" for right in sorted(granted)]
    parts += [f"revoke {_taken_text(right)}" for right in sorted(revoked)]
    return "; ".join(parts) or None
