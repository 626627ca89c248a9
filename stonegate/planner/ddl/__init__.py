"""The one room in which SQL is generated from the model: catalog values and changes in, statements out, no I/O.

Texts inside catalog values (types, expressions, definitions) are PostgreSQL's own, fully qualified; every name goes
through `quote_ident`, every other text through `quote_literal`.
"""

from __future__ import annotations

from stonegate.model.catalog import CatalogObject, Sequence, Table
from stonegate.model.names import ObjectKey
from stonegate.model.plan import Change
from stonegate.planner.ddl import members, values
from stonegate.planner.ddl.access import birth_statements, privilege_statements, sequences_at_birth
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, combine
from stonegate.planner.ddl.code import policy_statements, refresh_view, trigger_statements
from stonegate.planner.ddl.objects import create_statements, drop_statement, object_clauses
from stonegate.planner.ddl.tables import detach, finish_table, foreign_key_statements, is_referenced
from stonegate.planner.ddl.types import drop_former
from stonegate.planner.ddl.values import make_way, makes_way

__all__ = [
    "Clause",
    "DdlContext",
    "Order",
    "alter",
    "birth_statements",
    "combine",
    "create_member",
    "create_statements",
    "drop_default",
    "drop_former",
    "drop_member",
    "drop_object",
    "drop_statement",
    "finish_table",
    "foreign_key_statements",
    "makes_way",
    "policy_statements",
    "privilege_statements",
    "refresh_view",
    "sequences_at_birth",
    "trigger_statements",
]


def alter(change: Change, desired: CatalogObject, live: CatalogObject, context: DdlContext) -> tuple[Clause, ...]:
    """The clauses that carry out one change (ALTER of an aspect, REPLACE or RECREATE).

    Args:
        change: for members `desired` and `live` are the relations or types that hold them.
        desired, live: the object of `change.key` on both sides.
        context: the catalogs that they are from.

    Raises:
        MigrationBlocked: an aspect that PostgreSQL cannot alter (the base type of a domain, a partition key).
        LookupError: the change does not fit the objects.
    """
    if change.key.is_part:
        if not isinstance(desired, members.Holder) or not isinstance(live, members.Holder):
            raise LookupError(f"{change.key} is no member of {desired.key}")
        return tuple(members.alter_clauses(change, desired, live, context))
    return tuple(object_clauses(change, desired, live, context))


def create_member(change: Change, desired_owner: members.Holder, context: DdlContext) -> tuple[Clause, ...]:
    """The clauses that add a column, attribute, constraint, index, trigger or policy; none where a parent brings it.

    Args:
        change: names the member.
        desired_owner: the desired relation or type that holds it.
    """
    return tuple(members.create_clauses(change, desired_owner, context))


def drop_member(change: Change, live_owner: members.Holder, context: DdlContext) -> tuple[Clause, ...]:
    """The clauses that drop a member of a live relation or type; none where it goes with the parent's."""
    return tuple(members.drop_clauses(change, live_owner, context))


def drop_object(key: ObjectKey, live: CatalogObject | None, context: DdlContext) -> tuple[Clause, ...]:
    """The clauses that drop a whole object.

    Raises:
        MigrationBlocked: nothing drops it, see `drop_statement`.
    """
    if isinstance(live, Sequence) and makes_way(live, context.desired, context.live):
        return tuple(make_way(live, context.live))
    if isinstance(live, Table) and live.partition_of is not None and is_referenced(live, context):
        return detach(live), Clause(statement=drop_statement(key, live))
    return (Clause(statement=drop_statement(key, live)),)


def drop_default(key: ObjectKey) -> tuple[Clause, ...]:
    """The clause that takes the default off the column of that key."""
    return (values.drop_default(key.qualified, key.member or ""),)
