"""New databases for tenants: made closed and under a temporary name, given all that a clone does not inherit, opened.

A clone has neither its template's settings and comment nor its privileges on the database (manual 23.3). Until it is
finished its label says so, and whoever holds the lock on its name may remove it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg import sql

from stonegate.database.connect import Session, connect
from stonegate.database.deployment.reports import elapsed_ms
from stonegate.database.executor.session import SessionSettings, roll_back
from stonegate.database.failures.explain import explain_failure
from stonegate.database.introspect.stamp import stamp_expression
from stonegate.database.seeds.insert import insert_seeds
from stonegate.database.server.databases import Strategy, create_statement, drop_database, refused
from stonegate.database.server.locks import database_key, hold_lock
from stonegate.database.server.sizes import read_database_sizes
from stonegate.database.sql import fixed
from stonegate.database.tenants.labels import DatabaseFacts, label_statement
from stonegate.errors import StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.labels import Label
from stonegate.model.names import TEMPORARY_PREFIX, QualifiedName
from stonegate.model.report import SeedReport
from stonegate.model.source import Seeder
from stonegate.planner.ddl import refresh_view

#: From this size of the template on, copying files and two checkpoints cost less than writing all pages to the WAL:
#: measured on PostgreSQL 18 with fsync on, a quiet server has WAL_LOG ahead at 8 MB (37 against 130 ms), a busy one has
#: FILE_COPY ahead from 31–63 MB on (320 against 160 ms at 63 MB, 962 against 536 ms at 256 MB).
FILE_COPY_BYTES = 64 * 1024 * 1024
MAKE_SECONDS = 120.0


class NewDatabase(Struct, frozen=True, kw_only=True):
    """What is to be made.

    Attributes:
        template: a reference database to clone; None for an empty database.
        base: what an empty one is copied from; None for the server's default, with whatever somebody put there.
        owner: the role that owns it; None for the session's.
        search_path: the database's own setting; () for none.
        strategy: how the template is copied; None for the server's default.
    """

    name: str
    label: Label
    template: str | None = None
    base: str | None = None
    owner: str | None = None
    search_path: tuple[str, ...] = ()
    strategy: Strategy | None = None


async def make_database(maintenance: Session, new: NewDatabase) -> None:
    """Make the database, labelled as unfinished and open; the caller holds the lock on its name.

    Raises:
        MigrationFailed: PostgreSQL refuses.
    """
    temporary = f"{TEMPORARY_PREFIX}new_{secrets.token_hex(8)}"
    async with hold_lock(maintenance, database_key(temporary), timeout_s=MAKE_SECONDS):
        try:
            template = new.template or new.base
            statement = create_statement(
                temporary, owner=new.owner, template=template, strategy=new.strategy, is_closed=True
            )
            await maintenance.execute(statement)
            # One message is one transaction: it never has its name without its label and its privileges.
            await maintenance.execute(sql.SQL("; ").join(_dress(temporary, new)))
        except BaseException as error:
            await _discard(maintenance, temporary)
            if isinstance(error, psycopg.Error):
                right = "connect as a superuser, or as a role with CREATEDB that is a member of the owner"
                message = f"the database {new.name} cannot be created"
                raise refused(error, message, new.name, right=right) from error
            raise


async def choose_strategy(maintenance: Session, template: str) -> Strategy:
    """How to copy a template: WAL_LOG writes every page into the WAL, FILE_COPY forces two checkpoints (manual, CREATE
    DATABASE)."""
    sizes = await read_database_sizes(maintenance, [template])
    return "FILE_COPY" if sizes.get(template, 0) > FILE_COPY_BYTES else "WAL_LOG"


def _dress(temporary: str, new: NewDatabase) -> list[sql.Composed]:
    name, first = sql.Identifier(new.name), sql.Identifier(temporary)
    statements = [
        label_statement(temporary, replace(new.label, unfinished=True)),
        sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(first),
    ]
    if new.search_path:
        path = sql.SQL(", ").join(map(sql.Identifier, new.search_path))
        statements.append(sql.SQL("ALTER DATABASE {} SET search_path = {}").format(first, path))
    statements.append(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(first, name))
    statements.append(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(name))
    return statements


async def finish_clone(
    conninfo: str,
    new: NewDatabase,
    seeders: Sequence[Seeder],
    refreshed: Sequence[QualifiedName],
    *,
    catalog: Catalog,
    digest: str,
    fingerprint: str,
    started: float,
) -> tuple[SeedReport, ...]:
    """Give the clone its rows and records, and take "unfinished" off its label, in one transaction.

    Args:
        conninfo: of the clone, as its owner.
        seeders: in foreign-key order.
        refreshed: materialised views that read what these fill, in order.
        catalog: of the template.
        digest, fingerprint: of the folder.
        started: time.monotonic() when the making began.

    Raises:
        MigrationFailed: a row cannot be inserted.
        ConnectionFailed: the clone does not let its owner in.
    """
    conn = await connect(conninfo)
    try:
        path = new.search_path or ("public",)
        settings = SessionSettings(
            lock_timeout_s=0, statement_timeout_s=0, search_path=path, role=None, version=conn.info.server_version
        )
        await conn.execute("; ".join(("BEGIN", *settings.statements(local=True))).encode())
        seeds = await insert_seeds(conn, seeders, known=catalog, for_good=True)
        for name in refreshed:
            await conn.execute(refresh_view(name).encode())
        origin = {"template": new.template, "fingerprint": fingerprint, "digest": digest}
        async with conn.pipeline():
            await conn.execute(_record(is_moved=bool(refreshed)), origin | {"duration_ms": elapsed_ms(started)})
            await conn.execute(label_statement(new.name, new.label))
            await conn.execute("COMMIT")
        return seeds
    except psycopg.Error as error:
        raise explain_failure(error, database=new.name) from error
    except BaseException:
        await roll_back(conn)
        raise
    finally:
        await conn.close()


def _record(*, is_moved: bool) -> sql.Composed:
    """The records; rows do not move the change stamp that the template was recorded with (change_stamp.sql)."""
    stamp = sql.SQL(stamp_expression().replace("%", "%%") if is_moved else "stamp")
    return fixed("tracking/record_clone").format(stamp=stamp)


async def remove_unfinished(maintenance: Session, name: str, facts: DatabaseFacts) -> bool:
    """Drop a database whose label says that it was never finished; the caller holds the lock on its name.

    Returns:
        False if it is finished, or nobody labelled it.

    Raises:
        MigrationFailed: PostgreSQL refuses.
    """
    if facts.label is None or not facts.label.unfinished:
        return False
    await drop_database(maintenance, name, force=True)
    return True


async def _discard(maintenance: Session, name: str) -> None:
    try:
        await drop_database(maintenance, name, force=True)
    except (StonegateError, psycopg.Error):
        return  # `collect_leftovers` finds it
