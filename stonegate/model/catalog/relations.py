"""Tables, views and sequences with all their parts, in PostgreSQL's own spelling."""

from __future__ import annotations

from functools import cached_property

from msgspec import UNSET, Struct, UnsetType

from stonegate.model.catalog.access import Access, PassedOn, Privilege
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName


class SequenceOptions(Struct, frozen=True, kw_only=True):
    """Parameters of a sequence (manual: CREATE SEQUENCE)."""

    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool


class Sequence(Struct, frozen=True, kw_only=True):
    """A sequence that is not the inside of an identity column.

    Attributes:
        owned_by: (schema, table, column) of the column that owns it (serial, or OWNED BY), else None.
    """

    schema: str
    name: str
    options: SequenceOptions
    owned_by: tuple[str, str, str] | None = None
    unlogged: bool = False
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.SEQUENCE, self.schema, self.name)

    @property
    def owning_column(self) -> ObjectKey | None:
        """The key of the column that owns it, or None."""
        if self.owned_by is None:
            return None
        schema, table, column = self.owned_by
        return ObjectKey(ObjectKind.COLUMN, schema, table, None, column)


class Column(Struct, frozen=True, kw_only=True):
    """A column of a table, view or materialised view.

    Attributes:
        type: format_type, modifiers included ("character varying(40)", "public.status[]").
        collation: qualified, only if it differs from the type's own.
        not_null_options: "NO INHERIT", "NOT VALID" or both, of the NOT NULL constraint (PostgreSQL 18).
        not_null_name: of that constraint, if it is not "{table}_{column}_not_null" (PostgreSQL 18).
        not_null_inherited: that constraint comes from a parent only (PostgreSQL 18).
        default: pg_get_expr of the default; None for generated columns.
        owned_sequence: the sequence that this column owns, when `default` is its nextval (serial).
        identity: "", "always" or "by default"; `identity_options` then, and what the sequence inside is called and who
            may use it. Its name is PostgreSQL's own affair, and no difference.
        generated: expression of a generated column; `generated_kind` "stored" or "virtual".
        inherited: comes from a parent table only (attislocal is false).
        storage, compression, statistics, options: only when they differ from the type's or server's default.
        granted, denied, passed_on: as in `Access`.
    """

    name: str
    type: str
    collation: str | None = None
    not_null: bool = False
    not_null_options: str | None = None
    not_null_name: str | None = None
    not_null_inherited: bool = False
    default: str | None = None
    owned_sequence: QualifiedName | None = None
    identity: str = ""
    identity_options: SequenceOptions | None = None
    identity_name: QualifiedName | None = None
    identity_access: Access | None = None
    generated: str | None = None
    generated_kind: str | None = None
    inherited: bool = False
    storage: str | None = None
    compression: str | None = None
    statistics: int | None = None
    options: tuple[str, ...] = ()
    comment: str | None = None
    granted: tuple[Privilege, ...] = ()
    denied: tuple[Privilege, ...] = ()
    passed_on: tuple[PassedOn, ...] | UnsetType = UNSET


#: How a constraint (since PostgreSQL 18 NOT NULL too) is marked that has not seen all rows (pg_get_constraintdef).
NOT_VALID = "NOT VALID"
#: And that of one that is not checked at all (PostgreSQL 18).
NOT_ENFORCED = "NOT ENFORCED"
#: How the definitions end of constraints that the rows which are there are not checked against (manual, CREATE TABLE).
UNCHECKED = (NOT_VALID, NOT_ENFORCED)
#: How the definitions begin of constraints that bring an index of their name.
WITH_INDEX = ("PRIMARY KEY", "UNIQUE", "EXCLUDE")


