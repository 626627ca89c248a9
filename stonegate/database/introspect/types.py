"""Enums, composite types, domains and ranges (manual: CREATE TYPE, CREATE DOMAIN)."""

from __future__ import annotations

from msgspec import Struct

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup, grouped, known, printed, printed_if
from stonegate.model.catalog import Attribute, CompositeType, Constraint, DomainType, EnumType, RangeType


class Types(Struct, frozen=True):
    """The types of a database, by schema and name."""

    enums: tuple[EnumType, ...]
    composites: tuple[CompositeType, ...]
    domains: tuple[DomainType, ...]
    ranges: tuple[RangeType, ...]


def types(lookup: Lookup) -> Types:
    """Those that are described.

    Raises:
        Vanished: another session dropped one meanwhile.
    """
    ours = sorted((one for one in lookup.rows.types if one.ours), key=lambda one: (one.schema, one.name))
    constraints = grouped(lookup.rows.constraints, lambda one: one.domain)
    labels = grouped(lookup.rows.enum_labels, lambda one: one.type)
    ranges = {one.type: one for one in lookup.rows.ranges}
    return Types(
        enums=tuple(_enum(lookup, one, labels.get(one.oid, [])) for one in ours if one.kind == "e"),
        composites=tuple(_composite(lookup, one) for one in ours if one.kind == "c"),
        domains=tuple(_domain(lookup, one, constraints.get(one.oid, [])) for one in ours if one.kind == "d"),
        ranges=tuple(_range(lookup, one, known(ranges.get(one.oid))) for one in ours if one.kind == "r"),
    )


def _enum(lookup: Lookup, one: rows.Type, labels: list[rows.EnumLabel]) -> EnumType:
    return EnumType(
        schema=one.schema,
        name=one.name,
        labels=tuple(entry.label for entry in labels),
        access=lookup.access(rows.PG_TYPE, one),
    )


def _composite(lookup: Lookup, one: rows.Type) -> CompositeType:
    attributes = (
        Attribute(
            name=column.name,
            type=column.type,
            collation=lookup.collation(column.collation),
            comment=lookup.comment(rows.PG_CLASS, one.relation, column.number),
        )
        for column in lookup.columns.get(one.relation, ())
        if not column.dropped
    )
    return CompositeType(
        schema=one.schema, name=one.name, attributes=tuple(attributes), access=lookup.access(rows.PG_TYPE, one)
    )


def _domain(lookup: Lookup, one: rows.Type, constraints: list[rows.Constraint]) -> DomainType:
    # PostgreSQL 18 lists NOT NULL among the constraints, older ones have no name for it.
    not_null = next((entry.name for entry in constraints if entry.kind == "n"), None)
    return DomainType(
        schema=one.schema,
        name=one.name,
        base=known(one.base),
        collation=lookup.collation(one.collation),
        not_null=one.not_null,
        not_null_name=None if not_null == f"{one.name}_not_null" else not_null,
        default=printed_if(one.default),
        constraints=tuple(
            Constraint(
                name=entry.name,
                kind="check",
                definition=printed(entry.definition),
                comment=lookup.comment(rows.PG_CONSTRAINT, entry.oid),
            )
            for entry in constraints
            if entry.kind == "c"
        ),
        access=lookup.access(rows.PG_TYPE, one),
    )


def _range(lookup: Lookup, one: rows.Type, found: rows.Range) -> RangeType:
    options = {
        "subtype": found.subtype,
        "subtype_opclass": found.operator_class,
        "collation": lookup.collation(found.collation),
        "canonical": found.canonical,
        "subtype_diff": found.subtype_diff,
        "multirange_type_name": found.multirange_name,
    }
    return RangeType(
        schema=one.schema,
        name=one.name,
        definition=", ".join(f"{name} = {value}" for name, value in options.items() if value is not None),
        access=lookup.access(rows.PG_TYPE, one),
    )
