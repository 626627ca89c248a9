"""Columns: their definition in CREATE TABLE and ADD COLUMN, and every alteration that does not concern their values."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import NOT_VALID, Access, Attribute, Column, Sequence, Table, View
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.planner.ddl import text
from stonegate.planner.ddl.access import column_privilege_statements, comment_statement, sequence_privilege_statements
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, children_reached
from stonegate.planner.diff.naming import has_given_sequence

DEFAULT_KEYWORD_FOR_STORAGE = 160000  # SET STORAGE DEFAULT came with PostgreSQL 16
_MAIN_STORAGE = ("numeric", "inet", "cidr")


def column_definition(column: Column, *, default: bool = True) -> str:
    """Everything that can stand in CREATE TABLE or after ADD COLUMN; see `column_settings` for the rest."""
    parts = [quote_ident(column.name), column.type]
    if column.compression is not None:
        parts.append(f"COMPRESSION {column.compression}")
    if options := text.foreign_options(column.options):
        parts.append(f"OPTIONS ({options})")
    if column.collation is not None:
        parts.append(f"COLLATE {column.collation}")
    parts += value_parts(column) if default else ()
    if column.not_null and NOT_VALID not in (column.not_null_options or ""):
        parts.append(not_null(column))
    return " ".join(parts)


def not_null(column: Column) -> str:
    """NOT NULL as a column constraint, with its name and NO INHERIT where the column has them (PostgreSQL 18)."""
    return " ".join(
        (*_name_of_not_null(column), "NOT NULL", *((column.not_null_options,) if column.not_null_options else ()))
    )


def _name_of_not_null(column: Column) -> tuple[str, ...]:
    name = column.not_null_name
    return (f"CONSTRAINT {quote_ident(name)}",) if name is not None else ()


def table_not_null(column: Column) -> str:
    """NOT NULL as a table constraint, which columns that come from a parent take, and NOT VALID (PostgreSQL 18)."""
    options = (column.not_null_options,) if column.not_null_options else ()
    return " ".join((*_name_of_not_null(column), "NOT NULL", quote_ident(column.name), *options))


def add_not_null(table: QualifiedName, column: Column) -> Clause:
    """ALTER TABLE … ADD NOT NULL."""
    return Clause(table=table, clause=f"ADD {table_not_null(column)}", order=Order.SET_NOT_NULL)


def value_parts(column: Column) -> tuple[str, ...]:
    """DEFAULT, GENERATED … STORED or GENERATED … AS IDENTITY, as the column has it."""
    if column.generated is not None:
        return (
            f"GENERATED ALWAYS AS {in_parentheses(column.generated)} {(column.generated_kind or 'stored').upper()}",
        )
    if column.identity:
        return (identity_definition(column),)
    return (f"DEFAULT {column.default}",) if column.default is not None else ()


def identity_definition(column: Column) -> str:
    """GENERATED ALWAYS AS IDENTITY with the options that PostgreSQL would not choose by itself."""
    options = column.identity_options  # None where a parent table has the sequence
    listed = text.sequence_clauses(replace(options, type=column.type)) if options is not None else ()
    if column.identity_name is not None and (_is_spoken_of(column) or has_given_sequence(column)):
        listed = (f"SEQUENCE NAME {column.identity_name.sql}", *listed)
    suffix = f" ({' '.join(listed)})" if listed else ""
    return f"GENERATED {column.identity.upper()} AS IDENTITY{suffix}"


def _is_spoken_of(column: Column) -> bool:
    """True if statements that follow name the sequence inside, or another one of the name that PostgreSQL would choose:
    then its name is not left to PostgreSQL."""
    access, name = column.identity_access, column.identity_name
    is_second = name is not None and name.name[-1].isdigit()
    if access is None:
        return is_second
    return is_second or bool(access.comment or access.granted or access.revoked or access.denied or access.affirmed)


def identity_notes(column: Column, live: Column | None = None, builder: str = "") -> Iterator[Clause]:
    """Comment and privileges of the sequence inside an identity column; of a new one without `live`."""
    desired = column.identity_access
    if desired is None:
        return
    name, before = column.identity_name, Access()
    if live is not None and live.identity_name is not None:
        name = name if has_given_sequence(column) else live.identity_name  # else it is not renamed
        before = live.identity_access or Access()
    if name is not None:
        yield from _sequence_notes(name, desired, before, builder)


def sequence_notes(sequence: Sequence) -> Iterator[Clause]:
    """Comment and privileges of a new sequence that a column owns; its owner is the table's."""
    return _sequence_notes(sequence.key.qualified, sequence.access, Access())


def _sequence_notes(sequence: QualifiedName, desired: Access, live: Access, builder: str = "") -> Iterator[Clause]:
    for statement in sequence_privilege_statements(sequence, desired, live, builder):
        yield Clause(statement=statement, order=Order.PRIVILEGES)
    if desired.comment != live.comment:
        statement = comment_statement(f"SEQUENCE {sequence.sql}", desired.comment)
        yield Clause(statement=statement, order=Order.COMMENT)


