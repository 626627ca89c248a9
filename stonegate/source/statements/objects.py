"""Schemas, types, domains and the objects that the model has only a label for (operators, casts, collations, …)."""

from __future__ import annotations

from collections.abc import Callable

from stonegate.errors import MisplacedStatement
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, schema_key
from stonegate.model.source import SourceItem
from stonegate.source.statements.items import Draft, with_original
from stonegate.source.statements.relations import note_constraint
from stonegate.source.statements.routines import build_aggregate
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import (
    Declarations,
    cast_label,
    new_relation,
    operator_label,
    other_key,
    rule_identity,
)
from stonegate.source.syntax.type_names import qualified

Builder = Callable[[Statement, Declarations], SourceItem]


def build_schema(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE SCHEMA.

    Raises:
        MisplacedStatement: the statement creates objects in the schema as well.
    """
    node = statement.node
    name = node.get("schemaname") or node.get("authrole", {}).get("rolename", "")
    if "schemaElts" in node:
        raise MisplacedStatement(
            f"CREATE SCHEMA {name} creates other objects too",
            file=statement.file.path,
            line=statement.line,
            hint=f"write them as statements of their own: CREATE TABLE {name}.… in tables/, and so on",
        )
    return Draft(statement, declarations).created(schema_key(name))


def _type_key(names: list[Node]) -> ObjectKey:
    schema, name = qualified(names)
    return ObjectKey(ObjectKind.TYPE, schema or "public", name)


def build_enum(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TYPE … AS ENUM."""
    return with_original(Draft(statement, declarations).created(_type_key(statement.node["typeName"])), statement)


def build_composite(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TYPE … AS (…); its attributes are members."""
    key = new_relation(statement.node["typevar"], ObjectKind.TYPE)
    draft = Draft(statement, declarations)
    for entry in statement.node.get("coldeflist", ()):
        column = entry["ColumnDef"]
        draft.needs.walk(column)
        draft.member(key.part(ObjectKind.ATTRIBUTE, column["colname"]), column["location"])
    return with_original(draft.created(key), statement)


def build_range(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TYPE … AS RANGE; support functions are named like types in its parse tree."""
    draft = Draft(statement, declarations)
    for entry in statement.node.get("params", ()):
        option = entry["DefElem"]
        argument = option.get("arg", {}).get("TypeName")
        if argument is None:
            continue
        if option["defname"].lower() == "subtype":
            draft.needs.type(argument)
        elif option["defname"].lower() in ("subtype_diff", "canonical"):
            draft.needs.routine(*qualified(argument["names"]))
    return with_original(draft.created(_type_key(statement.node["typeName"])), statement)


def build_domain(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE DOMAIN."""
    node = statement.node
    key = _type_key(node["domainname"])
    draft = Draft(statement, declarations)
    draft.needs.walk([node["typeName"], node.get("constraints")])
    for entry in node.get("constraints", ()):
        note_constraint(draft, key, entry["Constraint"])
    return with_original(draft.created(key), statement)


_DEFINED = {
    "OBJECT_COLLATION": "collation",
    "OBJECT_TSPARSER": "text search parser",
    "OBJECT_TSTEMPLATE": "text search template",
    "OBJECT_TSDICTIONARY": "text search dictionary",
    "OBJECT_TSCONFIGURATION": "text search configuration",
}
#: Options of DefineStmt whose TypeName is really the name of another such object.
_MODELS = {
    ("OBJECT_COLLATION", "from"): "collation",
    ("OBJECT_TSDICTIONARY", "template"): "text search template",
    ("OBJECT_TSCONFIGURATION", "parser"): "text search parser",
    ("OBJECT_TSCONFIGURATION", "copy"): "text search configuration",
}
#: Options of DefineStmt whose TypeName is really the name of a function.
_FUNCTION_OPTIONS = frozenset(
    {"function", "procedure", "restrict", "join", "start", "gettoken", "end", "lextypes", "headline", "init", "lexize"}
)


def build_defined(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a DefineStmt: aggregate, operator, collation or text search object.

    Raises:
        MisplacedStatement: a base type, be it whole or announced.
    """
    node = statement.node
    if node["kind"] == "OBJECT_AGGREGATE":
        return build_aggregate(statement, declarations)
    if node["kind"] == "OBJECT_TYPE":
        raise MisplacedStatement(
            f"a base type is not declared state: {_type_key(node['defnames']).qualified.sql} and its functions need "
            "each other",
            file=statement.file.path,
            line=statement.line,
            hint="move the type and the functions that read and write it to one file of migrations/ that begins with "
            "-- stonegate: run-on-fresh, or pack them as an extension",
        )
    draft = Draft(statement, declarations)
    arguments: dict[str, Node] = {}
    for entry in node.get("definition", ()):
        option, value = entry["DefElem"]["defname"].lower(), entry["DefElem"].get("arg", {}).get("TypeName")
        if value is None:
            continue
        if option in _FUNCTION_OPTIONS:
            draft.needs.routine(*qualified(value["names"]))
        elif option in ("leftarg", "rightarg"):
            draft.needs.type(value)
            arguments[option] = value
        elif (node["kind"], option) in _MODELS:
            draft.needs.other(_labelled(_MODELS[node["kind"], option], value["names"]).name)
    schema, name = qualified(node["defnames"])
    draft.needs.schema(schema)
    if node["kind"] == "OBJECT_OPERATOR":
        operands = [arguments.get("leftarg"), arguments.get("rightarg")]
        return draft.created(other_key(operator_label(declarations.types, schema, name, operands)))
    return draft.created(_labelled(_DEFINED[node["kind"]], node["defnames"]))


def _labelled(word: str, names: list[Node], suffix: str = "") -> ObjectKey:
    schema, name = qualified(names)
    return other_key(f"{word} {QualifiedName(schema or 'public', name).sql}{suffix}")


def build_rule(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE RULE."""
    node = statement.node
    relation = node["relation"]
    draft = Draft(statement, declarations)
    draft.needs.walk([relation, node.get("whereClause"), node.get("actions")])
    label = f"rule {rule_identity(relation.get('schemaname'), relation['relname'], node['rulename'])}"
    return draft.created(other_key(label), target=declarations.range_var(relation))


def build_statistics(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE STATISTICS; without a name its label says so."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk([node.get("relations"), node.get("exprs")])
    table = declarations.range_var(node["relations"][0]["RangeVar"])
    if "defnames" not in node:
        return draft.created(other_key(f"statistics on {table.qualified.sql}"), target=table)
    return draft.created(_labelled("statistics", node["defnames"]), target=table)


def build_cast(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE CAST."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.type(node["sourcetype"])
    draft.needs.type(node["targettype"])
    if "func" in node:
        draft.needs.routine(*qualified(node["func"]["objname"]))
    return draft.created(other_key(cast_label(declarations.types, node["sourcetype"], node["targettype"])))


def build_operator_class(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE OPERATOR CLASS."""
    node = statement.node
    draft = Draft(statement, declarations)
    method = f" USING {node['amname']}"
    draft.needs.type(node["datatype"])
    if "opfamilyname" in node:
        draft.needs.other(_labelled("operator family", node["opfamilyname"], method).name)
    for entry in node.get("items", ()):
        item = entry["CreateOpClassItem"]
        if item.get("itemtype") == 1:  # OPCLASS_ITEM_OPERATOR
            operands = [each["TypeName"] for each in item["name"].get("objargs", ())] or [node["datatype"]] * 2
            draft.needs.other(operator_label(declarations.types, *qualified(item["name"]["objname"]), operands))
        if item.get("itemtype") == 2:  # OPCLASS_ITEM_FUNCTION
            draft.needs.routine(*qualified(item["name"]["objname"]))
    return draft.created(_labelled("operator class", node["opclassname"], method))


def build_operator_family(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE OPERATOR FAMILY."""
    node = statement.node
    key = _labelled("operator family", node["opfamilyname"], f" USING {node['amname']}")
    return Draft(statement, declarations).created(key)


def build_conversion(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE CONVERSION."""
    draft = Draft(statement, declarations)
    draft.needs.routine(*qualified(statement.node["func_name"]))
    return draft.created(_labelled("conversion", statement.node["conversion_name"]))
