"""Enums, composite types, domains and ranges: creation and every alteration that PostgreSQL knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import (
    NOT_VALID,
    Attribute,
    CompositeType,
    Constraint,
    DomainType,
    EnumType,
    RangeType,
)
from stonegate.model.names import quote_ident, quote_literal
from stonegate.model.plan import Change
from stonegate.planner.calling_domains import calling_checks
from stonegate.planner.ddl.access import reference
from stonegate.planner.ddl.clauses import Clause, DdlContext, Order, part_comment
from stonegate.planner.ddl.columns import comment_clause
from stonegate.planner.ddl.constraints import inline_constraint
from stonegate.planner.diff.matching import match_parts, remembers
from stonegate.planner.diff.naming import is_given_not_null

DefinedType = EnumType | CompositeType | DomainType | RangeType


def create_type(thing: DefinedType) -> tuple[str, ...]:
    """CREATE TYPE or CREATE DOMAIN, and the comments of its parts."""
    name = thing.key.qualified.sql
    match thing:
        case EnumType():
            labels = ", ".join(quote_literal(label) for label in thing.labels)
            return (f"CREATE TYPE {name} AS ENUM ({labels})",)
        case CompositeType():
            attributes = ", ".join(attribute_definition(attribute) for attribute in thing.attributes)
            comments = (
                comment_clause(thing.key.qualified, part) for part in thing.attributes if part.comment is not None
            )
            return (f"CREATE TYPE {name} AS ({attributes})", *(clause.statement for clause in comments))
        case DomainType():
            return tuple(_create_domain(thing))
        case RangeType():
            return (f"CREATE TYPE {name} AS RANGE ({thing.definition})",)
        case _:
            assert_never(thing)


# --- enums ----------------------------------------------------------------------------------------------------------


def label_clauses(desired: EnumType, live: EnumType) -> Iterator[Clause]:
    """ALTER TYPE … ADD VALUE for each new label, at its place; labels that only the live type has stay.

    Raises:
        MigrationBlocked: a label was moved, which no ALTER TYPE can do.
    """
    common = tuple(label for label in desired.labels if label in live.labels)
    if common != tuple(label for label in live.labels if label in desired.labels):
        raise MigrationBlocked(
            f"type {desired.key.qualified}: values of an enum cannot be reordered",
            hint="write a migration: a new type and ALTER COLUMN … TYPE … USING",
        )
    before: str | None = None
    for label in desired.labels:
        if label not in live.labels:
            place = ""
            if before is not None:
                place = f" AFTER {quote_literal(before)}"
            elif common:
                place = f" BEFORE {quote_literal(common[0])}"
            head = f"ALTER TYPE {desired.key.qualified.sql} ADD VALUE {quote_literal(label)}"
            yield Clause(statement=f"{head}{place}", order=Order.TYPE_CHANGE)
        before = label


# --- composite types ------------------------------------------------------------------------------------------------


def attribute_definition(attribute: Attribute) -> str:
    """`name type COLLATE x`."""
    collation = f" COLLATE {attribute.collation}" if attribute.collation is not None else ""
    return f"{quote_ident(attribute.name)} {attribute.type}{collation}"


def add_attribute(thing: CompositeType, attribute: Attribute, context: DdlContext) -> Iterator[Clause]:
    """ADD ATTRIBUTE with its comment."""
    yield _alter_type(thing, f"ADD ATTRIBUTE {attribute_definition(attribute)}", context)
    if attribute.comment is not None:
        yield comment_clause(thing.key.qualified, attribute)


def drop_attribute(thing: CompositeType, attribute: Attribute, context: DdlContext) -> Clause:
    """DROP ATTRIBUTE."""
    return _alter_type(thing, f"DROP ATTRIBUTE {quote_ident(attribute.name)}", context)


def retype_attribute(thing: CompositeType, attribute: Attribute, context: DdlContext) -> Clause:
    """ALTER ATTRIBUTE … TYPE."""
    collation = f" COLLATE {attribute.collation}" if attribute.collation is not None else ""
    action = f"ALTER ATTRIBUTE {quote_ident(attribute.name)} TYPE {attribute.type}{collation}"
    return _alter_type(thing, action, context)


def _alter_type(thing: CompositeType, action: str, context: DdlContext) -> Clause:
    """Tables made OF the type follow it; they cannot get the column in another way (manual: ALTER TYPE)."""
    name = thing.key.qualified
    cascade = " CASCADE" if any(table.of_type == name for table in context.live.tables) else ""
    return Clause(statement=f"ALTER TYPE {name.sql} {action}{cascade}", order=Order.TYPE_CHANGE)


# --- domains --------------------------------------------------------------------------------------------------------


def _create_domain(thing: DomainType) -> Iterator[str]:
    name = thing.key.qualified.sql
    parts = [f"CREATE DOMAIN {name} AS {thing.base}"]
    if thing.collation is not None:
        parts.append(f"COLLATE {thing.collation}")
    if thing.default is not None:
        parts.append(f"DEFAULT {thing.default}")
    if thing.not_null:
        parts.append(_not_null(thing))
    late = tuple(constraint for constraint in thing.constraints if constraint.definition.endswith(NOT_VALID))
    parts += (inline_constraint(constraint) for constraint in thing.constraints if constraint not in late)
    yield " ".join(parts)
    yield from (f"ALTER DOMAIN {name} ADD {inline_constraint(constraint)}" for constraint in late)
    yield from (
        part_comment(reference(thing), part).statement for part in thing.constraints if part.comment is not None
    )


def _not_null(thing: DomainType) -> str:
    name = thing.not_null_name
    return f"CONSTRAINT {quote_ident(name)} NOT NULL" if name is not None and is_given_not_null(name) else "NOT NULL"


def domain_clauses(change: Change, desired: DomainType, live: DomainType, context: DdlContext) -> Iterator[Clause]:
    """ALTER DOMAIN for one aspect: default, not_null, not_null_name or constraints.

    Raises:
        MigrationBlocked: the base type or its collation, which no ALTER DOMAIN can change.
    """
    match change.aspect:
        case "default":
            value = "DROP DEFAULT" if desired.default is None else f"SET DEFAULT {desired.default}"
            yield _alter_domain(desired, value)
        case "not_null" if not desired.not_null:
            yield _alter_domain(desired, "DROP NOT NULL", Order.TYPE_CLEARED)
        case "not_null":
            form = _not_null(desired)
            yield _alter_domain(desired, "SET NOT NULL" if form == "NOT NULL" else f"ADD {form}")
        case "not_null_name":
            action = f"RENAME CONSTRAINT {quote_ident(change.before or '')} TO {quote_ident(change.after or '')}"
            yield _alter_domain(desired, action, Order.TYPE_RENAMED)
        case "constraints":
            yield from _domain_constraints(desired, live, _known(change, live, context))
        case aspect:
            raise MigrationBlocked(
                f"domain {desired.key.qualified}: its {aspect} cannot be altered",
                hint="write a migration: a new domain, ALTER COLUMN … TYPE, DROP DOMAIN",
            )


def drop_former(change: Change, live: DomainType) -> tuple[Clause, ...]:
    """What takes the default or the checks away that call a routine which goes; see calling_domains.py."""
    if change.aspect == "former_default":
        return (_alter_domain(live, "DROP DEFAULT"),)
    gone = calling_checks(live, change.before or "")
    return tuple(_alter_domain(live, f"DROP CONSTRAINT {quote_ident(part.name)}") for part in gone)


def _alter_domain(thing: DomainType, action: str, order: Order = Order.TYPE_CHANGE) -> Clause:
    return Clause(statement=f"ALTER DOMAIN {thing.key.qualified.sql} {action}", order=order)


def _known(change: Change, live: DomainType, context: DdlContext) -> tuple[Constraint, ...]:
    """The constraints that stonegate may drop: those that the last deployment declared.

    Where that is unknown, the consent that the change asks for says whether any go.
    """
    if context.declared is not None:
        last = context.declared.objects.get(live.key)
        return last.constraints if isinstance(last, DomainType) else ()
    return live.constraints if change.token is not None else ()


def _domain_constraints(desired: DomainType, live: DomainType, known: tuple[Constraint, ...]) -> Iterator[Clause]:
    """Drops, then renames, then additions, then validations and comments; paired as the diff does."""
    names = {part.name for part in known}
    matched = match_parts(desired.constraints, live.constraints, owner=desired.name, remembered=names)
    gone = [part for part in matched.surplus if remembers(known, part, live.constraints)]
    for part in (*gone, *(pair.live for pair in matched.replaced)):
        yield _alter_domain(desired, f"DROP CONSTRAINT {quote_ident(part.name)}", Order.TYPE_CLEARED)
    for pair in matched.pairs:
        if pair.renamed:
            action = f"RENAME CONSTRAINT {quote_ident(pair.live.name)} TO {quote_ident(pair.name)}"
            yield _alter_domain(desired, action, Order.TYPE_RENAMED)
    for part in (*matched.missing, *(pair.desired for pair in matched.replaced)):
        yield _alter_domain(desired, f"ADD {inline_constraint(part)}")
        if part.comment is not None:
            yield part_comment(reference(desired), part)
    for pair in matched.pairs:
        if pair.live.definition == f"{pair.desired.definition} {NOT_VALID}":
            yield _alter_domain(desired, f"VALIDATE CONSTRAINT {quote_ident(pair.name)}")
        if pair.live.comment != pair.desired.comment:
            yield part_comment(reference(desired), replace(pair.desired, name=pair.name))
