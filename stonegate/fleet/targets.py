"""Which databases are meant: found through the records alone, each with the server and the login that lead to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.conninfo import with_database, with_login
from stonegate.database.tenants.roles import is_bad_login, try_logins
from stonegate.errors import ConnectionFailed, DataDirUnusable, NotFound, UsageError
from stonegate.fleet.adoption import label_of
from stonegate.fleet.names import Owner, natural
from stonegate.fleet.records import DatabaseRecord, Login, PlatformRecord
from stonegate.fleet.registry import Registry
from stonegate.model.names import in_list

if TYPE_CHECKING:
    from stonegate.database.deployment.options import ApplyOptions

T = TypeVar("T")

_RECORD_SECONDS, _RECORDS_SECONDS, _RECORD_PAUSE = 0.5, 2.0, 0.05  # for one, for all of a run, between two looks
_WILD = frozenset("*?[")


class Target(Struct, frozen=True, kw_only=True):
    """One database of a platform.

    Attributes:
        server: conninfo of its server, as the administrator who makes databases there; it may hold a password.
        login: the platform's own role; None where the administrator's is used.
        is_recorded: whether the registry has it, as far as `Renew` has looked.
    """

    server: str
    owner: Owner
    database: str
    login: Login | None = None
    is_recorded: bool = True

    @property
    def admin(self) -> str:
        """The database as the administrator."""
        return with_database(self.server, self.database)

    @property
    def conninfos(self) -> tuple[str, ...]:
        """The database as its owner, in the order to be tried: during a rotation there are two passwords."""
        return logins(self.server, self.login, self.database)

    @property
    def conninfo(self) -> str:
        """The database as its owner."""
        return self.conninfos[0]

    def complete(self, asked: ApplyOptions) -> ApplyOptions:
        """The options of a deployment to it: its owner's, and the administrator does what a platform's role may not."""
        admin = asked.admin or (self.server if self.login is not None else None)
        return replace(asked, admin=admin, label=label_of(self.owner))


#: Looks a target's passwords up again, and whether it is on record.
Renew: TypeAlias = Callable[[Target], Target]


def as_it_is(target: Target) -> Target:
    """The target, where there is nothing to look it up in."""
    return target


def logins(server: str, login: Login | None, database: str) -> tuple[str, ...]:
    """Conninfos of a database for a platform's role, in the order to be tried; the server's own without a role."""
    base = with_database(server, database)
    if login is None:
        return (base,)
    return tuple(with_login(base, login.user, password) for password in login.passwords) or (
        with_login(base, login.user, ""),
    )


def find_target(registry: Registry, server: str, record: DatabaseRecord) -> Target:
    """The target of one record.

    Raises:
        PlatformNotFound: its platform is gone.
    """
    platform = registry.platform(record.owner.platform)
    return _target(server, platform, record)


def renew_target(registry: Registry, target: Target) -> Target:
    """The target with the passwords that are on record now; as it was known where the records cannot be read, as while
    somebody edits them: that ends no run."""
    try:
        platform = registry.find(target.owner.platform)
    except DataDirUnusable:
        return target
    if platform is None:
        return replace(target, is_recorded=False)
    return replace(target, login=platform.login, is_recorded=platform.find(target.owner) is not None)


class Grace:
    """How long one run waits for the records of databases that are gone, which `tenant drop` takes away a moment later.

    What waits in vain uses it up: where many databases are gone and stay on record, no run waits for each of them.
    """

    def __init__(self) -> None:
        self._left = _RECORDS_SECONDS

    async def was_dropped(self, target: Target, renew: Renew) -> bool:
        """True if a database that is gone went with its record."""
        waits = min(_RECORD_SECONDS, self._left)
        while renew(target).is_recorded:
            if waits <= 0:
                return False
            waits -= _RECORD_PAUSE
            self._left -= _RECORD_PAUSE
            await asyncio.sleep(_RECORD_PAUSE)
        return True


async def log_in(target: Target, attempt: Callable[[str], Awaitable[T]], renew: Renew) -> T:
    """What `attempt` makes of the first conninfo of a target whose password the server takes; where it takes none, of
    those that are on record by then: a rotation may have come in between.

    Raises:
        ConnectionFailed: it takes none of these either.
    """
    while True:
        try:
            return await try_logins(target.conninfos, attempt)
        except ConnectionFailed as failure:
            renewed = renew(target) if is_bad_login(failure) else target
            if renewed.conninfos == target.conninfos:
                raise
            target = renewed


def resolve_targets(
    registry: Registry,
    server: str,
    platform: str,
    *,
    tenant: str | tuple[str, ...] | None = None,
    schema: str | None = None,
    every: bool = False,
    missing_ok: bool = False,
) -> tuple[Target, ...]:
    """The databases that the options name, by database name.

    Args:
        server: conninfo of the platform's server.
        tenant: ids, or names of databases, or patterns of ids (`*`, `?`, `[…]`); `main` is the platform's own database.
            In a comma list an id means the databases that it has in all schemas; in a tuple it has to mean one.
        schema: only databases of that stored folder.
        every: all of them. Without any of the three it is the platform's own database, or its only one.
        missing_ok: a tenant that nobody is, and a schema without databases, is fine.

    Raises:
        PlatformNotFound: no such platform.
        NotFound: it has no such tenant, or no database of that schema.
        UsageError: the platform has several databases, and none was named, or which of them is not clear.
    """
    record = registry.platform(platform)
    chosen = [each for each in record.databases if schema is None or each.owner.schema == schema]
    if schema is not None and not chosen and not missing_ok:
        known = ", ".join(sorted({each.owner.schema or "–" for each in record.databases})) or "none"
        raise NotFound(f"the platform {platform} has no database of schema {schema}", hint=f"it has {known}")
    if tenant is not None:
        chosen = _match(chosen, tenant, platform, missing_ok=missing_ok)
    elif schema is None and not every:
        chosen = _only(chosen, platform)
    return tuple(_target(server, record, each) for each in sorted(chosen, key=lambda each: natural(each.database)))


def _match(
    records: Iterable[DatabaseRecord], tenant: str | tuple[str, ...], platform: str, *, missing_ok: bool
) -> list[DatabaseRecord]:
    records = list(records)
    found: dict[str, DatabaseRecord] = {}
    is_strict = not isinstance(tenant, str)
    if isinstance(tenant, str):  # an id may hold a comma
        known = any(each.id == tenant for each in records)
        tenant = (tenant,) if known else tuple(part.strip() for part in tenant.split(","))
    for pattern in filter(None, tenant):
        hits = [each for each in records if each.id == pattern]
        hits = hits or [each for each in records if each.database == pattern]
        if is_strict and len(hits) > 1:
            names = in_list(sorted(each.database for each in hits), 5)
            raise UsageError(
                f"{pattern} has {len(hits)} databases: {names}",
                hint="--schema NAME, or the names of those that are meant",
            )
        if not hits and set(pattern) & _WILD:
            hits = [each for each in records if fnmatchcase(each.id, pattern)]
        if not hits and not missing_ok:
            raise NotFound(
                f"the platform {platform} has no tenant {pattern}",
                hint=f"`stonegate tenant list --platform {platform}` shows them",
            )
        found |= {each.database: each for each in hits}
    if not found and not missing_ok:
        raise UsageError("--tenant names nobody", hint="an id, a comma list of ids, or a pattern such as 'a*'")
    return list(found.values())


def _only(records: list[DatabaseRecord], platform: str) -> list[DatabaseRecord]:
    own = [each for each in records if each.owner.tenant is None]
    if own:
        return own
    if not records:
        raise NotFound(
            f"the platform {platform} has no database yet",
            hint=f"stonegate tenant create ID --platform {platform} --schema S",
        )
    if len(records) > 1:
        raise UsageError(
            f"the platform {platform} has {len(records)} databases",
            hint="choose: --tenant T; or, where the command works on many, --schema S or --all",
        )
    return records


def _target(server: str, platform: PlatformRecord, record: DatabaseRecord) -> Target:
    return Target(server=server, owner=record.owner, database=record.database, login=platform.login)
