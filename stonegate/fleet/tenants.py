"""Tenants, several at a time: made from the platform's folder, or dropped; what became of each is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec import Struct, field

from stonegate.database.connect import Session
from stonegate.database.deployment.reports import report_error
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import DatabaseFacts
from stonegate.database.tenants.make import Made, Mould, drop_tenant
from stonegate.errors import DatabaseAlreadyExists, StonegateError
from stonegate.fleet.adoption import owner_in
from stonegate.fleet.ending import Patience, Stop, finish_undisturbed, pauses, run_until_forced
from stonegate.fleet.names import Owner
from stonegate.fleet.outcomes import ended_early, is_bad_password, nobody_listens, server_is_gone
from stonegate.fleet.registry import Registry, foreign
from stonegate.fleet.targets import Target
from stonegate.fleet.tenant import database_of, make, prepare
from stonegate.model.report import ErrorReport
from stonegate.source.lazy import LazySource

#: More than a few at a time gain nothing: cloning is the server's work, and one disk's.
MOST_AT_ONCE = 4


class TenantReport(Struct, frozen=True, kw_only=True):
    """What became of one tenant; `made` is None where there is an error before anything was attempted."""

    owner: Owner
    database: str
    made: Made | None = None
    error: ErrorReport | None = None

    @property
    def status(self) -> str:
        """`created`, `exists` or `failed`."""
        if self.error is not None or self.made is None:
            return "failed"
        return "created" if self.made.created else "exists"


OnTenant = Callable[[TenantReport], None]


async def create_tenants(
    registry: Registry,
    server: str,
    source: LazySource,
    owners: Sequence[Owner],
    *,
    if_missing: bool = False,
    instead_of: Callable[[Owner], Owner | None] | None = None,
    concurrency: int = MOST_AT_ONCE,
    on_report: OnTenant | None = None,
    stop: Stop | None = None,
) -> tuple[TenantReport, ...]:
    """Make a database for each owner, all of one platform; one that fails leaves nothing behind and stops no other.

    Args:
        server: conninfo of the administrator.
        source: the folder.
        if_missing: a tenant that is there is fine, else it is an error.
        instead_of: whom to make for an owner that somebody else has made meanwhile; see `Numbering`.
        concurrency: how many at a time, up to `MOST_AT_ONCE`.
        on_report: told of each one that is done.
        stop: lets the caller end the run early.

    Returns:
        The reports in the order of the owners.

    Raises:
        PlatformNotFound, SourceError, ReferenceUnavailable: before anything was made.
        StonegateError: the folder does not deploy.
    """
    if not owners:
        return ()
    (platform,) = {owner.platform for owner in owners}
    run = _Run(registry, server, if_missing, instead_of, on_report, stop or Stop())
    return await run.go(prepare(registry, server, source, platform), owners, min(concurrency, MOST_AT_ONCE))


class _Run(Struct):
    """The state of one creation of many."""

    registry: Registry
    server: str
    if_missing: bool
    instead_of: Callable[[Owner], Owner | None] | None
    on_report: OnTenant | None
    stop: Stop
    patience: Patience = field(default_factory=Patience)
    reports: dict[int, TenantReport] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)

    async def go(
        self, mould_of: Coroutine[Any, Any, Mould], owners: Sequence[Owner], width: int
    ) -> tuple[TenantReport, ...]:
        """All of them, `width` at a time; those whose turn never comes are reported too."""
        waiting = iter(enumerate(owners))

        async def work(mould: Mould) -> None:
            async with _Session(self.server) as session:
                while self.stop.reason is None and (turn := next(waiting, None)) is not None:
                    number, owner = turn
                    self.begun.add(number)
                    self.reports[number] = report = await self._make_patiently(mould, session, owner)
                    if self.on_report is not None:
                        self.on_report(report)

        async def all_of_them() -> None:
            mould = await mould_of
            async with asyncio.TaskGroup() as group:
                for _ in range(min(width, len(owners))):
                    group.create_task(work(mould))

        await run_until_forced(all_of_them(), self.stop)
        why = self.stop.reason or "stopped"
        for number, owner in enumerate(owners):
            if number not in self.reports:
                message = (
                    f"{why} while it was made: gone, unless it was finished"
                    if number in self.begun
                    else f"not made: {why}"
                )
                self.reports[number] = TenantReport(owner=owner, database="", error=ended_early(message))
        return tuple(self.reports[number] for number in range(len(owners)))

    async def _make_patiently(self, mould: Mould, session: _Session, owner: Owner) -> TenantReport:
        """One tenant; again while the server is away for a moment, or the platform's password was changed, and another
        one where a number was taken."""
        if_missing = self.if_missing
        known = self.registry.platform(owner.platform).find(owner) is not None
        for pause in pauses():
            passwords = self.registry.platform(owner.platform).login
            report = await _create(self.registry, mould, session, owner, if_missing=if_missing)
            error = report.error
            if error is not None and is_bad_password(error):
                if self.registry.platform(owner.platform).login == passwords:
                    return report
                continue
            if error is not None and error.code == DatabaseAlreadyExists.code and self.instead_of is not None:
                other = self.instead_of(owner)
                if other is not None:
                    return await self._make_patiently(mould, session, other)
            if error is None or not server_is_gone(error):
                self.patience.restore()
                return report
            if self.stop.reason is not None or not self.patience.is_left(nobody_listens=nobody_listens(error)):
                return report
            # What the lost connection finished unheard is this run's own.
            if_missing = if_missing or not known
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")


class _Session:
    """A session of the administrator that is made when it is needed, and anew when it broke."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.conn: Session | None = None

    async def __aenter__(self) -> _Session:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self.conn is not None:
            await self.conn.close()

    async def get(self) -> Session:
        """An open session.

        Raises:
            ConnectionFailed: the server is unreachable or refuses the login.
        """
        if self.conn is None or self.conn.closed:
            self.conn = await connect_maintenance(self.server)
        return self.conn


