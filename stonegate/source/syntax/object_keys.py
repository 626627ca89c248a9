"""Which object a parse tree names: relations, types, routines with their identity, members, and all others by label."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, extension_key, schema_key
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.references import Needs
from stonegate.source.syntax.type_names import TypeNames, qualified, strings

_RELATIONS = {
    "OBJECT_TABLE": ObjectKind.TABLE,
    "OBJECT_FOREIGN_TABLE": ObjectKind.TABLE,
    "OBJECT_VIEW": ObjectKind.VIEW,
    "OBJECT_MATVIEW": ObjectKind.MATERIALIZED_VIEW,
    "OBJECT_INDEX": ObjectKind.INDEX,
    "OBJECT_SEQUENCE": ObjectKind.SEQUENCE,
}
_TYPES = frozenset({"OBJECT_TYPE", "OBJECT_DOMAIN"})
ROUTINES = frozenset({"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE"})
#: Parts of a relation by PostgreSQL's ObjectType.
MEMBERS = {
    "OBJECT_COLUMN": ObjectKind.COLUMN,
    "OBJECT_TABCONSTRAINT": ObjectKind.CONSTRAINT,
    "OBJECT_TRIGGER": ObjectKind.TRIGGER,
    "OBJECT_POLICY": ObjectKind.POLICY,
}
_OTHERS = {
    "OBJECT_STATISTIC_EXT": "statistics",
    "OBJECT_COLLATION": "collation",
    "OBJECT_CONVERSION": "conversion",
    "OBJECT_TSPARSER": "text search parser",
    "OBJECT_TSTEMPLATE": "text search template",
    "OBJECT_TSDICTIONARY": "text search dictionary",
    "OBJECT_TSCONFIGURATION": "text search configuration",
}
#: Type names that format_type prints without a schema even where it is told to qualify.
_NEVER_QUALIFIED = frozenset({"integer", "smallint", "bigint", "real", "boolean", "numeric", "interval", "bit"})


class Declarations(Struct, frozen=True):
    """What one folder declares, as far as later statements need it to understand names.

    Attributes:
        types: spells types.
        relations: (schema, name) → kind of every declared relation.
    """

    types: TypeNames
    relations: Mapping[tuple[str, str], ObjectKind]

    def relation(self, schema: str | None, name: str, kind: ObjectKind = ObjectKind.TABLE) -> ObjectKey:
        """The key of a relation, by its declared kind or else as `kind`; `public` when unqualified."""
        schema = schema or "public"
        return ObjectKey(self.relations.get((schema, name), kind), schema, name)

    def range_var(self, node: Node, kind: ObjectKind = ObjectKind.TABLE) -> ObjectKey:
        """The key of the relation of a RangeVar node."""
        return self.relation(node.get("schemaname"), node["relname"], kind)

    def type(self, schema: str | None, name: str) -> ObjectKey:
        """The key of a type."""
        return ObjectKey(ObjectKind.TYPE, schema or self.types.schema_of(name), name)

    def routine(self, node: Node) -> ObjectKey:
        """The key of an ObjectWithArgs node; `arguments` is None where none were written (`DROP FUNCTION f`)."""
        schema, name = qualified(node["objname"])
        arguments = None if node.get("args_unspecified") else ", ".join(input_types(node, self.types))
        return ObjectKey(ObjectKind.ROUTINE, schema or "public", name, arguments)

    def object(self, objtype: str, node: Node) -> ObjectKey:
        """The key of the object in a COMMENT, DROP, ALTER … OWNER or RENAME, by PostgreSQL's ObjectType."""
        if objtype in ROUTINES:
            return self.routine(node["ObjectWithArgs"])
        if objtype == "OBJECT_SCHEMA":
            return schema_key(node["String"]["sval"])
        if objtype == "OBJECT_EXTENSION":
            return extension_key(node["String"]["sval"])
        if objtype in _TYPES:
            return self.type(*qualified(node["TypeName"]["names"] if "TypeName" in node else node["List"]["items"]))
        if objtype == "OBJECT_DOMCONSTRAINT":
            domain, name = node["List"]["items"]
            owner = self.type(*qualified(domain["TypeName"]["names"]))
            return owner.part(ObjectKind.CONSTRAINT, name["String"]["sval"])
        parts = strings(node["List"]["items"]) if "List" in node else []
        if objtype in _RELATIONS:
            return self.relation(parts[-2] if len(parts) > 1 else None, parts[-1], _RELATIONS[objtype])
        if objtype in MEMBERS:
            owner = self.relation(parts[-3] if len(parts) > 2 else None, parts[-2])
            return owner.part(MEMBERS[objtype], parts[-1])
        return other_key(self._label(objtype, node, parts))

    def listed(self, objtype: str, names: list[Node]) -> ObjectKey:
        """As `object`, of a name that stands as a bare list in its parse tree."""
        return self.object(objtype, {"List": {"items": names}})

    def by_method(self, objtype: str, method: str, names: list[Node]) -> ObjectKey:
        """The key of an operator class or family of an index access method."""
        return self.listed(objtype, [{"String": {"sval": method}}, *names])

    def _label(self, objtype: str, node: Node, parts: list[str]) -> str:
        if objtype == "OBJECT_RULE":
            return rule_key(parts[-3] if len(parts) > 2 else None, parts[-2], parts[-1]).name
        if objtype == "OBJECT_CAST":
            source, target = node["List"]["items"]
            return cast_label(self.types, source["TypeName"], target["TypeName"])
        if objtype == "OBJECT_OPERATOR":
            operator = node["ObjectWithArgs"]
            arguments = [entry.get("TypeName") for entry in operator.get("objargs", ())]
            return operator_label(self.types, *qualified(operator["objname"]), arguments)
        if objtype in ("OBJECT_OPCLASS", "OBJECT_OPFAMILY"):
            word = "operator class" if objtype == "OBJECT_OPCLASS" else "operator family"
            return f"{word} {QualifiedName(parts[-2] if len(parts) > 2 else 'public', parts[-1]).sql} USING {parts[0]}"
        word = _OTHERS.get(objtype, objtype.removeprefix("OBJECT_").replace("_", " ").lower())
        name = parts or ([node["String"]["sval"]] if "String" in node else [])
        if not name:
            return word
        return f"{word} {QualifiedName(name[-2] if len(name) > 1 else 'public', name[-1]).sql}"


