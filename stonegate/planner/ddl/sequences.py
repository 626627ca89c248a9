"""Sequences: creation and alteration, and how far they have come: remembered, moved behind the rows or into bounds."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from msgspec.structs import replace

from stonegate.model.catalog import Column, Sequence, SequenceOptions
from stonegate.model.names import QualifiedName, quote_ident, quote_literal
from stonegate.planner.ddl import text
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order
from stonegate.planner.diff.sequences import type_limits, usual_options


def create_sequence(thing: Sequence) -> str:
    """CREATE SEQUENCE; OWNED BY comes when its column exists, see `ownership_statement`."""
    words = " ".join((f"AS {thing.options.type}", *text.sequence_clauses(thing.options)))
    return f"CREATE {'UNLOGGED ' if thing.unlogged else ''}SEQUENCE {thing.key.qualified.sql} {words}"


def ownership_statement(thing: Sequence) -> str:
    """ALTER SEQUENCE … OWNED BY its column, or NONE."""
    column = thing.owning_column
    owner = f"{column.qualified.sql}.{quote_ident(column.member or '')}" if column is not None else "NONE"
    return f"ALTER SEQUENCE {thing.key.qualified.sql} OWNED BY {owner}"


def _to_role_of_table(desired: Sequence, live: Sequence, context: DdlContext) -> Iterator[str]:
    """A sequence must belong to the role of the table that takes it (manual: ALTER SEQUENCE, "OWNED BY")."""
    if desired.owning_column is None:
        return
    key = desired.owning_column.owner
    table = context.live.table(key) or context.desired.table(key)
    if table is not None and table.access.owner != live.access.owner:
        if live.owned_by is not None:
            yield ownership_statement(replace(desired, owned_by=None))
        yield f"ALTER SEQUENCE {desired.key.qualified.sql} OWNER TO {quote_ident(table.access.owner)}"


def rename_sequence(before: QualifiedName, after: str) -> Clause:
    """ALTER SEQUENCE … RENAME TO."""
    return Clause(statement=f"ALTER SEQUENCE {before.sql} RENAME TO {quote_ident(after)}", order=Order.RENAME)


def sequence_changes(aspect: str, desired: Sequence, live: Sequence, context: DdlContext) -> Iterator[Clause]:
    """ALTER SEQUENCE for one aspect: options, owned_by or unlogged. The live name counts (behaviour, §5)."""
    name = live.key.qualified.sql
    match aspect:
        case "options":
            sequence = regclass(live.key.qualified)
            retyped = desired.options.type != live.options.type
            widens = type_limits(desired.options.type)[1] > type_limits(live.options.type)[1]
            alter = f"ALTER SEQUENCE {name} {f'AS {desired.options.type} ' if widens else ''}"
            yield from bring_into_bounds(sequence, alter, "", desired.options, live.options)
            parts = text.sequence_clauses(desired.options, live=live.options)
            if retyped:  # which moves the bounds that stood at the limits of the old type
                parts = (f"AS {desired.options.type}", *text.every_sequence_clause(desired.options))
            if parts:
                yield Clause(statement=f"ALTER SEQUENCE {name} {' '.join(parts)}", order=Order.CREATE_SEQUENCE)
        case "owned_by":
            for statement in (*_to_role_of_table(desired, live, context), ownership_statement(desired)):
                yield Clause(statement=statement, order=Order.OWN_SEQUENCE)
        case "unlogged":
            state = "UNLOGGED" if desired.unlogged else "LOGGED"
            yield Clause(statement=f"ALTER SEQUENCE {name} SET {state}", order=Order.CREATE_SEQUENCE)
        case _:
            raise ValueError(f"a sequence has no {aspect}")


# --- how far they have come -------------------------------------------------------------------------------------------


def regclass(sequence: QualifiedName) -> str:
    """The sequence, as an expression of type regclass."""
    return f"{quote_literal(sequence.sql)}::pg_catalog.regclass"


def serial_sequence(table: QualifiedName, column: str) -> str:
    """The sequence inside an identity column, whose name is PostgreSQL's own affair."""
    names = f"{quote_literal(table.sql)}, {quote_literal(column)}"
    return f"pg_catalog.pg_get_serial_sequence({names})::pg_catalog.regclass"


