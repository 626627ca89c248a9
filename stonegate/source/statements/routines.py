"""Functions, procedures and aggregates: their signature, what they need, and where their body stands in the file."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.source import SourceItem
from stonegate.source.statements.items import Draft
from stonegate.source.statements.original import original_routine
from stonegate.source.syntax.created_keys import definition_of
from stonegate.source.syntax.grammar import Node, Statement, parse_nodes
from stonegate.source.syntax.object_keys import Declarations
from stonegate.source.syntax.plpgsql import check_plpgsql
from stonegate.source.syntax.type_names import qualified

#: Options of CREATE AGGREGATE that name a function (manual, CREATE AGGREGATE).
_SUPPORT_FUNCTIONS = frozenset(
    {"sfunc", "finalfunc", "combinefunc", "serialfunc", "deserialfunc", "msfunc", "minvfunc", "mfinalfunc"}
)
_STATE_TYPES = frozenset({"stype", "mstype", "basetype"})


def build_routine(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE FUNCTION or CREATE PROCEDURE.

    Parameter and return types, defaults, and for `LANGUAGE sql` everything that the body mentions must exist before;
    bodies in other languages are bound late.

    Raises:
        SyntaxFailure: in the body of a `sql` or `plpgsql` routine, at its place in the file.
    """
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk(node.get("parameters", []))
    draft.needs.walk(node.get("sql_body"))
    if "returnType" in node:
        draft.needs.type(node["returnType"])
    draft.needs.walk(sql_body(statement))
    check_body(statement)
    options = _options(node)
    if "support" in options:
        draft.needs.routine(*qualified(options["support"]["arg"]["List"]["items"]))
    body = options.get("as")
    item = draft.created()
    line = None if body is None else statement.line_at(body["arg_location"])
    return replace(item, body_line=line, original=original_routine(statement))


def check_body(statement: Statement) -> None:
    """Refuse a `plpgsql` routine or DO block whose body has a syntax error.

    Raises:
        SyntaxFailure: at its place in the file.
    """
    if statement.kind == "DoStmt":
        arguments = {entry["DefElem"]["defname"]: entry["DefElem"] for entry in statement.node["args"]}
        if _language(arguments, "plpgsql") == "plpgsql":
            check_plpgsql(statement, arguments["as"]["location"])
        return
    options = _options(statement.node)
    if "as" in options and _language(options) == "plpgsql":
        check_plpgsql(statement, options["as"]["arg_location"])


def _options(node: Node) -> dict[str, Node]:
    return {entry["DefElem"]["defname"]: entry["DefElem"] for entry in node.get("options", ())}


def sql_body(statement: Statement) -> list[Node]:
    """The parse trees of the string body of a `LANGUAGE sql` routine; [] for any other.

    Raises:
        SyntaxFailure: at its place in the file.
    """
    options = _options(statement.node)
    if "as" not in options or _language(options) != "sql":
        return []
    text: str = options["as"]["arg"]["List"]["items"][0]["String"].get("sval", "")
    source = statement.file.text.encode()
    start = options["as"]["arg_location"]
    # In a body between apostrophes doubled ones shift what follows by one column each; the line stays right.
    opening = source.find(b"$", start + 1) + 1 if source[start : start + 1] == b"$" else start + 1
    file = statement.file
    return parse_nodes(text, file.path, outer=file.text, shift=len(source[:opening].decode()))


def _language(options: dict[str, Node], default: str = "sql") -> str:
    if "language" not in options:
        return default
    name: str = options["language"]["arg"]["String"]["sval"]
    return name.lower()


def build_aggregate(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE AGGREGATE; it needs its support functions and state types."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk(node.get("args", []))
    for option, value in definition_of(node).items():
        if "TypeName" not in value:
            continue
        if option in _SUPPORT_FUNCTIONS:
            draft.needs.routine(*qualified(value["TypeName"]["names"]))
        elif option in _STATE_TYPES:
            draft.needs.type(value["TypeName"])
    return draft.created()
