"""The database of one owner: made from the platform's folder, and recorded when it is finished."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from stonegate.database.connect import Session, using
from stonegate.database.failures.explain import INVALID_CATALOG_NAME
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import DatabaseFacts, find_labelled
from stonegate.database.tenants.make import Made, Mould, make_tenant, prepare_mould
from stonegate.database.tenants.roles import is_bad_login
from stonegate.errors import ConnectionFailed, DatabaseAlreadyExists, MigrationFailed, PlatformIsolationViolation
from stonegate.fleet.adoption import label_of, owner_in
from stonegate.fleet.ending import finish_undisturbed
from stonegate.fleet.names import Owner
from stonegate.fleet.notes import read_note, record_note
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry, foreign
from stonegate.fleet.targets import logins
from stonegate.source.lazy import LazySource


async def create_tenant(
    registry: Registry, server: str, source: LazySource, owner: Owner, *, if_missing: bool = False
) -> Made:
    """Make the database of one owner.

    Raises:
        DatabaseAlreadyExists: it is there, and `if_missing` is not set.
        PlatformIsolationViolation: the name is another's.
        StonegateError: as `create_tenants`; nothing is left behind.
    """
    mould = await prepare(registry, server, source, owner.platform)
    async with using(await connect_maintenance(server)) as maintenance:
        return await make(registry, mould, maintenance, owner, if_missing=if_missing)


async def prepare(registry: Registry, server: str, source: LazySource, platform: str) -> Mould:
    """The mould of a platform's tenants; what was learnt of the folder is noted for the next time."""
    home = registry.home(platform)
    while True:
        login = registry.platform(platform).login
        try:
            mould = await prepare_mould(
                server,
                source,
                logins=() if login is None else logins(server, login, "postgres"),
                owner=None if login is None else login.user,
                note=read_note(home, source.digest),
            )
            break
        except ConnectionFailed as failure:
            if not is_bad_login(failure) or registry.platform(platform).login == login:
                raise  # else the password was changed meanwhile
    if mould.note is not None:
        await asyncio.to_thread(record_note, home, source.digest, mould.note)
    return mould


async def make(registry: Registry, mould: Mould, maintenance: Session, owner: Owner, *, if_missing: bool) -> Made:
    """The same with a mould and a session that are there already."""
    name = database_of(registry, owner)
    platform = registry.platform(owner.platform)
    known = platform.find(owner)
    if platform.login is not None:  # its password may have been changed since the mould was made
        mould = replace(mould, logins=logins(mould.server, platform.login, "postgres"))

    def accept(facts: DatabaseFacts) -> None:
        _require_own(facts, owner, recorded=known is not None)
        if not if_missing:
            raise DatabaseAlreadyExists(
                f"the database {name} exists already",
                hint="`stonegate tenant create --if-missing` takes that for success",
                database=name,
            )

    async def absent() -> None:
        found = () if known is None else await find_labelled(maintenance, label_of(owner))
        # Owners write the labels of their databases themselves: one that is recorded is its owner's, whatever it says.
        others = [each for each in found if registry.owner_of(each) is None]
        if others:  # a second one would be empty, and be taken for the first
            raise DatabaseAlreadyExists(
                f"the database of {owner} is not called {name} any more, but {others[0]}",
                hint=f"{owner.adopting(others[0])} records that; or ALTER DATABASE {others[0]} RENAME TO {name}",
                database=others[0],
            )

    async def record() -> None:
        current = registry.platform(owner.platform).find(owner)
        if current is None or current.database != name:
            made = DatabaseRecord(owner=owner, database=name, created_at=now())
            await finish_undisturbed(asyncio.to_thread(registry.record, made))

    async def attempt(mould: Mould) -> Made:
        return await make_tenant(maintenance, mould, name, label_of(owner), accept=accept, absent=absent, record=record)

    try:
        return await attempt(mould)
    except MigrationFailed as error:
        if mould.template is None or error.sqlstate != INVALID_CATALOG_NAME:
            raise
        # `reference prune` took the template away.
        return await attempt(await prepare(registry, mould.server, mould.source, owner.platform))


def database_of(registry: Registry, owner: Owner) -> str:
    """The database that the owner has, whatever it is called, or would get.

    Raises:
        PlatformIsolationViolation, UsageError: that name is another's, or not possible.
    """
    known = registry.platform(owner.platform).find(owner)
    if known is not None:
        return known.database
    registry.require_free(owner)
    return owner.database


def _require_own(facts: DatabaseFacts, owner: Owner, *, recorded: bool) -> None:
    if facts.label is not None and owner_in(facts.label) != owner:
        raise foreign(owner, owner_in(facts.label))
    if facts.label is None and not recorded:
        raise PlatformIsolationViolation(
            f"the database {facts.name} exists, and nothing in it says whose it is",
            hint=f"if it is yours: {owner.adopting(facts.name)}",
            database=facts.name,
        )
