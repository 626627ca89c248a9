"""The reference database: the folder built once, from empty, so that the desired state is read and never guessed.

Keyed by folder, owner, server, extensions and locale; built under a temporary name, its catalog stored, then renamed,
closed, and never connected to again (architecture, idea 2; behaviour, §9).
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg import sql

from stonegate.database.connect import Session, connect, leave, using
from stonegate.database.conninfo import describe, with_database
from stonegate.database.embedded.server import start_embedded
from stonegate.database.executor.execute import execute_plan
from stonegate.database.executor.head_start import begin_tracked
from stonegate.database.executor.job import ExecuteOptions, Job
from stonegate.database.failures.explain import explain_failure, message_of, was_ended
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.progress import OnProgress
from stonegate.database.reference.store import Reference, ReferenceKey, ensure_store, read_stored, record_reference
from stonegate.database.server.databases import (
    close_database,
    connect_maintenance,
    drop_database,
    exists,
    temporary_database,
)
from stonegate.database.server.extensions import read_offered, require_extensions
from stonegate.database.server.facts import SessionFacts, may_create_databases, read_session
from stonegate.database.server.locks import hold_lock, reference_key
from stonegate.database.server.trust import note_trust
from stonegate.database.sql import load
from stonegate.errors import MigrationFailed, ReferenceUnavailable, StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind, quote_ident
from stonegate.model.plan import Action, Plan
from stonegate.model.source import ROW_VERBS, EffectVerb, SourceTree
from stonegate.model.tracking import TrackingState
from stonegate.planner.build import build_plan
from stonegate.source.lazy import LazySource

BUILD_LOCK_SECONDS = 600.0
MOST_ROLES = 50  # that a shadow server is given because the folder names them

#: CREATE DATABASE where the system has no such locale, the build no ICU, or the locale another encoding.
_NO_SUCH_LOCALE = frozenset({"42809", "0A000", "22023"})
_UNKNOWN_ROLE = re.compile(r'role "(.+)" does not exist')


class _Building(Struct, frozen=True, kw_only=True):
    """What is built, on which server, and who says it there; see `obtain_reference`."""

    source: LazySource
    key: ReferenceKey
    server: str
    login: str | None
    on_progress: OnProgress | None


async def build_key(conn: Session, tree: SourceTree, facts: SessionFacts, owner: str) -> ReferenceKey:
    """The key of the folder's reference for a session; one round trip if the folder declares extensions, else none.

    Raises:
        ExtensionNotAvailable: the server lacks a declared extension.
    """
    extensions: tuple[tuple[str, str], ...] = ()
    if tree.extensions:
        offered = await read_offered(conn, with_versions=any(item.version is not None for item in tree.extensions))
        require_extensions(tree.extensions, offered)
        extensions = tuple(
            sorted({(item.name, item.version or offered[item.name].default_version) for item in tree.extensions})
        )
    return ReferenceKey(
        fingerprint=tree.fingerprint, owner=owner, version=facts.version, extensions=extensions, locale=facts.place
    )


async def build_reference(server: str, source: LazySource, on_progress: OnProgress | None = None) -> Reference:
    """Build the folder for real, from empty, as a reference database of a server.

    Args:
        server: conninfo of any database of it.

    Raises:
        SourceError: the folder is wrong.
        ReferenceUnavailable: the role may not create databases.
        StonegateError: the folder does not deploy; with file and line.
    """
    async with using(await connect_maintenance(server)) as conn:
        facts = await read_session(conn)
        key = await build_key(conn, source.tree(), facts, facts.role)
    return await obtain_reference(server, source, key, on_progress=on_progress)


async def obtain_reference(
    server: str,
    source: LazySource,
    key: ReferenceKey,
    *,
    shadow: str | Path | None = None,
    login: str | None = None,
    on_progress: OnProgress | None = None,
) -> Reference:
    """The reference of a folder: ready (one connection, one round trip), or built now.

    Args:
        server: conninfo of any database of the target's server; its role makes the database.
        shadow: conninfo of another server to build on, or the home of a private one.
        login: conninfo of the owner, where it is not the role of `server`: what the folder says is then said by the
            owner's own session. A session of an administrator that has SET ROLE is left with RESET ROLE.

    Raises:
        ReferenceUnavailable: this role may not create databases, or the shadow server is too different.
        StonegateError: the folder does not deploy; as for an apply.
    """
    building = _Building(source=source, key=key, server=server, login=login, on_progress=on_progress)
    if shadow is not None:
        return await _obtain_on_shadow(shadow, building)
    async with using(await connect_maintenance(server)) as maintenance:
        ready = await read_stored(maintenance, key)
        if ready is not None:
            return ready
        facts = await read_session(maintenance)
        if not await may_create_databases(maintenance, facts):
            raise ReferenceUnavailable(
                f"the role {facts.role} may not create databases, so the folder cannot be built for comparison",
                hint=f"--shadow URL of another PostgreSQL {facts.version // 10000}, or --shadow embedded where that is "
                f"one; or ALTER ROLE {quote_ident(facts.role)} CREATEDB",
            )
        return await _build_once(maintenance, building, facts)


async def _build_once(maintenance: Session, building: _Building, facts: SessionFacts) -> Reference:
    """Build it, or wait for the one who does and take what that one stored."""
    key = building.key
    if not await ensure_store(maintenance):
        return await _build(maintenance, building, facts, keep=False)
    async with hold_lock(maintenance, reference_key(key.digest), timeout_s=BUILD_LOCK_SECONDS):
        ready = await read_stored(maintenance, key)
        if ready is not None:
            return ready
        if await exists(maintenance, key.database):  # somebody was killed before the last step
            await drop_database(maintenance, key.database)
        # Nobody waits for the disk: what a crash takes away is built again, and the note goes with its database.
        await maintenance.execute("SET synchronous_commit = off")
        return await _build(maintenance, building, facts, keep=True)


async def _build(maintenance: Session, building: _Building, facts: SessionFacts, *, keep: bool) -> Reference:
    begun, key = time.monotonic(), building.key
    owner = None if key.owner == facts.role else key.owner
    async with temporary_database(
        maintenance, purpose="ref", owner=owner, template="template0", locale=key.locale, by_files=not facts.fsync
    ) as name:
        plan = _fresh_plan(building.source, name)
        try:
            catalog = await _deploy(building, name, plan, owner)
        except StonegateError as error:
            error.details = (*error.details, "while the folder was built in a reference database")
            error.database = None  # nobody knows its name, and it is gone
            raise
        build_ms = (time.monotonic() - begun) * 1000
        if not keep:
            return Reference(catalog=catalog, database=None, is_template=False, build_ms=build_ms)
        is_template = not _writes_rows(building.source.tree(), plan)
        await close_database(maintenance, name, key.database, template=True)
    await record_reference(maintenance, key, catalog, is_template=is_template, build_ms=build_ms)
    return Reference(catalog=catalog, database=key.database, is_template=is_template, build_ms=build_ms)


def _fresh_plan(source: LazySource, database: str) -> Plan:
    """The plan for an empty database, but for the declared rows."""
    plan = build_plan(tree=source.tree(), ordered=source.ordered(), database=database)
    return replace(plan, steps=tuple(step for step in plan.steps if step.action is not Action.SEED))


async def _deploy(building: _Building, database: str, plan: Plan, owner: str | None) -> Catalog:
    """Build by the owner's own session, or else by one that has SET ROLE; the records are part of what is cloned."""
    place = with_database(building.login or building.server, database)
    # Nor here: the note that it is ready is committed later, and never there without this.
    conn = await connect(place, options="-c synchronous_commit=off")
    admin: Session | None = None
    try:
        by_admin: frozenset[str] = frozenset()
        if owner is not None:
            offered = await read_offered(conn, with_versions=True)
            by_admin = admin_steps(plan, {name for name, offer in offered.items() if offer.untrusted})
            admin = await connect(with_database(building.server, database)) if by_admin else None
        job = Job(
            plan=plan,
            live=Catalog(),
            state=TrackingState(),
            options=ExecuteOptions(skip_verification=True, role=None if building.login is not None else owner),
            by_admin=by_admin,
            on_progress=building.on_progress,
        )
        if job.options.role is None:  # else the tables are made by that role
            note_trust(conn, is_trusted=True)  # made a moment ago, and the session's own
            await begin_tracked(conn)
        execution = await execute_plan(conn, job, admin=admin)
        if execution.late_error is not None:
            raise execution.late_error
        await conn.execute(load("reference/log_sequences").encode())
        # What the transaction recorded, unless more was made after its commit.
        return await read_catalog(conn) if job.late or execution.catalog is None else execution.catalog
    except psycopg.Error as error:
        if was_ended(error):
            raise explain_failure(error) from error
        raise MigrationFailed(
            "the reference database cannot be built", cause=message_of(error), sqlstate=error.sqlstate
        ) from error
    finally:
        await leave(conn)
        if admin is not None:
            await leave(admin)


