"""What a server and a session are: version, role, locale, extensions on offer, and who stands in the way of a lock."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from stonegate.database import sql
from stonegate.errors import ExtensionNotAvailable
from stonegate.model.catalog import Extension
from stonegate.model.source import ExtensionItem

# Extensions whose purpose PostgreSQL itself fulfils by now.
BUILT_IN = {
    "uuid-ossp": "gen_random_uuid() is built in (PostgreSQL 13 and later), uuidv7() in 18: no extension is needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """How a database encodes, sorts and folds text (manual 23.1); the arguments of CREATE DATABASE.

    Attributes:
        provider: "c" (libc), "i" (ICU) or "b" (builtin).
        locale, rules: of ICU and the builtin provider.
    """

    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None = None
    rules: str | None = None

    def __str__(self) -> str:
        return " ".join(part or "-" for part in (self.encoding, self.provider, self.collate, self.ctype, self.locale))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """One session: its role, its database and the server.

    Attributes:
        database, owner: of the database that it is connected to.
        role: current_user, who will own what it creates.
        version: server_version_num (180006).
        pid: of the backend, as the backend says.
        lock_slots: how many relations all sessions together can lock (manual 20.12).
    """

    database: str
    role: str
    owner: str
    superuser: bool
    may_create_databases: bool
    version: int
    pid: int
    lock_slots: int
    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None
    rules: str | None

    @property
    def place(self) -> Locale:
        """The locale of the database."""
        return Locale(
            encoding=self.encoding,
            provider=self.provider,
            collate=self.collate,
            ctype=self.ctype,
            locale=self.locale,
            rules=self.rules,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedExtension:
    """An extension that the server can install.

    Attributes:
        untrusted: needs a superuser (manual 38.17); False where only names were asked for.
        versions: all that can be installed; the default one where only names were asked for.
    """

    name: str
    default_version: str
    untrusted: bool = False
    versions: tuple[str, ...] = ()


async def read_session(conn: AsyncConnection[Any]) -> SessionFacts:
    """The facts of a session, in one round trip."""
    async with conn.cursor(row_factory=class_row(SessionFacts)) as cursor:
        await cursor.execute(sql.load("server/facts").encode())
        facts = await cursor.fetchone()
    assert facts is not None
    return facts


def is_pooled(conn: AsyncConnection[Any], facts: SessionFacts) -> bool:
    """True if a pooler such as pgbouncer stands between: it made up the process id that it told at the start."""
    return conn.info.backend_pid != facts.pid


async def read_offered(conn: AsyncConnection[Any], *, with_versions: bool) -> Mapping[str, OfferedExtension]:
    """All extensions that the server can install, by name; with all their versions it takes several milliseconds."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.load("server/extension_versions" if with_versions else "server/extensions").encode())
        rows = await cursor.fetchall()
    return {
        row["name"]: OfferedExtension(
            name=row["name"],
            default_version=row["default_version"],
            untrusted=row.get("untrusted", False),
            versions=tuple(row.get("versions") or (row["default_version"],)),
        )
        for row in rows
    }


async def read_is_empty(conn: AsyncConnection[Any]) -> bool:
    """True if nobody has made anything in this database; a tenth of what reading its catalog costs."""
    row = await (await conn.execute(sql.load("server/is_empty").encode())).fetchone()
    return row is not None and bool(row[0])


def require_extensions(
    declared: Iterable[ExtensionItem], offered: Mapping[str, OfferedExtension], installed: Iterable[Extension] = ()
) -> None:
    """Refuse before anything is attempted what the server cannot install.

    Raises:
        ExtensionNotAvailable: the first one that is missing, or missing in the pinned version, with close names.
    """
    present = {extension.name: extension.version for extension in installed}
    for item in declared:
        offer = offered.get(item.name)
        if item.name in present and item.version in (None, present[item.name]):
            continue
        if offer is None:
            close = difflib.get_close_matches(item.name, offered, n=3)
            hint = BUILT_IN.get(item.name) or (f"the server has {', '.join(close)}" if close else None)
            raise ExtensionNotAvailable(
                f"the server has no extension {item.name}",
                file=item.file,
                line=item.line,
                hint=hint or "install its package on the server, or remove the file",
            )
        if item.version is not None and item.version not in offer.versions:
            raise ExtensionNotAvailable(
                f"the server has no version {item.version} of the extension {item.name}",
                file=item.file,
                line=item.line,
                hint=f"it has {', '.join(offer.versions)}",
            )


async def read_blockers(conn: AsyncConnection[Any], statement: str) -> tuple[str, ...]:
    """The sessions that probably block a statement, each as a sentence; those on relations that it mentions first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.load("server/blockers").encode())
        rows = await cursor.fetchall()
    concerned = [row for row in rows if row["relation"] in statement] or rows
    found: dict[int, str] = {}
    for row in concerned:
        who = f"{row['role']}, {row['application']}" if row["application"] else str(row["role"])
        found.setdefault(
            row["pid"], f"process {row['pid']} ({who}, {row['state']}) holds {row['mode']} on {row['relation']}"
        )
    return tuple(found.values())[:5]
