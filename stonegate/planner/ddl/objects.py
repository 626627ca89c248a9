"""Whole objects of any kind: creation, removal and alteration, each by its own rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec.structs import replace

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import (
    Access,
    Accessible,
    Catalog,
    CatalogObject,
    CompositeType,
    DefaultPrivileges,
    DomainType,
    EnumType,
    Extension,
    OtherObject,
    RangeType,
    Routine,
    Schema,
    Sequence,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident, quote_literal
from stonegate.model.plan import Action, Change
from stonegate.planner.ddl import access, code, sequences, tables, types
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order
from stonegate.planner.ddl.members import member_drop_statement
from stonegate.planner.dictionaries import option_change
from stonegate.planner.diff.sequences import is_renamed

BUILT_IN_SCHEMA = "public"
_ACCESS = ("owner", "comment", "privileges")


# --- CREATE ---------------------------------------------------------------------------------------------------------


def create_statements(
    thing: CatalogObject, builder: str = "", catalog: Catalog | None = None, left_out: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Every statement that brings the object into being, except what `foreign_key_statements`, `trigger_statements`
    and `policy_statements` give: those need other objects first.

    Args:
        thing: the desired object.
        builder: the role that runs the statements; owners are set only where another one is wanted.
        catalog: the desired one. A partition then says only what differs from its parent, and a sequence that is
            owned by a column that makes no use of it gets its owner (serial columns give it to theirs).
        left_out: see `create_table`.

    Raises:
        MigrationBlocked: an object that PostgreSQL has no complete CREATE statement for.
    """
    match thing:
        case Schema():
            create = () if thing.name == BUILT_IN_SCHEMA else (f"CREATE SCHEMA {quote_ident(thing.name)}",)
            return (*create, *access.access_statements(thing, builder))
        case Extension():
            return (_create_extension(thing),)
        case EnumType() | CompositeType() | DomainType() | RangeType():
            return (*types.create_type(thing), *access.access_statements(thing, builder))
        case Sequence():
            return (sequences.create_sequence(thing), *_sequence_notes(thing, builder, catalog))
        case Table():
            return (*tables.create_table(thing, catalog, left_out), *tables.table_notes(thing, builder))
        case View():
            return code.create_view(thing, builder)
        case Routine():
            return code.create_routine(thing, builder)
        case DefaultPrivileges():
            return access.default_privilege_statements(thing, None)
        case OtherObject():
            return code.create_other(thing, builder)
        case _:
            assert_never(thing)


def _sequence_notes(thing: Sequence, builder: str, catalog: Catalog | None) -> tuple[str, ...]:
    """Whose it is. A serial column takes its sequence once it is there, and hands it on with its table."""
    if catalog is None or thing.owning_column is None:
        return access.access_statements(thing, builder)
    column = catalog.table_column(thing.owning_column)
    if column is None or column.owned_sequence == thing.key.qualified:
        return access.access_statements(thing, thing.access.owner)
    return (*access.access_statements(thing, builder), sequences.ownership_statement(thing))


def _create_extension(thing: Extension) -> str:
    place = f" WITH SCHEMA {quote_ident(thing.schema)}" if thing.schema else ""
    version = f" VERSION {quote_literal(thing.version)}" if thing.version else ""
    return f"CREATE EXTENSION IF NOT EXISTS {quote_ident(thing.name)}{place}{version}"


# --- DROP -----------------------------------------------------------------------------------------------------------


def drop_statement(key: ObjectKey, thing: CatalogObject | None) -> str:
    """The statement that drops an object or member, never with CASCADE.

    Args:
        key: names it.
        thing: the live object, where it says more than the key (a domain, a procedure, a foreign table); None is fine.

    Raises:
        MigrationBlocked: nothing drops it (default privileges, or an object that says no DROP statement).
    """
    if key.is_part:
        return member_drop_statement(key)
    match thing:
        case OtherObject() if thing.drop:
            return thing.drop
        case DefaultPrivileges() | OtherObject():
            pass
        case None:
            if statement := _drop_by_key(key):
                return statement
        case _:
            return f"DROP {access.reference(thing)}"
    raise MigrationBlocked(f"{key}: stonegate cannot drop it", hint="drop it in a migration")


def _drop_by_key(key: ObjectKey) -> str:
    match key.kind:
        case ObjectKind.SCHEMA | ObjectKind.EXTENSION:
            return f"DROP {key.kind.upper()} {quote_ident(key.name)}"
        case ObjectKind.ROUTINE:
            return f"DROP {access.routine_reference(key)}"
        case ObjectKind.TYPE | ObjectKind.SEQUENCE | ObjectKind.TABLE | ObjectKind.VIEW | ObjectKind.MATERIALIZED_VIEW:
            return f"DROP {key.kind.upper()} {key.qualified.sql}"
        case _:
            return ""


# --- ALTER ----------------------------------------------------------------------------------------------------------


