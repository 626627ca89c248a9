"""Where the catalogs of reference databases are kept: a table of the maintenance database, one row per key."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

import psycopg
from msgspec import Struct
from psycopg.rows import class_row, dict_row

from stonegate import __version__
from stonegate.database.connect import Session, answers_yes
from stonegate.database.introspect.catalog import introspection
from stonegate.database.server.databases import drop_database
from stonegate.database.server.facts import Locale
from stonegate.database.server.locks import hold_lock, reference_key, release_lock, try_lock
from stonegate.database.sql import fixed
from stonegate.model.catalog import Catalog
from stonegate.model.json_form import from_json, to_json
from stonegate.model.names import REFERENCE_PREFIX

STORE_LOCK_SECONDS = 60.0
#: A reference holds the tracking rows of its own build, for its clones, and sequences that these can go on with.
_FORM = "recorded, settled"
_KEY_LENGTH = 24  # hex digits: 96 bits


# No schema, no table, or no right to look: then nothing is stored.
_NO_STORE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedColumn,
)


class ReferenceKey(Struct, frozen=True, kw_only=True):
    """What makes two reference databases the same.

    Attributes:
        fingerprint: of the folder.
        owner: the role that owns everything in it.
        version: server_version_num.
        extensions: (name, version) of each declared extension.
    """

    fingerprint: str
    owner: str
    version: int
    extensions: tuple[tuple[str, str], ...]
    locale: Locale

    @property
    def facts(self) -> str:
        """Everything but fingerprint and owner, readable."""
        extensions = " ".join(f"{name}={version}" for name, version in self.extensions)
        return f"{self.version} {self.locale} {extensions}".strip()

    @property
    def digest(self) -> str:
        """The key in 24 hex digits; another stonegate, or another way to read catalogs, makes another key."""
        tool = f"{__version__}\n{introspection()}\n{_FORM}"
        text = f"{self.fingerprint}\n{self.owner}\n{self.facts}\n{self.locale.rules}\n{tool}"
        return sha256(text.encode()).hexdigest()[:_KEY_LENGTH]

    @property
    def database(self) -> str:
        """The name of the finished reference database."""
        return REFERENCE_PREFIX + self.digest


class Reference(Struct, frozen=True, kw_only=True):
    """A folder, built.

    Attributes:
        catalog: the desired state.
        database: its database, None if it was dropped (nowhere to keep the catalog) or is gone.
        is_template: tenants may be cloned from it: it is closed, and no row was written while it was built.
        build_ms: milliseconds that the build took just now; None if it was ready.
    """

    catalog: Catalog
    database: str | None
    is_template: bool
    build_ms: float | None = None


class StoredReference(Struct, frozen=True, kw_only=True):
    """A row of the store, for people; `bytes` is the size of the database, None if it is gone."""

    key: str
    database: str
    fingerprint: str
    owner: str
    builder: str
    facts: str
    is_template: bool
    build_ms: float
    built_at: datetime
    used_at: datetime
    bytes: int | None


async def read_stored(maintenance: Session, key: ReferenceKey) -> Reference | None:
    """The finished reference, in one round trip; None if there is none that can be believed."""
    try:
        async with maintenance.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(fixed("reference/read"), {"key": key.digest})
            row = await cursor.fetchone()
    except _NO_STORE:
        return None
    if row is None:
        return None
    try:
        catalog = from_json(zlib.decompress(row["catalog"]), Catalog)
    except (ValueError, zlib.error):
        return None
    database = row["database"] if row["is_there"] else None
    return Reference(catalog=catalog, database=database, is_template=row["is_template"])


async def ensure_store(maintenance: Session) -> bool:
    """Make the store unless it is there; False if this role may not make or use one.

    Raises:
        LockTimeout: another session has been making it for a minute.
    """
    if await _is_there(maintenance):
        return await _is_usable(maintenance)
    # IF NOT EXISTS does not keep two apart, and GRANT on what another session grants fails with XX000.
    async with hold_lock(maintenance, reference_key("the store"), timeout_s=STORE_LOCK_SECONDS):
        if not await _is_there(maintenance):
            try:
                await maintenance.execute(fixed("reference/create_store"))
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
                return False
    return await _is_usable(maintenance)


async def _is_there(maintenance: Session) -> bool:
    query = "SELECT pg_catalog.to_regclass('stonegate.reference_databases') IS NOT NULL"
    return await answers_yes(maintenance, query)


async def _is_usable(maintenance: Session) -> bool:
    return await answers_yes(
        maintenance,
        "SELECT pg_catalog.has_table_privilege(c.oid, 'INSERT') AND (o.rolsuper OR o.rolname = current_user)"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner"
        " WHERE c.oid = pg_catalog.to_regclass('stonegate.reference_databases')",
    )


async def record_reference(
    maintenance: Session, key: ReferenceKey, catalog: Catalog, *, is_template: bool, build_ms: float
) -> None:
    """Note that the reference database of that key is finished."""
    facts = {
        "key": key.digest,
        "database": key.database,
        "fingerprint": key.fingerprint,
        "owner": key.owner,
        "facts": key.facts,
        "is_template": is_template,
        "catalog": zlib.compress(to_json(catalog), level=1),
        "build_ms": build_ms,
    }
    await maintenance.execute(fixed("reference/record"), facts)


async def list_references(maintenance: Session) -> tuple[StoredReference, ...]:
    """The references that the session's role may see, the one that was used last first."""
    try:
        async with maintenance.cursor(row_factory=class_row(StoredReference)) as cursor:
            await cursor.execute(fixed("reference/list"))
            return tuple(await cursor.fetchall())
    except _NO_STORE:
        return ()


async def prune_references(
    maintenance: Session,
    *,
    unused_for: timedelta = timedelta(0),
    keep: Collection[str] = (),
) -> tuple[str, ...]:
    """Drop reference databases and their rows; also those that were never finished. Ones being built are left alone.

    Args:
        unused_for: only those that were not used for that long.
        keep: folder fingerprints whose references stay.

    Returns:
        The names of the databases that were dropped.

    Raises:
        MigrationFailed: PostgreSQL refuses to drop one.
    """
    stored = await list_references(maintenance)
    cursor = await maintenance.execute("SELECT current_user::text, now()")
    role, now = await cursor.fetchone() or ("", None)
    assert now is not None
    spared = {one.database for one in stored if one.fingerprint in keep or now - one.used_at < unused_for}
    cursor = await maintenance.execute(
        "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, %s)"
        " AND pg_catalog.pg_has_role(datdba, 'MEMBER') ORDER BY datname",
        (REFERENCE_PREFIX,),
    )
    dropped: list[str] = []
    for (name,) in await cursor.fetchall():
        if name in spared:
            continue
        lock = reference_key(name.removeprefix(REFERENCE_PREFIX))
        if not await try_lock(maintenance, lock):
            continue
        try:
            # The row first: a database without a row is unfinished, a row without a database would be a lie.
            await _forget(maintenance, name)
            if await drop_database(maintenance, name):
                dropped.append(name)
        finally:
            await release_lock(maintenance, lock)
    for one in stored:
        if one.bytes is None and one.builder == role and one.database not in spared:
            await _forget(maintenance, one.database)
    return tuple(dropped)


async def _forget(maintenance: Session, database: str) -> None:
    try:
        await maintenance.execute("DELETE FROM stonegate.reference_databases WHERE database = %s", (database,))
    except _NO_STORE:
        return