def admin_steps(plan: Plan, untrusted: set[str]) -> frozenset[str]:
    """The ids of the steps that create or update an extension that only a superuser may (manual 38.17)."""
    return frozenset(
        step.id
        for step in plan.steps
        if step.kind is ObjectKind.EXTENSION and step.action is not Action.SKIP and step.key.name in untrusted
    )


def _writes_rows(tree: SourceTree, plan: Plan) -> bool:
    """True if building runs migrations that may write rows: their generated keys must not be equal in all tenants."""
    run = {step.key.name for step in plan.steps if step.action is Action.RUN}
    return any(
        effect.verb in ROW_VERBS or effect.verb is EffectVerb.OPAQUE
        for migration in tree.migrations
        if migration.name in run
        for effect in migration.effects
    )


# --- on another server ----------------------------------------------------------------------------------------------


async def _obtain_on_shadow(shadow: str | Path, building: _Building) -> Reference:
    """In the target's locale where the shadow's system has it, else in the shadow's own: catalogs read the same."""
    key = building.key
    url = (await asyncio.to_thread(start_embedded, shadow)).url if isinstance(shadow, Path) else shadow
    async with using(await connect_maintenance(url)) as maintenance:
        facts = await read_session(maintenance)
        if facts.version // 10000 != key.version // 10000:
            raise ReferenceUnavailable(
                f"the shadow server {describe(url)} is PostgreSQL {facts.version // 10000}, "
                f"the target's is {key.version // 10000}: they print the same objects differently",
                hint=f"--shadow with a PostgreSQL {key.version // 10000}",
            )
        await _require_same_extensions(maintenance, building.source.tree(), key, url)
        places = dict.fromkeys((key.locale, facts.place))
        keys = [replace(key, version=facts.version, locale=place) for place in places]
        for key in keys:
            ready = await read_stored(maintenance, key)
            if ready is not None:
                return ready
        if not await may_create_databases(maintenance, facts):
            raise ReferenceUnavailable(
                f"the role {facts.role} may not create databases on the shadow server {describe(url)}",
                hint="--shadow embedded, or a role with CREATEDB",
            )
        building = replace(building, server=url, login=None)
        for key in keys[:-1]:
            try:
                return await _build_with_roles(maintenance, replace(building, key=key), facts)
            except StonegateError as error:
                if error.sqlstate not in _NO_SUCH_LOCALE:
                    raise
        return await _build_with_roles(maintenance, replace(building, key=keys[-1]), facts)


