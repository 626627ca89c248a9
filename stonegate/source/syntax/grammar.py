"""PostgreSQL's own parser: the text of a file becomes statements with their parse trees (the only importer of pglast).

Parse trees are read as the JSON that libpg_query writes, which costs a tenth of building pglast's node objects. All
positions in them are byte offsets; the offset in a ParseError counts characters.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from pglast import parser

from stonegate.errors import SourceError, SyntaxFailure
from stonegate.model.source import SourceFile
from stonegate.model.tokens import NotLexable, Token, lex
from stonegate.source.syntax.deep_json import read_deep_json
from stonegate.source.syntax.hints import syntax_hint

#: One node of a parse tree, named as in PostgreSQL's src/include/nodes/parsenodes.h; zero and false are left out.
Node: TypeAlias = dict[str, Any]

_LEADING = re.compile(rb"(?:\s++|--[^\n\r]*+|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/)*+")
_decode = msgspec.json.Decoder().decode


class Statement(Struct, frozen=True, kw_only=True):
    """One statement of a file.

    Attributes:
        kind, node: the type of its root node ("CreateStmt") and the node.
        raw: its UTF-8 bytes from the first token to the last, without the semicolon.
        offset: where `raw` starts in the file, in bytes.
        line: 1-based line of the first token.
        complete: `raw` and what follows up to the semicolon, inclusive.
    """

    kind: str
    node: Node
    file: SourceFile
    raw: bytes
    offset: int
    line: int
    complete: bytes

    @property
    def sql(self) -> str:
        """The statement's text without the semicolon."""
        return self.raw.decode()

    def line_at(self, position: int) -> int:
        """The 1-based line of a position of the parse tree (bytes from the start of the file)."""
        return self.line + self.raw.count(b"\n", 0, max(position - self.offset, 0))


#: What pg_dump writes since 2025 around its output for psql, which then obeys no other command of its own in between.
_DUMP_GUARD = re.compile(r"^\\(?:un)?restrict [0-9A-Za-z]+[ \t]*$", re.MULTILINE)


def parse_file(file: SourceFile) -> tuple[Statement, ...]:
    """The statements of one file.

    Raises:
        SyntaxFailure: PostgreSQL's parser refuses it; names line and column and shows the line.
    """
    text = _DUMP_GUARD.sub(lambda found: " " * len(found[0]), file.text) if "\\restrict " in file.text else file.text
    source = text.encode()
    statements = []
    line, counted = 1, 0
    for entry in parse_nodes(text, file.path):
        start = entry.get("stmt_location", 0)
        end = start + entry["stmt_len"] if "stmt_len" in entry else len(source)
        leading = _LEADING.match(source, start, end)
        first = leading.end() if leading else start
        raw = _trim_end(source[first:end])
        line += source.count(b"\n", counted, first)
        counted = first
        ((kind, node),) = entry["stmt"].items()
        complete = source[first : end + 1] if source[end : end + 1] == b";" else source[first:end]
        statements.append(
            Statement(kind=kind, node=node, file=file, raw=raw, offset=first, line=line, complete=complete)
        )
    return tuple(statements)


def parse_nodes(text: str, path: str, *, outer: str | None = None, shift: int = 0) -> list[Node]:
    """The RawStmt nodes of a text.

    Args:
        path: the file, for messages.
        outer, shift: the file's text and where `text` starts in it (characters), if it is the body of a routine.

    Raises:
        SyntaxFailure: with the position in the file.
    """
    try:
        written = parser.parse_sql_json(text)
    except parser.ParseError as error:
        message, location = error.args[0], error.args[1]
        place = len(text.rstrip()) if location is None else location
        raise syntax_failure(message, outer or text, shift + place, path) from None
    try:
        tree: Node = _decode(written)
    except RecursionError:
        tree = read_deep_json(written)
    nodes: list[Node] = tree["stmts"]
    return nodes


def parse_type_name(text: str) -> Node | None:
    """The TypeName node if PostgreSQL's parser reads the text as the type of a column, known or not, and as nothing
    more."""
    try:
        (only,) = parse_nodes(f"CREATE TABLE t (c {text})", "")
        (column,) = only["stmt"]["CreateStmt"]["tableElts"]
    except (SyntaxFailure, KeyError, ValueError):
        return None
    definition: Node = column["ColumnDef"]
    is_only = set(definition) <= {"colname", "typeName", "is_local", "location"}
    return definition["typeName"] if is_only else None


def parse_plpgsql(text: str) -> Node:
    """What PostgreSQL's plpgsql compiler makes of a CREATE FUNCTION or PROCEDURE; {} where it needs a catalog.

    Types that only a database knows make it fail: that says nothing about the routine.
    """
    try:
        functions: list[Node] = _decode(parser.parse_plpgsql_json(text))
    except (parser.ParseError, msgspec.DecodeError, RecursionError):
        return {}
    return functions[0] if functions else {}


#: How complaints about syntax end, or begin; others are about types, which only a database knows.
_ABOUT_SYNTAX = re.compile(r' at or near "| at end of input$|^missing "')


def plpgsql_complaint(text: str) -> str | None:
    """What PostgreSQL's plpgsql compiler says about the syntax of a CREATE FUNCTION or PROCEDURE; None if nothing."""
    try:
        parser.parse_plpgsql_json(text)
    except parser.ParseError as error:
        message = str(error.args[0])
        return message if _ABOUT_SYNTAX.search(message) else None
    return None


def syntax_failure(message: str, text: str, position: int, path: str) -> SyntaxFailure:
    """The error at a character position of a file's text, with the line and a caret."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    excerpt = text[start : len(text) if end < 0 else end].rstrip()
    margin = "".join("\t" if letter == "\t" else " " for letter in text[start:position])
    return SyntaxFailure(
        message,
        excerpt=f"{excerpt}\n{margin}^",
        file=path,
        line=text.count("\n", 0, position) + 1,
        column=position - start + 1,
        hint=syntax_hint(message, text, position),
    )


def tokens_of(raw: bytes, path: str, line: int, *, comments: bool = False) -> list[Token]:
    """The tokens of a text that PostgreSQL's parser has accepted.

    Raises:
        SourceError: comments are nested deeper than the lexer follows.
    """
    try:
        return lex(raw, comments=comments)
    except NotLexable as error:
        raise SourceError("comments are nested too deeply", file=path, line=line, hint="flatten them") from error


def _trim_end(raw: bytes) -> bytes:
    """Without trailing blanks and comments: a line comment would swallow a semicolon set behind it."""
    raw = raw.rstrip()
    if not raw.endswith(b"*/") and b"--" not in raw[raw.rfind(b"\n") + 1 :]:
        return raw
    try:
        tokens = lex(raw)
    except NotLexable:
        return raw
    return raw[: tokens[-1].end] if tokens else raw