class Constraint(Struct, frozen=True, kw_only=True):
    """A constraint of a table or domain.

    Attributes:
        kind: "primary key", "unique", "check", "foreign key" or "exclusion"; NOT NULL is `Column.not_null`.
        definition: pg_get_constraintdef, complete (DEFERRABLE, NOT VALID, NO INHERIT included).
        columns: names of the table's columns in it.
        references: the table that a foreign key points to.
        index: name of the index behind it, if it has one.
        inherited: comes from a parent table only.
        shared: the index behind it is part of one of the partitioned parent that no constraint has.
        clustered, replica_identity: marks of the index behind it.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...] = ()
    references: QualifiedName | None = None
    index: str | None = None
    inherited: bool = False
    shared: bool = False
    clustered: bool = False
    replica_identity: bool = False
    comment: str | None = None


class Index(Struct, frozen=True, kw_only=True):
    """An index that no constraint owns.

    Attributes:
        definition: pg_get_indexdef.
        shape: the definition without the index's name, for comparison by meaning.
        columns: names of the table's columns in it, expressions and predicate included.
        valid: False for what a failed CREATE INDEX CONCURRENTLY left behind.
        inherited: attached to an index of the partitioned parent.
        statistics: (column number, target) of expression columns with a target of their own.
    """

    name: str
    definition: str
    shape: str
    unique: bool = False
    columns: tuple[str, ...] = ()
    valid: bool = True
    inherited: bool = False
    clustered: bool = False
    replica_identity: bool = False
    statistics: tuple[tuple[int, int], ...] = ()
    comment: str | None = None


class Trigger(Struct, frozen=True, kw_only=True):
    """A trigger of a table or view, internal and inherited ones left out.

    Attributes:
        definition: pg_get_triggerdef.
        enabled: "O" (origin, the default), "D" (disabled), "R" (replica) or "A" (always).
        routine: (schema, name) of the trigger function.
        columns: columns of UPDATE OF, and those that WHEN mentions.
    """

    name: str
    definition: str
    enabled: str = "O"
    routine: QualifiedName
    columns: tuple[str, ...] = ()
    comment: str | None = None


class Policy(Struct, frozen=True, kw_only=True):
    """A row-level security policy; `roles` is ("public",) when it is for everyone; `command` "ALL", "SELECT", …"""

    name: str
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None
    comment: str | None = None


#: What a table or view consists of.
RelationPart = Column | Constraint | Index | Trigger | Policy


class Table(Struct, frozen=True, kw_only=True, dict=True):
    """An ordinary, partitioned or foreign table with all its parts.

    Attributes:
        kind: "table", "partitioned table" or "foreign table".
        columns: in live order, dropped ones left out.
        partition_key: pg_get_partkeydef; partition_of and partition_bound: of a partition.
        inherits: parents other than by partitioning, in order.
        of_type: of a typed table.
        replica_identity: "d" (default), "n", "f" or "i".
        access_method, tablespace: only when not the default.
        options: reloptions, `toast.` ones included, sorted.
    """

    schema: str
    name: str
    kind: str = "table"
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: tuple[Policy, ...] = ()
    row_security: bool = False
    force_row_security: bool = False
    unlogged: bool = False
    options: tuple[str, ...] = ()
    inherits: tuple[QualifiedName, ...] = ()
    partition_key: str | None = None
    partition_of: QualifiedName | None = None
    partition_bound: str | None = None
    of_type: QualifiedName | None = None
    replica_identity: str = "d"
    access_method: str | None = None
    tablespace: str | None = None
    access: Access

    @cached_property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TABLE, self.schema, self.name)

    @property
    def parents(self) -> tuple[QualifiedName, ...]:
        """Names of the tables that it inherits from, as a partition or otherwise."""
        return self.inherits if self.partition_of is None else (self.partition_of,)

    @property
    def foreign_keys(self) -> tuple[Constraint, ...]:
        """Those of its own, which no parent hands down."""
        return tuple(part for part in self.constraints if part.kind == "foreign key" and not part.inherited)

    @property
    def indexed(self) -> tuple[Constraint | Index, ...]:
        """Everything that may stand on an index."""
        return (*self.constraints, *self.indexes)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


class View(Struct, frozen=True, kw_only=True):
    """A view or materialised view.

    Attributes:
        definition: pg_get_viewdef, the query alone, without the final semicolon.
        columns: names, types, comments, defaults and privileges.
        options: reloptions sorted (security_barrier, security_invoker, check_option, …).
        indexes: of a materialised view.
        triggers: INSTEAD OF triggers.
        access_method, tablespace: of a materialised view, only when not the default.
        populated: False for a materialised view that has no rows to read until it is refreshed (WITH NO DATA).
    """

    schema: str
    name: str
    materialized: bool = False
    populated: bool = True
    definition: str
    columns: tuple[Column, ...] = ()
    options: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    access_method: str | None = None
    tablespace: str | None = None
    access: Access

    @property
    def key(self) -> ObjectKey:
        kind = ObjectKind.MATERIALIZED_VIEW if self.materialized else ObjectKind.VIEW
        return ObjectKey(kind, self.schema, self.name)

    @property
    def indexed(self) -> tuple[Index, ...]:
        """As of a table."""
        return self.indexes


_FIELDS = {
    ObjectKind.COLUMN: "columns",
    ObjectKind.CONSTRAINT: "constraints",
    ObjectKind.INDEX: "indexes",
    ObjectKind.TRIGGER: "triggers",
    ObjectKind.POLICY: "policies",
}


def find_part(relation: Table | View | None, kind: ObjectKind, name: str | None) -> RelationPart | None:
    """The part of that kind and name, if the relation has it."""
    parts: tuple[RelationPart, ...] = getattr(relation, _FIELDS.get(kind, ""), ())
    return next((part for part in parts if part.name == name), None)
