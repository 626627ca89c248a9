"""Deploys a folder, then another, and checks what must hold afterwards: nothing lost, nothing left to do, and the same
catalog as a fresh build. Used by the golden cases and by the property tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from psycopg import sql

from stonegate.database.connect import connect, leave
from stonegate.database.deployment.one_database import apply_database, plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.survey import survey_database
from stonegate.database.introspect.catalog import read_catalog
from stonegate.model.catalog import Catalog, Table
from stonegate.model.consent import Consent
from stonegate.model.plan import Plan, PlanOptions
from stonegate.model.report import ApplyReport
from stonegate.planner.diff import differences
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource


def options(allow: Iterable[str] = (), **flags: Any) -> ApplyOptions:
    """Apply options with these consents; `force` and others by keyword."""
    return ApplyOptions(plan=PlanOptions(consents=tuple(Consent.parse(text) for text in allow), **flags))


def source_of(folder: Path) -> LazySource:
    """The folder, read."""
    return LazySource.of_bytes(str(folder), read_tree(folder))


def deploy(url: str, folder: Path, chosen: ApplyOptions | None = None) -> ApplyReport:
    """Applies the folder."""
    return asyncio.run(apply_database(url, source_of(folder), chosen))


def plan_in_full(url: str, folder: Path, chosen: ApplyOptions | None = None) -> Plan:
    """The plan without the shortcut for unchanged databases."""
    return asyncio.run(plan_database(url, _never_deployed(folder), chosen))


def _never_deployed(folder: Path) -> LazySource:
    """The folder under a digest that no deployment recorded: the plan is made in full even when nothing changed."""
    return LazySource.of_tree(replace(source_of(folder).tree(), digest="0" * 64))


def between(desired: Catalog, live: Catalog) -> list[str]:
    """What differs, in words; both sides declared, so that what only one has counts."""
    found = differences(desired, live, declared=live)
    return [change.identity + f" ({change.before} → {change.after})" for change in found.changes]


@dataclass(frozen=True)
class Snapshot:
    """The rows of every table: `counts`, and per (table, column) the sorted texts of all values."""

    counts: dict[str, int]
    values: dict[tuple[str, str], list[str | None]]


_COLUMNS = """
    SELECT n.nspname, c.relname, c.relkind = 'p',
           array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
       AND c.relname NOT LIKE '\\_stonescriptdb\\_gateway\\_%'
     GROUP BY 1, 2, 3
"""


class Look:
    """One session for all looks at a database: what a fresh one must learn of the server's catalogs takes as long again
    as a look. It has to be closed before the database is dropped or copied.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        try:
            self._conn = self._runner.run(connect(url))
        except BaseException:
            self._runner.close()
            raise

    def __enter__(self) -> Look:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session, and wait for its end."""
        self._runner.run(leave(self._conn))
        self._runner.close()

    def catalog(self) -> Catalog:
        """The catalog of the database."""
        return self._runner.run(read_catalog(self._conn))

    def plan(self, folder: Path) -> Plan:
        """As `plan_in_full`."""
        survey = survey_database(self._conn, self._url, _never_deployed(folder), ApplyOptions())
        return self._runner.run(survey).plan

    def snapshot(self) -> Snapshot:
        """All rows of all tables that are not stonegate's own."""
        return self._runner.run(self._snapshot())

    async def _snapshot(self) -> Snapshot:
        """One query for the columns, one for what is in them."""
        counts: list[sql.Composed] = []
        values: list[sql.Composed] = []
        names: list[str] = []
        places: list[tuple[str, str]] = []
        found = await self._conn.execute(_COLUMNS)
        for schema, table, partitioned, columns in await found.fetchall():
            names.append(table if schema == "public" else f"{schema}.{table}")
            source = sql.SQL("" if partitioned else "ONLY ") + sql.Identifier(schema, table)
            counts.append(sql.SQL("(SELECT count(*) FROM {})").format(source))
            for column in columns or ():
                places.append((names[-1], column))
                text = sql.SQL("{}::text").format(sql.Identifier(column))
                values.append(sql.SQL("(SELECT array_agg({0} ORDER BY {0}) FROM {1})").format(text, source))
        query = sql.SQL("SELECT {}").format(sql.SQL(", ").join([*counts, *values]))
        row = await (await self._conn.execute(query, prepare=False)).fetchone() or ()
        return Snapshot(
            counts=dict(zip(names, row, strict=False)),
            values={place: texts or [] for place, texts in zip(places, row[len(names) :], strict=True)},
        )


def catalog_of(url: str) -> Catalog:
    """The catalog of a database."""
    with Look(url) as look:
        return look.catalog()


def snapshot(url: str) -> Snapshot:
    """All rows of all tables that are not stonegate's own."""
    with Look(url) as look:
        return look.snapshot()


def lost(
    before: Snapshot, after: Snapshot, desired: Catalog, renamed: dict[str, str], *, with_values: bool = True
) -> list[str]:
    """Rows and values that a table or column still declared had before and has no more."""
    found: list[str] = []
    tables: dict[str, Table] = {str(table.key.qualified).replace('"', ""): table for table in desired.tables}
    for name, count in before.counts.items():
        new = renamed.get(name, name)
        if new in tables and after.counts.get(new) != count:
            found.append(f"{name}: {count} rows before, {after.counts.get(new)} after")
    for (name, column), texts in before.values.items() if with_values else ():
        new = renamed.get(name, name)
        declared = tables[new].column(column) if new in tables else None
        if declared is None or declared.generated is not None:
            continue
        now = after.values.get((new, column), [])
        if sorted(map(str, now)) != sorted(map(str, texts)) and not _same_numbers(texts, now):
            found.append(f"{name}.{column}: {texts} before, {now} after")
    return found


def _same_numbers(before: list[str | None], after: list[str | None]) -> bool:
    """Values that a retyping prints otherwise (1 and 1.00, 2024-02-29 and 2024-02-29 00:00:00)."""

    def canonical(text: str | None) -> object:
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            words = {"true": 1.0, "false": 0.0, "t": 1.0, "f": 0.0}
            return words.get(text, text.replace(",)", ")").split(" ")[0].rstrip())

    return sorted(map(str, map(canonical, before))) == sorted(map(str, map(canonical, after)))
