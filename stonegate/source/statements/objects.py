"""Schemas, types, domains and the objects that the model has only a label for (operators, casts, collations, …)."""

from __future__ import annotations

from collections.abc import Callable

from stonegate.errors import MisplacedStatement
from stonegate.model.names import ObjectKind
from stonegate.model.source import SourceItem
from stonegate.source.statements.items import Draft, with_original
from stonegate.source.statements.relations import note_constraint
from stonegate.source.statements.routines import build_aggregate
from stonegate.source.syntax.created_keys import definition_of
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import (
    Declarations,
    operator_label,
)
from stonegate.source.syntax.type_names import qualified

Builder = Callable[[Statement, Declarations], SourceItem]


def build_schema(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE SCHEMA.

    Raises:
        MisplacedStatement: the statement creates objects in the schema as well.
    """
    draft = Draft(statement, declarations)
    if "schemaElts" in statement.node:
        name = draft.key.name
        raise MisplacedStatement(
            f"CREATE SCHEMA {name} creates other objects too",
            file=statement.file.path,
            line=statement.line,
            hint=f"write them as statements of their own: CREATE TABLE {name}.… in tables/, and so on",
        )
    return draft.created()


def build_enum(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TYPE … AS ENUM."""
    return with_original(Draft(statement, declarations).created(), statement)


def build_composite(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TYPE … AS (…); its attributes are members."""
    draft = Draft(statement, declarations)
    key = draft.key
    for entry in statement.node.get("coldeflist", ()):
        column = entry["ColumnDef"]
        draft.needs.walk(column)
        draft.member(key.part(ObjectKind.ATTRIBUTE, column["colname"]), column["location"])
    return with_original(draft.created(), statement)


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
    return with_original(draft.created(), statement)


def build_domain(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE DOMAIN."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk([node["typeName"], node.get("constraints")])
    for entry in node.get("constraints", ()):
        note_constraint(draft, draft.key, entry["Constraint"])
    return with_original(draft.created(), statement)


#: Options of DefineStmt whose TypeName is really the name of another such object.
_MODELS = {
    ("OBJECT_COLLATION", "from"): "OBJECT_COLLATION",
    ("OBJECT_TSDICTIONARY", "template"): "OBJECT_TSTEMPLATE",
    ("OBJECT_TSCONFIGURATION", "parser"): "OBJECT_TSPARSER",
    ("OBJECT_TSCONFIGURATION", "copy"): "OBJECT_TSCONFIGURATION",
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
    draft = Draft(statement, declarations)
    if node["kind"] == "OBJECT_TYPE":
        raise MisplacedStatement(
            f"a base type is not declared state: {draft.key.qualified.sql} and its functions need each other",
            file=statement.file.path,
            line=statement.line,
            hint="move the type and the functions that read and write it to one file of migrations/ that begins with "
            "-- stonegate: run-on-fresh, or pack them as an extension",
        )
    for option, argument in definition_of(node).items():
        value = argument.get("TypeName")
        if value is None:
            continue
        if option in _FUNCTION_OPTIONS:
            draft.needs.routine(*qualified(value["names"]))
        elif option in ("leftarg", "rightarg"):
            draft.needs.type(value)
        elif (node["kind"], option) in _MODELS:
            draft.needs.other(declarations.listed(_MODELS[node["kind"], option], value["names"]).name)
    draft.needs.schema(qualified(node["defnames"])[0])
    return draft.created()


def build_rule(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE RULE."""
    node = statement.node
    relation = node["relation"]
    draft = Draft(statement, declarations)
    draft.needs.walk([relation, node.get("whereClause"), node.get("actions")])
    return draft.created(target=declarations.range_var(relation))


def build_statistics(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE STATISTICS; without a name its label says so."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk([node.get("relations"), node.get("exprs")])
    return draft.created(target=declarations.range_var(node["relations"][0]["RangeVar"]))


def build_cast(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE CAST."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.type(node["sourcetype"])
    draft.needs.type(node["targettype"])
    if "func" in node:
        draft.needs.routine(*qualified(node["func"]["objname"]))
    return draft.created()


def build_operator_class(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE OPERATOR CLASS."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.type(node["datatype"])
    if "opfamilyname" in node:
        draft.needs.other(declarations.by_method("OBJECT_OPFAMILY", node["amname"], node["opfamilyname"]).name)
    need_members(draft, node)
    return draft.created()


def need_members(draft: Draft, node: Node) -> None:
    """What the members of an operator class are, or those that a family gets or loses: operators, functions, types."""
    for entry in node.get("items", ()):
        item = entry["CreateOpClassItem"]
        named = item.get("name", {})
        if "order_family" in item:
            draft.needs.other(draft.declarations.by_method("OBJECT_OPFAMILY", "btree", item["order_family"]).name)
        if "storedtype" in item:
            draft.needs.type(item["storedtype"])
        if item.get("itemtype") == 1 and named:  # OPCLASS_ITEM_OPERATOR
            operands = [each["TypeName"] for each in named.get("objargs", ())] or [node["datatype"]] * 2
            draft.needs.other(operator_label(draft.declarations.types, *qualified(named["objname"]), operands))
        if item.get("itemtype") == 2 and named:  # OPCLASS_ITEM_FUNCTION
            draft.needs.routine(*qualified(named["objname"]))


def build_operator_family(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE OPERATOR FAMILY."""
    return Draft(statement, declarations).created()


def build_conversion(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE CONVERSION."""
    draft = Draft(statement, declarations)
    draft.needs.routine(*qualified(statement.node["func_name"]))
    return draft.created()
