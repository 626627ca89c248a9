"""What the tables that seeders write to look like in the live database: columns, keys and sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.sql import fixed
from stonegate.errors import MigrationFailed
from stonegate.model.catalog import Catalog, Column, Index
from stonegate.model.names import ObjectKind, QualifiedName
from stonegate.model.source import Seeder
from stonegate.source.statements.insert_text import parse_insert


class SeedColumn(Struct, frozen=True, kw_only=True):
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


class SeedSequence(Struct, frozen=True, kw_only=True):
    """A sequence that feeds a column: of serial or identity, or named in the column's default.

    Attributes:
        name: qualified and quoted.
        new: made by this very transaction.
    """

    column: str
    name: str
    increment: int
    minimum: int
    maximum: int
    new: bool

    def restart_value(self, last: int, is_called: bool, extreme: int | None) -> int | None:
        """The first value beyond all ids, or None if the sequence is beyond them already (or cannot get there).

        Args:
            last, is_called: the sequence's state.
            extreme: the greatest id in the column; of a descending sequence the least.
        """
        following = last + self.increment if is_called else last
        if extreme is None:
            return None
        behind = (extreme - following) * (1 if self.increment > 0 else -1)
        if behind < 0:
            return None
        value = following + (behind // abs(self.increment) + 1) * self.increment
        return value if self.minimum <= value <= self.maximum else None


class SeedTarget(Struct, frozen=True, kw_only=True):
    """What inserting into a table needs to know.

    Attributes:
        column_names: in live order.
        has_side_effects: inserting fires triggers or rules, which may write to other tables.
    """

    name: QualifiedName
    column_names: tuple[str, ...]
    sequences: tuple[SeedSequence, ...]
    has_side_effects: bool


class SeedTable(Struct, frozen=True, kw_only=True):
    """A table, and what looking rows up in it needs to know.

    Attributes:
        columns: in live order.
        keys: columns of the primary key, then of each unique one that is neither partial nor over expressions.
    """

    target: SeedTarget
    columns: tuple[SeedColumn, ...]
    keys: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> QualifiedName:
        """The table's."""
        return self.target.name

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


#: Tables by catalog and names.
_KNOWN: Cache[Mapping[QualifiedName, SeedTable]] = Cache(8)


async def read_tables(
    conn: Session, seeders: Sequence[Seeder], *, known: Catalog | None = None
) -> Mapping[QualifiedName, SeedTable]:
    """The tables of the seeders, in one round trip.

    Args:
        known: the catalog that the database holds, or is presumed to; tables of an equal one need not be read again.

    Raises:
        MigrationFailed: a table does not exist; names the seeder.
    """
    wanted = _wanted(seeders)
    if known is None:
        return await _read_tables(conn, seeders, wanted)
    found = _KNOWN.find((id(known), wanted))
    if found is not None:
        return found
    tables = await _read_tables(conn, seeders, wanted)
    if all(_is_as_known(table, known) for table in tables.values()):
        _KNOWN.get((id(known), wanted), lambda: tables, known)
    return tables


async def _read_tables(
    conn: Session, seeders: Sequence[Seeder], wanted: Sequence[QualifiedName]
) -> Mapping[QualifiedName, SeedTable]:
    names = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    cursor = await conn.execute(fixed("seeds/facts"), names)
    found = {table.name: table for table in map(_as_table, await cursor.fetchall())}
    for seeder in seeders:
        if seeder.table not in found:
            raise MigrationFailed(
                f"the seeder's table {seeder.table} does not exist",
                file=seeder.file,
                line=seeder.line,
                hint="declare it in tables/, or correct the name",
            )
    return found


def are_as_known(seeders: Sequence[Seeder], known: Catalog) -> bool:
    """True if `read_tables` has found the tables of the seeders to be as that catalog says."""
    return _KNOWN.knows((id(known), _wanted(seeders)))


def _wanted(seeders: Sequence[Seeder]) -> tuple[QualifiedName, ...]:
    return tuple(dict.fromkeys(seeder.table for seeder in seeders))


def _is_as_known(found: SeedTable, known: Catalog) -> bool:
    """True if what was read is what the catalog says.

    Somebody may have changed the table in this database, which shows only later, or hide it: others have the catalog's.
    """
    table = known.table(found.name.key(ObjectKind.TABLE))
    if table is None or len(table.columns) != len(found.columns):
        return False
    columns = zip(table.columns, found.columns, strict=True)
    if not all(_is_same_column(theirs, ours) for theirs, ours in columns):
        return False
    keys = [set(key) for key in found.keys]
    constraints = [set(each.columns) for each in table.constraints if each.kind in ("primary key", "unique")]
    # These tell the columns of INCLUDE, too.
    indexes = [set(each.columns) for each in table.indexes if each.unique and each.valid and _is_key(each)]
    return (
        all(key in keys for key in constraints)
        and all(any(key <= index for key in keys) for index in indexes)
        and all(key in constraints or any(key <= index for index in indexes) for key in keys)
    )


def _is_key(index: Index) -> bool:
    """True of a unique index that is neither partial nor over expressions, unless its columns have odd names."""
    columns = index.shape.partition("(")[2].partition(" INCLUDE (")[0]
    return "(" not in columns and " WHERE " not in index.shape


def _is_same_column(known: Column, found: SeedColumn) -> bool:
    same_type = known.type == found.type or known.type.endswith(f".{found.type}")  # one that the search_path finds
    facts = (known.name, known.not_null, bool(known.identity))
    return same_type and facts == (found.name, found.not_null, found.identity)


async def mark_unsteady(conn: Session, seeders: Sequence[Seeder]) -> tuple[Seeder, ...]:
    """The seeders, those queries marked `volatile` in all columns that may give other rows when they run again.

    A round trip only where a query calls functions; it then asks how volatile they are.
    """
    texts = {n: parse_insert(seeder) for n, seeder in enumerate(seeders) if not seeder.rows and seeder.columns}
    calls = sorted({name for text in texts.values() for name in text.calls})
    unsteady: set[str] = set()
    if calls:
        cursor = await conn.execute(fixed("seeds/unsteady"), {"names": calls})
        unsteady = {row[0] for row in await cursor.fetchall()}
    marked = list(seeders)
    for n, text in texts.items():
        if text.moves or text.calls & unsteady:
            marked[n] = replace(marked[n], volatile=marked[n].columns)
    return tuple(marked)


def seeded_tables(seeders: Iterable[Seeder]) -> Mapping[QualifiedName, tuple[Seeder, ...]]:
    """The seeders by table, both in the order given."""
    found: dict[QualifiedName, list[Seeder]] = {}
    for seeder in seeders:
        found.setdefault(seeder.table, []).append(seeder)
    return {table: tuple(group) for table, group in found.items()}


def _as_table(row: Sequence[Any]) -> SeedTable:
    schema, name, columns, keys, sequences, has_side_effects = row
    names = {column.pop("number"): column["name"] for column in columns}
    target = SeedTarget(
        name=QualifiedName(schema, name),
        column_names=tuple(column["name"] for column in columns),
        sequences=tuple(SeedSequence(**sequence) for sequence in sequences),
        has_side_effects=has_side_effects,
    )
    return SeedTable(
        target=target,
        columns=tuple(SeedColumn(**column) for column in columns),
        keys=tuple(tuple(names[number] for number in key) for key in keys),
    )
