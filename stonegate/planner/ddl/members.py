"""Members of tables, views and composite types: columns, attributes, constraints, indexes, triggers and policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from stonegate.model.catalog import (
    NOT_VALID,
    Access,
    Attribute,
    Column,
    CompositeType,
    Constraint,
    DomainType,
    Index,
    Policy,
    Table,
    Trigger,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.planner.ddl import code, constraints, types, values
from stonegate.planner.ddl.access import column_privilege_statements
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, children_reached
from stonegate.planner.ddl.columns import (
    LOCAL_NOT_NULL,
    add_column,
    add_not_null,
    column_clause,
    column_notes,
    column_settings,
    comment_clause,
    drop_column,
    identity_notes,
    setting_clauses,
)
from stonegate.planner.diff.inheritance import leaves_column
from stonegate.planner.diff.matching import shape
from stonegate.planner.diff.naming import is_given_not_null
from stonegate.planner.type_matrix import type_change

Holder = Table | View | CompositeType | DomainType
Part = TypeVar("Part", Column, Attribute, Constraint, Index, Trigger, Policy)
Named = TypeVar("Named", Constraint, Index)


def find(parts: Iterable[Part], name: str, holder: Holder) -> Part:
    """The part of that name.

    Raises:
        LookupError: the holder has none, so that the change belongs to another catalog.
    """
    for part in parts:
        if part.name == name:
            return part
    raise LookupError(f"{holder.key} has no {name}")


def _name(change: Change) -> str:
    return change.key.member if change.key.member is not None else change.key.name


# --- CREATE ---------------------------------------------------------------------------------------------------------


def create_clauses(change: Change, holder: Holder, context: DdlContext) -> Iterator[Clause]:
    """What adds the member that the change names to its desired holder."""
    name = _name(change)
    match change.key.kind, holder:
        case ObjectKind.ATTRIBUTE, CompositeType():
            yield from types.add_attribute(holder, find(holder.attributes, name, holder), context)
        case ObjectKind.COLUMN, Table():
            yield from _create_column(holder, find(holder.columns, name, holder), context)
        case ObjectKind.CONSTRAINT, Table():
            constraint = find(holder.constraints, name, holder)
            yield from constraints.add_constraint(holder.key.qualified, constraint)
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
    if not _comes_from_above(table, column, context):
        if column.owned_sequence is not None:
            sequence = values.sequence_of(column, context.desired)
            yield values.create_owned_sequence(table, column, sequence, Order.CREATE_SEQUENCE)
            yield from values.take_sequence(table, column, context)
        yield add_column(name, column)
    yield from column_settings(name, column)
    yield from column_notes(name, column)
    yield from values.children_defaults(table, column, context)


def _comes_from_above(table: Table, column: Column, context: DdlContext) -> bool:
    """True if a parent that the table has already, or its type, gets the column too and hands it down."""
    live = context.live.table(table.key)
    if live is None:
        return False
    if table.of_type is not None and table.of_type == live.of_type:
        return True
    before = {parent.key: parent for parent in context.live.parents(live)}
    return any(
        parent.column(column.name) is not None and before[parent.key].column(column.name) is None
        for parent in context.desired.parents(table)
        if parent.key in before
    )


# --- DROP -----------------------------------------------------------------------------------------------------------


def drop_clauses(change: Change, holder: Holder, context: DdlContext) -> Iterator[Clause]:
    """What drops the member that the change names from its live holder."""
    name = _name(change)
    match change.key.kind, holder:
        case ObjectKind.ATTRIBUTE, CompositeType():
            yield types.drop_attribute(holder, find(holder.attributes, name, holder), context)
        case ObjectKind.COLUMN, Table():
            only = leaves_column(holder, name, context.desired, context.live)
            clause = drop_column(holder.key.qualified, find(holder.columns, name, holder), only=only)
            is_freed = _leaves_expression(change.key, context)
            yield replace(clause, order=Order.DROP_FREED_COLUMN) if is_freed else clause
        case ObjectKind.CONSTRAINT, Table():
            constraint = find(holder.constraints, name, holder)
            yield from constraints.drop_constraint(holder.key.qualified, constraint)
        case ObjectKind.INDEX, Table() | View():
            yield from constraints.drop_index(holder, find(holder.indexes, name, holder))
        case ObjectKind.TRIGGER, Table() | View():
            yield code.drop_trigger(holder, name)
        case ObjectKind.POLICY, Table():
            yield code.drop_policy(holder, name)
        case _:
            raise LookupError(f"{holder.key} cannot have a {change.key.kind}")


def _leaves_expression(column: ObjectKey, context: DdlContext) -> bool:
    """True if a generated column that stays was made of this one."""
    table = context.desired.table(column.owner)
    return table is not None and any(
        key.kind is ObjectKind.COLUMN and key.owner == column.owner and table.column(key.member or "") is not None
        for key in context.live.dependents.get(column, ())
    )


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
    name = _name(change)
    match change.key.kind, desired, live:
        case ObjectKind.ATTRIBUTE, CompositeType(), CompositeType():
            attribute = find(desired.attributes, name, desired)
            if change.aspect == "comment":
                yield types.attribute_comment(desired, attribute)
            else:
                yield types.retype_attribute(desired, attribute, context)
        case ObjectKind.COLUMN, View(), View():
            yield from _view_column(change, desired, live, context)
        case ObjectKind.COLUMN, Table(), Table():
            yield from _column(change, desired, live, context)
        case ObjectKind.CONSTRAINT, DomainType(), DomainType():
            yield types.domain_comment(desired, _paired(desired.constraints, live.constraints, name, desired))
        case ObjectKind.CONSTRAINT, Table(), Table():
            yield from _constraint(change, desired, live)
        case ObjectKind.INDEX, Table() | View(), Table() | View():
            yield from _index(change, desired, live)
        case ObjectKind.TRIGGER, Table() | View(), _:
            trigger = find(desired.triggers, name, desired)
            is_comment = change.aspect == "comment"
            yield code.trigger_comment(desired, trigger) if is_comment else code.trigger_state(desired, trigger)
        case ObjectKind.POLICY, Table(), _:
            yield code.policy_comment(desired, find(desired.policies, name, desired))
        case _:
            raise LookupError(f"{desired.key} has no {change.key.kind} whose {change.aspect} could change")


def _view_column(change: Change, desired: View, live: View, context: DdlContext) -> Iterator[Clause]:
    name = desired.key.qualified
    column = find(desired.columns, _name(change), desired)
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


def _column(change: Change, table: Table, live_table: Table, context: DdlContext) -> Iterator[Clause]:
    desired = find(table.columns, _name(change), table)
    live = live_table.column(desired.name) or desired
    match change.aspect:
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
            yield types.rename_sequence(QualifiedName(table.schema, change.before), change.after)
        case "sequence_comment" | "sequence_privileges":
            yield from identity_notes(desired, live, context.builder)
        case aspect:
            yield from setting_clauses(aspect, table, desired, live, context)


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
        both_serial = live.owned_sequence is not None and desired.owned_sequence is not None
        yield values.set_default(name, desired.name, live.default if both_serial else desired.default)
    if live.default is not None:
        yield from values.children_defaults(table, desired, context)


def _using(desired: Column, live: Column, context: DdlContext) -> str | None:
    catalogs = (context.live, context.desired)
    domains = {domain.key.qualified.sql: domain.base for catalog in catalogs for domain in catalog.domains}
    enums = {enum.key.qualified.sql for catalog in catalogs for enum in catalog.enums}
    verdict = type_change(live.type, desired.type, domains, enums=enums)
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
        elif context.server >= LOCAL_NOT_NULL:
            yield column_clause(child.key.qualified, column.name, "DROP NOT NULL", Order.NEXT_NOT_NULL)


def _loses_null(child: Table, column: Column, context: DdlContext) -> bool:
    """True if the child's NOT NULL goes with its parent's."""
    table = context.live.table(child.key)
    former = table.column(column.name) if table is not None else None
    return former is None or former.not_null_inherited


def _constraint(change: Change, desired: Table, live: Table) -> Iterator[Clause]:
    if change.aspect == "name":
        if change.before is not None and change.after is not None:
            yield constraints.rename_constraint(live, change.before, change.after)
        return
    name = desired.key.qualified
    constraint = _paired(desired.constraints, live.constraints, _name(change), desired)
    match change.aspect:
        case "comment":
            yield constraints.constraint_comment(name, constraint)
        case "validated":
            yield from constraints.validation_clauses(name, constraint)
        case "clustered":
            yield from constraints.clustered_clauses(desired, constraint)
        case "replica_identity":
            yield from constraints.identity_clauses(desired, constraint)
        case _:
            raise LookupError(f"{change.key}: no way to change its {change.aspect}")


def _paired(desired: tuple[Named, ...], live: tuple[Named, ...], name: str, holder: Holder) -> Named:
    """The desired part that is called `name` in the live database, with that name.

    A live part keeps a name that PostgreSQL made up, although a new database would have chosen another one.
    """
    present = next((part for part in live if part.name == name), None)
    twins = tuple(part for part in desired if present is not None and shape(part) == shape(present))
    if present is None or not twins or any(part.name == name for part in twins):
        return find(desired, name, holder)
    twin = twins[0]
    if isinstance(present, Constraint):
        return replace(twin, name=name, index=present.index)
    return replace(twin, name=name)


def _twin(live: tuple[Named, ...], desired: Named) -> Named | None:
    """The live part that is, or is about to be, called as the desired one."""
    fitting = [part for part in live if shape(part) == shape(desired)]
    return next((part for part in fitting if part.name == desired.name), fitting[0] if fitting else None)


def _index(change: Change, desired: Table | View, live: Table | View) -> Iterator[Clause]:
    if change.aspect == "name":
        if change.before is not None and change.after is not None:
            yield constraints.rename_index(live, change.before, change.after)
        return
    index = _paired(desired.indexes, live.indexes, _name(change), desired)
    match change.aspect:
        case "comment":
            yield constraints.index_comment(desired, index)
        case "clustered":
            yield from constraints.clustered_clauses(desired, index)
        case "replica_identity":
            yield from constraints.identity_clauses(desired, index)
        case "statistics":
            twin = _twin(live.indexes, index)
            before = dict(twin.statistics) if twin is not None else {}
            wanted = dict.fromkeys(before, -1) | dict(index.statistics)
            for number, target in wanted.items():
                if before.get(number) != target:
                    yield constraints.index_statistics(desired, index, number, target)
        case _:
            raise LookupError(f"{change.key}: no way to change its {change.aspect}")
