"""INSERTs of the declared rows that a table lacks, for scripts: nobody looks there what is missing before they run.

Only rows whose key stands in them as a constant can be told by their text alone; all others are left to an apply, which
asks PostgreSQL what their values are.
"""

from __future__ import annotations

import re

from stonegate.model.catalog import Table
from stonegate.model.names import quote_ident
from stonegate.model.source import Seeder, SeedRow
from stonegate.source.statements.insert_text import InsertText, parse_insert

#: Numbers, booleans and texts, cast or not; but for the words that stand for a moment (manual 8.5.1.4).
_CONSTANT = re.compile(
    r"(?:[-+]?\d+(?:\.\d*)?|true|false|(?!'\s*(?:now|today|tomorrow|yesterday)\b)'(?:[^']|'')*')(?:::[\w .()\"]+)?",
    re.IGNORECASE,
)


def missing_inserts(seeder: Seeder, table: Table) -> tuple[str, ...] | None:
    """One statement for each row: it inserts that unless the table has a row of its key.

    Args:
        table: as it is declared, in declared order.

    Returns:
        None where that takes a look at the database: for a query, and for rows without a constant key.
    """
    text = parse_insert(seeder)
    if not seeder.rows or not text.plain or text.ctes:
        return None
    names = seeder.columns or tuple(column.name for column in table.columns)
    given = [_values(names, row) for row in seeder.rows]
    keys = [_key(values, table, text) for values in given]
    inserts = [_insert(text, table, values, key) for values, key in zip(given, keys, strict=True) if key]
    return tuple(inserts) if len(inserts) == len(given) else None


def _values(names: tuple[str, ...], row: SeedRow) -> dict[str, str]:
    """The values by column, without those that the column's default gives."""
    values = zip(names, row.values, strict=False)
    return {name: value for name, value in values if value.strip().upper() != "DEFAULT"}


def _key(values: dict[str, str], table: Table, text: InsertText) -> tuple[str, ...]:
    """The first key, the primary one before others, that the row gives; as an apply chooses it (seeds/lookup.py)."""
    thrown_away = {column.name for column in table.columns if column.identity} if text.ignores_identity else set()
    keys = [each for each in table.constraints if each.kind in ("primary key", "unique")]
    for key in sorted(keys, key=lambda each: each.kind != "primary key"):
        if all(name in values and name not in thrown_away for name in key.columns):
            is_constant = all(_CONSTANT.fullmatch(values[name].strip()) for name in key.columns)
            return key.columns if is_constant else ()
    return ()


def _insert(text: InsertText, table: Table, values: dict[str, str], key: tuple[str, ...]) -> str:
    types = {column.name: column.type for column in table.columns}
    same = " AND ".join(f"there.{quote_ident(name)} = CAST({values[name]} AS {types[name]})" for name in key)
    # A comment at the end of an expression must not swallow what follows.
    chosen = "\n, ".join(values.values())
    where = f"WHERE NOT EXISTS (SELECT FROM {table.key.qualified.sql} AS there WHERE {same})"
    return text.insert(tuple(values), f"SELECT {chosen}\n{where}")
