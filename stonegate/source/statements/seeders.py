"""Seeders: each INSERT with its rows as SQL expressions, cut out of the text by its tokens (behaviour, §4)."""

from __future__ import annotations

from collections.abc import Mapping

from stonegate.errors import SourceError
from stonegate.model.names import QualifiedName
from stonegate.model.source import Seeder, SeedRow
from stonegate.model.tokens import Token
from stonegate.source.checksum import checksum
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node, Statement, tokens_of
from stonegate.source.syntax.references import Needs, string_constant
from stonegate.source.syntax.type_names import qualified

#: Functions whose value depends on their arguments alone; every other call counts as one that may differ next time.
_STEADY_WORDS = """
    abs array_append array_cat array_fill array_prepend array_remove array_to_string ascii bit_length box btrim ceil
    ceiling char_length chr circle concat concat_ws convert_from convert_to daterange date_part date_trunc decode
    encode exp extract floor format hashtext initcap int4range int8range json_build_array json_build_object
    jsonb_build_array jsonb_build_object jsonb_set left length ln log lower lpad lseg ltrim make_date make_interval
    make_time make_timestamp make_timestamptz md5 mod numrange octet_length point polygon position power quote_ident
    quote_literal regexp_replace repeat replace reverse right round rpad rtrim setweight sha224 sha256 sha384 sha512
    sign similar_escape split_part sqrt string_to_array strpos substr substring timezone to_char to_date to_json
    to_jsonb to_number to_timestamp to_tsquery to_tsvector translate trim trunc tsrange tstzrange upper xmlparse
"""
_STEADY = frozenset(_STEADY_WORDS.split())
#: Input strings of date and time types that mean another moment each time (manual 8.5.1.4).
_MOMENTS = frozenset({"now", "today", "tomorrow", "yesterday"})
_TIMES = frozenset({"date", "time", "timetz", "timestamp", "timestamptz"})
_OPENING, _CLOSING = (b"(", b"["), (b")", b"]")
_BEFORE_NAMES = (b"into", b".", b"as")  # of tables, which may be called values


def build_seeder(statement: Statement, columns: Mapping[tuple[str, str], tuple[str, ...]]) -> Seeder:
    """The seeder of one INSERT statement.

    Args:
        columns: (schema, table) → declared columns in order, for statements without a column list.

    Raises:
        SourceError: a row has another number of values than the statement has columns.
    """
    node = statement.node
    relation = node["relation"]
    table = QualifiedName(relation.get("schemaname", "public"), relation["relname"])
    written = tuple(entry["ResTarget"]["name"] for entry in node.get("cols", ()))
    needs = Needs()
    needs.range_var(relation)
    for column in written:
        needs.range_var(relation, column)
    needs.walk({key: value for key, value in node.items() if key != "relation"})
    rows: tuple[SeedRow, ...] = ()
    volatile: set[str] = set()
    if _has_rows(node):
        lists = [entry["List"]["items"] for entry in node["selectStmt"]["SelectStmt"]["valuesLists"]]
        names = written or columns.get((table.schema, table.name), ())
        rows = _rows(statement, written)
        for expressions in lists:
            volatile.update(name for name, value in zip(names, expressions, strict=False) if _is_volatile(value))
    sql = statement.sql
    return Seeder(
        table=table,
        columns=written,
        rows=rows,
        volatile=tuple(sorted(volatile)),
        needs=needs.sorted(),
        file=statement.file.path,
        line=statement.line,
        sql=sql,
        checksum=checksum(sql),
    )


def moves_sequences(statement: Statement) -> bool:
    """Whether a SELECT does nothing but `setval`, which the deployment does by itself after seeding."""
    if statement.kind != "SelectStmt" or "targetList" not in statement.node:
        return False
    calls = [entry["ResTarget"]["val"].get("FuncCall", {}) for entry in statement.node["targetList"]]
    return all(call and qualified(call["funcname"])[1] == "setval" for call in calls)


def _has_rows(node: Node) -> bool:
    """Whether the INSERT gives its rows as VALUES that stand for themselves: no WITH, no ORDER BY or LIMIT."""
    select = node.get("selectStmt", {}).get("SelectStmt", {})
    return (
        "valuesLists" in select
        and not ({"withClause", "sortClause", "limitCount", "limitOffset"} & select.keys())
        and ("withClause" not in node)
    )


def _rows(statement: Statement, columns: tuple[str, ...]) -> tuple[SeedRow, ...]:
    tokens = tokens_of(statement.raw, statement.file.path, statement.line)
    index = _values_keyword(tokens) + 1
    rows: list[SeedRow] = []
    line, counted = statement.line, 0
    while index < len(tokens) and tokens[index].text == b"(":
        start = tokens[index].start
        line += statement.raw.count(b"\n", counted, start)
        counted = start
        values, index = _values(statement.raw, tokens, index)
        if columns and len(values) != len(columns):
            raise SourceError(
                f"{len(values)} values for {len(columns)} columns",
                file=statement.file.path,
                line=line,
                hint="give each row one value per column; DEFAULT stands for the column's default",
            )
        rows.append(SeedRow(values=values, line=line))
        if index < len(tokens) and tokens[index].text == b",":
            index += 1
    return tuple(rows)


def _values_keyword(tokens: list[Token]) -> int:
    """The VALUES that starts the rows: the first outside of all parentheses, else the first (`INSERT … (VALUES …)`)."""
    depth, first = 0, -1
    for index, token in enumerate(tokens):
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        elif token.text.lower() == b"values" and tokens[index - 1].text.lower() not in _BEFORE_NAMES:
            if depth == 0:
                return index
            first = index if first < 0 else first
    return first


def _values(raw: bytes, tokens: list[Token], index: int) -> tuple[tuple[str, ...], int]:
    """The expressions of the row that opens at `index`, and the index of the token after it."""
    values: list[str] = []
    depth, first = 0, index + 1
    while True:
        text = tokens[index].text
        if text in _OPENING:
            depth += 1
        elif text in _CLOSING:
            depth -= 1
        if (text == b"," and depth == 1) or depth == 0:
            values.append(raw[tokens[first].start : tokens[index - 1].end].decode())
            first = index + 1
        index += 1
        if depth == 0:
            return tuple(values), index


def _is_volatile(expression: Node) -> bool:
    """Whether the value may be another one when the statement runs again."""
    for node in objects_below(expression):
        if "SetToDefault" in node or "SQLValueFunction" in node:
            return True
        if "funcname" in node and qualified(node["funcname"])[1] not in _STEADY:
            return True
        if "TypeCast" in node and _is_moment((string_constant(node) or "").lower().split(), node["TypeCast"]):
            return True
    return False


def _is_moment(words: list[str], cast: Node) -> bool:
    """Whether the text of a constant, cast to a type, means another moment each time: `today`, `tomorrow 08:00`."""
    is_time = qualified(cast["typeName"]["names"])[1] in _TIMES
    return not _MOMENTS.isdisjoint(words) if is_time else len(words) == 1 and words[0] in _MOMENTS