async def _create(
    registry: Registry, mould: Mould, session: _Session, owner: Owner, *, if_missing: bool
) -> TenantReport:
    name = ""
    try:
        name = database_of(registry, owner)
        made = await make(registry, mould, await session.get(), owner, if_missing=if_missing)
    except StonegateError as error:
        return TenantReport(owner=owner, database=name, error=report_error(error))
    failure = None if made.report is None else made.report.error
    return TenantReport(owner=owner, database=name, made=made, error=failure)


async def drop_tenants(
    registry: Registry, targets: Sequence[Target], *, on_report: OnTenant | None = None, stop: Stop | None = None
) -> tuple[TenantReport, ...]:
    """Drop the databases of tenants, one after the other; one that fails stops no other.

    Args:
        on_report: told of each one that is done.
        stop: lets the caller end the run early; those whose turn never came are reported too.
    """
    reports: list[TenantReport] = []
    stop = stop or Stop()
    begun = 0

    async def all_of_them() -> None:
        nonlocal begun
        for target in targets:
            if stop.reason is not None:
                return
            begun += 1
            reports.append(await _drop(registry, target))
            if on_report is not None:
                on_report(reports[-1])

    await run_until_forced(all_of_them(), stop)
    for number, target in enumerate(targets[len(reports) :], start=len(reports)):
        word = f"{stop.reason} while it was dropped" if number < begun else f"not dropped: {stop.reason}"
        error = ended_early(word, "run the same command again, with --if-exists")
        reports.append(TenantReport(owner=target.owner, database=target.database, error=error))
    return tuple(reports)


async def _drop(registry: Registry, target: Target) -> TenantReport:
    def accept(facts: DatabaseFacts) -> None:
        if facts.label is not None and owner_in(facts.label) != target.owner:
            raise foreign(target.owner, owner_in(facts.label), target.database)

    async def record() -> None:
        await finish_undisturbed(asyncio.to_thread(registry.forget, target.owner.platform, target.database))

    try:
        await drop_tenant(target.server, target.database, accept=accept, record=record)
    except StonegateError as error:
        return TenantReport(owner=target.owner, database=target.database, error=report_error(error))
    return TenantReport(owner=target.owner, database=target.database, made=Made(created=False))
