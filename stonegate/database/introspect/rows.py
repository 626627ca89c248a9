"""The rows of the system catalogs that a catalog is made of: one statement and one kind of row for each of them.

Plain rows are read, and joined in Python: statements that do the joining take PostgreSQL longer to plan than to run.
The fields of a row are the columns of the statement of its name, in sql/introspect; letters that stand for a kind, a
mode or a storage are PostgreSQL's own (manual, chapter 53).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct, field

#: The system catalogs that an address (class, object, number) names; their oids are the same everywhere (pg_class.dat).
PG_TYPE: Final = 1247
PG_PROC: Final = 1255
PG_CLASS: Final = 1259
PG_ATTRDEF: Final = 2604
PG_CONSTRAINT: Final = 2606
PG_NAMESPACE: Final = 2615
PG_REWRITE: Final = 2618
PG_TRIGGER: Final = 2620
PG_EXTENSION: Final = 3079
PG_POLICY: Final = 3256


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row of a system catalog."""


class Settings(Row, frozen=True, gc=False):
    tablespace: str
    access_method: str
    has_default_privileges: bool
    has_settings: bool
    has_others: bool


class Schema(Row, frozen=True, gc=False):
    oid: int
    name: str
    owner: str
    acl: list[str] | None
    usual: list[str] | None
    comment: str | None


class Extension(Row, frozen=True, gc=False):
    oid: int
    name: str
    version: str
    schema: str
    comment: str | None


class DefaultPrivileges(Row, frozen=True, gc=False):
    role: str
    schema: str
    objects: str
    acl: list[str]
    usual: list[str] | None


class DatabaseSetting(Row, frozen=True, gc=False):
    entry: str


class Type(Row, frozen=True, gc=False):
    oid: int
    schema: str
    name: str
    kind: str
    category: str
    ours: bool
    relation: int
    array_type: int
    owner: str
    acl: list[str] | None
    usual: list[str] | None
    base: str | None
    collation: int | None
    not_null: bool
    default: str | None


class EnumLabel(Row, frozen=True, gc=False):
    type: int
    label: str


class Range(Row, frozen=True, gc=False):
    type: int
    multirange: int
    subtype: str
    operator_class: str | None
    collation: int | None
    canonical: str | None
    subtype_diff: str | None
    multirange_name: str


class Collation(Row, frozen=True, gc=False):
    oid: int
    printed: str


class Relation(Row, frozen=True, gc=False):
    oid: int
    schema: str
    name: str
    kind: str
    ours: bool
    quoted: str | None
    owner: str
    acl: list[str] | None
    usual: list[str] | None
    unlogged: bool
    row_security: bool
    force_row_security: bool
    is_partition: bool
    populated: bool
    replica_identity: str
    access_method: int
    tablespace: int
    row_type: int
    of_type: int
    options: list[str] | None
    toast_options: list[str] | None
    partition_bound: str | None
    definition: str | None


class AccessMethod(Row, frozen=True, gc=False):
    oid: int
    name: str


class Tablespace(Row, frozen=True, gc=False):
    oid: int
    name: str
    quoted: str


class ForeignTable(Row, frozen=True, gc=False):
    relation: int
    server: str
    options: list[str] | None


class Inheritance(Row, frozen=True, gc=False):
    child: int
    parent: int


class Column(Row, frozen=True, gc=False):
    relation: int
    number: int
    name: str
    dropped: bool
    type: str
    collation: int | None
    not_null: bool
    generated: str
    identity: str
    is_local: bool
    storage: str | None
    compression: str
    statistics: int | None
    options: list[str] | None
    fdw_options: list[str] | None
    acl: list[str] | None


class ColumnDefault(Row, frozen=True, gc=False):
    oid: int
    relation: int
    number: int
    expression: str


class SequenceRow(Row, frozen=True, gc=False):
    relation: int
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool


class Constraint(Row, frozen=True, gc=False):
    oid: int
    name: str
    kind: str
    relation: int
    domain: int
    its_index: int
    parent: int
    referenced: int
    columns: list[int] | None
    no_inherit: bool
    validated: bool
    is_local: bool
    has_parents: bool
    definition: str | None


