"""What the tables that seeders write to look like in the live database: columns, keys and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import AsyncConnection, sql

from stonegate.database.seed_text import parse_insert
from stonegate.database.sql import load
from stonegate.errors import MigrationFailed
from stonegate.model.names import QualifiedName
from stonegate.model.source import Seeder


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedColumn:
    """A column.

    Attributes:
        type, bare: format_type, with and without the modifier.
        comparable: has an order of its own; json, xml, point and composites do not.
        plain: a number or boolean, which is printed without quotes.
        identity: GENERATED … AS IDENTITY.
    """

    name: str
    type: str
    bare: str
    comparable: bool
    plain: bool
    not_null: bool
    identity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTable:
    """A table.

    Attributes:
        columns: in live order.
        keys: columns of the primary key, then of each unique one that is neither partial nor over expressions.
        sequences: (column, qualified and quoted sequence) for serial and identity columns and nextval defaults.
        has_side_effects: inserting fires triggers or rules, which may write to other tables.
    """

    name: QualifiedName
    columns: tuple[SeedColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    sequences: tuple[tuple[str, str], ...]
    has_side_effects: bool

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names in live order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str, seeder: Seeder) -> SeedColumn:
        """The column of that name.

        Raises:
            MigrationFailed: there is none; names the seeder.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise MigrationFailed(
            f"the seeder names a column `{name}` that {self.name} does not have", file=seeder.file, line=seeder.line
        )


async def read_tables(conn: AsyncConnection[Any], seeders: Sequence[Seeder]) -> Mapping[QualifiedName, SeedTable]:
    """The tables of the seeders, in one round trip.

    Raises:
        MigrationFailed: a table does not exist; names the seeder.
    """
    wanted = tuple(dict.fromkeys(seeder.table for seeder in seeders))
    names = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    cursor = await conn.execute(sql.SQL(load("seeds/facts")), names)
    found = {table.name: table for table in map(_as_table, await cursor.fetchall())}
    for seeder in seeders:
        if seeder.table not in found:
            raise MigrationFailed(
                f"the seeder's table {seeder.table} does not exist", file=seeder.file, line=seeder.line
            )
    return found


async def mark_unsteady(conn: AsyncConnection[Any], seeders: Sequence[Seeder]) -> tuple[Seeder, ...]:
    """The seeders, those queries marked `volatile` in all columns that may give other rows when they run again.

    A round trip only where a query calls functions; it then asks how volatile they are.
    """
    texts = {n: parse_insert(seeder) for n, seeder in enumerate(seeders) if not seeder.rows and seeder.columns}
    calls = sorted({name for text in texts.values() for name in text.calls})
    unsteady: set[str] = set()
    if calls:
        cursor = await conn.execute(sql.SQL(load("seeds/unsteady")), {"names": calls})
        unsteady = {row[0] for row in await cursor.fetchall()}
    marked = list(seeders)
    for n, text in texts.items():
        if text.moves or text.calls & unsteady:
            marked[n] = replace(marked[n], volatile=frozenset(marked[n].columns))
    return tuple(marked)


def seeded_tables(seeders: Iterable[Seeder]) -> Mapping[QualifiedName, tuple[Seeder, ...]]:
    """The seeders by table, both in the order given."""
    found: dict[QualifiedName, list[Seeder]] = {}
    for seeder in seeders:
        found.setdefault(seeder.table, []).append(seeder)
    return {table: tuple(group) for table, group in found.items()}


def _as_table(row: Sequence[Any]) -> SeedTable:
    schema, name, columns, keys, sequences, has_side_effects = row
    return SeedTable(
        name=QualifiedName(schema, name),
        columns=tuple(SeedColumn(**column) for column in columns or ()),
        keys=tuple(tuple(key) for key in keys),
        sequences=tuple((column, sequence) for column, sequence in sequences),
        has_side_effects=has_side_effects,
    )
