"""Finds the names that a parse tree mentions: relations, types and routines, common table expressions excluded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stonegate.model.source import Need, NeedKind
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.type_names import is_built_in, qualified, strings

_MOST_CASTS = 16  # around one constant: each cast of a long chain is looked at
_SEQUENCE_FUNCTIONS = frozenset({"nextval", "currval", "setval"})
_IDENTIFIER = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_NO_NAMES: frozenset[str] = frozenset()


class Needs:
    """Collects needs without repetition."""

    def __init__(self) -> None:
        self.starred = False  # a `*` was among the walked nodes (that of count(*) is none)
        self.fields: set[str] = set()  # what stood behind a point: a column, or a function of one argument
        self._found: dict[Need, None] = {}

    def add(self, need: Need) -> None:
        """Note one need."""
        self._found.setdefault(need)

    def relation(self, schema: str | None, name: str, column: str | None = None) -> None:
        """Note a table, view, sequence or index."""
        if schema not in ("pg_catalog", "information_schema"):
            self.add(Need(kind=NeedKind.RELATION, schema=schema, name=name, column=column))

    def range_var(self, node: Node, column: str | None = None) -> None:
        """Note the relation of a RangeVar node."""
        self.relation(node.get("schemaname"), node["relname"], column)

    def routine(self, schema: str | None, name: str) -> None:
        """Note a function, procedure or aggregate, whatever its arguments."""
        if schema != "pg_catalog":
            self.add(Need(kind=NeedKind.ROUTINE, schema=schema, name=name))

    def functions_of_rows(self) -> None:
        """Note what `t.label` means where that is `label(t)` (manual 8.16.5): known only when it is bound."""
        for name in self.fields - {""}:
            self.add(Need(kind=NeedKind.ROUTINE, schema=None, name=name, soft=True))

    def schema(self, name: str | None) -> None:
        """Note a schema other than `public`, which exists always."""
        if name is not None and name != "public":
            self.add(Need(kind=NeedKind.SCHEMA, schema=None, name=name))

    def other(self, label: str) -> None:
        """Note an object of which the model has only a label."""
        self.add(Need(kind=NeedKind.OTHER, schema=None, name=label))

    def type(self, type_name: Node) -> None:
        """Note the type of a TypeName node; `t.c%TYPE` is a mention of that column."""
        if "pct_type" in type_name:
            parts = strings(type_name["names"])
            if len(parts) > 1:
                self.relation(parts[-3] if len(parts) > 2 else None, parts[-2], parts[-1])
            return
        schema, name = qualified(type_name["names"])
        if not is_built_in(schema, name):
            self.add(Need(kind=NeedKind.TYPE, schema=schema, name=name))

    def walk(self, node: object) -> None:
        """Note every name mentioned anywhere below `node`."""
        stack: list[tuple[Any, frozenset[str]]] = [(node, _NO_NAMES)]
        while stack:
            current, ctes = stack.pop()
            if isinstance(current, list):
                stack.extend((entry, ctes) for entry in current)
            elif isinstance(current, dict):
                self._visit(current, ctes, stack)

    def sorted(self) -> tuple[Need, ...]:
        """All needs in a stable order."""
        return tuple(sorted(self._found, key=_order))

    def _visit(self, node: Node, ctes: frozenset[str], stack: list[tuple[Any, frozenset[str]]]) -> None:
        if "relname" in node:
            if "schemaname" in node or node["relname"] not in ctes:
                self.range_var(node)
            return
        if "typemod" in node and "names" in node:
            self.type(node)
            return
        if "funcname" in node:
            self._function(node)
        elif "typeName" in node and "arg" in node:
            self._cast(node)
        elif "pktable" in node:
            for need in foreign_key_needs(node):
                self.add(need)
            return
        elif "A_Star" in node:
            self.starred = True
        elif fields := node.get("fields", ())[1:] or node.get("indirection"):
            self.fields.add(fields[-1].get("String", {}).get("sval", ""))
        if "withClause" in node:
            ctes = _push_ctes(node["withClause"], ctes, stack)
        for key, value in node.items():
            if isinstance(value, dict | list) and key != "withClause":
                stack.append((value, ctes))

    def _function(self, call: Node) -> None:
        schema, name = qualified(call["funcname"])
        if name in _SEQUENCE_FUNCTIONS and schema in (None, "pg_catalog"):
            literal = string_constant((call.get("args") or [{}])[0])
            if literal is not None:
                self.relation(*split_name(literal))
            return
        self.routine(schema, name)

    def _cast(self, cast: Node) -> None:
        """`'sales.orders'::regclass` mentions a relation, and so on."""
        literal = string_constant(cast["arg"])
        if literal is None:
            return
        match strings(cast["typeName"]["names"])[-1]:
            case "regclass":
                self.relation(*split_name(literal))
            case "regproc" | "regprocedure":
                self.routine(*split_name(literal.partition("(")[0]))
            case "regtype":
                schema, name = split_name(literal)
                if not is_built_in(schema, name):
                    self.add(Need(kind=NeedKind.TYPE, schema=schema, name=name))
            case _:
                pass


def foreign_key_needs(constraint: Node) -> list[Need]:
    """What a foreign key needs: the referenced table, once for each column that it names."""
    table = constraint["pktable"]
    columns: list[str | None] = [*strings(constraint.get("pk_attrs", ()))] or [None]
    return [
        Need(
            kind=NeedKind.RELATION,
            schema=table.get("schemaname"),
            name=table["relname"],
            column=column,
            deferrable=True,
        )
        for column in columns
    ]


def _order(need: Need) -> tuple[str, str, str, str, bool, bool]:
    return need.kind, need.schema or "", need.name, need.column or "", need.deferrable, need.soft


def _push_ctes(clause: Node, ctes: frozenset[str], stack: list[tuple[Any, frozenset[str]]]) -> frozenset[str]:
    """Stack the queries of a WITH clause, each with the names visible in it (manual 7.8); returns those after it."""
    queries = [entry["CommonTableExpr"] for entry in clause["ctes"]]
    everything = ctes | {query["ctename"] for query in queries}
    visible = everything if clause.get("recursive") else ctes
    for query in queries:
        stack.append((query["ctequery"], visible))
        visible = visible | {query["ctename"]}
    return everything


def string_constant(node: Mapping[str, Any]) -> str | None:
    """The text of a string constant, casts around it ignored."""
    for _ in range(_MOST_CASTS):
        if "TypeCast" not in node:
            break
        node = node["TypeCast"]["arg"]
    constant = node.get("A_Const", {})
    return constant["sval"].get("sval", "") if "sval" in constant else None


def split_name(text: str) -> tuple[str | None, str]:
    """Schema and name from the text of a regclass constant: `sales."Orders"`."""
    parts = [
        quoted.replace('""', '"') if quoted else plain.strip().lower() for quoted, plain in _IDENTIFIER.findall(text)
    ]
    return (parts[-2] if len(parts) > 1 else None, parts[-1] if parts else text)
