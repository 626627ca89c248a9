"""Extensions that a server can install, and those that a folder declares in vain (manual 38.17)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from msgspec import Struct
from psycopg.rows import dict_row

from stonegate.database import sql
from stonegate.database.connect import Session
from stonegate.errors import ExtensionNotAvailable
from stonegate.model.catalog import Extension
from stonegate.model.source import ExtensionItem

# Extensions whose purpose PostgreSQL itself fulfils by now.
BUILT_IN = {
    "uuid-ossp": "gen_random_uuid() is built in (PostgreSQL 13 and later), uuidv7() in 18: no extension is needed",
}


class OfferedExtension(Struct, frozen=True, kw_only=True):
    """An extension that the server can install.

    Attributes:
        untrusted: needs a superuser (manual 38.17); False where only names were asked for.
        versions: all that can be installed; the default one where only names were asked for.
    """

    name: str
    default_version: str
    untrusted: bool = False
    versions: tuple[str, ...] = ()


async def read_offered(conn: Session, *, with_versions: bool) -> Mapping[str, OfferedExtension]:
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


def require_extensions(
    declared: Iterable[ExtensionItem], offered: Mapping[str, OfferedExtension], installed: Iterable[Extension] = ()
) -> None:
    """Refuse before anything is attempted what the server cannot install.

    Raises:
        ExtensionNotAvailable: what is missing, or missing in the pinned version, with close names; all at once.
    """
    present = {extension.name: extension.version for extension in installed}
    missing = [
        problem
        for item in declared
        if not (item.name in present and item.version in (None, present[item.name]))
        and (problem := _problem(item, offered)) is not None
    ]
    match missing:
        case []:
            return
        case [only]:
            raise only
        case [first, *_]:
            raise ExtensionNotAvailable(
                f"the server lacks {len(missing)} extensions",
                file=first.file,
                line=first.line,
                details=tuple(f"{each.place}: {each.message}: {each.hint}" for each in missing),
            )


def _problem(item: ExtensionItem, offered: Mapping[str, OfferedExtension]) -> ExtensionNotAvailable | None:
    offer = offered.get(item.name)
    if offer is None:
        close = difflib.get_close_matches(item.name, offered, n=3)
        hint = BUILT_IN.get(item.name) or (f"the server has {', '.join(close)}" if close else None)
        return ExtensionNotAvailable(
            f"the server has no extension {item.name}",
            file=item.file,
            line=item.line,
            hint=hint or "install its package on the server, or remove the file",
        )
    if item.version is None or item.version in offer.versions:
        return None
    return ExtensionNotAvailable(
        f"the server has no version {item.version} of the extension {item.name}",
        file=item.file,
        line=item.line,
        hint=f"it has {', '.join(offer.versions)}",
    )
