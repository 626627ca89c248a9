"""Tables: creation with all their parts, and the alterations that concern a table as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from string import digits

from msgspec.structs import replace

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import NOT_VALID, Catalog, Column, Constraint, Index, Table
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.planner.ddl import text
from stonegate.planner.ddl.access import access_statements
from stonegate.planner.ddl.clauses import (
    Clause,
    DdlContext,
    Order,
    combine,
    inherited_column,
)
from stonegate.planner.ddl.columns import (
    column_clause,
    column_definition,
    column_notes,
    column_settings,
    not_null,
    table_not_null,
    value_parts,
)
from stonegate.planner.ddl.constraints import (
    add_constraint,
    constraint_notes,
    create_index,
    index_notes,
    inline_constraint,
    is_inline,
    replica_identity_clauses,
)
from stonegate.planner.ddl.values import create_owned_sequence, declared_default, own_sequence, set_default
from stonegate.planner.diff.inheritance import LOCAL_NOT_NULL
from stonegate.planner.diff.matching import is_named_share


def create_table(table: Table, catalog: Catalog | None, left_out: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The statements that make the table with its columns, constraints (foreign keys apart) and indexes.

    Args:
        table: the desired table.
        catalog: holds its parents, so that only what differs from them is said; None says everything.
        left_out: names of columns (their defaults), constraints and indexes that come later, see `finish_table`.
    """
    name = table.key.qualified
    serial = tuple(_serial_columns(table))
    clauses = [create_owned_sequence(table, column, None, Order.KEEP_SEQUENCE) for column in serial]
    clauses.append(Clause(statement=_create_statement(table, catalog, left_out)))
    clauses += (own_sequence(name, column) for column in serial)
    clauses += _joined(table, catalog)
    for column in table.columns:
        clauses += column_settings(name, column)
    for constraint in table.constraints:
        if constraint.name in left_out or (constraint.inherited and constraint.kind == "foreign key"):
            continue
        if constraint.inherited or is_inline(table, constraint):
            clauses += constraint_notes(name, constraint)
        elif constraint.kind != "foreign key":
            clauses += add_constraint(name, constraint)
    for index in table.indexes:
        if index.name not in left_out:
            brought = index.inherited and not _is_named(table, index)
            clauses += index_notes(table, index) if brought else create_index(table, index)
    clauses += _security(table)
    if table.replica_identity not in ("d", "i"):
        clauses += replica_identity_clauses(table)
    return combine(clauses)


def finish_table(table: Table, left_out: frozenset[str]) -> tuple[str, ...]:
    """What `create_table` left out, when the routines that it calls exist."""
    name = table.key.qualified
    clauses: list[Clause] = []
    for column in table.columns:
        if column.name in left_out and column.default is not None:
            clauses.append(set_default(name, column.name, column.default))
    for constraint in table.constraints:
        if constraint.name in left_out:
            clauses += add_constraint(name, constraint)
    for index in table.indexes:
        if index.name in left_out:
            clauses += create_index(table, index)
    return combine(clauses)


def table_notes(table: Table, builder: str) -> tuple[str, ...]:
    """Owner, privileges and comments of a new table and its columns."""
    name = table.key.qualified
    notes = [clause for column in table.columns for clause in column_notes(name, column)]
    return (*access_statements(table, builder), *combine(notes))


def foreign_key_statements(table: Table) -> tuple[str, ...]:
    """ALTER TABLE … ADD FOREIGN KEY for all of the table's own, when every table exists."""
    name = table.key.qualified
    return combine(clause for constraint in table.foreign_keys for clause in add_constraint(name, constraint))


# --- CREATE TABLE ---------------------------------------------------------------------------------------------------


def _serial_columns(table: Table) -> Iterator[Column]:
    return (column for column in table.columns if column.owned_sequence is not None and not column.inherited)


