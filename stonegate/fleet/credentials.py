"""Credentials per platform: a role of its own that owns its databases, and a password that can be changed any time."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial

from stonegate.database.connect import Session, using
from stonegate.database.conninfo import with_login
from stonegate.database.server.databases import LOCK_SECONDS, connect_maintenance
from stonegate.database.server.locks import hold_lock, role_key
from stonegate.database.tenants.roles import can_login, create_role, drop_role, read_role, require_member, set_password
from stonegate.errors import PlatformAlreadyRegistered, StonegateError, UsageError
from stonegate.fleet.files import locked_meanwhile
from stonegate.fleet.records import Login, PlatformRecord, set_login, set_next_password
from stonegate.fleet.registry import Registry
from stonegate.model.names import LONGEST_NAME

_PASSWORD_BYTES = 32


async def register_platform(
    registry: Registry, server: str, name: str, *, user: str | None = None, password: str | None = None
) -> PlatformRecord:
    """Add a platform, with a role of its own if a user is named.

    A role that exists is taken only by whoever knows its password, and only if it can do nothing but log in.

    Args:
        server: conninfo of the server; its role may create roles.
        user: the role; made unless it exists.
        password: the role's; generated when the role is made and none is given.

    Raises:
        PlatformAlreadyRegistered, PlatformIsolationViolation: see `Registry.register`.
        UsageError: a password without a user, a name that is too long, or a role that may not be taken.
        MigrationFailed, ConnectionFailed: the server refuses.
        LockTimeout: somebody else has been registering that role for a minute.
    """
    _require_new(registry, name)
    if user is None:
        if password is not None:
            raise UsageError("a password was given, but no role", hint="--db-user ROLE")
        return await asyncio.to_thread(registry.register, name)
    if not user or len(user.encode()) > LONGEST_NAME:
        raise UsageError(f"the role's name must have 1 to {LONGEST_NAME} bytes", hint="--db-user ROLE")
    if "\x00" in user + (password or ""):
        raise UsageError("the role or its password holds the character U+0000, which PostgreSQL has not")
    chosen = password or secrets.token_urlsafe(_PASSWORD_BYTES)
    # Until the role is on record it may be dropped again, and nobody else may take it.
    async with (
        using(await connect_maintenance(server)) as maintenance,
        hold_lock(maintenance, role_key(user), timeout_s=LOCK_SECONDS),
    ):
        await asyncio.to_thread(_require_new, registry, name)
        created = await create_role(maintenance, user, chosen)
        try:
            if not created:
                await _require_takeable(maintenance, server, user, password)
                await require_member(maintenance, user)
            return await asyncio.to_thread(registry.register, name, login=(user, chosen))
        except BaseException:
            if created:
                await drop_role(maintenance, user)
            raise


def _require_new(registry: Registry, name: str) -> None:
    if registry.find(name) is not None:
        raise PlatformAlreadyRegistered(
            f"the platform {name} is registered already", hint="`stonegate platform list` shows all of them"
        )


async def _require_takeable(maintenance: Session, server: str, user: str, password: str | None) -> None:
    """Refuse a role that is somebody else's, or mightier than a platform's may be."""
    if password is None:
        raise UsageError(
            f"the role {user} exists already",
            hint="give its password too (--password-stdin), or choose another name for a new role",
        )
    facts = await read_role(maintenance, user)
    if facts is None or not facts.may_login:
        raise UsageError(f"the role {user} may not log in", hint="choose another name for a new role")
    if facts.powers or facts.memberships:
        powers = ", ".join((*facts.powers, *(f"member of {group}" for group in facts.memberships)))
        raise UsageError(
            f"the role {user} can do more than a platform's role may: {powers}",
            hint="choose another name for a new role",
        )
    if not await can_login(with_login(server, user, password)):
        raise UsageError(f"the role {user} exists already, with another password", hint="give its own password")


async def rotate_password(registry: Registry, server: str, platform: str, password: str | None = None) -> None:
    """Give the platform's role another password without a moment in which nobody knows the right one.

    The new password is written beside the old one first; readers that one of them fails try the other. Then the role
    gets it, and the old one is forgotten. Sessions that are open stay. Killed in between, the next rotation, or a
    reader, finds out which of the two is in force.

    Raises:
        PlatformNotFound: no such platform.
        UsageError: it has no role of its own.
        MigrationFailed, ConnectionFailed: the server refuses; the old password stays in force.
    """
    home = registry.home(platform)
    async with locked_meanwhile(home / ".rotation.lock"):
        record = registry.platform(platform)
        if record.login is None:
            raise UsageError(
                f"the platform {platform} has no role of its own",
                hint="stonegate platform register NAME --db-user ROLE gives one to a new platform",
            )
        user = record.login.user
        await _settle(registry, server, record.name, record.login)
        chosen = password or secrets.token_urlsafe(_PASSWORD_BYTES)
        await asyncio.to_thread(registry.change, platform, lambda document: set_next_password(document, chosen))
        async with using(await connect_maintenance(server)) as maintenance:
            await set_password(maintenance, user, chosen)
        await asyncio.to_thread(registry.change, platform, lambda document: set_login(document, user, chosen))


async def _settle(registry: Registry, server: str, platform: str, login: Login) -> None:
    """End a rotation that was killed: keep of two passwords the one that works."""
    if len(login.passwords) < 2:
        return
    for password in reversed(login.passwords):
        try:
            works = await can_login(with_login(server, login.user, password))
        except StonegateError:
            continue  # the role may not connect there: undecided, and the next step sets a password anyway
        if works:
            settled = partial(set_login, user=login.user, password=password)
            await asyncio.to_thread(registry.change, platform, settled)
            return
