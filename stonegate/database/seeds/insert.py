"""The declared rows: inserted into new tables, looked up in all others (behaviour, §4, Seeders)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import psycopg
from msgspec import Struct, field
from psycopg import sql

from stonegate.database.connect import Session
from stonegate.database.failures.explain import (
    explain_failure,
    hidden_hint,
    hint_for,
    is_lock_failure,
    message_of,
    was_ended,
)
from stonegate.database.seeds.facts import (
    SeedSequence,
    SeedTable,
    SeedTarget,
    mark_unsteady,
    read_tables,
    seeded_tables,
)
from stonegate.database.seeds.lookup import DeclaredOrder, MissingSeed, comparison, given_columns, key_columns, look_up
from stonegate.database.seeds.targets import targets_of
from stonegate.database.sql import fixed
from stonegate.errors import MigrationFailed, StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.names import QualifiedName, quote_ident, quote_literal
from stonegate.model.report import SeedReport
from stonegate.model.source import Seeder
from stonegate.source.statements.insert_text import InsertText, parse_insert


class _Run(Struct, frozen=True, kw_only=True):
    """One statement that inserts rows of a seeder.

    Attributes:
        sql: as written, or rebuilt with some of the rows.
        columns: what the rows give.
        rows: the indexes of the rows in it; () for all that is not VALUES.
        as_written: positions in `sql` are positions in the file.
    """

    seeder: Seeder
    sql: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]
    as_written: bool = False


class _Inserting(Struct, kw_only=True):
    """One call of `insert_seeds`: what ran so far, and what waits to be sent in one round trip.

    Attributes:
        known: the catalog that the database certainly holds; see `read_tables`.
        empty: the tables that had no row before their first seeder.
        read: the tables as rows are looked up in them, once one of them had rows.
        done, waiting: statements in order.
        found, inserted: numbers of rows by table.
        counted: rows that queries inserted beyond the one that each counts as, by table.
    """

    conn: Session
    seeders: Sequence[Seeder]
    targets: Mapping[QualifiedName, SeedTarget]
    declared: DeclaredOrder
    known: Catalog | None
    empty: set[QualifiedName] = field(default_factory=set)
    read: Mapping[QualifiedName, SeedTable] = field(default_factory=dict)
    done: list[_Run] = field(default_factory=list)
    waiting: list[_Run] = field(default_factory=list)
    found: dict[QualifiedName, int] = field(default_factory=dict)
    inserted: dict[QualifiedName, int] = field(default_factory=dict)
    counted: dict[QualifiedName, int] = field(default_factory=dict)

    async def add(self, seeder: Seeder) -> None:
        """Let the seeder run: as written if its table had no rows, else with the rows that are absent."""
        order = self.declared.get(seeder.table)
        if seeder.table in self.empty:
            self.waiting.append(_whole_run(seeder, self.targets[seeder.table], order))
            return
        await self.flush()
        if not self.read:
            self.read = await read_tables(self.conn, self.seeders, known=self.known)
        table = self.read[seeder.table]
        missing = await look_up(self.conn, table, [seeder], order)
        # A query counts as one row, and may lack many.
        self.found[seeder.table] = self.found.get(seeder.table, 0) + max(count_rows([seeder]) - len(missing), 0)
        if missing:
            self.waiting.append(_partial_run(seeder, table, order, missing))

    async def flush(self) -> None:
        """Send the waiting statements as one script; PostgreSQL stops at the first one that fails."""
        runs, self.waiting = self.waiting, []
        self.done += runs
        if not runs:
            return
        # A comment at the end of a statement must not swallow the semicolon.
        cursor = await self.conn.execute(sql.SQL("\n;\n".join(run.sql for run in runs)))
        for run in runs:
            table, count = run.seeder.table, max(cursor.rowcount, 0)
            self.inserted[table] = self.inserted.get(table, 0) + count
            if not run.seeder.rows:
                self.counted[table] = self.counted.get(table, 0) + max(count - 1, 0)
            cursor.nextset()

    def report(self, table: QualifiedName, seeders: Sequence[Seeder]) -> SeedReport:
        """What became of the rows of one table."""
        return SeedReport(
            table=str(table),
            expected=count_rows(seeders) + self.counted.get(table, 0),
            found=self.found.get(table, 0),
            inserted=self.inserted.get(table, 0),
        )


def count_rows(seeders: Iterable[Seeder]) -> int:
    """How many rows the seeders declare; a query counts as one."""
    return sum(len(seeder.rows) or 1 for seeder in seeders)


async def insert_seeds(
    conn: Session,
    seeders: Sequence[Seeder],
    *,
    only_missing: bool = False,
    declared: DeclaredOrder | None = None,
    known: Catalog | None = None,
    made: Catalog | None = None,
    for_good: bool = False,
) -> tuple[SeedReport, ...]:
    """Insert the declared rows whose key is absent, and move sequences past explicit ids.

    Into a table without rows the statements run as written; else (a migration wrote some, or `only_missing`) each runs
    with the rows that are absent, its ON CONFLICT clause included. All of it is undone if a row fails.

    Args:
        conn: in the transaction of the apply.
        seeders: of any number of tables, in the order of insertion (foreign keys).
        only_missing: tables may be old ones; False says that they are new, and probably empty.
        declared: the declared column order by table, for seeders without a column list.
        known: the catalog that the database certainly holds; see `read_tables`.
        made: that catalog where this transaction has made all tables and sequences in it.
        for_good: the database is dropped if this fails: sequences need not move back, and their catalog rows stay.

    Returns:
        One report per table: `found` rows were there already; of a query those are expected that it inserted.

    Raises:
        MigrationFailed: a row cannot be inserted; with file and line of the row where it can be told.
        psycopg.Error: another session was in the way, or the connection broke: the transaction may be tried again.
    """
    if not seeders:
        return ()
    groups = seeded_tables(seeders)
    targets = targets_of(made, groups) if made is not None else None
    read: Mapping[QualifiedName, SeedTable] = {}
    if targets is None:
        read = await read_tables(conn, seeders, known=known)
        targets = {name: table.target for name, table in read.items()}
    inserting = _Inserting(conn=conn, seeders=seeders, targets=targets, declared=declared or {}, known=known, read=read)
    try:
        async with conn.transaction():
            seeders = await mark_unsteady(conn, seeders)
            await _run_all(inserting, seeders, only_missing=only_missing)
            await _move_sequences(inserting, for_good=for_good)
    except psycopg.Error as error:
        if error.sqlstate is None or conn.closed or is_lock_failure(error):
            raise
        raise await _explain(conn, inserting.done, error) from error
    return tuple(inserting.report(name, group) for name, group in groups.items())


async def _run_all(inserting: _Inserting, seeders: Sequence[Seeder], *, only_missing: bool) -> None:
    if not only_missing:
        inserting.empty = await _read_empty(inserting.conn, inserting.targets)
    has_side_effects = any(table.has_side_effects for table in inserting.targets.values())
    seen: set[QualifiedName] = set()
    for seeder in seeders:
        if has_side_effects and seeder.table in inserting.empty - seen:
            # Triggers of the tables before this one may have written to it.
            await inserting.flush()
            inserting.empty -= {seeder.table} - await _read_empty(inserting.conn, (seeder.table,))
        seen.add(seeder.table)
        await inserting.add(seeder)
    await inserting.flush()


async def _read_empty(conn: Session, names: Collection[QualifiedName]) -> set[QualifiedName]:
    """Those of the tables that have no rows."""
    parts = ", ".join(f"NOT EXISTS (SELECT FROM {name.sql})" for name in names)
    row = await (await conn.execute(sql.SQL(f"SELECT ARRAY[{parts}]"))).fetchone()
    return {name for name, is_empty in zip(names, row[0] if row else (), strict=True) if is_empty}


def _whole_run(seeder: Seeder, table: SeedTarget, order: tuple[str, ...] | None) -> _Run:
    """The statement as written; without a column list it is given the declared one, should the live order differ."""
    columns = given_columns(seeder, table, order)
    rows = tuple(range(len(seeder.rows)))
    if seeder.columns or order is None or columns == table.column_names[: len(columns)]:
        return _Run(seeder=seeder, sql=seeder.sql, columns=columns, rows=rows, as_written=True)
    if not seeder.rows and not parse_insert(seeder).has_defaults_only:
        raise MigrationFailed(
            f"the columns of {table.name} stand in another order than the declared one",
            file=seeder.file,
            line=seeder.line,
            hint=f"name the columns: INSERT INTO {table.name} ({', '.join(map(quote_ident, columns))}) SELECT …",
        )
    return _values_run(seeder, parse_insert(seeder), columns, rows)


def _partial_run(
    seeder: Seeder, table: SeedTable, order: tuple[str, ...] | None, missing: Sequence[MissingSeed]
) -> _Run:
    """The statement with the missing rows only."""
    text, columns = parse_insert(seeder), given_columns(seeder, table.target, order)
    if seeder.rows:
        wanted = {seed.row for seed in missing}
        rows = tuple(
            number
            for number, row in enumerate(seeder.rows)
            # Rows without a key are missing all together (None), when the table is empty.
            if number in wanted or (None in wanted and not key_columns(seeder, text, table, columns, row))
        )
        return _values_run(seeder, text, columns, rows)
    key = key_columns(seeder, text, table, columns)
    if not key:
        return _whole_run(seeder, table.target, order)
    return _Run(seeder=seeder, sql=_filtered_select(seeder, text, table, key), columns=columns, rows=())


def _values_run(seeder: Seeder, text: InsertText, columns: tuple[str, ...], rows: tuple[int, ...]) -> _Run:
    if not text.plain:  # its column list says more than names
        return _Run(seeder=seeder, sql=seeder.sql, columns=columns, rows=rows, as_written=True)
    # A comment at the end of an expression must not swallow what follows.
    values = ",\n".join("(" + "\n, ".join(seeder.rows[number].values) + "\n)" for number in rows)
    return _Run(seeder=seeder, sql=text.insert(columns, f"VALUES {values}"), columns=columns, rows=rows)


def _filtered_select(seeder: Seeder, text: InsertText, table: SeedTable, key: tuple[str, ...]) -> str:
    """INSERT … SELECT with the rows whose key is absent; the casts do what assignment does to untyped constants."""
    facts = [table.column(name, seeder) for name in seeder.columns]
    values = ", ".join(f"CAST(s.{quote_ident(column.name)} AS {column.bare})" for column in facts)
    same = " AND ".join(
        f"{comparison(f'CAST(s.{quote_ident(column.name)} AS {column.type})', column)} "
        f"IS NOT DISTINCT FROM {comparison(f't.{quote_ident(column.name)}', column)}"
        for column in facts
        if column.name in key
    )
    names = ", ".join(map(quote_ident, seeder.columns))
    body = (
        f"SELECT {values} FROM (\n{text.body}\n) AS s ({names})\n"
        f"WHERE NOT EXISTS (SELECT FROM {table.name.sql} AS t WHERE {same})"
    )
    return text.insert(seeder.columns, body)


async def _move_sequences(inserting: _Inserting, *, for_good: bool) -> None:
    """Move the sequences past explicit ids, so that the next row without one gets a free one."""
    given: dict[QualifiedName, set[str]] = {}
    for run in inserting.done:
        given.setdefault(run.seeder.table, set()).update(run.columns)
    feeding = [
        (name, sequence)
        for name, columns in given.items()
        for sequence in inserting.targets[name].sequences
        if sequence.column in columns
    ]
    if not feeding:
        return
    queries = [
        fixed("seeds/sequence").format(
            number=sql.Literal(number),
            extreme=sql.SQL("max" if sequence.increment > 0 else "min"),
            column=sql.Identifier(sequence.column),
            table=sql.SQL(name.sql),
            sequence=sql.SQL(sequence.name),
        )
        for number, (name, sequence) in enumerate(feeding)
    ]
    cursor = await inserting.conn.execute(sql.SQL("\nUNION ALL\n").join(queries))
    moves: dict[str, tuple[int, SeedSequence]] = {}
    for number, last, is_called, extreme in await cursor.fetchall():
        sequence = feeding[number][1]
        value = sequence.restart_value(last, is_called, extreme)
        if value is None:
            continue
        # It may feed several columns: the farthest counts.
        other, _ = moves.get(sequence.name, (value, sequence))
        farthest = max(value, other) if sequence.increment > 0 else min(value, other)
        moves[sequence.name] = (farthest, sequence)
    if moves:
        statements = (_move(sequence, value, for_good=for_good or sequence.new) for value, sequence in moves.values())
        await inserting.conn.execute(sql.SQL("; ".join(statements)))


def _move(sequence: SeedSequence, value: int, *, for_good: bool) -> str:
    """ALTER SEQUENCE, since it is undone with the transaction and setval is not.

    A sequence of this very transaction is gone with it anyway; setval spares it a second file.
    """
    if for_good:
        return f"SELECT pg_catalog.setval({quote_literal(sequence.name)}::regclass, {value}, false)"
    return f"ALTER SEQUENCE {sequence.name} RESTART WITH {value}"


async def _explain(conn: Session, runs: Sequence[_Run], error: psycopg.Error) -> StonegateError:
    """The failure with the row that caused it: the statements are run again one by one, then its rows."""
    database = conn.info.dbname
    found = None if was_ended(error) else await _locate(conn, runs)
    if found is None or was_ended(found[1]):
        return explain_failure(error, database=database)
    run, cause = found
    diag = cause.diag
    seeder = run.seeder
    message = f"a declared row of {seeder.table} cannot be inserted"
    if len(seeder.rows) > 1 and len(run.rows) == 1:
        message = f"row {run.rows[0] + 1} of the declared rows of {seeder.table} cannot be inserted"
    return MigrationFailed(
        message,
        file=seeder.file,
        line=_line_of(run, diag.statement_position),
        cause=message_of(cause),
        hint=_hint(cause, seeder.table),
        sqlstate=cause.sqlstate,
        database=database,
    )


async def _locate(conn: Session, runs: Sequence[_Run]) -> tuple[_Run, psycopg.Error] | None:
    """The statement, of one row if possible, that fails, and its error; all is undone again."""
    async with conn.transaction(force_rollback=True):
        for run in runs:
            error = await _attempt(conn, run.sql)
            if error is None:
                continue
            text = parse_insert(run.seeder)
            if len(run.rows) > 1 and text.plain and not (run.as_written and error.diag.statement_position):
                for number in run.rows:
                    single = _values_run(run.seeder, text, run.columns, (number,))
                    if (cause := await _attempt(conn, single.sql)) is not None:
                        return single, cause
            return run, error
    return None


async def _attempt(conn: Session, statement: str) -> psycopg.Error | None:
    try:
        async with conn.transaction():
            await conn.execute(sql.SQL(statement))
    except psycopg.Error as error:
        return error
    return None


def _line_of(run: _Run, position: str | None) -> int:
    if run.as_written and position:
        return run.seeder.line + run.sql[: int(position) - 1].count("\n")
    if len(run.rows) == 1:
        return run.seeder.rows[run.rows[0]].line
    return run.seeder.line


def _hint(error: psycopg.Error, table: QualifiedName) -> str | None:
    match error.sqlstate:
        case "23505":
            return f"two rows of {table} share a key: remove one of them, or write ON CONFLICT DO NOTHING"
        case "42501" if "row-level security" in (error.diag.message_primary or ""):
            return hidden_hint(table)
        case "23503":
            return "declare the row that it points to, in a seeder too"
        case "23502" | "23514" | "22001" | "22003" | "22P02":
            return f"correct the row, or the declaration of {table}"
        case _:
            return hint_for(error)
