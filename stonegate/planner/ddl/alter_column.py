"""Alterations of a column that is there already: its type, NOT NULL, values, rights, settings (manual: ALTER TABLE)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.catalog import NOT_VALID, Access, Column, Table, View
from stonegate.model.names import ObjectKind, QualifiedName, quote_ident
from stonegate.model.plan import Change
from stonegate.planner.classify.own_types import own_types
from stonegate.planner.classify.type_matrix import type_change
from stonegate.planner.ddl import constraints, sequences, values
from stonegate.planner.ddl.access import column_privilege_statements
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, children_reached, find, inherited_column
from stonegate.planner.ddl.columns import (
    add_not_null,
    column_clause,
    comment_clause,
    identity_notes,
    setting_clauses,
)
from stonegate.planner.diff.inheritance import LOCAL_NOT_NULL, has_own_not_null
from stonegate.planner.diff.naming import is_given_not_null
from stonegate.planner.diff.sequences import is_renamed


def alter_table_column(change: Change, table: Table, live_table: Table, context: DdlContext) -> Iterator[Clause]:
    """What gives one aspect of a column of a table its desired form."""
    desired = find(table.columns, change.key.own_name, table)
    live = live_table.column(desired.name) or desired
    match change.aspect:
        case aspect if aspect != "generated" and values.is_made_real(desired, live):
            return  # the column comes anew, with all that it shall have
        case "type":
            yield from _retype(live_table, desired, live, context)
        case "not_null_name" if change.before is not None and change.after is not None:
            yield constraints.rename_constraint(live_table, change.before, change.after)
        case "not_null_origin":
            yield column_clause(table.key.qualified, desired.name, "SET NOT NULL", Order.SET_NOT_NULL)
        case "not_null":
            yield from _nullability(live_table, desired, live, context)
        case "default" if change.restored:
            if desired.default is not None:
                yield values.set_default(table.key.qualified, desired.name, desired.default)
        case "default" | "identity" | "generated":
            yield from values.value_clauses(table, desired, live, context)
        case "comment":
            yield comment_clause(table.key.qualified, desired)
        case "privileges":
            yield from _column_rights(live_table, desired, live, context)
        case "sequence_name" if change.before is not None and change.after is not None:
            yield sequences.rename_sequence(QualifiedName(table.schema, change.before), change.after)
        case "sequence_comment" | "sequence_privileges":
            yield from identity_notes(desired, live, context.builder)
        case aspect:
            yield from setting_clauses(aspect, table, desired, live, context)


def set_apart(table: Table, column: Column, context: DdlContext) -> Iterator[Clause]:
    """What a new column that comes with the table's type, or a parent's, has beyond that: values, and NOT NULL.

    A default beside a parent's is told with that; see `values.children_defaults`.
    """
    bare = replace(column, default=None, identity="", owned_sequence=None, not_null=False, not_null_options=None)
    if table.of_type is not None:
        yield from values.value_clauses(table, column, bare, context)
    if has_own_not_null(table, column, context.desired):
        above = inherited_column(table, column.name, context.desired)
        if above is not None and above.not_null:
            yield column_clause(table.key.qualified, column.name, "SET NOT NULL", Order.SET_NOT_NULL)
        else:
            yield from _nullability(table, column, bare, context)


def alter_view_column(change: Change, desired: View, live: View, context: DdlContext) -> Iterator[Clause]:
    """What gives one aspect of a column of a view its desired form."""
    name = desired.key.qualified
    column = find(desired.columns, change.key.own_name, desired)
    before = next((other for other in live.columns if other.name == column.name), Column(name="", type=""))
    match change.aspect:
        case "comment":
            yield comment_clause(name, column)
        case "privileges":
            yield from _column_rights(live, column, before, context)
        case "default" if column.default is None:
            yield values.drop_default(name, column.name)
        case "default":
            yield values.set_default(name, column.name, column.default or "NULL")
        case aspect:
            yield from setting_clauses(aspect, desired, column, before, context)


def _column_rights(holder: Table | View, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    present = Access(owner=holder.access.owner, granted=live.granted)
    for statement in column_privilege_statements(holder.key.qualified, desired, present, context.builder):
        yield Clause(statement=statement, order=Order.COLUMN_PRIVILEGES)


def _retype(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    """TYPE with its collation; the default goes before and comes back as declared (manual: ALTER TABLE)."""
    name = table.key.qualified
    if live.default is not None and live.generated is None:
        yield values.drop_default(name, live.name)
    collation = f" COLLATE {desired.collation}" if desired.collation is not None else ""
    using = _using(desired, live, context) if live.generated is None else None
    suffix = f" USING {using}" if using is not None else ""
    yield column_clause(name, desired.name, f"TYPE {desired.type}{collation}{suffix}", Order.COLUMN_TYPE)
    if live.default is not None and desired.default is not None:
        keeps_name = _keeps_sequence_name(desired, live, context)
        yield values.set_default(name, desired.name, live.default if keeps_name else desired.default)
    if live.default is not None:
        yield from values.children_defaults(table, desired, context)


def _keeps_sequence_name(desired: Column, live: Column, context: DdlContext) -> bool:
    """True if the column goes on with its own sequence, under the name that this has today."""
    wanted, present = values.sequence_of(desired, context.desired), values.sequence_of(live, context.live)
    if wanted is not None and present is not None:
        return not is_renamed(wanted, present, context.desired)
    return live.owned_sequence is not None and desired.owned_sequence is not None


def _using(desired: Column, live: Column, context: DdlContext) -> str | None:
    verdict = type_change(live.type, desired.type, own_types(context.live, context.desired))
    return verdict.render_using(quote_ident(live.name), desired.type)


def _nullability(table: Table, desired: Column, live: Column, context: DdlContext) -> Iterator[Clause]:
    """SET and DROP NOT NULL; the latter goes down to the children, where it may not be wanted.

    SET NOT NULL validates a constraint of the table's own that is NOT VALID; other options need another constraint
    (PostgreSQL 18).
    """
    name = table.key.qualified
    same = desired.not_null and live.not_null_options in (desired.not_null_options, NOT_VALID)
    drops = live.not_null and not same
    if drops:
        yield column_clause(name, desired.name, "DROP NOT NULL", Order.DROP_NOT_NULL)
    if desired.not_null and (
        desired.not_null_options or (is_given_not_null(desired.not_null_name) and not (live.not_null and same))
    ):
        yield add_not_null(name, desired)
    elif desired.not_null:
        yield column_clause(name, desired.name, "SET NOT NULL", Order.SET_NOT_NULL)
        if same and live.not_null_inherited and live.not_null_name and NOT_VALID in (live.not_null_options or ""):
            # It only made the parent's the table's own.
            yield Clause(
                table=name, clause=f"VALIDATE CONSTRAINT {quote_ident(live.not_null_name)}", order=Order.VALIDATE
            )
    for child, column in children_reached(table, desired.name, context) if drops else ():
        if column.not_null_inherited:
            continue  # another parent's, which stays
        if column.not_null and is_given_not_null(column.not_null_name) and _loses_null(child, column, context):
            yield replace(add_not_null(child.key.qualified, column), order=Order.NEXT_NOT_NULL)
        elif column.not_null:
            yield column_clause(child.key.qualified, column.name, "SET NOT NULL", Order.NEXT_NOT_NULL)
        elif context.server >= LOCAL_NOT_NULL and not _loses_null(child, column, context):
            yield column_clause(child.key.qualified, column.name, "DROP NOT NULL", Order.NEXT_NOT_NULL)


def _loses_null(child: Table, column: Column, context: DdlContext) -> bool:
    """True if the child's NOT NULL goes with its parent's."""
    former = context.live.table_column(child.key.part(ObjectKind.COLUMN, column.name))
    return former is None or former.not_null_inherited
