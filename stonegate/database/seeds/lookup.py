"""Which declared rows a table lacks: one query per table, each row by the best key that it has (behaviour, §4).

A row is looked up by the primary key if it gives all of it, else by a unique key, else by all columns that it gives;
columns with volatile expressions are no key. Where nothing is left to look up by, the table must only not be empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

import psycopg
from msgspec import Struct
from psycopg import sql

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.failures.explain import explain_failure, is_lock_failure, message_of, was_ended
from stonegate.database.seeds.facts import (
    SeedColumn,
    SeedTable,
    SeedTarget,
    are_as_known,
    mark_unsteady,
    read_tables,
    seeded_tables,
)
from stonegate.errors import MigrationFailed, StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.names import QualifiedName, quote_ident, quote_literal
from stonegate.model.source import Seeder, SeedRow
from stonegate.source.statements.insert_text import InsertText, parse_insert

ANY_ROW = "any row"
_LONGEST_VALUE = 80

DeclaredOrder = Mapping[QualifiedName, tuple[str, ...]]


class MissingSeed(Struct, frozen=True, kw_only=True):
    """A declared row that the table lacks.

    Attributes:
        key: how it was looked up, "id = 3" or "region = 'eu' AND name IS NULL"; ANY_ROW when the table is empty and
            nothing else could be asked.
        file, line: where the row is declared.
        seeder, row: the INSERT, and the index in `seeder.rows`; None for a row of INSERT … SELECT.
    """

    table: QualifiedName
    key: str
    file: str
    line: int
    seeder: Seeder
    row: int | None = None

    @property
    def label(self) -> str:
        """How consents and `TrackingState.missing_seeds` call it: "roles id = 3"."""
        return f"{self.table} {self.key}"


class _Lookup(Struct, frozen=True, kw_only=True):
    """One branch of the query: rows of one seeder (its index) that are looked up by the same columns."""

    seeder: int
    columns: tuple[SeedColumn, ...]
    query: str


#: Lookups by table, seeders and declared order.
_LOOKUPS: Cache[tuple[_Lookup, ...]] = Cache(64)


async def find_missing(
    conn: Session,
    seeders: Sequence[Seeder],
    *,
    declared: DeclaredOrder | None = None,
    known: Catalog | None = None,
) -> tuple[MissingSeed, ...]:
    """The declared rows that the tables lack, in the order of the seeders.

    One round trip for the columns and keys of all tables, then one query per table. A query with volatile expressions
    (INSERT … SELECT) is not run, nor one without a column list: the table must only not be empty.

    Args:
        conn: nothing is written.
        seeders: of any number of tables.
        declared: the declared column order by table, for seeders without a column list; the live order where absent.
        known: the catalog that the database certainly holds, if that is known.

    Raises:
        MigrationFailed: a table or column is missing, or an expression of a seeder fails; with file and line.
        psycopg.Error: another session was in the way, or the connection broke: the transaction may be tried again.
    """
    missing: list[MissingSeed] = []
    for table, group, order in await _by_table(conn, seeders, declared or {}, known):
        missing += await look_up(conn, table, group, order)
    return tuple(missing)


async def lookup_queries(
    conn: Session, seeders: Sequence[Seeder], *, declared: DeclaredOrder, known: Catalog
) -> tuple[str, ...] | None:
    """What `find_missing` asks, a query for each table: it returns no row where none is missing.

    None where a table is not as the catalog says: other databases are asked in another way.
    """
    groups = await _by_table(conn, seeders, declared, known)
    if seeders and not are_as_known(seeders, known):
        return None
    return tuple(_query_of(_branches(_lookups(table, group, order))) for table, group, order in groups)


async def _by_table(
    conn: Session, seeders: Sequence[Seeder], declared: DeclaredOrder, known: Catalog | None
) -> list[tuple[SeedTable, Sequence[Seeder], tuple[str, ...] | None]]:
    """Each table, its seeders, and the order in which the folder declares its columns."""
    if not seeders:
        return []
    tables = await read_tables(conn, seeders, known=known)
    groups = seeded_tables(await mark_unsteady(conn, seeders))
    return [(tables[name], group, declared.get(name)) for name, group in groups.items()]


async def look_up(
    conn: Session, table: SeedTable, seeders: Sequence[Seeder], order: tuple[str, ...] | None
) -> tuple[MissingSeed, ...]:
    """`find_missing` for one table that has been read already; `order` is its declared column order."""
    lookups = _lookups(table, seeders, order)
    branches = _branches(lookups)
    try:
        cursor = await conn.execute(sql.SQL(_query_of(branches)))
        found = await cursor.fetchall()
    except psycopg.Error as error:
        if error.sqlstate is None or is_lock_failure(error):
            raise
        raise _explain(error, branches, lookups, seeders, conn.info.dbname) from error
    return tuple(
        _as_missing(seeders[index], lookups[branch].columns, row, values) for index, row, branch, values in found
    )


def _lookups(table: SeedTable, seeders: Sequence[Seeder], order: tuple[str, ...] | None) -> tuple[_Lookup, ...]:
    return _LOOKUPS.get(
        (id(table), tuple(map(id, seeders)), order),
        lambda: tuple(
            lookup for index, seeder in enumerate(seeders) for lookup in _build_lookups(index, seeder, table, order)
        ),
        table,
        *seeders,
    )


def _branches(lookups: Sequence[_Lookup]) -> list[str]:
    return [
        f"(SELECT {lookup.seeder}, found.n, {number}, found.key FROM ({lookup.query}) AS found (n, key))"
        for number, lookup in enumerate(lookups)
    ]


def _query_of(branches: Sequence[str]) -> str:
    return "\nUNION ALL\n".join(branches) + "\nORDER BY 1, 2"


def given_columns(seeder: Seeder, table: SeedTarget, order: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns that the seeder's rows give: as listed, or the first ones in declared order."""
    if seeder.columns:
        return seeder.columns
    names = order or table.column_names
    return names[: len(seeder.rows[0].values)] if seeder.rows else names