def new_relation(node: Node, kind: ObjectKind) -> ObjectKey:
    """The key of a relation or composite type that a statement makes, from its RangeVar."""
    return ObjectKey(kind, node.get("schemaname", "public"), node["relname"])


def relation_kind(objtype: str) -> ObjectKind | None:
    """The kind of relation that an ObjectType means, None for anything else."""
    return _RELATIONS.get(objtype)


def is_type(objtype: str) -> bool:
    """Whether an ObjectType means a type or domain."""
    return objtype in _TYPES


def other_key(label: str) -> ObjectKey:
    """The key of what the model has only a label for ("rule r on public.t")."""
    return ObjectKey(ObjectKind.OTHER, "", label)


def rule_key(schema: str | None, table: str, name: str) -> ObjectKey:
    """The key of a rule of a table or view, as pg_identify_object writes it."""
    return other_key(f"rule {QualifiedName('public', name)} on {QualifiedName(schema or 'public', table).sql}")


def cast_label(types: TypeNames, source: Node, target: Node) -> str:
    """A cast as pg_identify_object writes it."""
    return f"cast ({_forced(types.identity(source))} AS {_forced(types.identity(target))})"


def operator_label(types: TypeNames, schema: str | None, name: str, arguments: list[Node | None]) -> str:
    """An operator as pg_identify_object writes it; None stands for a missing operand."""
    spelled = ",".join("NONE" if argument is None else _forced(types.identity(argument)) for argument in arguments)
    return f"operator {QualifiedName(schema or 'public', 'x').sql.removesuffix('x')}{name}({spelled})"


def _forced(spelled: str) -> str:
    base = spelled.removesuffix("[]")
    plain = "." in base or " " in base or base in _NEVER_QUALIFIED
    return spelled if plain else f"pg_catalog.{spelled}"


_OUTPUT = frozenset({"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"})


def input_parameters(parameters: list[Node]) -> list[Node]:
    """The FunctionParameter nodes that belong to a routine's identity."""
    return [node["FunctionParameter"] for node in parameters if node["FunctionParameter"].get("mode") not in _OUTPUT]


def input_types(node: Node, types: TypeNames) -> list[str]:
    """The input types of an ObjectWithArgs node."""
    if "objfuncargs" in node:
        return [types.identity(parameter["argType"]) for parameter in input_parameters(node["objfuncargs"])]
    return [types.identity(entry["TypeName"]) for entry in node.get("objargs", ()) if "TypeName" in entry]


def need_object(needs: Needs, key: ObjectKey) -> None:
    """Note that an object must exist before a statement can speak of it; members by their owner."""
    match key.kind:
        case ObjectKind.SCHEMA:
            needs.schema(key.name)
        case ObjectKind.ROUTINE:
            needs.routine(key.schema, key.name)
        case ObjectKind.TYPE | ObjectKind.ATTRIBUTE:
            needs.type({"names": [{"String": {"sval": key.schema}}, {"String": {"sval": key.name}}]})
        case ObjectKind.COLUMN:
            needs.relation(key.schema, key.name, key.member)
        case (
            ObjectKind.TABLE
            | ObjectKind.VIEW
            | ObjectKind.MATERIALIZED_VIEW
            | ObjectKind.INDEX
            | ObjectKind.SEQUENCE
            | ObjectKind.CONSTRAINT
            | ObjectKind.TRIGGER
            | ObjectKind.POLICY
        ):
            needs.relation(key.schema, key.name)
        case _:
            pass
