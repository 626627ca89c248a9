"""Domains whose default or checks call a routine that must be dropped: those parts go before and come back after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Constraint, DomainType
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Change

#: The aspects of the changes that take such parts away, by the aspect under which they come back.
FORMER = {"default": "former_default", "constraints": "former_checks"}


def calling_parts(domain: DomainType, routine: ObjectKey) -> Iterator[tuple[str, str]]:
    """(aspect, former aspect) of what the domain has that may call a routine of that name."""
    call = call_of(routine)
    if domain.default is not None and call in domain.default:
        yield "default", FORMER["default"]
    if calling_checks(domain, call):
        yield "constraints", FORMER["constraints"]


def call_of(routine: ObjectKey) -> str:
    """How a call of a routine of that name begins where PostgreSQL prints it."""
    return f"{routine.qualified.sql}("


def calling_checks(domain: DomainType, call: str) -> tuple[Constraint, ...]:
    """The checks with such a call."""
    return tuple(check for check in domain.constraints if call in check.definition)


def is_held_elsewhere(domain: DomainType, live: Catalog) -> bool:
    """True if values of the domain stand inside of other types, where PostgreSQL checks nothing (ALTER DOMAIN)."""
    for user in live.dependents.get(domain.key, ()):
        column = live.table_column(user) if user.kind is ObjectKind.COLUMN else None
        if user.owner.kind is ObjectKind.TYPE or (column is not None and column.type != domain.key.qualified.sql):
            return True
    return False


def without_former(live: Catalog, changes: Iterable[Change]) -> Catalog:
    """The live catalog once the former checks of domains are gone, which then are missing."""
    calls: dict[ObjectKey, list[str]] = defaultdict(list)
    for change in changes:
        if change.aspect == FORMER["constraints"]:
            calls[change.key].append(change.before or "")
    return (
        replace(live, domains=tuple(_without(domain, calls[domain.key]) for domain in live.domains)) if calls else live
    )


def _without(domain: DomainType, calls: Iterable[str]) -> DomainType:
    gone = {check.name for call in calls for check in calling_checks(domain, call)}
    return replace(domain, constraints=tuple(check for check in domain.constraints if check.name not in gone))