class Index(Row, frozen=True, gc=False):
    oid: int
    relation: int
    columns: list[int]
    is_unique: bool
    valid: bool
    clustered: bool
    replica_identity: bool
    computed: bool
    predicate: str | None
    definition: str | None


class Trigger(Row, frozen=True, gc=False):
    oid: int
    name: str
    relation: int
    enabled: str
    inner: bool
    parent: int
    routine_schema: str
    routine_name: str
    definition: str | None


class Policy(Row, frozen=True, gc=False):
    oid: int
    name: str
    relation: int
    permissive: bool
    command: str
    roles: list[str]
    using: str | None
    check: str | None


class Rule(Row, frozen=True, gc=False):
    oid: int
    relation: int
    name: str


class Routine(Row, frozen=True, gc=False):
    oid: int
    schema: str
    name: str
    kind: str
    language: str
    owner: str
    acl: list[str] | None
    usual: list[str] | None
    plain: bool
    source: str
    security_definer: bool
    returns_set: bool
    returns: str | None
    types: list[str]
    names: list[str] | None
    modes: list[str] | None
    defaults: list[str | None] | None
    definition: str | None


class Comment(Row, frozen=True, gc=False):
    cls: int
    object: int
    number: int
    text: str


class DependencyRow(Row, frozen=True, gc=False):
    cls: int
    object: int
    number: int
    on_class: int
    on_object: int
    on_number: int
    kind: str


class Other(Row, frozen=True, gc=False):
    cls: int
    object: int
    kind: str
    identity: str
    definition: str
    creatable: bool
    drop: str
    owner: str | None


class Remark(Row, frozen=True, gc=False):
    kind: str
    identity: str
    definition: str
    creatable: bool
    drop: str
    about_kind: str | None
    about_schema: str | None
    about_name: str | None
    about_member: str | None
    holder_class: int
    holder: int
    holder_number: int


class OtherPart(Row, frozen=True, gc=False):
    cls: int
    object: int
    sql: str
    undo: str


class OtherMember(Row, frozen=True, gc=False):
    cls: int
    object: int
    whole_class: int
    whole: int


class Aggregate(Row, frozen=True, gc=False):
    oid: int
    definition: str


class Found(Row, frozen=True, gc=False):
    found: bool


class Rows(Struct, frozen=True, eq=False, kw_only=True):
    """What every database is read by; each field has the rows of the statement of its name.

    What has a default is read behind the rest, where that gives a reason to (seldom.py).
    """

    settings: list[Settings]
    schemas: list[Schema]
    extensions: list[Extension]
    default_privileges: list[DefaultPrivileges] = field(default_factory=list)
    database_settings: list[DatabaseSetting] = field(default_factory=list)
    types: list[Type]
    enum_labels: list[EnumLabel] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)
    collations: list[Collation] = field(default_factory=list)
    relations: list[Relation]
    access_methods: list[AccessMethod] = field(default_factory=list)
    tablespaces: list[Tablespace] = field(default_factory=list)
    foreign_tables: list[ForeignTable] = field(default_factory=list)
    inheritance: list[Inheritance] = field(default_factory=list)
    columns: list[Column]
    column_defaults: list[ColumnDefault]
    sequences: list[SequenceRow]
    constraints: list[Constraint]
    indexes: list[Index]
    triggers: list[Trigger] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    routines: list[Routine]
    comments: list[Comment]
    dependencies: list[DependencyRow]
    find_others: list[Found] = field(default_factory=list)


class OtherRows(Struct, frozen=True, eq=False):
    """What hardly any database has, in a round trip more."""

    others: list[Other] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    other_parts: list[OtherPart] = field(default_factory=list)
    other_members: list[OtherMember] = field(default_factory=list)


class RoutineRows(Struct, frozen=True, eq=False):
    """Routines alone."""

    routines: list[Routine]
    comments: list[Comment]


class AggregateRows(Struct, frozen=True, eq=False):
    """The definitions of aggregates, where there are any."""

    aggregates: list[Aggregate] = field(default_factory=list)
