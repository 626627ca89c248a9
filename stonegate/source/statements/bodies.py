"""Which tables and columns the statements in a routine's body use: only what is certain from the text alone.

plpgsql binds its statements when they run: nobody else notices that a column is gone (behaviour, §10, stale bodies).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from stonegate.errors import SourceError
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import SourceItem
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node, parse_nodes, parse_plpgsql

_STATEMENTS = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"})
#: Clauses in which a bare name means a column of the result before one of a table (manual, SELECT "ORDER BY").
_BY_LABEL = frozenset({"sortClause", "groupClause"})
_ASSIGNED = re.compile(r"\s*[^=]*?:?=(?!=)")
_COLUMN_TYPE = re.compile(r"^\s*(?:([a-z_][\w$]*)\.)?([a-z_][\w$]*)\.([a-z_][\w$]*)%type\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ROW = re.compile(
    r"(\b([a-z_][\w$]*)\s+(?:constant\s+)?)((?:[a-z_][\w$]*\.)?[a-z_][\w$]*)\s*%\s*rowtype\b", re.IGNORECASE
)
#: How PLpgSQL_expr marks what it holds (src/include/parser/parser.h, RawParseMode).
_WHOLE_STATEMENT, _EXPRESSION = 0, 2


def resolve_body(item: SourceItem) -> frozenset[ObjectKey]:
    """The tables (views included) and columns that a `plpgsql` or `sql` body certainly uses; none if it is unclear.

    Not certain, and left out, are dynamic SQL, `*`, fields of records, bare names beside several relations or equal to
    a variable, and unqualified tables under a search_path of the routine's own. `public` is taken for unqualified ones.
    """
    try:
        ((kind, node),) = parse_nodes(item.sql, item.file)[0]["stmt"].items()
        if kind != "CreateFunctionStmt":
            return frozenset()
        options = {entry["DefElem"]["defname"]: entry["DefElem"] for entry in node.get("options", ())}
        finder = _Finder(is_public=not _sets_other_path(node))
        match options.get("language", {}).get("arg", {}).get("String", {}).get("sval", "sql").lower():
            case "plpgsql":
                _read_plpgsql(item.sql, finder, item.file)
            case "sql" if "as" in options:
                finder.variables.update(
                    each["FunctionParameter"].get("name", "") for each in node.get("parameters", ())
                )
                text = options["as"]["arg"]["List"]["items"][0]["String"].get("sval", "")
                finder.read([entry["stmt"] for entry in parse_nodes(text, item.file)])
            case _:
                pass
    except SourceError:
        return frozenset()
    return frozenset(finder.found)


def _sets_other_path(node: Node) -> bool:
    """True if the routine sets a search_path that does not begin with `public` (catalog and session schemas aside)."""
    for option in node.get("options", ()):
        change = option["DefElem"].get("arg", {}).get("VariableSetStmt", {})
        if change.get("name") == "search_path":
            path = [each.get("A_Const", {}).get("sval", {}).get("sval", "") for each in change.get("args", ())]
            first = next((name for name in path if name not in ("pg_catalog", "pg_temp", "$user")), "")
            return first != "public"
    return False


def _read_plpgsql(sql: str, finder: _Finder, file: str) -> None:
    # The parser takes a row for a scalar, whose fields it refuses: as records it knows them.
    function = parse_plpgsql(_ROW.sub(r"\1 record", sql))
    _read_rows(function, sql, finder)
    expressions: list[Node] = []
    for name, node in _walk_plpgsql(function):
        match name:
            case "PLpgSQL_var" | "PLpgSQL_rec":
                finder.variables.add(node.get("refname", ""))
            case "PLpgSQL_type":
                finder.column_type(node.get("typname", ""))
            case "PLpgSQL_expr":
                expressions.append(node)
            case _:
                pass
    trees: list[Node] = []
    for expression in expressions:
        text, mode = expression["query"], expression.get("parseMode", _WHOLE_STATEMENT)
        if mode > _EXPRESSION:
            text = _ASSIGNED.sub("", text, count=1)
        if mode != _WHOLE_STATEMENT:
            text = f"SELECT {text}"
        try:
            trees += [entry["stmt"] for entry in parse_nodes(text, file)]
        except SourceError:
            continue  # an unusual expression hides what it uses, not what the others do
    finder.read(trees)


def _read_rows(function: Node, sql: str, finder: _Finder) -> None:
    """Note the tables of `table%ROWTYPE`, and the fields that are used of such variables: they are its columns.

    A name that is declared otherwise as well is left out.
    """
    datums: list[Node] = function.get("PLpgSQL_function", {}).get("datums", [])
    names = [next(iter(datum.values())).get("refname") for datum in datums]
    declared: dict[str, list[str]] = {}
    for match in _ROW.finditer(_COMMENT.sub(" ", sql)):
        declared.setdefault(match[2].lower(), []).append(match[3].lower())
    tables = {
        name: finder.row_type(found[0])
        for name, found in declared.items()
        if len(set(found)) == 1 and len(found) == names.count(name)
    }
    for datum in datums:
        if field := datum.get("PLpgSQL_recfield"):
            finder.field(tables.get(names[field.get("recparentno", 0)]), field["fieldname"])


def _walk_plpgsql(node: Any) -> Iterator[tuple[str, Node]]:
    """Every named node below `node`."""
    for current in objects_below(node):
        for name, value in current.items():
            if isinstance(value, dict) and name.startswith("PLpgSQL_"):
                yield name, value


class _Scope(Struct, kw_only=True):
    """The relations of one query by alias, None for those that are no table; `labels` are its result columns."""

    relations: dict[str, ObjectKey | None] = field(default_factory=dict)
    count: int = 0
    labels: frozenset[str] = frozenset()

    def add(self, alias: str, key: ObjectKey | None) -> None:
        """Note a relation; an alias that occurs twice is no certain one."""
        self.count += 1
        self.relations[alias] = None if alias in self.relations else key


Scopes = tuple[_Scope, ...]


class _Finder:
    """Walks parse trees with the relations that are visible at each place."""

    def __init__(self, *, is_public: bool) -> None:
        self.is_public = is_public
        self.variables: set[str] = set()
        self.made: set[str] = set()
        self.found: set[ObjectKey] = set()

    def read(self, trees: list[Node]) -> None:
        """Note what the statements use; relations that one of them creates are its own."""
        for _, node in _walk_named(trees, {"CreateStmt", "IntoClause"}):
            relation: Node = node.get("relation") or node.get("rel") or {}
            self.made.add(relation.get("relname", ""))
        for tree in trees:
            self._visit(tree, (), frozenset())

    def column_type(self, text: str) -> None:
        """Note the column of a `table.column%TYPE`."""
        match = _COLUMN_TYPE.match(text)
        if match:
            schema, table, column = match.groups()
            key = self._table(
                {"relname": table.lower()} | ({"schemaname": schema.lower()} if schema else {}), frozenset()
            )
            self._column(key, column.lower())

    def row_type(self, name: str) -> ObjectKey | None:
        """Note the table of a `table%ROWTYPE`; its key, None if it is not certain which one is meant."""
        schema, _, table = name.rpartition(".")
        return self._table({"relname": table} | ({"schemaname": schema} if schema else {}), frozenset())

    def field(self, table: ObjectKey | None, name: str) -> None:
        """Note a field of a row of that table."""
        self._column(table, name)

    def _table(self, node: Node, ctes: frozenset[str]) -> ObjectKey | None:
        """The key of a RangeVar, noted; None for what may be something else."""
        name, schema = node["relname"], node.get("schemaname")
        if schema is None and (name in ctes or name in self.made or not self.is_public):
            return None
        key = ObjectKey(ObjectKind.TABLE, schema or "public", name)
        self.found.add(key)
        return key

    def _column(self, table: ObjectKey | None, name: str) -> None:
        if table is not None:
            self.found.add(table.part(ObjectKind.COLUMN, name))

    # --- the tree -----------------------------------------------------------------------------------------------------

    def _visit(self, node: Any, scopes: Scopes, ctes: frozenset[str], *, by_label: bool = False) -> None:
        if isinstance(node, list):
            for entry in node:
                self._visit(entry, scopes, ctes, by_label=by_label)
        elif isinstance(node, dict):
            for name, value in node.items():
                if name in _STATEMENTS:
                    self._statement(name, value, scopes, ctes)
                elif name == "ColumnRef":
                    self._reference(value.get("fields", ()), scopes, by_label=by_label)
                elif name == "RangeVar":
                    continue  # noted with its scope
                elif isinstance(value, dict | list):
                    self._visit(value, scopes, ctes, by_label=by_label)

    def _statement(self, kind: str, node: Node, scopes: Scopes, ctes: frozenset[str]) -> None:
        if "withClause" in node:
            ctes |= {entry["CommonTableExpr"]["ctename"] for entry in node["withClause"]["ctes"]}
            self._visit(node["withClause"], scopes, ctes)
        scope = _Scope()
        target = self._target(node, scope) if "relation" in node else None
        for clause in ("fromClause", "usingClause"):
            self._relations(node.get(clause, []), scope, ctes)
        inner = (*scopes, scope)
        if kind == "InsertStmt":
            self._columns(target, node.get("cols", ()))
            self._visit(node.get("selectStmt"), scopes, ctes)
            conflict = node.get("onConflictClause", {})
            scope.relations["excluded"] = target
            self._columns(target, conflict.get("targetList", ()))
            for element in conflict.get("infer", {}).get("indexElems", ()):
                self._column(target, element["IndexElem"].get("name", ""))
        elif kind == "UpdateStmt":
            self._columns(target, node.get("targetList", ()))
        else:
            labels = (entry.get("ResTarget", {}).get("name") for entry in node.get("targetList", ()))
            scope.labels = frozenset(label for label in labels if label)
        for name, value in node.items():
            if name in ("larg", "rarg"):
                self._statement(name, value, scopes, ctes)
            elif name not in ("withClause", "selectStmt", "cols", "relation"):
                self._visit(value, inner, ctes, by_label=name in _BY_LABEL)

    def _target(self, node: Node, scope: _Scope) -> ObjectKey | None:
        relation = node["relation"]
        key = self._table(relation, frozenset())
        scope.add(relation.get("alias", {}).get("aliasname", relation["relname"]), key)
        return key

    def _columns(self, target: ObjectKey | None, assigned: Any) -> None:
        for entry in assigned:
            name = entry.get("ResTarget", {}).get("name")
            if name:
                self._column(target, name)

    def _relations(self, entries: list[Node], scope: _Scope, ctes: frozenset[str]) -> None:
        for entry in entries:
            ((kind, node),) = entry.items()
            alias = node.get("alias", {})
            match kind:
                case "RangeVar":
                    key = self._table(node, ctes)
                    # Other names for the columns: nothing is certain about them.
                    scope.add(alias.get("aliasname", node["relname"]), None if "colnames" in alias else key)
                case "JoinExpr":
                    hidden = _Scope() if alias else scope
                    self._relations([node["larg"], node["rarg"]], hidden, ctes)
                    if alias:
                        scope.add(alias["aliasname"], None)
                case _:
                    scope.add(alias.get("aliasname", ""), None)

    def _reference(self, fields: Any, scopes: Scopes, *, by_label: bool) -> None:
        names = [each["String"].get("sval", "") for each in fields if "String" in each]
        if len(names) != len(fields):
            return  # a star
        if len(names) == 1:
            (name,) = names
            visible = [scope for scope in scopes if scope.count]
            if sum(scope.count for scope in visible) != 1 or name in self.variables or name in visible[0].relations:
                return
            if not (by_label and name in scopes[-1].labels):
                self._column(next(iter(visible[0].relations.values())), name)
        elif len(names) == 2 and names[0] not in self.variables:
            holder = next((scope for scope in reversed(scopes) if names[0] in scope.relations), None)
            self._column(holder.relations[names[0]] if holder else None, names[1])
        elif len(names) == 3:
            key = ObjectKey(ObjectKind.TABLE, names[0], names[1])
            if any(key in scope.relations.values() for scope in scopes):
                self._column(key, names[2])


def _walk_named(node: Any, names: set[str]) -> Iterator[tuple[str, Node]]:
    """Every node with one of the names; the target of CREATE TABLE AS stands as `into` without its node's name."""
    for current in objects_below(node):
        for name, value in current.items():
            if isinstance(value, dict) and (name in names or (name == "into" and "rel" in value)):
                yield name, value