def key_columns(
    seeder: Seeder, text: InsertText, table: SeedTable, columns: tuple[str, ...], row: SeedRow | None = None
) -> tuple[str, ...]:
    """The columns to look a row up by (of INSERT … SELECT: every row); () if it has no stable ones."""
    if not text.plain or text.has_defaults_only:
        return ()
    if row is None and (seeder.volatile or not seeder.columns):
        return ()
    values = dict(zip(columns, row.values, strict=False)) if row else {}
    unstable = {name for name, value in values.items() if value.strip().upper() == "DEFAULT"} | {*seeder.volatile}
    unstable |= {name for name, value in values.items() if _is_moment(value, table.column(name, seeder))}
    if text.ignores_identity:
        unstable |= {column.name for column in table.columns if column.identity}
    stable = tuple(name for name in columns if name not in unstable)
    for key in table.keys:
        # A unique key with a NULL in it identifies nothing.
        if all(name in stable and not _is_null(values.get(name, "")) for name in key):
            return key
    return stable


def comparison(name: str, column: SeedColumn) -> str:
    """The expression whose equality is the column's; jsonb knows equality for all types."""
    return name if column.comparable else f"pg_catalog.to_jsonb({name})"


def _build_lookups(index: int, seeder: Seeder, table: SeedTable, order: tuple[str, ...] | None) -> Iterator[_Lookup]:
    text = parse_insert(seeder)
    columns = given_columns(seeder, table.target, order)
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(seeder.rows):
        groups.setdefault(key_columns(seeder, text, table, columns, row), []).append(number)
    if not seeder.rows:
        groups[key_columns(seeder, text, table, columns)] = []
    for names, numbers in groups.items():
        key = tuple(table.column(name, seeder) for name in names)
        if not key:
            query = f"SELECT NULL::integer, NULL::text[] WHERE NOT EXISTS (SELECT FROM {table.name.sql})"
        elif seeder.rows:
            query = _missing_query(text, table, key, _wanted_rows(seeder, columns, key, numbers))
        else:
            query = _missing_query(text, table, key, _wanted_select(text, columns, key))
        yield _Lookup(seeder=index, columns=key, query=query)


def _wanted_rows(seeder: Seeder, columns: tuple[str, ...], key: tuple[SeedColumn, ...], numbers: list[int]) -> str:
    """VALUES with the rows' numbers and key expressions, cast to the columns' types as an assignment would."""
    rows = []
    for number in numbers:
        values = dict(zip(columns, seeder.rows[number].values, strict=False))
        # A comment at the end of an expression must not swallow what follows.
        casts = (f"CAST({values[column.name]}\n AS {column.type})" for column in key)
        rows.append(f"({number}, {', '.join(casts)})")
    return "VALUES " + ",\n".join(rows)


def _wanted_select(text: InsertText, columns: tuple[str, ...], key: tuple[SeedColumn, ...]) -> str:
    """The rows of INSERT … SELECT, numbered."""
    casts = ", ".join(f"CAST(s.{quote_ident(column.name)} AS {column.type})" for column in key)
    names = ", ".join(quote_ident(name) for name in columns)
    return f"SELECT (pg_catalog.row_number() OVER ())::integer, {casts} FROM (\n{text.body}\n) AS s ({names})"


