"""Databases of a platform that stand in no record.

The original kept none of those of v1; others lose theirs with DATA_DIR, or where the original rewrites it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec import Struct

from stonegate.database.connect import answers_yes, connect, using
from stonegate.database.conninfo import with_database
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import read_facts
from stonegate.errors import StonegateError, UsageError
from stonegate.fleet.adoption import find_database, guess_owner, owner_in, possible_owners
from stonegate.fleet.names import MAIN, RESERVED, Owner, sanitise
from stonegate.fleet.registry import Registry
from stonegate.fleet.targets import Target

_AT_ONCE = 8
_IS_DEPLOYED = "SELECT pg_catalog.to_regclass('public._stonescriptdb_gateway_functions') IS NOT NULL"


class Unrecorded(Struct, frozen=True, kw_only=True):
    """What stands in no record.

    Attributes:
        certain: owners of databases whose label, or the name `X_main`, says whose they are.
        targets: others with the original's tables that only this platform can own. Names do not tell the ids of
            tenants (`a-b` is `a_b`), so that they are recorded when somebody calls them by their ids.
        warnings: about those that another platform can own as well, or that let nobody in.
    """

    certain: tuple[Owner, ...]
    targets: tuple[Target, ...]
    warnings: tuple[str, ...]


async def complete_records(registry: Registry, server: str, platform: str) -> Unrecorded:
    """Record what is certain.

    Raises:
        ConnectionFailed: the server is unreachable.
    """
    found = await find_unrecorded(registry, server, platform)
    for owner in found.certain:
        await find_database(registry, server, owner)
    return found


async def find_unrecorded(registry: Registry, server: str, platform: str) -> Unrecorded:
    """The databases of a platform that stand in no record; nothing is written down.

    Raises:
        ConnectionFailed: the server is unreachable.
    """
    word = sanitise(platform, "platform")
    main = f"{word}_{MAIN}"
    async with using(await connect_maintenance(server)) as maintenance:
        facts = await read_facts(maintenance)
    known = {each.database for record in await asyncio.to_thread(registry.platforms) for each in record.databases}
    free = [each for name, each in facts.items() if name not in known and not (each.is_template or _is_ours(name))]
    certain = [
        owner_in(each.label)
        for each in free
        if each.label is not None and each.label.platform == platform and not each.label.unfinished
        if _is_called(owner_in(each.label), each.name)
    ]
    names = [each.name for each in free if each.label is None and each.name.startswith(f"{word}_")]
    possible = {
        name: possible_owners(registry, name, facts.keys()) | {word}
        for name in names
        if name == main or not name.endswith(f"_{MAIN}")  # that of another platform
    }
    deployed = await _look_into(server, possible)
    mine = sorted(name for name, owners in possible.items() if deployed[name] and (owners == {word} or name == main))
    if main in mine:
        certain.append(Owner(platform=platform))
    return Unrecorded(
        certain=tuple(certain),
        targets=tuple(
            Target(server=server, owner=guess_owner(platform, name), database=name) for name in mine if name != main
        ),
        warnings=tuple(
            f"{name} was left out: another platform may own it, or it lets nobody in; "
            f"stonegate platform adopt {platform} {name}"
            for name in sorted(possible)
            if deployed[name] is not False and name not in mine
        ),
    )


async def _look_into(server: str, names: Iterable[str]) -> dict[str, bool | None]:
    """Whether the original, or stonegate, has deployed to these databases; None for one that lets nobody in."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def look(name: str) -> tuple[str, bool | None]:
        try:
            async with turn, using(await connect(with_database(server, name))) as conn:
                return name, await answers_yes(conn, _IS_DEPLOYED)
        except StonegateError:
            return name, None

    return dict(await asyncio.gather(*map(look, names)))


def _is_called(owner: Owner, name: str) -> bool:
    try:
        return owner.database == name
    except UsageError:  # the owners of databases write labels themselves
        return False


def _is_ours(name: str) -> bool:
    return name.startswith(RESERVED)
