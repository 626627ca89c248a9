"""Where the values of a column come from: plain default, serial, identity or generated, and every way between them.

Serial and identity columns go on where they were: a new sequence starts behind the largest value, and behind the last
value of the sequence that it replaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Sequence, Table
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident, quote_literal
from stonegate.planner.ddl import text
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, children_reached
from stonegate.planner.ddl.columns import (
    add_column,
    column_clause,
    column_notes,
    column_settings,
    drop_column,
    identity_definition,
    identity_notes,
    in_parentheses,
    sequence_notes,
)
from stonegate.planner.ddl.sequences import (
    advance,
    bring_into_bounds,
    last_value,
    recalled,
    regclass,
    remember,
    serial_sequence,
)
from stonegate.planner.diff.generated import SET_EXPRESSION
from stonegate.planner.diff.sequences import moved_to_type, serial_options, type_limits

_OF_IDENTITY = ("smallint", "integer", "bigint")


class Source(StrEnum):
    """Where values come from."""

    NONE = "none"
    DEFAULT = "default"
    SERIAL = "serial"
    IDENTITY = "identity"
    GENERATED = "generated"


def source_of(column: Column) -> Source:
    """See `Source`."""
    if column.generated is not None:
        return Source.GENERATED
    if column.identity:
        return Source.IDENTITY
    if column.default is None:
        return Source.NONE
    return Source.SERIAL if column.owned_sequence is not None else Source.DEFAULT


def value_clauses(table: Table, desired: Column, live: Column, context: DdlContext) -> tuple[Clause, ...]:
    """Everything that leads from the live column's source of values to the desired one's."""
    name = table.key.qualified
    match source_of(live), source_of(desired):
        case Source.GENERATED, Source.GENERATED:
            return tuple(_new_expression(table, desired, live, context))
        case _, Source.GENERATED:
            return (drop_column(name, live), add_column(name, desired, waits=True), *column_settings(name, desired))
        case Source.GENERATED, _ if is_made_real(desired, live):
            return tuple(_made_real(name, desired, live))
        case Source.GENERATED, _:
            clause = column_clause(name, live.name, "DROP EXPRESSION", Order.DROP_EXPRESSION)
            bare = replace(live, generated=None, generated_kind=None)
            return (clause, *value_clauses(table, desired, bare, context))
        case Source.NONE, Source.NONE:
            return ()
        case Source.IDENTITY, Source.IDENTITY:
            return tuple(_identity_changes(name, desired, live))
        case Source.IDENTITY, _:
            return tuple(_from_identity(table, desired, live, context))
        case _, Source.IDENTITY:
            return tuple(_to_identity(table, desired, live, context))
        case Source.SERIAL, Source.SERIAL:
            return ()  # owned sequences compare by the column that owns them (behaviour, §5)
        case _, Source.SERIAL:
            return tuple(_to_serial(table, desired, live, context))
        case _:
            return tuple(_default_changes(table, desired, context))


# --- defaults -------------------------------------------------------------------------------------------------------


def drop_default(table: QualifiedName, column: str) -> Clause:
    """ALTER COLUMN … DROP DEFAULT."""
    return column_clause(table, column, "DROP DEFAULT", Order.DROP_DEFAULT)


def set_default(table: QualifiedName, column: str, expression: str, order: Order = Order.SET_DEFAULT) -> Clause:
    """ALTER COLUMN … SET DEFAULT."""
    return column_clause(table, column, f"SET DEFAULT {expression}", order)


def _default_changes(table: Table, desired: Column, context: DdlContext) -> Iterator[Clause]:
    name = table.key.qualified
    if desired.default is None:
        yield drop_default(name, desired.name)
    else:
        yield set_default(name, desired.name, desired.default)
        yield from _start_behind(table, desired, context)
    yield from children_defaults(table, desired, context)


def _start_behind(table: Table, desired: Column, context: DdlContext, before: str | None = None) -> Iterator[Clause]:
    """Moves a new sequence that no column owns behind the values of each one that takes its default from it.

    Args:
        before: the last value of what the column had its values from; None where that was no sequence.
    """
    if not (desired.default or "").startswith("nextval("):
        return
    key = table.key.part(ObjectKind.COLUMN, desired.name)
    for sequence in context.desired.sequences:
        name = sequence.key.qualified
        if sequence.key in context.live.objects or sequence.owned_by is not None:
            continue
        users = context.desired.dependents.get(sequence.key, ())
        if key in users and desired.default == _next_value(sequence):
            last = ", ".join(filter(None, (last_value(regclass(name)), before)))
            yield advance(regclass(name), table.key.qualified, desired, sequence.options, last)


def _next_value(sequence: Sequence) -> str:
    return f"nextval({quote_literal(sequence.key.qualified.sql)}::regclass)"


def declared_default(table: QualifiedName, column: Column) -> Clause:
    """ALTER COLUMN that gives a column its own default after another table's, or takes that one's away."""
    action = "DROP DEFAULT" if column.default is None else f"SET DEFAULT {column.default}"
    return column_clause(table, column.name, action, Order.NEXT_DEFAULT)


def children_defaults(table: Table, desired: Column, context: DdlContext) -> Iterator[Clause]:
    """The defaults of the tables below that differ from their parent's, which ALTER TABLE has just written there."""
    for child, column in children_reached(table, desired.name, context):
        if column.default == desired.default or column.generated is not None or column.identity:
            continue
        yield declared_default(child.key.qualified, column)