def object_clauses(
    change: Change, desired: CatalogObject, live: CatalogObject, context: DdlContext
) -> Iterator[Clause]:
    """What gives one aspect of a whole object its desired form, or replaces or recreates it."""
    match change.action:
        case Action.CREATE:
            yield from _created(desired, context)
        case Action.RECREATE:
            yield Clause(statement=drop_statement(change.key, live))
            yield from _created(desired, context)
        case Action.REPLACE if isinstance(desired, View):
            yield code.replace_view(desired)
        case Action.REPLACE if isinstance(desired, Routine):
            yield Clause(statement=desired.definition)
        case _ if isinstance(desired, Sequence):
            present = _live_sequence(desired, live, context)
            if is_renamed(desired, present, context.desired):  # which comes before everything else
                present = replace(present, name=desired.name)
            else:
                desired = replace(desired, schema=present.schema, name=present.name)
            yield from _altered(change, desired, present, context)
        case _:
            yield from _altered(change, desired, live, context)


def _live_sequence(desired: Sequence, live: CatalogObject, context: DdlContext) -> Sequence:
    """Owned sequences are the same if their columns are, whatever they are called (behaviour, §5)."""
    owned = [other for other in context.live.sequences if other.owned_by == desired.owned_by is not None]
    namesake = next((other for other in owned if other.key == desired.key), None)
    if namesake is not None or owned:
        return namesake or owned[0]
    return live if isinstance(live, Sequence) else desired


def _created(thing: CatalogObject, context: DdlContext) -> Iterator[Clause]:
    for statement in create_statements(thing, builder=context.builder, catalog=context.desired):
        yield Clause(statement=statement)
    if isinstance(thing, View):
        yield from (Clause(statement=statement) for statement in code.trigger_statements(thing))


def _altered(change: Change, desired: CatalogObject, live: CatalogObject, context: DdlContext) -> Iterator[Clause]:
    aspect = change.aspect
    match desired:
        case DefaultPrivileges():
            yield from _default_privileges(desired, context)
        case Extension():
            yield _extension(aspect, desired)
        case OtherObject():
            yield from _other(aspect, desired, live)
        case _ if aspect in _ACCESS:
            yield from _access(aspect, desired, live, context)
        case Table() if isinstance(live, Table):
            yield from tables.table_clauses(aspect, desired, live, context)
        case View() if isinstance(live, View):
            yield from code.view_clauses(aspect, desired, live, context.server)
        case EnumType() if isinstance(live, EnumType) and aspect == "labels":
            yield from types.label_clauses(desired, live)
        case DomainType() if isinstance(live, DomainType):
            yield from types.domain_clauses(change, desired, live, context)
        case Sequence() if aspect == "new_name" and change.before is not None and change.after is not None:
            yield sequences.rename_sequence(QualifiedName(desired.schema, change.before), change.after)
        case Sequence() if isinstance(live, Sequence):
            yield from sequences.sequence_changes(aspect, desired, live, context)
        case _:
            raise MigrationBlocked(
                f"{desired.key}: its {aspect.replace('_', ' ')} cannot be altered", hint="write a migration"
            )


def _default_privileges(desired: DefaultPrivileges, context: DdlContext) -> Iterator[Clause]:
    live = context.live.objects.get(desired.key)
    before = live if isinstance(live, DefaultPrivileges) else None
    yield from _in_order_of(access.default_privilege_statements(desired, before), Order.PRIVILEGES)


def _access(aspect: str, desired: Accessible, live: CatalogObject, context: DdlContext) -> Iterator[Clause]:
    match aspect:
        case "owner":
            yield Clause(statement=access.owner_statement(desired), order=Order.OWNER)
        case "comment":
            statement = access.comment_statement(access.reference(desired), desired.access.comment)
            yield Clause(statement=statement, order=Order.COMMENT)
        case _:
            before = Access() if isinstance(live, Extension | DefaultPrivileges | OtherObject) else live.access
            yield from _in_order_of(access.privilege_statements(desired, before, context.builder), Order.PRIVILEGES)
            if isinstance(desired, Table | View) and isinstance(live, Table | View):
                again = access.column_rights_again(desired, live, context.builder)
                yield from _in_order_of(again, Order.COLUMN_PRIVILEGES)


def _other(aspect: str, desired: OtherObject, live: CatalogObject) -> Iterator[Clause]:
    match aspect:
        case "owner":
            yield code.other_owner(desired)
        case "comment":
            yield code.other_comment(desired)
        case "options" if isinstance(live, OtherObject) and (statement := option_change(desired, live)) is not None:
            yield Clause(statement=statement)
        case _ if isinstance(live, OtherObject):
            yield from code.other_parts(desired, live)
        case _:
            raise MigrationBlocked(f"{desired.key}: its {aspect} cannot be altered", hint="write a migration")


def _in_order_of(statements: Iterable[str], order: Order) -> Iterator[Clause]:
    return (Clause(statement=statement, order=order) for statement in statements)


def _extension(aspect: str, desired: Extension) -> Clause:
    head = f"ALTER EXTENSION {quote_ident(desired.name)}"
    if aspect == "comment":
        statement = access.comment_statement(access.reference(desired), desired.comment)
        return Clause(statement=statement, order=Order.COMMENT)
    if aspect == "schema":
        return Clause(statement=f"{head} SET SCHEMA {quote_ident(desired.schema)}")
    return Clause(statement=f"{head} UPDATE TO {quote_literal(desired.version)}")