def _create_statement(table: Table, catalog: Catalog | None, left_out: frozenset[str]) -> str:
    words = ["CREATE"]
    words += ["FOREIGN"] if table.kind == "foreign table" else ["UNLOGGED"] if table.unlogged else []
    head = f"{' '.join(words)} TABLE {table.key.qualified.sql}"
    elements = tuple(_elements(table, catalog, left_out))
    body = "(\n    " + ",\n    ".join(elements) + "\n)" if elements else "()"
    parts = [head]
    if _is_attached_at_once(table, catalog):
        assert table.partition_of is not None
        parts[0] += f" PARTITION OF {table.partition_of.sql}"
        parts += [body] if elements else []
        parts.append(table.partition_bound or "DEFAULT")
    elif table.of_type is not None:
        parts[0] += f" OF {table.of_type.sql}"
        parts += [body] if elements else []
    else:
        parts[0] += f" {body}"
        if _inherits_at_once(table, catalog):
            parts.append(f"INHERITS ({', '.join(parent.sql for parent in table.inherits)})")
    return "\n".join((*parts, *_storage(table)))


def _storage(table: Table) -> Iterator[str]:
    if table.partition_key is not None:
        yield f"PARTITION BY {table.partition_key}"
    if table.access_method is not None:
        yield f"USING {quote_ident(table.access_method)}"
    if table.kind == "foreign table":
        servers = (option for option in table.options if option.startswith(text.SERVER_PREFIX))
        yield from (f"SERVER {quote_ident(option.removeprefix(text.SERVER_PREFIX))}" for option in servers)
        if foreign := text.foreign_options(table.options):
            yield f"OPTIONS ({foreign})"
    elif table.options:
        yield f"WITH ({text.set_options(table.options)})"
    if table.tablespace is not None:
        yield f"TABLESPACE {quote_ident(table.tablespace)}"


def _elements(table: Table, catalog: Catalog | None, left_out: frozenset[str]) -> Iterator[str]:
    for column in table.columns:
        if _is_given(table, column, catalog):
            yield from _override(table, column, catalog, column.name not in left_out)
            if table.inherits and _keeps_own_not_null(column, catalog):
                yield table_not_null(column)
        else:
            if column.not_null_inherited and _inherits_at_once(table, catalog):
                column = replace(column, not_null=False)  # the parent's comes with INHERITS
            yield column_definition(column, default=column.name not in left_out or column.default is None)
    standalone = table.partition_of is not None and not _is_attached_at_once(table, catalog)
    for constraint in table.constraints:
        if constraint.name not in left_out and (
            is_inline(table, constraint) or (standalone and _is_shared(table, constraint))
        ):
            yield inline_constraint(constraint)


def _is_shared(table: Table, constraint: Constraint) -> bool:
    """ATTACH PARTITION wants the parent's checks to be there; its keys it makes itself, under names of its own."""
    return constraint.inherited and (constraint.kind == "check" or _is_named(table, constraint))


def _is_given(table: Table, column: Column, catalog: Catalog | None) -> bool:
    """True if the column comes with the parent or the type."""
    if table.of_type is not None:
        return True
    if table.partition_of is not None:
        return _is_attached_at_once(table, catalog)
    return column.inherited


def _override(table: Table, column: Column, catalog: Catalog | None, with_default: bool) -> Iterator[str]:
    """`name WITH OPTIONS …` for a column of a partition or typed table that differs from what it is made after."""
    if table.inherits:
        return  # CREATE TABLE … INHERITS has no such form; see `_joined`
    parent = inherited_column(table, column.name, catalog) if catalog is not None else None
    parts: list[str] = []
    if with_default and (parent is None or value_parts(parent) != value_parts(column)) and not column.identity:
        parts += value_parts(column)
    if column.identity and table.of_type is not None:
        parts += value_parts(column)
    if (column.not_null and (parent is None or not parent.not_null)) or _keeps_own_not_null(column, catalog):
        parts.append(not_null(column))
    if parts:
        yield f"{quote_ident(column.name)} {'WITH OPTIONS ' if table.of_type is not None else ''}{' '.join(parts)}"


def _is_attached_at_once(table: Table, catalog: Catalog | None) -> bool:
    """PARTITION OF gives the parent's order of columns and names to the indexes; others need ATTACH PARTITION."""
    if table.partition_of is None or any(_is_named(table, part) for part in table.indexed):
        return False
    parents = catalog.parents(table) if catalog is not None else ()
    own = [column.name for column in table.columns]
    return all([column.name for column in parent.columns] == own for parent in parents)


