"""Databases for tenants, from nothing to finished: cloned from the folder's reference, or built where that must not be.

A folder whose fresh build runs migrations that write rows is never cloned: keys that were generated once would be
equal in all tenants (behaviour, §9).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.connect import Session, using
from stonegate.database.conninfo import with_database
from stonegate.database.deployment.one_database import apply_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.reports import elapsed_ms, reported_error
from stonegate.database.failures.explain import explain_failure
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.reference.store import Reference, read_stored
from stonegate.database.server.databases import (
    Strategy,
    collect_leftovers,
    connect_maintenance,
    drop_database,
    temporary_database,
)
from stonegate.database.server.facts import may_create_databases, read_session
from stonegate.database.server.locks import database_key, hold_lock
from stonegate.database.tenants.clone import (
    MAKE_SECONDS,
    NewDatabase,
    choose_strategy,
    finish_clone,
    make_database,
    remove_unfinished,
)
from stonegate.database.tenants.labels import DatabaseFacts, read_facts, record_label
from stonegate.database.tenants.roles import try_logins
from stonegate.errors import MigrationFailed, StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.json_form import from_json, to_json
from stonegate.model.labels import Label
from stonegate.model.names import QualifiedName
from stonegate.model.plan import Action, Phase
from stonegate.model.report import ApplyReport, SeedReport, Status
from stonegate.model.source import Seeder, SourceTree, Verb
from stonegate.planner.build import build_plan
from stonegate.source.lazy import LazySource

#: Of what is dropped before anybody sees it.
_NOBODYS = Label(platform="", unfinished=True)


class Mould(Struct, frozen=True, kw_only=True):
    """What all new databases of one platform and folder are made from.

    Attributes:
        server: conninfo of the server, as the administrator.
        logins: conninfos of the owner on any database, in the order to be tried; () where it is the administrator.
        owner: the owning role; None for the administrator's.
        template: the reference to clone; None to build each one.
        catalog: of the reference.
        seeders: in foreign-key order.
        refreshed: materialised views that read what these fill, in order.
        fingerprint: of the folder.
        note: what the next `prepare_mould` for this folder can be given to spare it the parsing; None if it was given.
    """

    server: str
    logins: tuple[str, ...]
    owner: str | None
    source: LazySource
    template: str | None
    catalog: Catalog
    strategy: Strategy | None
    seeders: tuple[Seeder, ...]
    refreshed: tuple[QualifiedName, ...]
    fingerprint: str
    note: bytes | None = None


class Made(Struct, frozen=True, kw_only=True):
    """What became of one database.

    Attributes:
        created: False if it was there.
        cloned: False if it was built.
        report: of the deployment that built it; with an error the database is gone again.
        duration_ms: milliseconds.
    """

    created: bool
    cloned: bool = False
    seeds: tuple[SeedReport, ...] = ()
    report: ApplyReport | None = None
    duration_ms: float = 0.0


async def prepare_mould(
    server: str,
    source: LazySource,
    *,
    logins: tuple[str, ...] = (),
    owner: str | None = None,
    note: bytes | None = None,
) -> Mould:
    """Find the folder's reference; where it is not there, or there is no note, parse the folder and build it.

    Args:
        note: of an earlier mould from a folder with the same digest.

    Raises:
        SourceError, ExtensionNotAvailable, ReferenceUnavailable: see there.
        MigrationFailed: the administrator may not create databases.
        StonegateError: the folder does not deploy; with file and line.
    """
    given = None if note is None else _read_note(note, source.digest)
    async with using(await connect_maintenance(server)) as maintenance:
        await collect_leftovers(maintenance)
        noted, reference = await _find_reference(maintenance, server, source, given, logins, owner)
        template = reference.database if reference.is_template else None
        strategy = None if template is None else await choose_strategy(maintenance, template)
    return Mould(
        server=server,
        logins=logins,
        owner=owner,
        source=source,
        template=template,
        catalog=reference.catalog,
        strategy=strategy,
        seeders=noted.seeders,
        refreshed=tuple(item.key.qualified for item in noted.items),
        fingerprint=noted.fingerprint,
        note=None if noted is given else to_json(noted),
    )


async def _find_reference(
    maintenance: Session,
    server: str,
    source: LazySource,
    noted: SourceTree | None,
    logins: tuple[str, ...],
    owner: str | None,
) -> tuple[SourceTree, Reference]:
    """The folder as noted and its reference; a new note where there is none, or where it leads to no template."""
    facts = await read_session(maintenance)
    if not await may_create_databases(maintenance, facts):
        raise MigrationFailed(
            f"the role {facts.role} may not create databases",
            hint="connect as a superuser, or as a role with CREATEDB that is a member of the owner",
        )
    role = owner or facts.role
    if noted is not None:
        stored = await read_stored(maintenance, await build_key(maintenance, noted, facts, role))
        if stored is not None and stored.is_template and stored.database is not None:
            return noted, stored
    noted = _note(source)
    key = await build_key(maintenance, noted, facts, role)

    async def obtain(login: str | None) -> Reference:
        return await obtain_reference(server, source, key, login=login)

    return noted, await (try_logins(logins, obtain) if logins else obtain(None))


def _note(source: LazySource) -> SourceTree:
    """The folder without what only a build needs; its seeders in foreign-key order, and as items the materialised views
    to be refreshed behind them."""
    tree = source.tree()
    plan = build_plan(tree=tree, ordered=source.ordered())
    seeders = tuple(seeder for step in plan.steps if step.action is Action.SEED for seeder in step.seeders)
    refreshed = [step.key for step in plan.steps if step.phase is Phase.REFRESHES]
    views = {item.key: item for item in tree.items if item.verb is Verb.CREATE}
    items = tuple(views[key] for key in refreshed)
    return replace(tree, items=items, migrations=(), warnings=(), seeders=seeders)


def _read_note(note: bytes, digest: str) -> SourceTree | None:
    """The folder of a note; None if it is of another folder, or of another version of stonegate."""
    try:
        tree = from_json(note, SourceTree)
    except ValueError:
        return None
    return tree if tree.digest == digest else None


async def rehearse_tenant(server: str, source: LazySource) -> None:
    """Make a database with all that a new one is given, its declared rows too, and drop it again.

    Args:
        server: conninfo of any database of the server, as a role that may create databases.

    Raises:
        StonegateError: as `prepare_mould`; a declared row cannot be inserted, with file and line.
    """
    mould = await prepare_mould(server, source)
    template, started = mould.template or "template0", time.monotonic()
    async with (
        using(await connect_maintenance(server)) as maintenance,
        temporary_database(maintenance, purpose="rows", template=template) as name,
    ):
        path = mould.catalog.search_path if mould.template is not None else ()
        new = NewDatabase(name=name, label=_NOBODYS, template=mould.template, search_path=path)
        try:
            made = await _fill(maintenance, mould, new, started)
            if made.report is not None and made.report.error is not None:
                raise reported_error(made.report.error)
        except StonegateError as error:
            error.details = (*error.details, "while a new database was made for trial, with its declared rows")
            error.database = None  # nobody knows its name, and it is gone
            raise


async def make_tenant(
    maintenance: Session,
    mould: Mould,
    name: str,
    label: Label,
    *,
    accept: Callable[[DatabaseFacts], None],
    absent: Callable[[], Awaitable[None]],
    record: Callable[[], Awaitable[None]],
) -> Made:
    """Make a database, unless it is there; of several at once one makes it, and the others find it.

    Args:
        maintenance: a session of the administrator in autocommit; the lock on the name is its.
        accept: called with a finished database of that name; raises if it may not be taken for this one.
        absent: called where there is none; raises if none may be made.
        record: called when the database is finished, still under the lock.

    Raises:
        MigrationFailed, ConnectionFailed: nothing is left behind.
        StonegateError: what `accept`, `absent` and `record` raise.
    """
    started = time.monotonic()
    try:
        async with hold_lock(maintenance, database_key(name), timeout_s=MAKE_SECONDS):
            facts = (await read_facts(maintenance, [name])).get(name)
            if facts is not None and not await remove_unfinished(maintenance, name, facts):
                accept(facts)
                await record()
                return Made(created=False, duration_ms=elapsed_ms(started))
            await absent()
            return await _make_new(maintenance, mould, name, label, record, started)
    except psycopg.Error as error:
        raise explain_failure(error, database=name) from error


async def make_empty(
    server: str, name: str, label: Label, *, owner: str | None, record: Callable[[], Awaitable[None]]
) -> bool:
    """Make a database without anything in it, labelled and closed to PUBLIC; False if there is one of that name.

    Args:
        record: called when the database is finished, still under the lock on its name.

    Raises:
        StonegateError: nothing is left behind; also what `record` raises.
    """
    async with (
        using(await connect_maintenance(server), database=name) as maintenance,
        hold_lock(maintenance, database_key(name), timeout_s=MAKE_SECONDS),
    ):
        facts = (await read_facts(maintenance, [name])).get(name)
        if facts is not None and not await remove_unfinished(maintenance, name, facts):
            return False
        await make_database(maintenance, NewDatabase(name=name, label=label, owner=owner))
        await record_label(maintenance, name, label)
        try:
            await record()
        except StonegateError:
            await _remove(server, maintenance, name)
            raise
        return True


async def _make_new(
    maintenance: Session,
    mould: Mould,
    name: str,
    label: Label,
    record: Callable[[], Awaitable[None]],
    started: float,
) -> Made:
    """Make, fill and record a database that is not there; what fails leaves none."""
    new = NewDatabase(
        name=name,
        label=label,
        template=mould.template,
        base="template0",  # as the reference: clones and built ones are alike, and nobody is connected to it
        owner=mould.owner,
        search_path=mould.catalog.search_path if mould.template is not None else (),
        strategy=mould.strategy,
    )
    await make_database(maintenance, new)
    try:
        made = await _fill(maintenance, mould, new, started)
    except BaseException:
        await _remove(mould.server, maintenance, name)
        raise
    if made.report is not None and made.report.error is not None:
        await _remove(mould.server, maintenance, name)
        return made
    try:
        await record()
    except StonegateError:
        await _remove(mould.server, maintenance, name)
        raise
    # Cancelled meanwhile, it is finished and labelled, and the record may be written: nothing is removed.
    return made


async def _fill(maintenance: Session, mould: Mould, new: NewDatabase, started: float) -> Made:
    conninfos = tuple(with_database(login, new.name) for login in mould.logins or (mould.server,))
    if new.template is None:
        return await _build(maintenance, mould, new, conninfos, started)

    async def finish(conninfo: str) -> tuple[SeedReport, ...]:
        return await finish_clone(
            conninfo,
            new,
            mould.seeders,
            mould.refreshed,
            catalog=mould.catalog,
            digest=mould.source.digest,
            fingerprint=mould.fingerprint,
            started=started,
        )

    seeds = await try_logins(conninfos, finish)
    return Made(created=True, cloned=True, seeds=seeds, duration_ms=elapsed_ms(started))


async def _build(
    maintenance: Session,
    mould: Mould,
    new: NewDatabase,
    conninfos: Sequence[str],
    started: float,
) -> Made:
    options = ApplyOptions(create_database=False, admin=mould.server if mould.logins else None)
    report = await apply_database(conninfos[0], mould.source, options)
    for conninfo in conninfos[1:]:
        if report.error is None or report.error.code != "connection_failed":
            break
        report = await apply_database(conninfo, mould.source, options)
    if report.error is None:
        await record_label(maintenance, new.name, new.label)
    report = replace(report, created_database=report.status is Status.APPLIED)
    return Made(created=report.error is None, seeds=report.seeds, report=report, duration_ms=elapsed_ms(started))


async def _remove(server: str, maintenance: Session, name: str) -> None:
    """Take a half-made database away, with another session where this one broke; failing that, its label stays."""
    try:
        if not maintenance.broken and not maintenance.closed:
            await drop_database(maintenance, name, force=True)
            return
        async with using(await connect_maintenance(server)) as again:
            await drop_database(again, name, force=True)
    except (StonegateError, psycopg.Error):
        return  # whoever makes a database of that name next sees that it is unfinished, and drops it


async def drop_tenant(
    server: str, name: str, *, accept: Callable[[DatabaseFacts], None], record: Callable[[], Awaitable[None]]
) -> bool:
    """Drop a tenant's database with its sessions; False if it was gone already.

    Args:
        accept: called with the database; raises if it is somebody else's.
        record: called when it is gone, still under the lock on its name.

    Raises:
        MigrationFailed, ConnectionFailed: it could not be dropped.
    """
    async with (
        using(await connect_maintenance(server), database=name) as maintenance,
        hold_lock(maintenance, database_key(name), timeout_s=MAKE_SECONDS),
    ):
        facts = (await read_facts(maintenance, [name])).get(name)
        if facts is not None:
            accept(facts)
            await drop_database(maintenance, name, force=True)
        await record()
        return facts is not None
