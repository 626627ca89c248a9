"""Schemas, extensions, routines, and the objects that are deployed but not compared part by part."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from stonegate.model.catalog.access import Access
from stonegate.model.names import ObjectKey, ObjectKind, extension_key, routine_key, schema_key


class Schema(Struct, frozen=True, kw_only=True):
    """A schema (other than pg_* and information_schema; `public` is listed)."""

    name: str
    access: Access

    @property
    def key(self) -> ObjectKey:
        return schema_key(self.name)


class Extension(Struct, frozen=True, kw_only=True):
    """An installed extension; the comment is its own (of its control file) unless somebody wrote another one."""

    name: str
    version: str
    schema: str
    comment: str | None = None

    @property
    def key(self) -> ObjectKey:
        return extension_key(self.name)


class Parameter(Struct, frozen=True, kw_only=True):
    """A parameter of a routine; `mode` "in", "out", "inout", "variadic" or "table"; `type` by format_type."""

    name: str
    mode: str
    type: str
    default: str | None = None


class Routine(Struct, frozen=True, kw_only=True, dict=True):
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

    @cached_property
    def key(self) -> ObjectKey:
        return routine_key(self.schema, self.name, self.arguments)


class OtherPart(Struct, frozen=True, kw_only=True):
    """What completes an `OtherObject` and comes and goes by itself: the statement that gives it, and its reverse."""

    sql: str
    undo: str


#: How the names begin of what is said about a thing by altering it: lost where that is made again, gone where it goes.
_REMARKS = (
    "comment ",
    "extension dependency ",
    "index storage ",
    "replica identity ",
    "security label ",
    "sequence persistence ",
    "trigger state ",
)


def is_remark(key: ObjectKey) -> bool:
    """True for what is said about another object, and is held as an object of its own."""
    return key.kind is ObjectKind.OTHER and key.name.startswith(_REMARKS)


#: How the names begin of what expressions use without naming it in a way that could be followed: made with the types.
LIKE_TYPES = ("operator ", "cast ", "collation ", "text search ", "conversion ")


class OtherObject(Struct, frozen=True, kw_only=True):
    """An object that the model holds as text only.

    Attributes:
        kind: "rule", "statistics", "cast", "collation", "operator", "text search configuration", …
        identity: PostgreSQL's unambiguous name for it (pg_identify_object).
        definition: the CREATE statement; with `creatable` False (languages, foreign servers, publications, …) a
            canonical text of its properties that is only good for comparison.
        parts: mappings of a text search configuration, loose members of an operator family, the state of a rule, …
        drop: the statement that drops it.
        owner: "" for what has none (rules, casts, …).
        about: the trigger or constraint whose state it is ("trigger state").
    """

    kind: str
    identity: str
    definition: str
    parts: tuple[OtherPart, ...] = ()
    creatable: bool = False
    drop: str = ""
    owner: str = ""
    comment: str | None = None
    about: ObjectKey | None = None

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(ObjectKind.OTHER, "", f"{self.kind} {self.identity}")
