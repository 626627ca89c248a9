"""Deployments, carried out in processes of their own: parsing, comparing and unpacking never hold up a call.

The functions here run in such a process, and take and give values that can be sent there and back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.tenants.make import make_empty
from stonegate.errors import DatabaseAlreadyExists, DatabaseNotFound, StonegateError
from stonegate.fleet.adoption import find_database, label_of
from stonegate.fleet.fanout import FanoutOptions, FleetEvent, State, apply_fleet
from stonegate.fleet.names import Owner, v1_owner, v2_owner
from stonegate.fleet.original import complete_records
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry
from stonegate.fleet.stored_folders import read_schema, store_schema
from stonegate.fleet.targets import Target, find_target, renew_target
from stonegate.fleet.tenant import create_tenant
from stonegate.gateway.answers import body_of, hint_to_make
from stonegate.gateway.deploy.register import register_existing
from stonegate.gateway.deploy.results import Outcome, count_routines, result_of, summary_of_fleet, summary_of_made
from stonegate.model.plan import PlanOptions
from stonegate.source.files.archive import Caps
from stonegate.source.files.tree import SourceBytes, read_archive
from stonegate.source.lazy import LazySource


class Deployer(Struct, frozen=True, kw_only=True):
    """What every deployment needs: where the platforms are, the server, and the limits.

    Attributes:
        server: conninfo of the administrator.
        register_max_table_mb: `/register` rewrites and indexes no larger table; 0 is none at all.
    """

    data_dir: Path
    server: str
    caps: Caps
    lock_timeout_s: float
    statement_timeout_s: float
    concurrency: int
    max_connections: int
    register_max_table_mb: int
    shadow: str | Path | None = None

    @property
    def registry(self) -> Registry:
        """The platforms."""
        return Registry(self.data_dir)

    def options(self, plan: PlanOptions, **more: Any) -> ApplyOptions:
        """Options of an apply with these consents."""
        return ApplyOptions(
            plan=plan,
            lock_timeout_s=self.lock_timeout_s,
            statement_timeout_s=self.statement_timeout_s,
            shadow=self.shadow,
            create_database=False,
            **more,
        )

    @property
    def fan(self) -> FanoutOptions:
        """How many databases at a time."""
        return FanoutOptions(concurrency=self.concurrency, max_connections=self.max_connections)


class MigrateOptions(Struct, frozen=True, kw_only=True):
    """What a client allows and asks for."""

    plan: PlanOptions = field(default_factory=PlanOptions)
    dry_run: bool = False
    skip_verification: bool = False


def register(deployer: Deployer, platform: str, tenant: str | None, archive: bytes) -> Outcome:
    """`/register`: make the database, or bring it up to date with the guards of the contract."""
    return _run(lambda: _register(deployer, platform, tenant, archive))


def migrate(deployer: Deployer, platform: str, tenant: str | None, archive: bytes, options: MigrateOptions) -> Outcome:
    """`/migrate`: the archive, applied to one database or to all of the platform's own."""

    async def work() -> Outcome:
        registry = deployer.registry
        source = _source(read_archive(archive, "schema", caps=deployer.caps))
        targets, warnings = await _v1_targets(deployer, registry, platform, tenant)
        return await _apply(deployer, targets, source, options, warnings=warnings)

    return _run(work)


def migrate_stored(
    deployer: Deployer,
    platform: str,
    schema: str,
    database_id: str | None,
    options: MigrateOptions,
    on_database: Callable[[dict[str, Any]], None] | None = None,
) -> Outcome:
    """`/v2/migrate`: the stored folder, applied to one database or to all of that schema."""

    async def work() -> Outcome:
        registry = deployer.registry
        source = _source(read_schema(registry, platform, schema), f"{platform}/{schema}")
        targets = stored_targets(deployer, registry, platform, schema, database_id)
        warnings = registry.platform(platform).flaws if database_id is None else ()
        return await _apply(deployer, targets, source, options, on_database, warnings)

    return _run(work)


def create_empty(deployer: Deployer, platform: str, tenant: str) -> Outcome:
    """`/admin/create-tenant`: a database of v1, empty until `/register` or `/migrate` brings the folder."""

    async def work() -> Outcome:
        registry = deployer.registry
        if registry.find(platform) is None:  # the original asked for no registration
            await find_database(registry, deployer.server, v1_owner(platform, None))
        login = registry.platform(platform).login
        owner = v1_owner(platform, tenant)
        found = await find_database(registry, deployer.server, owner)
        name = owner.database if found is None else found.database
        made = DatabaseRecord(owner=owner, database=name, created_at=now())

        async def record() -> None:
            await asyncio.to_thread(registry.record, made)

        role = None if login is None else login.user
        if not await make_empty(deployer.server, name, label_of(owner), owner=role, record=record):
            raise DatabaseAlreadyExists(
                f"the database {name} exists already", hint="/migrate deploys to it", database=name
            )
        body = {"status": "created", "database": name, "message": f"created the database {name}"}
        return Outcome(body=body, touched=(name,), results=((name, "created"),))

    return _run(work)


def create(deployer: Deployer, owner: Owner, schema: str) -> Outcome:
    """`/database/create`: a new database from a stored folder."""

    async def work() -> Outcome:
        registry = deployer.registry
        source = _source(read_schema(registry, owner.platform, schema), f"{owner.platform}/{schema}")
        try:
            made = await create_tenant(registry, deployer.server, source, owner)
        except DatabaseAlreadyExists as error:
            error.hint = "/v2/migrate deploys to it"
            raise
        return summary_of_made(made, owner.database, source)

    return _run(work)


