"""The state of one database as a value: the desired one (read from the reference database) and the live one share it.

All texts are PostgreSQL's own spelling, read with an empty search_path, so that equal things have equal texts. Objects
that belong to an extension, to PostgreSQL itself or to stonegate's tracking are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType

from stonegate.model.json_form import to_json
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, extension_key, routine_key, schema_key


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Privilege:
    """One right of one role ("" is PUBLIC), as in `aclexplode` (manual 5.8)."""

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Owner, comment and privileges, which most objects have.

    Attributes:
        granted: what the object's ACL holds beyond `acldefault`.
        revoked: what `acldefault` gives and the ACL lacks.
    """

    owner: str = ""
    comment: str | None = None
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A schema (other than pg_* and information_schema; `public` is listed)."""

    name: str
    access: Access

    @property
    def key(self) -> ObjectKey:
        return schema_key(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str

    @property
    def key(self) -> ObjectKey:
        return extension_key(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of a composite type; `type` by format_type, `collation` only if not the type's own."""

    name: str
    type: str
    collation: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint of a table or domain.

    Attributes:
        kind: "primary key", "unique", "check", "foreign key", "exclusion" or "trigger"; NOT NULL is `Column.not_null`.
        definition: pg_get_constraintdef, complete (DEFERRABLE, NOT VALID, NO INHERIT included).
        columns: names of the table's columns in it.
        references: the table that a foreign key points to.
        index: name of the index behind it, if it has one.
        inherited: comes from a parent table only.
        clustered, replica_identity: marks of the index behind it.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...] = ()
    references: QualifiedName | None = None
    index: str | None = None
    inherited: bool = False
    clustered: bool = False
    replica_identity: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumType:
    schema: str
    name: str
    labels: tuple[str, ...]
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeType:
    schema: str
    name: str
    attributes: tuple[Attribute, ...]
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainType:
    schema: str
    name: str
    base: str
    collation: str | None = None
    not_null: bool = False
    default: str | None = None
    constraints: tuple[Constraint, ...] = ()
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeType:
    """A range type; `definition` is everything between the parentheses of CREATE TYPE … AS RANGE (…)."""

    schema: str
    name: str
    definition: str
    access: Access

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TYPE, self.schema, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceOptions:
    """Parameters of a sequence (manual: CREATE SEQUENCE)."""

    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table, view or materialised view.

    Attributes:
        type: format_type, modifiers included ("character varying(40)", "public.status[]").
        collation: qualified, only if it differs from the type's own.
        not_null_options: "NO INHERIT", "NOT VALID" or both, of the NOT NULL constraint (PostgreSQL 18).
        default: pg_get_expr of the default; None for generated columns.
        owned_sequence: the sequence that this column owns, when `default` is its nextval (serial).
        identity: "", "always" or "by default"; `identity_options` then.
        generated: expression of a generated column; `generated_kind` "stored" or "virtual".
        inherited: comes from a parent table only (attislocal is false).
        storage, compression, statistics, options: only when they differ from the type's or server's default.
    """

    name: str
    type: str
    collation: str | None = None
    not_null: bool = False
    not_null_options: str | None = None
    default: str | None = None
    owned_sequence: QualifiedName | None = None
    identity: str = ""
    identity_options: SequenceOptions | None = None
    generated: str | None = None
    generated_kind: str | None = None
    inherited: bool = False
    storage: str | None = None
    compression: str | None = None
    statistics: int | None = None
    options: tuple[str, ...] = ()
    comment: str | None = None
    granted: tuple[Privilege, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A row-level security policy; `roles` is ("public",) when it is for everyone; `command` "ALL", "SELECT", …"""

    name: str
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
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

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.TABLE, self.schema, self.name)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view or materialised view.

    Attributes:
        definition: pg_get_viewdef, the query alone, without the final semicolon.
        columns: names, types, comments, defaults and privileges.
        options: reloptions sorted (security_barrier, security_invoker, check_option, …).
        indexes: of a materialised view.
        triggers: INSTEAD OF triggers.
        access_method, tablespace: of a materialised view, only when not the default.
    """

    schema: str
    name: str
    materialized: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a routine; `mode` "in", "out", "inout", "variadic" or "table"; `type` by format_type."""

    name: str
    mode: str
    type: str
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """A function, procedure, window function or aggregate.

    Attributes:
        kind: "function", "procedure", "window function" or "aggregate".
        arguments: input types (IN, INOUT, VARIADIC), format_type: with the name the routine's identity.
        returns: pg_get_function_result ("SETOF integer", "TABLE(id integer)", "" for procedures).
        head: the definition up to its body: everything but the body itself, so that bodies compare apart.
        body: prosrc; "" for BEGIN ATOMIC (whose body is then part of `head`), for aggregates and C functions.
        definition: complete CREATE OR REPLACE statement, without final semicolon.
    """

    schema: str
    name: str
    kind: str = "function"
    arguments: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    returns_set: bool = False
    language: str = ""
    head: str
    body: str = ""
    definition: str
    security_definer: bool = False
    access: Access

    @property
    def key(self) -> ObjectKey:
        return routine_key(self.schema, self.name, self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPrivileges:
    """One ALTER DEFAULT PRIVILEGES entry; `schema` "" for all schemas; `objects` "tables", "functions", …"""

    role: str
    schema: str
    objects: str
    granted: tuple[Privilege, ...] = ()
    revoked: tuple[Privilege, ...] = ()

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.DEFAULT_PRIVILEGES, self.schema, f"{self.role} {self.objects}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherObject:
    """An object that is deployed but not compared part by part.

    Attributes:
        kind: "rule", "statistics", "cast", "collation", "operator", "text search configuration", …
        identity: PostgreSQL's unambiguous name for it (pg_identify_object).
        definition: a complete CREATE statement where PostgreSQL can print one (rules, statistics), else a canonical
            text of its properties that is only good for comparison, with `creatable` False.
        drop: the statement that drops it.
    """

    kind: str
    identity: str
    definition: str
    creatable: bool = False
    drop: str = ""
    comment: str | None = None

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.OTHER, "", f"{self.kind} {self.identity}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dependency:
    """`dependent` cannot exist without `on` (pg_depend, rewritten to what people name: a view, a column, …)."""

    dependent: ObjectKey
    on: ObjectKey


CatalogObject = (
    Schema
    | Extension
    | EnumType
    | CompositeType
    | DomainType
    | RangeType
    | Sequence
    | Table
    | View
    | Routine
    | DefaultPrivileges
    | OtherObject
)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything that stonegate knows of one database.

    Attributes:
        server: server_version_num (180006).
        dependencies: at column grain where PostgreSQL knows the column.
        search_path: schemas of the database's own search_path setting (ALTER DATABASE … SET), else ().
    """

    server: int = 0
    schemas: tuple[Schema, ...] = ()
    extensions: tuple[Extension, ...] = ()
    enums: tuple[EnumType, ...] = ()
    composites: tuple[CompositeType, ...] = ()
    domains: tuple[DomainType, ...] = ()
    ranges: tuple[RangeType, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    routines: tuple[Routine, ...] = ()
    default_privileges: tuple[DefaultPrivileges, ...] = ()
    others: tuple[OtherObject, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    search_path: tuple[str, ...] = ()

    @cached_property
    def objects(self) -> MappingProxyType[ObjectKey, CatalogObject]:
        """All top-level objects by key."""
        return MappingProxyType({thing.key: thing for thing in self._walk()})

    def _walk(self) -> Iterator[CatalogObject]:
        yield from self.schemas
        yield from self.extensions
        yield from self.enums
        yield from self.composites
        yield from self.domains
        yield from self.ranges
        yield from self.sequences
        yield from self.tables
        yield from self.views
        yield from self.routines
        yield from self.default_privileges
        yield from self.others

    @cached_property
    def dependents(self) -> MappingProxyType[ObjectKey, tuple[ObjectKey, ...]]:
        """For each object what directly depends on it, in key order."""
        found: dict[ObjectKey, list[ObjectKey]] = {}
        for edge in sorted(self.dependencies):
            found.setdefault(edge.on, []).append(edge.dependent)
        return MappingProxyType({key: tuple(values) for key, values in found.items()})

    def table(self, key: ObjectKey) -> Table | None:
        """The table of that key, or None."""
        found = self.objects.get(key)
        return found if isinstance(found, Table) else None

    def fingerprint(self) -> str:
        """sha256 (hex) of the canonical JSON form without the server's version: equal for equal databases."""
        return sha256(to_json(replace(self, server=0))).hexdigest()
