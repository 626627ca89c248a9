"""What the types of a folder are made of, as their own statements say: for a verdict without a database."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct, field

from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, quote_ident
from stonegate.model.source import SourceTree, Verb
from stonegate.source.syntax.grammar import parse_nodes
from stonegate.source.syntax.type_names import TypeNames

#: Rows of a relation are a type, too.
_KINDS = (ObjectKind.TYPE, ObjectKind.TABLE, *VIEW_KINDS)
_LIMITS = frozenset({"CONSTR_CHECK", "CONSTR_NOTNULL"})


class DeclaredTypes(Struct, frozen=True):
    """The types of a folder, each by every way to write its name.

    Attributes:
        names: of all, and of relations.
        enums: those of enums.
        domains: name → base type, as format_type prints it with an empty search_path.
        unchecked: domains that let every value of their base type in.
    """

    names: set[str] = field(default_factory=set)
    enums: set[str] = field(default_factory=set)
    domains: dict[str, str] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)


def declared_types(tree: SourceTree) -> DeclaredTypes:
    """The types and relations that the folder declares."""
    items = [item for item in tree.items if item.key.kind in _KINDS and item.verb is Verb.CREATE]
    schemas: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        schemas[item.key.name].add(item.key.schema)
    extensions = {extension.name: extension.schema for extension in tree.extensions if extension.schema}
    spelling = TypeNames({name: frozenset(found) for name, found in schemas.items()}, extensions)
    types = DeclaredTypes()
    for item in items:
        names = _ways_to_write(item.key)
        types.names.update(names)
        ((kind, node),) = parse_nodes(item.sql, item.file)[0]["stmt"].items()
        if kind == "CreateEnumStmt":
            types.enums.update(names)
        elif kind == "CreateDomainStmt":
            types.domains.update(dict.fromkeys(names, spelling.column(node["typeName"])))
            if all(each["Constraint"]["contype"] not in _LIMITS for each in node.get("constraints", ())):
                types.unchecked.update(names)
    return types


def _ways_to_write(key: ObjectKey) -> tuple[str, ...]:
    """With its schema, and without it as PostgreSQL prints it and as it may be typed."""
    return (key.qualified.sql, quote_ident(key.name), key.name)
