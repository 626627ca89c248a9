"""Databases of v1 that the original deployed: it kept no records of them, and looked for them by their names alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stonegate.database.connect import connect, using
from stonegate.database.conninfo import with_database
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import read_facts
from stonegate.errors import StonegateError
from stonegate.fleet.adoption import guess_owner, possible_owners
from stonegate.fleet.names import MAIN, RESERVED, sanitise
from stonegate.fleet.registry import Registry
from stonegate.fleet.targets import Target

_AT_ONCE = 8
_IS_DEPLOYED = "SELECT pg_catalog.to_regclass('public._stonescriptdb_gateway_functions') IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """Databases with the original's tables that stand in no record.

    Attributes:
        targets: those that only this platform can own. Names do not tell the ids of tenants (`a-b` is `a_b`), so that
            they are recorded when somebody calls them by their ids.
        warnings: about those that another platform can own as well, or that let nobody in.
    """

    targets: tuple[Target, ...]
    warnings: tuple[str, ...]


async def find_unrecorded(registry: Registry, server: str, platform: str) -> Unrecorded:
    """What the original would have taken for the platform's databases, as far as it can be told whose they are.

    Raises:
        ConnectionFailed: the server is unreachable.
    """
    word = sanitise(platform, "platform")
    async with using(await connect_maintenance(server)) as maintenance:
        facts = await read_facts(maintenance)
    known = {each.database for record in await asyncio.to_thread(registry.platforms) for each in record.databases}
    owners = {
        name: possible_owners(registry, name, facts.keys()) | {word}
        for name, each in facts.items()
        if name.startswith(f"{word}_") and name not in known and each.label is None and not each.is_template
        if not name.startswith(RESERVED)
        if name == f"{word}_{MAIN}" or not name.endswith(f"_{MAIN}")  # X_main belongs to X
    }
    turn = asyncio.Semaphore(_AT_ONCE)

    async def look(name: str) -> bool | None:
        try:
            async with turn, using(await connect(with_database(server, name))) as conn:
                row = await (await conn.execute(_IS_DEPLOYED)).fetchone()
                return row is not None and bool(row[0])
        except StonegateError:
            return None

    seen = dict(zip(owners, await asyncio.gather(*map(look, owners)), strict=True))
    found = sorted(name for name, is_deployed in seen.items() if is_deployed and owners[name] == {word})
    return Unrecorded(
        targets=tuple(Target(server=server, owner=guess_owner(platform, name), database=name) for name in found),
        warnings=tuple(
            f"{name} was left out: another platform may own it, or it lets nobody in; "
            f"stonegate platform adopt {platform} {name}"
            for name in sorted(owners)
            if seen[name] is not False and name not in found
        ),
    )