async def _require_same_extensions(maintenance: Session, tree: SourceTree, key: ReferenceKey, url: str) -> None:
    if not key.extensions:
        return
    offered = await read_offered(maintenance, with_versions=True)
    pinned = {item.name for item in tree.extensions if item.version is not None}
    for name, version in key.extensions:
        offer = offered.get(name)
        found = () if offer is None else offer.versions if name in pinned else (offer.default_version,)
        if version not in found:
            raise ReferenceUnavailable(
                f"the shadow server {describe(url)} has {name} in version {', '.join(found) or 'none'}, "
                f"the target's server {version}",
                hint="--shadow with a server that has the same extensions",
            )


async def _build_with_roles(maintenance: Session, building: _Building, facts: SessionFacts) -> Reference:
    """Build, making each role that the folder or the target's owner names and the shadow server lacks (NOLOGIN)."""
    shadow = describe(building.server)
    for _ in range(MOST_ROLES):
        try:
            return await _build_once(maintenance, building, facts)
        except StonegateError as error:
            unknown = _UNKNOWN_ROLE.search(error.cause or "")
            if error.sqlstate != "42704" or unknown is None:
                raise
            try:
                await maintenance.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(unknown.group(1))))
            except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                continue  # made in the same moment, it fails on pg_authid's unique index
            except psycopg.errors.InsufficientPrivilege as refusal:
                name = unknown.group(1)
                raise ReferenceUnavailable(
                    f"the shadow server {shadow} has no role {name}, and {facts.role} may not make it",
                    cause=message_of(refusal),
                    hint=f"there: CREATE ROLE {name} NOLOGIN",
                ) from error
    raise ReferenceUnavailable(f"the folder names more than {MOST_ROLES} roles that {shadow} lacks")
