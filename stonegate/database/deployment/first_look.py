"""What a database holds, read while the folder is parsed; an empty one is begun with at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from msgspec import Struct

from stonegate.database.connect import Session
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.executor.head_start import HeadStart
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.server.extensions import OfferedExtension, read_offered, require_extensions
from stonegate.database.server.facts import SessionFacts, read_is_empty, read_session
from stonegate.database.tracking.kept_catalogs import checksum_of, known_catalog
from stonegate.database.tracking.state import Recorded, prove, read_recorded
from stonegate.errors import ExtensionNotAvailable
from stonegate.model.catalog import Catalog
from stonegate.model.plan import Step
from stonegate.model.source import SourceTree
from stonegate.model.tracking import TrackingState
from stonegate.planner.fresh import first_steps
from stonegate.source.lazy import LazySource

Offered: TypeAlias = Mapping[str, OfferedExtension]


class FirstLook(Struct, frozen=True, kw_only=True):
    """What was read while the folder was parsed.

    Attributes:
        is_known: `live` was not read, since records and stamp tell it.
        offered: the extensions on offer; None where they were not looked up.
        has_versions: with all their versions.
    """

    facts: SessionFacts
    recorded: Recorded
    live: Catalog
    is_known: bool = False
    offered: Offered | None = None
    has_versions: bool = False


@asynccontextmanager
async def parsing_ahead(source: LazySource) -> AsyncIterator[None]:
    """Parse what an empty database is begun with, while the server is asked whether it is one; ends with the block."""
    ahead = asyncio.create_task(source.beginning())
    try:
        yield
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def look_while_parsing(
    conn: Session,
    source: LazySource,
    options: ApplyOptions,
    *,
    facts: SessionFacts | None = None,
    head: HeadStart | None = None,
    presume: bool = False,
) -> FirstLook:
    """The server's part of the work. What it answers at once is asked before the parsing begins.

    Args:
        facts: of the session, if they were read.
        head: what an empty database is begun with.
        presume: the caller proves in the end that nothing but routines has moved, if that is what `live` is known by.

    Raises:
        SourceError: the folder is wrong.
    """
    facts = facts or await read_session(conn)
    if not facts.is_deployed and not options.plan.baseline and await read_is_empty(conn):
        return await _begin_empty(conn, source, options, head, facts)
    parsing = asyncio.create_task(source.prepare())
    try:
        recorded = await read_recorded(conn, is_deployed=facts.is_deployed, presume=presume)
        known = None if options.plan.baseline else _known_live(recorded, facts)
        if known is None:
            recorded = await prove(conn, recorded)
        live = known or await _read_all(conn)
    except BaseException:
        parsing.cancel()
        await asyncio.gather(parsing, return_exceptions=True)
        raise
    await parsing
    return FirstLook(facts=facts, recorded=recorded, live=live, is_known=known is not None)


async def _begin_empty(
    conn: Session, source: LazySource, options: ApplyOptions, head: HeadStart | None, facts: SessionFacts
) -> FirstLook:
    """Let the server make tracking tables, types and tables while the folder is parsed, if these are to stay."""
    may_need_admin = _may_need_admin(options, facts)
    texts = source.extension_texts()
    has_versions = may_need_admin or any("version" in text for text in texts)
    # Asked now, or never: what was sent ahead may fail, and then the session answers no question.
    offered = await read_offered(conn, with_versions=has_versions) if texts else None
    if head is not None:
        choosing = asyncio.create_task(_first_steps(source, offered or {}, may_need_admin=may_need_admin))
        try:
            await head.begin()
            head.send(await choosing)
        finally:
            choosing.cancel()
            await asyncio.gather(choosing, return_exceptions=True)
    await source.prepare()
    nothing = Recorded(state=TrackingState(), is_unmoved=False)
    return FirstLook(facts=facts, recorded=nothing, live=Catalog(), offered=offered, has_versions=has_versions)


async def _first_steps(source: LazySource, offered: Offered, *, may_need_admin: bool) -> tuple[Step, ...]:
    """What can be sent ahead; the administrator makes extensions before the transaction, on another connection."""
    beginning = await source.beginning()
    if beginning is None or (may_need_admin and beginning.tree.extensions):
        return ()
    try:
        require_extensions(beginning.tree.extensions, offered)
    except ExtensionNotAvailable:
        return ()  # told once the whole folder is known
    return first_steps(beginning)


def _may_need_admin(options: ApplyOptions, facts: SessionFacts) -> bool:
    return options.admin is not None and not facts.superuser


async def _read_all(conn: Session) -> Catalog:
    live = await read_catalog(conn)
    checksum_of(live)  # the next database of the fleet may hold the same
    return live


def _known_live(recorded: Recorded, facts: SessionFacts) -> Catalog | None:
    """The live catalog without reading it: what was verified by the last deployment, since nothing has moved.

    None where something has, where it was read in another way, and where this process has not got that catalog: it is
    the declared one, or another database of the same fleet had it.
    """
    last = recorded.state.last
    if last is None or not last.is_comparable or not recorded.is_unmoved:
        return None
    if last.catalog is not None:
        checksum_of(last.catalog)
    live = known_catalog(last.live_checksum)
    return live if live is not None and live.server == facts.version else None


async def offered_extensions(conn: Session, tree: SourceTree, options: ApplyOptions, found: FirstLook) -> Offered:
    """What the server offers, if the folder declares an extension that is not installed as declared; else {}.

    Raises:
        ExtensionNotAvailable: what is declared is not on offer.
    """
    present = {extension.name: extension.version for extension in found.live.extensions}
    lacking = [
        item for item in tree.extensions if item.name not in present or item.version not in (None, present[item.name])
    ]
    if not lacking:
        return {}
    is_pinned = any(item.version is not None for item in lacking)
    offered = found.offered
    if offered is None or (is_pinned and not found.has_versions):
        offered = await read_offered(conn, with_versions=is_pinned or _may_need_admin(options, found.facts))
    require_extensions(tree.extensions, offered, found.live.extensions)
    return offered
