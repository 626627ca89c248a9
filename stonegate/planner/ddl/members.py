"""Members of tables, views and composite types: columns, attributes, constraints, indexes, triggers and policies."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import (
    Column,
    CompositeType,
    DomainType,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.planner.arrivals import waiting_columns
from stonegate.planner.ddl import code, constraints, types, values
from stonegate.planner.ddl.access import reference
from stonegate.planner.ddl.alter_column import alter_table_column, alter_view_column, set_apart
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, find, part_comment
from stonegate.planner.ddl.columns import (
    add_column,
    column_notes,
    column_settings,
    comment_clause,
    drop_column,
)
from stonegate.planner.diff.inheritance import comes_from_above, leaves_column

Holder = Table | View | CompositeType | DomainType


# --- CREATE ---------------------------------------------------------------------------------------------------------


def create_clauses(change: Change, holder: Holder, context: DdlContext) -> Iterator[Clause]:
    """What adds the member that the change names to its desired holder."""
    name = change.key.own_name
    match change.key.kind, holder:
        case ObjectKind.ATTRIBUTE, CompositeType():
            yield from types.add_attribute(holder, find(holder.attributes, name, holder), context)
        case ObjectKind.COLUMN, Table():
            yield from _create_column(holder, find(holder.columns, name, holder), context)
        case ObjectKind.CONSTRAINT, Table():
            constraint = find(holder.constraints, name, holder)
            yield from constraints.add_constraint(holder.key.qualified, constraint, change.taken_index)
        case ObjectKind.INDEX, Table() | View():
            yield from constraints.create_index(holder, find(holder.indexes, name, holder))
        case ObjectKind.TRIGGER, Table() | View():
            yield from code.create_trigger(holder, find(holder.triggers, name, holder))
        case ObjectKind.POLICY, Table():
            yield from code.create_policy(holder, find(holder.policies, name, holder))
        case _:
            raise LookupError(f"{holder.key} cannot have a {change.key.kind}")


def _create_column(table: Table, column: Column, context: DdlContext) -> Iterator[Clause]:
    name = table.key.qualified
    if not comes_from_above(table, column, context.desired, context.live):
        if column.owned_sequence is not None:
            sequence = values.sequence_of(column, context.desired)
            yield values.create_owned_sequence(table, column, sequence, Order.CREATE_SEQUENCE)
            yield from values.take_sequence(table, column, context)
        not_null = column.not_null and not _is_given_not_null(table, column, context)
        former = context.live.table(table.key)
        present = frozenset(each.name for each in former.columns) if former is not None else frozenset()
        waits = column.name in waiting_columns(table.columns, present)
        yield add_column(name, replace(column, not_null=not_null), waits=waits)
    else:
        yield from set_apart(table, column, context)
    yield from column_settings(name, column)
    yield from column_notes(name, column)
    yield from values.children_defaults(table, column, context)


def _is_given_not_null(table: Table, column: Column, context: DdlContext) -> bool:
    """True if a parent that the table has already hands its NOT NULL down; one that it gets wants it to be there."""
    former = context.live.table(table.key)
    above = former.parents if former is not None else ()
    return column.not_null_inherited and any(parent in above for parent in table.parents)


# --- DROP -----------------------------------------------------------------------------------------------------------


def drop_clauses(change: Change, holder: Holder, context: DdlContext) -> Iterator[Clause]:
    """What drops the member that the change names from its live holder."""
    name = change.key.own_name
    match change.key.kind, holder:
        case ObjectKind.ATTRIBUTE, CompositeType():
            yield types.drop_attribute(holder, find(holder.attributes, name, holder), context)
        case ObjectKind.COLUMN, Table():
            only = leaves_column(holder, name, context.desired, context.live)
            clause = drop_column(holder.key.qualified, find(holder.columns, name, holder), only=only)
            order = _order_of_freed(change.key, context)
            yield replace(clause, order=order) if order is not None else clause
        case ObjectKind.CONSTRAINT, Table():
            constraint = find(holder.constraints, name, holder)
            yield from constraints.drop_constraint(holder.key.qualified, constraint)
        case ObjectKind.INDEX | ObjectKind.TRIGGER | ObjectKind.POLICY, Table() | View():
            yield Clause(statement=member_drop_statement(change.key), order=Order.DROP_PART)
        case _:
            raise LookupError(f"{holder.key} cannot have a {change.key.kind}")


def _order_of_freed(column: ObjectKey, context: DdlContext) -> Order | None:
    """When a column goes that a generated one which stays was made of; None if there is no such column."""
    desired, live = context.desired.table(column.owner), context.live.table(column.owner)
    readers = (key for key in context.live.dependents.get(column, ()) if key.kind is ObjectKind.COLUMN)
    users = {key.member for key in readers if key.owner == column.owner}
    pairs = [(one, live.column(one.name)) for one in desired.columns if one.name in users] if desired and live else []
    if any(former is not None and values.is_made_real(one, former) for one, former in pairs):
        return Order.DROP_READ_COLUMN
    return Order.DROP_FREED_COLUMN if pairs else None


def member_drop_statement(key: ObjectKey) -> str:
    """The statement that drops a member by its key alone (an index by its own name)."""
    owner, member = key.qualified.sql, quote_ident(key.member or "")
    match key.kind:
        case ObjectKind.COLUMN:
            return f"ALTER TABLE {owner} DROP COLUMN {member}"
        case ObjectKind.CONSTRAINT:
            return f"ALTER TABLE {owner} DROP CONSTRAINT {member}"
        case ObjectKind.ATTRIBUTE:
            return f"ALTER TYPE {owner} DROP ATTRIBUTE {member}"
        case ObjectKind.TRIGGER:
            return f"DROP TRIGGER {member} ON {owner}"
        case ObjectKind.POLICY:
            return f"DROP POLICY {member} ON {owner}"
        case ObjectKind.INDEX:
            return f"DROP INDEX {owner}"
        case _:
            raise LookupError(f"{key} is no member of anything")


# --- ALTER ----------------------------------------------------------------------------------------------------------


def alter_clauses(change: Change, desired: Holder, live: Holder, context: DdlContext) -> Iterator[Clause]:
    """What gives one aspect of a member its desired form."""
    if change.action is Action.RECREATE:
        yield from drop_clauses(change, live, context)
        yield from create_clauses(change, desired, context)
        return
    name = change.key.own_name
    match change.key.kind, desired, live:
        case ObjectKind.ATTRIBUTE, CompositeType(), CompositeType():
            attribute = find(desired.attributes, name, desired)
            if change.aspect == "comment":
                yield comment_clause(desired.key.qualified, attribute)
            else:
                yield types.retype_attribute(desired, attribute, context)
        case ObjectKind.COLUMN, View(), View():
            yield from alter_view_column(change, desired, live, context)
        case ObjectKind.COLUMN, Table(), Table():
            yield from alter_table_column(change, desired, live, context)
        case ObjectKind.CONSTRAINT, DomainType(), DomainType():
            constraint = constraints.paired(desired.constraints, live.constraints, name, desired)
            yield part_comment(reference(desired), constraint)
        case ObjectKind.CONSTRAINT, Table(), Table():
            yield from constraints.alter_constraint(change, desired, live)
        case ObjectKind.INDEX, Table() | View(), Table() | View():
            yield from constraints.alter_index(change, desired, live)
        case ObjectKind.TRIGGER, Table() | View(), _:
            trigger = find(desired.triggers, name, desired)
            is_comment = change.aspect == "comment"
            yield (
                part_comment(desired.key.qualified.sql, trigger) if is_comment else code.trigger_state(desired, trigger)
            )
        case ObjectKind.POLICY, Table(), _:
            yield part_comment(desired.key.qualified.sql, find(desired.policies, name, desired))
        case _:
            raise LookupError(f"{desired.key} has no {change.key.kind} whose {change.aspect} could change")