def in_parentheses(expression: str) -> str:
    """The expression in one pair of parentheses; pg_get_expr prints operators with a pair of their own."""
    return expression if _is_enclosed(expression) else f"({expression})"


def _is_enclosed(expression: str) -> bool:
    if not expression.startswith("(") or "'" in expression or '"' in expression:
        return False
    depth = 0
    for position, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(expression) - 1
    return False


def column_settings(table: QualifiedName, column: Column) -> Iterator[Clause]:
    """What a new column has beyond its definition: storage, statistics, options and a NOT NULL that is not valid."""
    if column.not_null and NOT_VALID in (column.not_null_options or ""):
        yield add_not_null(table, column)
    if column.storage is not None:
        yield _setting(table, column.name, f"SET STORAGE {column.storage.upper()}")
    if column.statistics is not None:
        yield _setting(table, column.name, f"SET STATISTICS {column.statistics}")
    if own := text.own_options(column.options):
        yield _setting(table, column.name, f"SET ({text.set_options(own)})")


def column_notes(relation: QualifiedName, column: Column) -> Iterator[Clause]:
    """Comment and privileges of a new column and of the sequence inside it."""
    for statement in column_privilege_statements(relation, column):
        yield Clause(statement=statement, order=Order.COLUMN_PRIVILEGES)
    if column.comment is not None:
        yield comment_clause(relation, column)
    yield from identity_notes(column)


def comment_clause(relation: QualifiedName, column: Column | Attribute) -> Clause:
    """COMMENT ON COLUMN, of tables, views and composite types alike."""
    target = f"COLUMN {relation.sql}.{quote_ident(column.name)}"
    return Clause(statement=comment_statement(target, column.comment), order=Order.COMMENT)


def add_column(table: QualifiedName, column: Column, *, waits: bool = False) -> Clause:
    """ADD COLUMN; `waits` for the others, from which it is computed."""
    order = Order.ADD_GENERATED_COLUMN if waits else Order.ADD_COLUMN
    return Clause(table=table, clause=f"ADD COLUMN {column_definition(column)}", order=order)


def drop_column(table: QualifiedName, column: Column, *, only: bool = False) -> Clause:
    """DROP COLUMN, generated ones before those that they are made of; `only` leaves it to the table's children."""
    order = Order.DROP_COLUMN if column.generated is None else Order.DROP_GENERATED_COLUMN
    return Clause(table=table, clause=f"DROP COLUMN {quote_ident(column.name)}", order=order, only=only)


def column_clause(table: QualifiedName, column: str, action: str, order: Order) -> Clause:
    """ALTER COLUMN with one action."""
    return Clause(table=table, clause=f"ALTER COLUMN {quote_ident(column)} {action}", order=order)


def _setting(table: QualifiedName, column: str, action: str, *, only: bool = False) -> Clause:
    return replace(column_clause(table, column, action, Order.COLUMN_SETTING), only=only)


def setting_clauses(
    aspect: str, holder: Table | View, desired: Column, live: Column, context: DdlContext
) -> Iterator[Clause]:
    """The alterations of storage, compression, statistics and options (manual: ALTER TABLE)."""
    name = holder.key.qualified
    only = isinstance(holder, Table) and _stays_above(aspect, holder, desired, context)
    match aspect:
        case "storage":
            storage = desired.storage or _default_storage(desired, context)
            yield _setting(name, desired.name, f"SET STORAGE {storage.upper()}", only=only)
        case "compression":
            yield _setting(name, desired.name, f"SET COMPRESSION {desired.compression or 'DEFAULT'}")
        case "statistics":
            target = -1 if desired.statistics is None else desired.statistics
            yield _setting(name, desired.name, f"SET STATISTICS {target}", only=only)
        case "options":
            for action in text.option_changes(text.own_options(desired.options), text.own_options(live.options)):
                yield _setting(name, desired.name, action)
            if changes := text.foreign_option_changes(desired.options, live.options):
                yield _setting(name, desired.name, f"OPTIONS ({changes})")
        case _:
            raise ValueError(f"a column has no setting {aspect}")


def _stays_above(aspect: str, table: Table, column: Column, context: DdlContext) -> bool:
    """True if a setting that goes down to the table's children is not what all of them shall have."""
    below = children_reached(table, column.name, context)
    return any(getattr(other, aspect) != getattr(column, aspect) for _, other in below)


def _default_storage(column: Column, context: DdlContext) -> str:
    """The type's own storage; PostgreSQL 15 cannot be asked for it by a key word (pg_type.typstorage of its types)."""
    if context.server >= DEFAULT_KEYWORD_FOR_STORAGE:
        return "DEFAULT"
    base, bases = column.type, context.desired.domain_bases
    while base in bases:
        base = bases[base]
    is_main = base.partition("(")[0] in _MAIN_STORAGE and not base.endswith("[]")
    return "MAIN" if is_main else "EXTENDED"
