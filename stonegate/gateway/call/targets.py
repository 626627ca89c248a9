"""Which database a call means: the registry's records by tenant or id, else what the server's label or name says."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import Struct

from stonegate.database.call.session import CallSession, open_session
from stonegate.errors import ConnectionFailed, DataDirUnusable, UsageError
from stonegate.fleet.adoption import find_database
from stonegate.fleet.names import MAIN, Owner, v1_owner, v2_owner
from stonegate.fleet.records import DatabaseRecord, PlatformRecord
from stonegate.fleet.registry import Registry
from stonegate.fleet.targets import Target, find_target, log_in, renew_target
from stonegate.gateway.answers import hint_to_make
from stonegate.gateway.call.request import id_text
from stonegate.gateway.logs import LOG

#: A database that was not there is not asked for again so soon (seconds): looking takes a session of the server.
ABSENT_SECONDS = 1.0
MOST_REMEMBERED = 10_000
#: What the registry said is not looked up again so soon (seconds): many calls come in that time, and looking costs.
CERTAIN_SECONDS = 0.02


class _Seen(Struct):
    """A target, the record of its platform that it was found by, and when that was looked at last."""

    record: PlatformRecord | None
    target: Target
    seen: float


class Targets:
    """Finds targets; keeps an index per platform for as long as its file is the same.

    Args:
        server: conninfo of the server.
    """

    def __init__(self, registry: Registry, server: str) -> None:
        self.registry = registry
        self.server = server
        self._indexes: dict[str, tuple[PlatformRecord, dict[tuple[str | None, str], list[DatabaseRecord]]]] = {}
        self._targets: dict[tuple[str, str | None, str | None, bool], _Seen] = {}
        self._absent: OrderedDict[Owner, float] = OrderedDict()
        self._looking = asyncio.Lock()

    async def find(self, platform: str, tenant: str | None, schema: str | None, *, is_id: bool) -> Target:
        """The database of a call.

        Args:
            tenant: a tenant of v1, or a database id of v2; None, "" or "null" for `main`.
            schema: the stored folder's name, where the client says it.
            is_id: it was given as `database_id` or `uuid`, so that v2 is meant first.

        Raises:
            ConnectionFailed: there is no such database; clients branch on this code.
            UsageError: several schemas have a database of that id, or a name is impossible.
            PlatformIsolationViolation: it is another's.
        """
        key = (platform, tenant, schema, is_id)
        known = self._targets.get(key)
        now = time.monotonic()
        if known is not None and now - known.seen < CERTAIN_SECONDS:
            return known.target
        try:
            record = self.registry.find(platform)
        except DataDirUnusable as error:
            if known is None:
                raise
            # Somebody edits it, or broke it: those who were found before are served on.
            LOG.warning("%s", error.message, extra={"platform": platform})
            record = known.record
        if known is not None and known.record is record:
            known.seen = now
            return known.target
        wanted = id_text(tenant)
        found = None if record is None else self._recorded(record, wanted, schema, is_id=is_id)
        if found is None:
            found = await self._on_server(v2_owner(platform, schema, wanted) if schema else v1_owner(platform, wanted))
            return find_target(self.registry, self.server, found)
        target = find_target(self.registry, self.server, found)
        if len(self._targets) >= MOST_REMEMBERED:
            self._targets.clear()
        self._targets[key] = _Seen(record, target, now)
        return target

    def open(self, target: Target, statement_timeout_s: float, most: int) -> Callable[[], Awaitable[CallSession]]:
        """What logs in there: `pools.take` calls it; answers have `most` bytes."""
        return partial(self._log_in, target, statement_timeout_s, most)

    async def _log_in(self, target: Target, statement_timeout_s: float, most: int) -> CallSession:
        async def attempt(conninfo: str) -> CallSession:
            return await open_session(conninfo, statement_timeout_s=statement_timeout_s, most=most)

        return await log_in(target, attempt, partial(renew_target, self.registry))

    def _recorded(
        self, record: PlatformRecord, tenant: str | None, schema: str | None, *, is_id: bool
    ) -> DatabaseRecord | None:
        known = self._indexes.get(record.name)
        if known is None or known[0] is not record:
            index: dict[tuple[str | None, str], list[DatabaseRecord]] = {}
            for each in record.databases:
                index.setdefault((each.owner.schema, each.id), []).append(each)
                if each.owner.schema is not None:
                    index.setdefault(("*", each.id), []).append(each)
            known = self._indexes[record.name] = (record, index)
        index = known[1]
        key = tenant or MAIN
        if schema:
            return _only(index.get((schema, key)), key)
        first, second = ("*", None) if is_id else (None, "*")
        return _only(index.get((first, key)), key) or _only(index.get((second, key)), key)

    async def _on_server(self, owner: Owner) -> DatabaseRecord:
        absent = _absent(owner)  # refuses impossible names before anybody waits
        now = time.monotonic()
        if now - self._absent.get(owner, -ABSENT_SECONDS) < ABSENT_SECONDS:
            raise absent
        async with self._looking:
            if time.monotonic() - self._absent.get(owner, -ABSENT_SECONDS) < ABSENT_SECONDS:
                raise absent
            record = await find_database(self.registry, self.server, owner)
            if record is not None:
                self._absent.pop(owner, None)
                return record
            self._absent[owner] = time.monotonic()
            self._absent.move_to_end(owner)
            if len(self._absent) > MOST_REMEMBERED:
                self._absent.popitem(last=False)
        raise absent


def _only(records: list[DatabaseRecord] | None, key: str) -> DatabaseRecord | None:
    if not records:
        return None
    if len(records) > 1:
        raise UsageError(
            f"several schemas have a database {key}",
            details=tuple(sorted(str(record.owner.schema) for record in records)),
            hint="say which: schema_name",
        )
    return records[0]


def _absent(owner: Owner) -> ConnectionFailed:
    return ConnectionFailed(
        f"the database {owner.database} does not exist", hint=hint_to_make(owner), database=owner.database
    )
