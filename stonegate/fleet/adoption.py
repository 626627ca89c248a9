"""Databases that nobody wrote down: found by their label or, where only one platform can own the name, adopted."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from stonegate.database.connect import Session, using
from stonegate.database.server.databases import MAINTENANCE, connect_maintenance
from stonegate.database.server.locks import database_key, hold_lock
from stonegate.database.tenants.clone import MAKE_SECONDS
from stonegate.database.tenants.labels import DatabaseFacts, read_facts
from stonegate.database.tenants.privileges import take_over
from stonegate.errors import DatabaseAlreadyExists, DatabaseNotFound, NotFound, PlatformIsolationViolation, UsageError
from stonegate.fleet.names import MAIN, RESERVED, Owner, sanitise, word_of
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry, foreign, require_same
from stonegate.model.labels import Label
from stonegate.model.names import quote_ident


def label_of(owner: Owner) -> Label:
    """The label that says whose a database is."""
    return Label(platform=owner.platform, schema=owner.schema, tenant=owner.tenant)


def owner_in(label: Label) -> Owner:
    """Whose a database is by its label."""
    return Owner(platform=label.platform, schema=label.schema, tenant=label.tenant)


async def find_database(registry: Registry, server: str, owner: Owner) -> DatabaseRecord | None:
    """The database of an owner: recorded, or labelled as its, or of the original and nobody else's by its name.

    What is found on the server alone is recorded and labelled. A database that is still being made is none yet.

    Raises:
        PlatformIsolationViolation: the database is another's, or it cannot be told whose it is.
        ConnectionFailed: the server is unreachable.
    """
    await asyncio.to_thread(registry.require_free, owner)  # looks at every platform's records
    platform = registry.find(owner.platform)
    record = None if platform is None else platform.find(owner)
    if record is not None:
        return record
    names = (owner.database, *(f"{word}_{MAIN}" for word in _beginnings(owner.database)))
    async with using(await connect_maintenance(server)) as maintenance:
        there = await read_facts(maintenance, names)
    facts = there.get(owner.database)
    if facts is None or (facts.label is not None and facts.label.unfinished):
        return None
    if facts.label is None:
        await asyncio.to_thread(_require_unambiguous, registry, owner, there)
        return await adopt_database(registry, server, owner, owner.database)
    if owner_in(facts.label) != owner:
        raise foreign(owner, owner_in(facts.label))
    return await _record(registry, owner, owner.database)


def guess_owner(platform: str, database: str, schemas: Iterable[str] = ()) -> Owner:
    """The v1 owner that a database's name speaks of; the platform's own database for any other name.

    Args:
        schemas: names of the platform's stored folders.

    Raises:
        UsageError: it may as well be the name of a database that was made of one of these.
    """
    word = sanitise(platform, "platform")
    tenant = database.removeprefix(f"{word}_")
    owner = Owner(platform=platform, tenant=None if tenant in (database, MAIN, "") else tenant)
    for schema in schemas:
        tenant = database.removeprefix(f"{word}_{sanitise(schema, 'schema')}_")
        if tenant not in (database, ""):
            other = Owner(platform=platform, schema=schema, tenant=tenant)
            raise UsageError(
                f"the database {database} may be that of {owner}, or of {other}",
                hint=f"{other.adopting(database)}; or {owner.adopting(database)}",
            )
    return owner


async def adopt_database(
    registry: Registry, server: str, owner: Owner, database: str, *, former: str | None = None
) -> DatabaseRecord:
    """Make a database that exists the owner's, whatever it is called: label, records, and no CONNECT for PUBLIC.

    A platform with a role of its own gets the database and all that is in it; one without takes it from the role of
    another one, for the administrator. One that is recorded under another name, which is gone, was renamed.

    A platform that is not registered is added, once it is certain that it may have the database.

    Args:
        registry, server: where it is recorded, and the server that has it.
        owner: whose it will be.
        database: its name.
        former: the platform whose it may be until now: another one, or this one, for another tenant or schema.

    Raises:
        DatabaseNotFound: no such database, or one that is still being made.
        DatabaseAlreadyExists: the owner has another one.
        PlatformIsolationViolation: it is labelled or recorded as another's.
        UsageError: it is the server's own, or stonegate's.
        MigrationFailed: the administrator may not.
        LockTimeout: other sessions keep what would change hands, or make, adopt or drop the database.
    """
    _require_ordinary(database)
    async with _undisturbed(server, {database, owner.database}) as maintenance:
        known = registry.find(owner.platform)
        own = None if known is None else known.find(owner)
        found = await read_facts(maintenance, [database] if own is None else [database, own.database])
        facts = found.get(database)
        renamed = None
        if own is not None and own.database not in found and facts is not None and facts.label == label_of(owner):
            renamed = own.database
        if facts is not None and facts.label is not None:
            require_same(owner, owner_in(facts.label), database, former=former)
        try:
            await asyncio.to_thread(registry.require_unrecorded, owner, database, renamed=renamed, former=former)
        except DatabaseAlreadyExists:
            if own is None or own.database in found:
                raise
            raise _gone(owner, own.database) from None
        _require_whole(facts, database)
        platform = await asyncio.to_thread(registry.ensure, owner.platform)
        before = None if former is None else registry.find(former)
        role = None if before is None or before.login is None else maintenance.info.user
        role = role if platform.login is None else platform.login.user
        await take_over(server, database, label_of(owner), owner=role)
        return await _record(registry, owner, database, renamed=renamed, former=former)


async def forget_database(registry: Registry, server: str | None, platform: str, database: str) -> DatabaseRecord:
    """Take a database that is gone out of a platform's records; nothing else is touched.

    Args:
        server: which has to lack it; None if it may be there, or nowhere.

    Raises:
        PlatformNotFound: no such platform.
        NotFound: it is not in the platform's records.
        DatabaseAlreadyExists: the server has it.
        ConnectionFailed: the server is unreachable.
        LockTimeout: other sessions make, adopt or drop the database.
    """
    known = next((each for each in registry.platform(platform).databases if each.database == database), None)
    if known is not None and server is None:
        known = await asyncio.to_thread(registry.forget, platform, database)
    elif known is not None and server is not None:
        async with _undisturbed(server, {database}) as maintenance:
            if await read_facts(maintenance, [database]):
                drop = shlex.join(["stonegate", "tenant", "drop", database, "--platform", platform])
                raise DatabaseAlreadyExists(
                    f"nothing was changed: the database {database} is there",
                    hint=f"`{drop}` drops it and forgets it; with --keep-database it is only forgotten",
                    database=database,
                )
            known = await asyncio.to_thread(registry.forget, platform, database)
    if known is None:
        raise NotFound(
            f"the platform {platform} has no database {database} in its records",
            hint=f"`{shlex.join(['stonegate', 'platform', 'databases', platform])}` lists them",
            database=database,
        )
    return known


@asynccontextmanager
async def _undisturbed(server: str, names: set[str]) -> AsyncIterator[Session]:
    """A session that keeps the databases of these names from being made, adopted or dropped by others.

    Two adoptions at once would leave the database with the role of one platform and in the records of the other.
    """
    async with using(await connect_maintenance(server)) as maintenance, AsyncExitStack() as locks:
        for name in sorted(names):  # in one order, so that two do not wait for each other
            await locks.enter_async_context(hold_lock(maintenance, database_key(name), timeout_s=MAKE_SECONDS))
        yield maintenance


def _gone(owner: Owner, database: str) -> DatabaseAlreadyExists:
    """What is on record is not there any more, and nothing says that it was renamed: the original wrote no labels."""
    forget = shlex.join(["stonegate", "platform", "forget", owner.platform, database])
    return DatabaseAlreadyExists(
        f"the database {database} of {owner} is on record, and gone",
        hint=f"if it was renamed or dropped: `{forget}`, and adopt the other one again",
        database=database,
    )


def _require_whole(facts: DatabaseFacts | None, database: str) -> None:
    if facts is None:
        raise DatabaseNotFound(f"there is no database {database}", hint="\\l in psql lists them", database=database)
    if facts.label is not None and facts.label.unfinished:
        raise DatabaseNotFound(
            f"the database {database} is still being made",
            hint="if nobody makes it any more: stonegate tenant create makes it anew",
            database=database,
        )
    if facts.is_template:
        raise UsageError(
            f"the database {database} is a template",
            hint="adopt the databases that hold data; if it is one: "
            f"ALTER DATABASE {quote_ident(database)} IS_TEMPLATE false",
        )


def _require_ordinary(database: str) -> None:
    """Refuse what every session on the server needs, and what stonegate drops when it likes."""
    if database in MAINTENANCE or database.startswith(RESERVED):
        raise UsageError(
            f"the database {database} belongs to no platform",
            hint="adopt the databases that hold data; stonegate platform adopt NAME DATABASE",
        )


def _require_unambiguous(registry: Registry, owner: Owner, there: Collection[str]) -> None:
    """Refuse an unlabelled database unless no other platform can own its name."""
    database = owner.database
    mine = sanitise(owner.platform, "platform")
    if (owner.schema is None and owner.tenant is None) or possible_owners(registry, database, there) <= {mine}:
        return
    raise PlatformIsolationViolation(
        f"it cannot be told whose the database {database} is: nothing in it says so",
        hint=f"if it is yours: {owner.adopting(database)}",
        database=database,
    )


def possible_owners(registry: Registry, database: str, there: Collection[str]) -> frozenset[str]:
    """The platforms, as words, that can own a database of that name: `X_main` belongs to X, and shows that X is one.

    Args:
        there: databases that the server has.
    """
    words = {word_of(platform.name) for platform in registry.platforms()}
    words |= {word for word in _beginnings(database) if f"{word}_{MAIN}" in there}
    if database.removesuffix(f"_{MAIN}") in words - {database}:
        return frozenset({database.removesuffix(f"_{MAIN}")})
    return frozenset(word for word in words if database.startswith(f"{word}_"))


def _beginnings(database: str) -> tuple[str, ...]:
    """`a` and `a_b` of `a_b_c`."""
    parts = database.split("_")
    return tuple("_".join(parts[:count]) for count in range(1, len(parts)))


async def _record(
    registry: Registry, owner: Owner, database: str, *, renamed: str | None = None, former: str | None = None
) -> DatabaseRecord:
    await asyncio.to_thread(registry.ensure, owner.platform)
    record = DatabaseRecord(owner=owner, database=database, created_at=now())
    await asyncio.to_thread(registry.record, record, renamed=renamed, former=former)
    return record
