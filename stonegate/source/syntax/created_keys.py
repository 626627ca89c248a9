"""Which object a CREATE statement makes, for declared state and for migrations."""

from __future__ import annotations

from stonegate.model.names import ObjectKey, ObjectKind, extension_key, routine_key, schema_key
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.object_keys import (
    Declarations,
    cast_label,
    input_parameters,
    new_relation,
    operator_label,
    other_key,
    rule_key,
)
from stonegate.source.syntax.type_names import TypeNames, qualified, strings


def created_key(kind: str, node: Node, declarations: Declarations) -> ObjectKey:
    """The key of what a statement of that kind makes; an index without a name has the name ""."""
    match kind:
        case "CreateStmt":
            return new_relation(node["relation"], ObjectKind.TABLE)
        case "ViewStmt":
            return new_relation(node["view"], ObjectKind.VIEW)
        case "CreateTableAsStmt" if node.get("objtype") == "OBJECT_MATVIEW":
            return new_relation(node["into"]["rel"], ObjectKind.MATERIALIZED_VIEW)
        case "CreateTableAsStmt":
            return new_relation(node["into"]["rel"], ObjectKind.TABLE)
        case "CreateSeqStmt":
            return new_relation(node["sequence"], ObjectKind.SEQUENCE)
        case "IndexStmt":
            table = declarations.range_var(node["relation"])
            return ObjectKey(ObjectKind.INDEX, table.schema, node.get("idxname", ""))
        case "CompositeTypeStmt":
            return new_relation(node["typevar"], ObjectKind.TYPE)
        case "CreateEnumStmt" | "CreateRangeStmt":
            return _new_type(node["typeName"])
        case "CreateDomainStmt":
            return _new_type(node["domainname"])
        case "CreateFunctionStmt":
            return _routine(node, declarations.types)
        case "CreateTrigStmt":
            return declarations.range_var(node["relation"]).part(ObjectKind.TRIGGER, node["trigname"])
        case "CreatePolicyStmt":
            return declarations.range_var(node["table"]).part(ObjectKind.POLICY, node["policy_name"])
        case "CreateSchemaStmt":
            return schema_key(node.get("schemaname") or node.get("authrole", {}).get("rolename", ""))
        case "CreateExtensionStmt":
            return extension_key(node["extname"])
        case _:
            return _other(kind, node, declarations)


def _other(kind: str, node: Node, declarations: Declarations) -> ObjectKey:
    """The key of an aggregate, a base type, or what the model has only a label for."""
    match kind:
        case "RuleStmt":
            return rule_key(node["relation"].get("schemaname"), node["relation"]["relname"], node["rulename"])
        case "CreateStatsStmt" if "defnames" not in node:
            table = declarations.range_var(node["relations"][0]["RangeVar"])
            return other_key(f"statistics on {table.qualified.sql}")
        case "CreateStatsStmt":
            return declarations.listed("OBJECT_STATISTIC_EXT", node["defnames"])
        case "CreateConversionStmt":
            return declarations.listed("OBJECT_CONVERSION", node["conversion_name"])
        case "CreateOpClassStmt":
            return declarations.by_method("OBJECT_OPCLASS", node["amname"], node["opclassname"])
        case "CreateOpFamilyStmt":
            return declarations.by_method("OBJECT_OPFAMILY", node["amname"], node["opfamilyname"])
        case "CreateCastStmt":
            return other_key(cast_label(declarations.types, node["sourcetype"], node["targettype"]))
        case "DefineStmt" if node["kind"] == "OBJECT_AGGREGATE":
            return _aggregate(node, declarations.types)
        case "DefineStmt" if node["kind"] == "OBJECT_TYPE":
            return _new_type(node["defnames"])
        case "DefineStmt" if node["kind"] == "OBJECT_OPERATOR":
            options = definition_of(node)
            operands = [options.get(side, {}).get("TypeName") for side in ("leftarg", "rightarg")]
            return other_key(operator_label(declarations.types, *qualified(node["defnames"]), operands))
        case "DefineStmt":
            return declarations.listed(node["kind"], node["defnames"])
        case _:
            raise LookupError(f"{kind} makes no object")


def _new_type(names: list[Node]) -> ObjectKey:
    """The key of a type that a statement makes, from its name."""
    schema, name = qualified(names)
    return ObjectKey(ObjectKind.TYPE, schema or "public", name)


def _routine(node: Node, types: TypeNames) -> ObjectKey:
    schema, name = qualified(node["funcname"])
    parameters = input_parameters(node.get("parameters", ()))
    return routine_key(schema or "public", name, tuple(types.identity(each["argType"]) for each in parameters))


def _aggregate(node: Node, types: TypeNames) -> ObjectKey:
    schema, name = qualified(node["defnames"])
    arguments = node["args"][0].get("List", {}).get("items", []) if node.get("args") else []
    spelled = tuple(types.identity(each["argType"]) for each in input_parameters(arguments))
    if node.get("oldstyle"):
        base = definition_of(node).get("basetype", {}).get("TypeName")
        any_input = base is None or strings(base["names"])[-1].lower() == "any"
        spelled = () if any_input or base is None else (types.identity(base),)
    return routine_key(schema or "public", name, spelled)


def definition_of(node: Node) -> dict[str, Node]:
    """The options of a DefineStmt by lower-case name."""
    options = (entry["DefElem"] for entry in node.get("definition", ()))
    return {option["defname"].lower(): option.get("arg", {}) for option in options}