def last_value(sequence: str) -> str:
    """The value that nextval gave last; NULL if it was never called."""
    return f"pg_catalog.pg_sequence_last_value({sequence})"


def _setting(table: QualifiedName, column: str) -> str:
    """A setting of the transaction that carries the last value of a column's sequence to a later statement."""
    return quote_literal(f"stonegate.last_value_{sha256(f'{table.sql}.{column}'.encode()).hexdigest()[:12]}")


def remember(table: QualifiedName, column: str, sequence: str) -> Clause:
    """Keeps the last value of a column's sequence, which goes, for `recalled` in the same transaction."""
    value = f"coalesce({last_value(sequence)}::text, '')"
    statement = f"SELECT pg_catalog.set_config({_setting(table, column)}, {value}, true)"
    return Clause(statement=statement, order=Order.KEEP_SEQUENCE)


def recalled(table: QualifiedName, column: str) -> str:
    """What `remember` kept; NULL if the sequence was never used, or stays."""
    return f"nullif(pg_catalog.current_setting({_setting(table, column)}, true), '')::bigint"


def advance(
    sequence: str, table: QualifiedName, column: Column, options: SequenceOptions | None, before: str | None
) -> Clause:
    """Moves a new sequence behind the values that the column holds, and behind the last value of the one before."""
    options = options or usual_options("bigint")
    ascending = options.increment > 0
    extreme = f"{'max' if ascending else 'min'}({quote_ident(column.name)})::bigint"
    if before is not None:
        extreme = f"{'greatest' if ascending else 'least'}({extreme}, {before})"
    reached = f"last {'>=' if ascending else '<='} {options.start}"  # else the sequence starts behind them anyway
    statement = f"SELECT pg_catalog.setval({sequence}, last) FROM (SELECT {extreme} AS last FROM {table.sql}) AS t"
    return Clause(statement=f"{statement} WHERE {reached}", order=Order.ADVANCE_SEQUENCE)


def bring_into_bounds(
    sequence: str,
    alter: str,
    word: str,
    desired: SequenceOptions,
    live: SequenceOptions,
    order: Order = Order.KEEP_SEQUENCE,
) -> Iterator[Clause]:
    """Moves a sequence that has not reached its new bounds into them: PostgreSQL refuses a value out of bounds.

    One that was never used starts as a new one would. One that is beyond its new bounds already stays refused.

    Args:
        sequence: an expression of type regclass.
        alter, word: how the statement that alters its options begins, and what it has before each option.
    """
    last = last_value(sequence)
    moves: list[tuple[int, str]] = []
    if not desired.minimum <= live.start <= desired.maximum:
        moves.append((desired.start, f"{last} IS NULL"))
    if desired.increment > 0 and desired.minimum > live.minimum:
        moves.append((desired.minimum, f"{last} < {desired.minimum}"))
    elif desired.increment < 0 and desired.maximum < live.maximum:
        moves.append((desired.maximum, f"{last} > {desired.maximum}"))
    places = (live.minimum, live.maximum, *(place for place, _ in moves))
    minimum, maximum = min(places), max(places)
    if (minimum, maximum) != (live.minimum, live.maximum):  # setval keeps to the old bounds
        wider = f"{alter}{word}MINVALUE {minimum} {word}MAXVALUE {maximum}"
        yield Clause(statement=wider, order=order)
    for place, condition in moves:
        statement = f"SELECT pg_catalog.setval({sequence}, {place}, false) WHERE {condition}"
        yield Clause(statement=statement, order=order)
