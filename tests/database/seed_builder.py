"""Seeders built by hand, so that these tests depend on no parser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stonegate.database.connect import Session
from stonegate.database.seeds.lookup import find_missing
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.model.source import Seeder, SeedRow

FILE = "seeders/rows.pssql"
LINE = 10


def rows(
    table: str,
    columns: tuple[str, ...],
    *values: tuple[str, ...],
    volatile: Iterable[str] = (),
    overriding: str = "",
    tail: str = "",
    ctes: str = "",
    schema: str = "public",
) -> Seeder:
    """INSERT … VALUES on line 10 of the file, its rows on lines 11, 12, …"""
    names = f" ({', '.join(map(quote_ident, columns))})" if columns else ""
    name = QualifiedName(schema, table)
    written = [[value + "\n" if "--" in value else value for value in row] for row in values]
    lines = ",\n".join(f"  ({', '.join(row)})" for row in written)
    return Seeder(
        table=name,
        columns=columns,
        rows=tuple(SeedRow(values=row, line=LINE + 1 + number) for number, row in enumerate(values)),
        volatile=tuple(sorted(volatile)),
        file=FILE,
        line=LINE,
        sql=f"{ctes}INSERT INTO {name.sql}{names} {overriding} VALUES\n{lines}\n{tail}".strip(),
        checksum="",
    )


def query(table: str, columns: tuple[str, ...], select: str, *, volatile: Iterable[str] = (), tail: str = "") -> Seeder:
    """INSERT … SELECT."""
    names = f" ({', '.join(map(quote_ident, columns))})" if columns else ""
    name = QualifiedName("public", table)
    return Seeder(
        table=name,
        columns=columns,
        rows=(),
        volatile=tuple(sorted(volatile)),
        file=FILE,
        line=LINE,
        sql=f"INSERT INTO {name.sql}{names} {select} {tail}".strip(),
        checksum="",
    )


async def keys(conn: Session, *seeders: Seeder, **options: Any) -> list[str]:
    """The declared rows that are missing, by their keys."""
    return [seed.key for seed in await find_missing(conn, seeders, **options)]
