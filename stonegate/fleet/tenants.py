"""Tenants: made from the platform's folder, several at a time, recorded when finished; dropped on request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stonegate.database.reports import report_error
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import DatabaseFacts
from stonegate.database.tenants.make import Made, Mould, Session, drop_tenant, make_tenant, prepare_mould
from stonegate.errors import DatabaseAlreadyExists, PlatformIsolationViolation, StonegateError
from stonegate.fleet.adoption import label_of, owner_in
from stonegate.fleet.names import Owner
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry, foreign
from stonegate.fleet.targets import Target, logins
from stonegate.model.report import ErrorReport
from stonegate.source.lazy import LazySource

#: More than a few at a time gain nothing: cloning is the server's work, and one disk's.
MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantReport:
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
    concurrency: int = MOST_AT_ONCE,
    on_report: OnTenant | None = None,
) -> tuple[TenantReport, ...]:
    """Make a database for each owner, all of one platform; one that fails leaves nothing behind and stops no other.

    Args:
        server: conninfo of the administrator.
        source: the folder.
        if_missing: a tenant that is there is fine, else it is an error.
        concurrency: how many at a time, up to `MOST_AT_ONCE`.
        on_report: told of each one that is done.

    Returns:
        The reports in the order of the owners.

    Raises:
        PlatformNotFound, SourceError, ReferenceUnavailable: before anything was made.
        StonegateError: the folder does not deploy.
    """
    if not owners:
        return ()
    (platform,) = {owner.platform for owner in owners}
    mould = await _prepare(registry, server, source, platform)
    waiting = iter(enumerate(owners))
    reports: dict[int, TenantReport] = {}

    async def work() -> None:
        maintenance = await connect_maintenance(server)
        try:
            for number, owner in waiting:
                if maintenance.closed:
                    maintenance = await connect_maintenance(server)
                reports[number] = report = await _create(registry, mould, maintenance, owner, if_missing=if_missing)
                if on_report is not None:
                    on_report(report)
        finally:
            await maintenance.close()

    workers = min(concurrency, MOST_AT_ONCE, len(owners))
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return tuple(reports[number] for number in range(len(owners)))


async def create_tenant(
    registry: Registry, server: str, source: LazySource, owner: Owner, *, if_missing: bool = False
) -> Made:
    """Make the database of one owner.

    Raises:
        DatabaseAlreadyExists: it is there, and `if_missing` is not set.
        PlatformIsolationViolation: the name is another's.
        StonegateError: as `create_tenants`; nothing is left behind.
    """
    mould = await _prepare(registry, server, source, owner.platform)
    maintenance = await connect_maintenance(server)
    try:
        return await _make(registry, mould, maintenance, owner, if_missing=if_missing)
    finally:
        await maintenance.close()


async def _prepare(registry: Registry, server: str, source: LazySource, platform: str) -> Mould:
    """The mould of a platform's tenants; what was learnt of the folder is noted for the next time."""
    login = registry.platform(platform).login
    mould = await prepare_mould(
        server,
        source,
        logins=() if login is None else logins(server, login, "postgres"),
        owner=None if login is None else login.user,
        note=registry.read_note(platform, source.digest),
    )
    if mould.note is not None:
        await asyncio.to_thread(registry.record_note, platform, source.digest, mould.note)
    return mould


async def _create(
    registry: Registry, mould: Mould, maintenance: Session, owner: Owner, *, if_missing: bool
) -> TenantReport:
    name = ""
    try:
        name = owner.database
        made = await _make(registry, mould, maintenance, owner, if_missing=if_missing)
    except StonegateError as error:
        return TenantReport(owner=owner, database=name, error=report_error(error))
    failure = None if made.report is None else made.report.error
    return TenantReport(owner=owner, database=name, made=made, error=failure)


async def _make(registry: Registry, mould: Mould, maintenance: Session, owner: Owner, *, if_missing: bool) -> Made:
    name = owner.database
    registry.require_free(owner)
    known = registry.platform(owner.platform).find(owner)

    def accept(facts: DatabaseFacts) -> None:
        _require_own(facts, owner, recorded=known is not None)
        if not if_missing:
            raise DatabaseAlreadyExists(
                f"the database {name} exists already", hint="--if-missing takes that for success", database=name
            )

    async def record() -> None:
        current = registry.platform(owner.platform).find(owner)
        if current is None or current.database != name:
            await asyncio.to_thread(registry.record, DatabaseRecord(owner=owner, database=name, created_at=now()))

    return await make_tenant(
        maintenance,
        mould,
        name,
        label_of(owner),
        accept=accept,
        record=record,
    )


def _require_own(facts: DatabaseFacts, owner: Owner, *, recorded: bool) -> None:
    if facts.label is not None and owner_in(facts.label) != owner:
        raise foreign(owner, owner_in(facts.label))
    if facts.label is None and not recorded:
        raise PlatformIsolationViolation(
            f"the database {facts.name} exists, and nothing in it says whose it is",
            hint=f"if it is yours: stonegate platform adopt {owner.platform} {facts.name}",
            database=facts.name,
        )


async def drop_tenants(
    registry: Registry, targets: Iterable[Target], *, on_report: OnTenant | None = None
) -> tuple[TenantReport, ...]:
    """Drop the databases of tenants, one after the other; one that fails stops no other."""
    reports: list[TenantReport] = []
    for target in targets:

        def accept(facts: DatabaseFacts, target: Target = target) -> None:
            if facts.label is not None and owner_in(facts.label) != target.owner:
                raise foreign(target.owner, owner_in(facts.label))

        async def record(target: Target = target) -> None:
            await asyncio.to_thread(registry.forget, target.owner.platform, target.database)

        try:
            await drop_tenant(target.server, target.database, accept=accept, record=record)
            report = TenantReport(owner=target.owner, database=target.database, made=Made(created=False))
        except StonegateError as error:
            report = TenantReport(owner=target.owner, database=target.database, error=report_error(error))
        reports.append(report)
        if on_report is not None:
            on_report(report)
    return tuple(reports)


def next_owners(
    registry: Registry, platform: str, schema: str | None, prefix: str, count: int, *, if_missing: bool
) -> tuple[Owner, ...]:
    """The owners that `--count N --prefix P` means.

    With `if_missing` those numbered 1 to N, else N more after the highest number that there is.

    Raises:
        PlatformNotFound: no such platform.
    """
    pattern = re.compile(re.escape(prefix) + r"(\d+)\Z")
    records = (record for record in registry.platform(platform).databases if record.owner.schema == schema)
    numbers = (int(found[1]) for record in records if (found := pattern.match(record.id)) is not None)
    first = 1 if if_missing else max(numbers, default=0) + 1
    return tuple(
        Owner(platform=platform, schema=schema, tenant=f"{prefix}{number}") for number in range(first, first + count)
    )