def _is_named(table: Table, part: Constraint | Index) -> bool:
    """True for an index or key that becomes part of the parent's, and has a name that PostgreSQL would not give it, or
    would give it only because an index of the partition's own has the first one that it makes up; and for a key in an
    index of the parent."""
    first = part.name.rstrip(digits)
    is_second = part.inherited and any(other.name == first and not other.inherited for other in table.indexes)
    is_key = isinstance(part, Constraint) and part.shared
    return is_second or is_key or is_named_share(part, table.name)


def _inherits_at_once(table: Table, catalog: Catalog | None) -> bool:
    """INHERITS brings the parent's columns; a table that has all of them as its own can join later, in its order. What
    a parent's NOT NULL gave to an own column comes with INHERITS alone: to join, the column would need one itself."""
    if not table.inherits:
        return False
    parts: tuple[Column | Constraint, ...] = (*table.columns, *table.constraints)
    if any(part.inherited for part in parts):
        return True
    above = [column.name for parent in (catalog.parents(table) if catalog else ()) for column in parent.columns]
    first = [column.name for column in table.columns][: len(set(above))]
    return any(column.not_null_inherited for column in table.columns) and first == list(dict.fromkeys(above))


def _joined(table: Table, catalog: Catalog | None) -> Iterator[Clause]:
    """What follows CREATE TABLE: joining the parents, and defaults and NOT NULL that differ from theirs."""
    name = table.key.qualified
    if table.partition_of is not None and not _is_attached_at_once(table, catalog):
        yield attach(table)
    if table.inherits and not _inherits_at_once(table, catalog):
        yield from (_inherit(name, parent) for parent in table.inherits)
    if not _inherits_at_once(table, catalog):
        if table.partition_of is not None and catalog is not None and _is_attached_at_once(table, catalog):
            yield from _lost_defaults(table, catalog)
        return
    for column in table.columns:
        if not column.inherited:
            continue
        parent = inherited_column(table, column.name, catalog) if catalog is not None else None
        if column.identity:
            yield column_clause(name, column.name, f"ADD {value_parts(column)[0]}", Order.ADD_IDENTITY)
        elif column.generated is None and (parent is None or parent.default != column.default):
            yield declared_default(name, column)
        if column.not_null and (parent is None or not parent.not_null) and not _keeps_own_not_null(column, catalog):
            yield column_clause(name, column.name, "SET NOT NULL", Order.NEXT_NOT_NULL)


def _keeps_own_not_null(column: Column, catalog: Catalog | None) -> bool:
    """True for a NOT NULL that a column from above has of its own, whatever the parent has."""
    if catalog is None or catalog.server < LOCAL_NOT_NULL or NOT_VALID in (column.not_null_options or ""):
        return False
    return column.not_null and not column.not_null_inherited


def _lost_defaults(table: Table, catalog: Catalog) -> Iterator[Clause]:
    """A partition that lacks its parent's default."""
    for column in table.columns:
        parent = inherited_column(table, column.name, catalog)
        if parent is not None and parent.default is not None and column.default is None and column.generated is None:
            yield declared_default(table.key.qualified, column)


def _security(table: Table) -> Iterator[Clause]:
    if table.row_security:
        yield _setting(table, "ENABLE ROW LEVEL SECURITY")
    if table.force_row_security:
        yield _setting(table, "FORCE ROW LEVEL SECURITY")


# --- alterations of the whole table ---------------------------------------------------------------------------------


