"""Enums, composite types, domains and ranges."""

from __future__ import annotations

from msgspec import Struct

from stonegate.model.catalog.access import Access
from stonegate.model.catalog.relations import Constraint
from stonegate.model.names import ObjectKey, ObjectKind


class Attribute(Struct, frozen=True, kw_only=True):
    """An attribute of a composite type; `type` by format_type, `collation` only if not the type's own."""

    name: str
    type: str
    collation: str | None = None
    comment: str | None = None


class EnumType(Struct, frozen=True, kw_only=True):
    """An enum; `labels` in their order."""

    schema: str
    name: str
    labels: tuple[str, ...]
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


class CompositeType(Struct, frozen=True, kw_only=True):
    """A composite type of its own, not the row type of a relation."""

    schema: str
    name: str
    attributes: tuple[Attribute, ...]
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


class DomainType(Struct, frozen=True, kw_only=True):
    """A domain; `base` by format_type, `default` by pg_get_expr, `collation` only if not the base type's own.

    Attributes:
        not_null_name: of its NOT NULL constraint, if it is not "{name}_not_null" (PostgreSQL 18).
    """

    schema: str
    name: str
    base: str
    collation: str | None = None
    not_null: bool = False
    not_null_name: str | None = None
    default: str | None = None
    constraints: tuple[Constraint, ...] = ()
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


class RangeType(Struct, frozen=True, kw_only=True):
    """A range type; `definition` is everything between the parentheses of CREATE TYPE … AS RANGE (…)."""

    schema: str
    name: str
    definition: str
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)

    @property
    def multirange(self) -> str:
        """The type of several such ranges, which comes with it, as format_type prints it."""
        return self.definition.rpartition("multirange_type_name = ")[2]
