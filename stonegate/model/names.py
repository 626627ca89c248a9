"""Names of database objects: quoting, qualified names, routine signatures and the key that identifies any object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from stonegate.model.keywords import RESERVED

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")

#: Bytes of an identifier: NAMEDATALEN - 1 (manual 4.1.1).
LONGEST_NAME = 63
#: How the names of databases begin that whoever finds them without an owner drops; nobody else's begin like this.
TEMPORARY_PREFIX = "stonegate_tmp_"
REFERENCE_PREFIX = "stonegate_ref_"


def quote_ident(name: str) -> str:
    """The identifier as SQL needs it: bare where PostgreSQL would read it back the same, else double-quoted.

    Source: PostgreSQL manual 4.1.1 (identifiers) and appendix C (reserved key words).
    """
    if _PLAIN.match(name) and name not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """The text as a string constant that means the same whatever `standard_conforming_strings` says (manual 4.1.2)."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def quote_dollars(text: str, tag: str = "stonegate") -> str:
    """The text as a string constant in which it stands as it is (manual 4.1.2.4); the tag grows where it is taken."""
    while f"${tag}$" in text:
        tag += "_"
    return f"${tag}$\n{text}\n${tag}$"


class QualifiedName(Struct, frozen=True, order=True):
    """A schema and a name in it. `str()` omits the schema `public`, since that is how people speak of objects."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        """Fully qualified and quoted, for statements."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"

    def key(self, kind: ObjectKind) -> ObjectKey:
        """The key of the object of that kind which has this name."""
        return ObjectKey(kind, self.schema, self.name)

    def __str__(self) -> str:
        return quote_ident(self.name) if self.schema == "public" else self.sql


class ObjectKind(StrEnum):
    """Every kind of thing a database can hold that stonegate has a word for."""

    SCHEMA = "schema"
    EXTENSION = "extension"
    TYPE = "type"  # enum, composite, domain, range share one namespace
    SEQUENCE = "sequence"
    TABLE = "table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    INDEX = "index"
    ROUTINE = "routine"  # functions, procedures and aggregates share one namespace
    COLUMN = "column"
    ATTRIBUTE = "attribute"  # of a composite type
    CONSTRAINT = "constraint"
    TRIGGER = "trigger"
    POLICY = "policy"
    DEFAULT_PRIVILEGES = "default privileges"
    MIGRATION = "migration"  # a file, not a catalog object
    SEED = "seed"  # the declared rows of one table
    OTHER = "other"  # rules, statistics, casts, text search objects, operators, …: deployed, not modelled


#: Kinds whose key names an owner relation (or type) in `name` and the part in `member`.
MEMBER_KINDS = frozenset(
    {ObjectKind.COLUMN, ObjectKind.ATTRIBUTE, ObjectKind.CONSTRAINT, ObjectKind.TRIGGER, ObjectKind.POLICY}
)


#: Relations: two of one schema cannot have the same name (manual, CREATE TABLE).
RELATION_KINDS = frozenset(
    {ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE, ObjectKind.INDEX}
)
#: They share their names with types, since relations have row types (manual 5.10.5).
NAMESPACE_KINDS = RELATION_KINDS | {ObjectKind.TYPE}
VIEW_KINDS = (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
#: What consists of a query or a body.
CODE_KINDS = frozenset({*VIEW_KINDS, ObjectKind.ROUTINE})


class ObjectKey(Struct, frozen=True, order=True):
    """Identifies one object of one database.

    Attributes:
        kind: see `ObjectKind`.
        schema: the schema; "" for what has none (schemas, extensions, migrations).
        name: the object's name; for members the relation (or type) that they belong to.
        arguments: for routines the input types as `format_type` prints them, comma separated ("integer, text[]").
        member: for members their own name (column, constraint, trigger, policy, attribute); for an index without a name
            what it is on.
    """

    kind: ObjectKind
    schema: str
    name: str
    arguments: str | None = None
    member: str | None = None

    @property
    def qualified(self) -> QualifiedName:
        """The name of the object, or of the relation that a member belongs to."""
        return QualifiedName(self.schema, self.name)

    @property
    def is_part(self) -> bool:
        """True for what belongs to a relation or type: its members and indexes."""
        return self.kind in MEMBER_KINDS or self.kind is ObjectKind.INDEX

    @property
    def own_name(self) -> str:
        """What the object or member itself is called."""
        return self.name if self.member is None else self.member

    @property
    def owner(self) -> ObjectKey:
        """For a member the table that it belongs to (kind TABLE, or TYPE for an attribute); for all else itself."""
        if self.kind not in MEMBER_KINDS:
            return self
        kind = ObjectKind.TYPE if self.kind is ObjectKind.ATTRIBUTE else ObjectKind.TABLE
        return ObjectKey(kind, self.schema, self.name)

    def part(self, kind: ObjectKind, member: str) -> ObjectKey:
        """The key of a member of this table or type."""
        return ObjectKey(kind, self.schema, self.name, None, member)

    def index(self, name: str) -> ObjectKey:
        """The key of an index of this relation: it has a name of its own in the same schema."""
        return ObjectKey(ObjectKind.INDEX, self.schema, name)

    @property
    def label(self) -> str:
        """What people type and read: `users`, `sales.users`, `users.email`, `add(integer, integer)`."""
        match self.kind:
            case ObjectKind.SCHEMA | ObjectKind.EXTENSION:
                return quote_ident(self.name)
            case ObjectKind.MIGRATION | ObjectKind.OTHER:
                return self.name
            case ObjectKind.DEFAULT_PRIVILEGES:
                role, _, objects = self.name.rpartition(" ")
                whose = f"of {role} " if role else ""
                return f"{whose}on {objects}" + (f" in schema {quote_ident(self.schema)}" if self.schema else "")
            case ObjectKind.INDEX if not self.name:
                return f"on {self.member}"
            case _:
                pass
        text = str(self.qualified)
        if self.member is not None:
            text += "." + quote_ident(self.member)
        if self.arguments is not None:
            text += f"({self.arguments})"
        return text

    def __str__(self) -> str:
        # The name of another kind of object begins with the kind: "statistics public.s".
        return self.label if self.kind is ObjectKind.OTHER else f"{self.kind.value} {self.label}"


def schema_key(name: str) -> ObjectKey:
    """The key of a schema."""
    return ObjectKey(ObjectKind.SCHEMA, "", name)


def extension_key(name: str) -> ObjectKey:
    """The key of an extension."""
    return ObjectKey(ObjectKind.EXTENSION, "", name)


def routine_key(schema: str, name: str, arguments: tuple[str, ...]) -> ObjectKey:
    """The key of a function, procedure or aggregate: its name and its input types as `format_type` prints them."""
    return ObjectKey(ObjectKind.ROUTINE, schema, name, ", ".join(arguments))


def describe_call(name: str, parameters: Iterable[tuple[str, str]], *, defaults: int, is_variadic: bool) -> str:
    """How a routine is called: `add(a integer, b integer DEFAULT …)`.

    Args:
        parameters: names, "" for a nameless one, and types of the input parameters.
        defaults: how many of the last ones may be left out.
        is_variadic: the last one takes any number of values.
    """
    told = [f"{parameter} {type_}".strip() for parameter, type_ in parameters]
    required = len(told) - defaults
    told = [*told[:required], *(f"{each} DEFAULT …" for each in told[required:])]
    if is_variadic:
        told[-1] = f"VARIADIC {told[-1]}"
    return f"{name}({', '.join(told)})"


def in_list(names: Sequence[str], limit: int = 3) -> str:
    """`a, b, c and 2 more`."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