# --- generated ------------------------------------------------------------------------------------------------------


def _new_expression(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    name = table.key.qualified
    is_share = bool(table.parents) and live.inherited  # which has come anew with its parent's
    if context.server >= SET_EXPRESSION and (is_share or desired.generated_kind == live.generated_kind):
        action = f"SET EXPRESSION AS {in_parentheses(desired.generated or '')}"
        yield column_clause(name, live.name, action, Order.COLUMN_EXPRESSION)
    else:
        yield drop_column(name, live)
        yield add_column(name, desired, waits=True)
        yield from column_settings(name, desired)


def is_made_real(desired: Column, live: Column) -> bool:
    """True if a virtual column becomes one that holds its values, see `_made_real`."""
    return live.generated_kind == "virtual" and desired.generated is None


def _made_real(name: QualifiedName, desired: Column, live: Column) -> Iterator[Clause]:
    """A virtual column becomes one that holds its values: PostgreSQL has no DROP EXPRESSION for it."""
    yield drop_column(name, live)
    yield add_column(name, replace(desired, not_null=False))
    yield from column_settings(name, desired)
    yield from column_notes(name, desired)
    column = quote_ident(desired.name)
    yield Clause(statement=f"UPDATE {name.sql} SET {column} = {live.generated}", order=Order.NEXT_SEQUENCE)
    if desired.not_null:
        yield column_clause(name, desired.name, "SET NOT NULL", Order.NEXT_NOT_NULL)


# --- identity -------------------------------------------------------------------------------------------------------


def _identity_changes(name: QualifiedName, desired: Column, live: Column) -> Iterator[Clause]:
    """SET GENERATED and the options of the sequence inside.

    A new type of the column comes to the sequence in front of all else in one ALTER TABLE. What does not fit a narrower
    one is therefore set in a statement before, and what only a wider one holds in one behind.
    """
    alter = f"ALTER TABLE {name.sql} ALTER COLUMN {quote_ident(desired.name)} "
    actions = [f"SET GENERATED {desired.identity.upper()}"] if desired.identity != live.identity else []
    wanted, present = desired.identity_options, live.identity_options
    moves: tuple[Clause, ...] = ()
    narrows = False
    if wanted is not None and present is not None:
        retyped = desired.type != live.type
        narrows = retyped and type_limits(desired.type)[1] < type_limits(present.type)[1]
        widens = retyped and not narrows
        if widens:
            present = moved_to_type(present, desired.type)
        actions += [f"SET {option}" for option in text.sequence_clauses(wanted, live=present)]
        order = Order.NEXT_SEQUENCE if widens else Order.KEEP_SEQUENCE
        moves = tuple(bring_into_bounds(serial_sequence(name, desired.name), alter, "SET ", wanted, present, order))
        yield from moves
    if actions and narrows:
        yield Clause(statement=alter + " ".join(actions), order=Order.KEEP_SEQUENCE)
    elif actions:
        behind = bool(moves) and moves[0].order == Order.NEXT_SEQUENCE
        order = Order.NEXT_DEFAULT if behind else Order.ADD_IDENTITY
        yield column_clause(name, desired.name, " ".join(actions), order)


def _to_identity(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    name, key, before = table.key.qualified, table.key.part(ObjectKind.COLUMN, desired.name), None
    sequence = next((other for other in context.live.sequences if fed_column(other, context.live) == key), None)
    if sequence is not None and makes_way(sequence, context.desired, context.live):
        before = recalled(name, live.name)  # see `make_way`
        if sequence.owned_by is None:
            yield drop_default(name, live.name)  # a sequence that nobody declared stays
    else:
        if live.default is not None:
            yield drop_default(name, live.name)
        if sequence is not None:
            before = last_value(regclass(sequence.key.qualified))
        if sequence is not None and sequence.owned_by is not None:
            # Two sequences of one column would leave pg_get_serial_sequence without an answer.
            statement = f"ALTER SEQUENCE {sequence.key.qualified.sql} OWNED BY NONE"
            yield Clause(statement=statement, order=Order.KEEP_SEQUENCE)
    if not live.not_null:
        yield column_clause(name, desired.name, "SET NOT NULL", Order.SET_DEFAULT)
    yield column_clause(name, desired.name, f"ADD {identity_definition(desired)}", Order.ADD_IDENTITY)
    yield advance(serial_sequence(name, desired.name), name, desired, desired.identity_options, before)
    own = desired.identity_access
    if own is not None and sequence is not None:  # who may use the former sequence may use this one (behaviour, §10)
        desired = replace(desired, identity_access=own.keeping(sequence.access))
    yield from identity_notes(desired)


def fed_column(sequence: Sequence, live: Catalog) -> ObjectKey | None:
    """The column that has its values from a sequence which it owns, or which is nobody's and has no other use."""
    users = live.dependents.get(sequence.key, ())
    key = sequence.owning_column or (users[0] if len(users) == 1 else None)
    column = live.table_column(key) if key is not None else None
    if column is None:
        return None
    is_owned = column.owned_sequence == sequence.key.qualified
    is_used = sequence.owned_by is None and column.default == _next_value(sequence)
    return key if is_owned or is_used else None


def makes_way(sequence: Sequence, desired: Catalog, live: Catalog) -> bool:
    """True if a sequence goes because its column becomes an identity column, whose own sequence then has its name."""
    key = fed_column(sequence, live)
    wanted = desired.table_column(key) if key is not None else None
    return wanted is not None and bool(wanted.identity) and sequence.key not in desired.objects


def make_way(sequence: Sequence, live: Catalog) -> Iterator[Clause]:
    """Drops a sequence that `makes_way`; its last value is kept until the column's new one exists."""
    key = fed_column(sequence, live)
    assert key is not None
    table, column = key.qualified, key.own_name
    yield remember(table, column, regclass(sequence.key.qualified))
    yield drop_default(table, column)
    yield Clause(statement=f"DROP SEQUENCE {sequence.key.qualified.sql}", order=Order.NEXT_SEQUENCE)


def _from_identity(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    name = table.key.qualified
    before = recalled(name, live.name)
    behind = tuple(_start_behind(table, desired, context, before))
    if desired.owned_sequence is not None or behind:
        # The identity's sequence has the name that the new one wants; it goes first, its value is remembered.
        yield remember(name, live.name, serial_sequence(name, live.name))
    order = Order.DROP_IDENTITY if desired.type in _OF_IDENTITY else Order.FREE_OF_IDENTITY
    yield column_clause(name, live.name, "DROP IDENTITY", order)
    if desired.owned_sequence is None:
        if desired.default is not None:
            yield set_default(name, desired.name, desired.default)
        yield from behind
        return
    sequence = sequence_of(desired, context.desired)
    yield create_owned_sequence(table, desired, sequence, Order.NEXT_SEQUENCE)
    yield set_default(name, desired.name, desired.default or "NULL", Order.NEXT_DEFAULT)
    yield from take_sequence(table, desired, context)
    options = sequence.options if sequence is not None else None
    if desired.owned_sequence.key(ObjectKind.SEQUENCE) in context.live.objects:  # another column's, which goes on
        before = f"{before}, {last_value(regclass(desired.owned_sequence))}"
    yield advance(regclass(desired.owned_sequence), name, desired, options, before)
    if sequence is not None:
        access = sequence.access.keeping(live.identity_access) if live.identity_access is not None else sequence.access
        yield from sequence_notes(replace(sequence, access=access))


# --- serial ---------------------------------------------------------------------------------------------------------


def _to_serial(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    name = table.key.qualified
    assert desired.owned_sequence is not None
    key = desired.owned_sequence.key(ObjectKind.SEQUENCE)
    is_new = key not in context.live.objects
    sequence = sequence_of(desired, context.desired)
    if is_new:
        yield create_owned_sequence(table, desired, sequence, Order.CREATE_SEQUENCE)
    yield set_default(name, desired.name, desired.default or "NULL")
    yield from take_sequence(table, desired, context)
    if desired.default != live.default:
        options = sequence.options if sequence is not None else None
        before = None if is_new else last_value(regclass(desired.owned_sequence))
        yield advance(regclass(desired.owned_sequence), name, desired, options, before)
    yield from children_defaults(table, desired, context)


def create_owned_sequence(table: Table, column: Column, sequence: Sequence | None, order: Order) -> Clause:
    """CREATE SEQUENCE for a serial column, unless a step before made it; without `sequence` as serial would."""
    assert column.owned_sequence is not None
    options = sequence.options if sequence is not None else serial_options(column)
    unlogged = sequence.unlogged if sequence is not None else table.unlogged
    words = " ".join((f"AS {options.type}", *text.sequence_clauses(options)))
    head = f"CREATE {'UNLOGGED ' if unlogged else ''}SEQUENCE IF NOT EXISTS {column.owned_sequence.sql}"
    return Clause(statement=f"{head} {words}", order=order)


def own_sequence(table: QualifiedName, column: Column) -> Clause:
    """ALTER SEQUENCE … OWNED BY the column."""
    assert column.owned_sequence is not None
    statement = f"ALTER SEQUENCE {column.owned_sequence.sql} OWNED BY {table.sql}.{quote_ident(column.name)}"
    return Clause(statement=statement, order=Order.OWN_SEQUENCE)


def take_sequence(table: Table, column: Column, context: DdlContext) -> Iterator[Clause]:
    """The same for a table that is there already, whose role gets the sequence first: both must belong to one (manual:
    ALTER SEQUENCE, "OWNED BY")."""
    sequence, present = sequence_of(column, context.live), context.live.table(table.key)
    holder = present.access.owner if present is not None else ""
    if column.owned_sequence is not None and holder not in ("", sequence.access.owner if sequence else context.builder):
        statement = f"ALTER SEQUENCE {column.owned_sequence.sql} OWNER TO {quote_ident(holder)}"
        yield Clause(statement=statement, order=Order.OWN_SEQUENCE)
    yield own_sequence(table.key.qualified, column)


def sequence_of(column: Column, catalog: Catalog) -> Sequence | None:
    """The sequence that a serial column owns, as far as the catalog has it."""
    if column.owned_sequence is None:
        return None
    key = column.owned_sequence.key(ObjectKind.SEQUENCE)
    found = catalog.objects.get(key)
    return found if isinstance(found, Sequence) else None