def store(deployer: Deployer, platform: str, schema: str, archive: bytes) -> Outcome:
    """`/platform/{p}/schema`: check an archive and keep it."""

    async def work() -> Outcome:
        read = store_schema(deployer.registry, platform, schema, archive, caps=deployer.caps).read
        folders = sorted(folder.value for folder in read.folders if any(f.folder is folder for f in read.files))
        return Outcome(body={"folders": folders, "checksum": read.digest})

    return _run(work)


def stored_targets(
    deployer: Deployer, registry: Registry, platform: str, schema: str, database_id: str | None
) -> tuple[Target, ...]:
    """The databases of a stored folder.

    Raises:
        PlatformNotFound, DatabaseNotFound: nothing of that name.
    """
    record = registry.platform(platform)
    if database_id is not None:
        found = record.find(v2_owner(platform, schema, database_id))
        if found is None:
            raise _missing(v2_owner(platform, schema, database_id))
        return (find_target(registry, deployer.server, found),)
    chosen = [each for each in record.databases if each.owner.schema == schema]
    if not chosen:
        raise DatabaseNotFound(
            f"the platform {platform} has no database of schema {schema}", hint="POST /database/create makes one"
        )
    return tuple(find_target(registry, deployer.server, each) for each in chosen)


# --- the work ---------------------------------------------------------------------------------------------------------


def _run(work: Callable[[], Any]) -> Outcome:
    """Failures are values on the way back: exceptions with arguments of their own do not travel."""
    try:
        outcome: Outcome = asyncio.run(work())
        return outcome
    except StonegateError as error:
        return Outcome(status=error.status, body=body_of(error))


def _source(read: SourceBytes, path: str = "schema") -> LazySource:
    source = LazySource.of_bytes(path, read)
    source.ordered()  # what is wrong with the folder is said before any database is looked at
    return source


async def _register(deployer: Deployer, platform: str, tenant: str | None, archive: bytes) -> Outcome:
    registry = deployer.registry
    owner = v1_owner(platform, tenant)
    name = owner.database
    registry.require_free(owner)
    source = _source(read_archive(archive, "schema", caps=deployer.caps))

    async def update(record: DatabaseRecord) -> Outcome:
        return await register_existing(
            find_target(registry, deployer.server, record),
            source,
            deployer.options(PlanOptions(), missing_seeds="warn", admin=deployer.server),
            max_table_mb=deployer.register_max_table_mb,
            renew=partial(renew_target, registry),
        )

    record = await find_database(registry, deployer.server, owner)
    if record is not None:
        with contextlib.suppress(DatabaseNotFound):  # somebody dropped it: it is missing like a new one
            return await update(record)
    registry.ensure(platform)
    made = await create_tenant(registry, deployer.server, source, owner, if_missing=True)
    if made.created or (made.report is not None and made.report.error is not None):
        outcome = summary_of_made(made, name, source)
        outcome.body["status"] = "ready"
        return outcome
    record = registry.platform(platform).find(owner)
    if record is None:
        raise _missing(owner)
    return await update(record)


async def _v1_targets(
    deployer: Deployer, registry: Registry, platform: str, tenant: str | None
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """The database of a tenant, or all of v1 that the platform has; and what is to be said of those left out."""
    targets: tuple[Target, ...] = ()
    warnings: tuple[str, ...] = ()
    if tenant is None:
        unrecorded = await complete_records(registry, deployer.server, platform)
        known = registry.find(platform)
        own = () if known is None else known.databases
        recorded = (find_target(registry, deployer.server, each) for each in own if each.owner.schema is None)
        targets = (*recorded, *unrecorded.targets)
        warnings = (*unrecorded.warnings, *(known.flaws if known is not None else ()))
    if not targets:
        owner = v1_owner(platform, tenant)
        record = await find_database(registry, deployer.server, owner)
        if record is None:
            raise _missing(owner, "" if tenant else "; those of a schema are deployed to by /v2/migrate")
        targets = (find_target(registry, deployer.server, record),)
    return targets, warnings


def _missing(owner: Owner, other: str = "") -> DatabaseNotFound:
    return DatabaseNotFound(
        f"there is no database {owner.database} of {owner}",
        hint=hint_to_make(owner) + other,
        database=owner.database,
    )


async def _apply(
    deployer: Deployer,
    targets: tuple[Target, ...],
    source: LazySource,
    options: MigrateOptions,
    on_database: Callable[[dict[str, Any]], None] | None = None,
    warnings: tuple[str, ...] = (),
) -> Outcome:
    routines = count_routines(source)
    apply = deployer.options(options.plan, dry_run=options.dry_run, skip_verification=options.skip_verification)

    def tell(event: FleetEvent) -> None:
        if on_database is not None and event.state is State.DONE and event.report is not None:
            on_database(result_of(event.report, routines))

    renew = partial(renew_target, deployer.registry)
    report = await apply_fleet(targets, source, apply, deployer.fan, on_event=tell, renew=renew)
    return summary_of_fleet(
        report, source, dry_run=options.dry_run, skip_verification=options.skip_verification, warnings=warnings
    )