def _missing_query(text: InsertText, table: SeedTable, key: tuple[SeedColumn, ...], wanted: str) -> str:
    """The wanted rows that the table lacks: their numbers, and their keys as text.

    A key without NULLs is looked up through its index. For all else EXCEPT, which knows no difference between NULLs,
    reads the table once: IS NOT DISTINCT FROM can use neither index nor hash.
    """
    names = [f"c{number}" for number in range(len(key))]
    pairs = list(zip(names, key, strict=True))
    ctes = text.ctes.rstrip() + ",\n" if text.ctes else "WITH "
    ctes += f"stonegate_wanted (n, {', '.join(names)}) AS MATERIALIZED (\n{wanted}\n)"
    texts = ", ".join(f"w.{name}::text" for name in names)
    select = f"SELECT w.n, ARRAY[{texts}] FROM stonegate_wanted AS w"
    columns = tuple(column.name for column in key)
    if columns in table.keys and all(column.not_null and column.comparable for column in key):
        equal = " AND ".join(f"t.{quote_ident(column.name)} = w.{name}" for name, column in pairs)
        return f"{ctes}\n{select} WHERE NOT EXISTS (SELECT FROM {table.name.sql} AS t WHERE {equal})"
    ours = ", ".join(comparison(f"w.{name}", column) for name, column in pairs)
    theirs = ", ".join(comparison(f"t.{quote_ident(column.name)}", column) for column in key)
    same = " AND ".join(f"{comparison(f'w.{name}', column)} IS NOT DISTINCT FROM m.{name}" for name, column in pairs)
    return (
        f"{ctes}, stonegate_missing ({', '.join(names)}) AS MATERIALIZED (\n"
        f"SELECT {ours} FROM stonegate_wanted AS w EXCEPT SELECT {theirs} FROM {table.name.sql} AS t)\n"
        f"{select} JOIN stonegate_missing AS m ON {same}"
    )


def _is_null(expression: str) -> bool:
    """True for a NULL that is written as such, cast or not."""
    return re.match(r"\(*\s*null\s*\)*\s*(::|$)", expression, re.IGNORECASE) is not None


def _is_moment(expression: str, column: SeedColumn) -> bool:
    """True for a constant that means another time whenever it is read: 'now' in a column of such a type."""
    if not column.bare.startswith(("timestamp", "date", "time")):
        return False
    return re.match(r"'\s*(now|today|tomorrow|yesterday)\b", expression, re.IGNORECASE) is not None


def _as_missing(
    seeder: Seeder, columns: tuple[SeedColumn, ...], row: int | None, values: Sequence[str | None] | None
) -> MissingSeed:
    declared = seeder.rows[row] if seeder.rows and row is not None else None
    terms = (_render_term(column, value) for column, value in zip(columns, values or (), strict=True))
    return MissingSeed(
        table=seeder.table,
        key=" AND ".join(terms) or ANY_ROW,
        file=seeder.file,
        line=declared.line if declared else seeder.line,
        seeder=seeder,
        row=row if declared else None,
    )


def _render_term(column: SeedColumn, value: str | None) -> str:
    """`column = value`; a long value is cut and told apart by a hash, since labels are remembered."""
    name = quote_ident(column.name)
    if value is None:
        return f"{name} IS NULL"
    if column.plain:
        return f"{name} = {value}"
    if len(value) > _LONGEST_VALUE:
        value = f"{value[: _LONGEST_VALUE - 20]}… {sha256(value.encode()).hexdigest()[:12]}"
    return f"{name} = {quote_literal(value)}"


def _explain(
    error: psycopg.Error, branches: Sequence[str], lookups: Sequence[_Lookup], seeders: Sequence[Seeder], database: str
) -> StonegateError:
    """The failure with the seeder whose branch of the query PostgreSQL points to, else the table's first."""
    if was_ended(error):
        return explain_failure(error, database=database)
    seeder = seeders[0]
    position = int(error.diag.statement_position or 0)
    for lookup, branch in zip(lookups, branches, strict=True):
        if position <= len(branch):
            seeder = seeders[lookup.seeder] if position > 0 else seeder
            break
        position -= len(branch) + len("\nUNION ALL\n")
    return MigrationFailed(
        f"the declared rows of {seeder.table} cannot be looked up",
        file=seeder.file,
        line=seeder.line,
        cause=message_of(error),
        hint=error.diag.message_hint,
        sqlstate=error.sqlstate,
        database=database,
    )