def table_clauses(aspect: str, desired: Table, live: Table, context: DdlContext) -> Iterator[Clause]:
    """The alterations of one aspect of a table (manual: ALTER TABLE).

    Raises:
        MigrationBlocked: the partition key, which nothing can alter.
    """
    match aspect:
        case "unlogged":
            yield _setting(desired, f"SET {'UNLOGGED' if desired.unlogged else 'LOGGED'}")
        case "options":
            own = text.option_changes(text.own_options(desired.options), text.own_options(live.options))
            yield from (_storage_parameters(desired, action) for action in own)
            if foreign := text.foreign_option_changes(desired.options, live.options):
                yield _setting(desired, f"OPTIONS ({foreign})")
        case "inherits":
            yield from _parent_changes(desired, live)
        case "partition":
            yield from _partition_changes(desired, live)
        case "of_type":
            if live.of_type is not None:  # a typed table can get no column
                yield Clause(table=desired.key.qualified, clause="NOT OF", order=Order.DETACH)
            if desired.of_type is not None:
                yield Clause(table=desired.key.qualified, clause=f"OF {desired.of_type.sql}", order=Order.ATTACH)
        case "replica_identity":
            yield from replica_identity_clauses(desired)
        case "access_method":
            yield _setting(desired, f"SET ACCESS METHOD {text.access_method(desired.access_method, context.server)}")
        case "tablespace":
            yield _setting(desired, f"SET TABLESPACE {quote_ident(desired.tablespace or text.DEFAULT_TABLESPACE)}")
        case "row_security":
            yield _setting(desired, f"{'ENABLE' if desired.row_security else 'DISABLE'} ROW LEVEL SECURITY")
        case "force_row_security":
            yield _setting(desired, f"{'FORCE' if desired.force_row_security else 'NO FORCE'} ROW LEVEL SECURITY")
        case _:
            raise MigrationBlocked(
                f"table {desired.key.qualified}: its {aspect.replace('_', ' ')} cannot be altered",
                hint="write a migration: a new table, INSERT … SELECT, DROP TABLE, RENAME",
            )


def _setting(table: Table, clause: str) -> Clause:
    return Clause(table=table.key.qualified, clause=clause, order=Order.TABLE_SETTING)


def _storage_parameters(table: Table, action: str) -> Clause:
    """SET or RESET; PostgreSQL makes a TOAST table behind the rest of an ALTER TABLE, whose SET would be lost.

    It rewrites no table that has `user_catalog_table`, be that of the same ALTER TABLE.
    """
    is_late = text.TOAST_PREFIX in action
    if text.CATALOG_TABLE in action:
        is_late = text.is_catalog_table(table.options)
        if not is_late:
            return Clause(table=table.key.qualified, clause=action, order=Order.RESET_CATALOG_TABLE)
    order = Order.NEXT_SETTING if is_late else Order.TABLE_SETTING
    return Clause(table=table.key.qualified, clause=action, order=order)


def _inherit(table: QualifiedName, parent: QualifiedName) -> Clause:
    return Clause(table=table, clause=f"INHERIT {parent.sql}", order=Order.ATTACH)


def _parent_changes(desired: Table, live: Table) -> Iterator[Clause]:
    name = desired.key.qualified
    for parent in live.inherits:
        if parent not in desired.inherits:
            yield Clause(table=name, clause=f"NO INHERIT {parent.sql}", order=Order.DETACH)
    yield from (_inherit(name, parent) for parent in desired.inherits if parent not in live.inherits)


def _partition_changes(desired: Table, live: Table) -> Iterator[Clause]:
    if live.partition_of is not None:
        yield detach(live)
    if desired.partition_of is not None:
        yield attach(desired)


def detach(table: Table) -> Clause:
    """ALTER TABLE parent DETACH PARTITION."""
    assert table.partition_of is not None
    statement = f"ALTER TABLE {table.partition_of.sql} DETACH PARTITION {table.key.qualified.sql}"
    return Clause(statement=statement, order=Order.DETACH)


def attach(table: Table) -> Clause:
    """ALTER TABLE parent ATTACH PARTITION."""
    assert table.partition_of is not None
    place = f"{table.key.qualified.sql} {table.partition_bound or 'DEFAULT'}"
    return Clause(statement=f"ALTER TABLE {table.partition_of.sql} ATTACH PARTITION {place}", order=Order.ATTACH)


def is_referenced(partition: Table, context: DdlContext) -> bool:
    """True if a foreign key to the partitioned table goes on: PostgreSQL drops no partition of that, it must leave."""
    above = frozenset(context.live.ancestors(partition.key))
    return any(foreign.target in above for foreign in context.desired.foreign_keys.values())
