"""Syntax errors inside plpgsql bodies, found before any server is asked, at their place in the file (behaviour, §4)."""

from __future__ import annotations

import re
from bisect import bisect_left

from stonegate.model.tokens import NotLexable, lex
from stonegate.source.syntax.grammar import Statement, plpgsql_complaint, syntax_failure

#: An identifier without an end: whatever comes after it is another error than one before it.
_SENTINEL = b'"'
_NEAR = re.compile(r' at or near "(.*)"$', re.DOTALL)


def check_plpgsql(statement: Statement, start: int) -> None:
    """Refuse a plpgsql routine, or DO block, whose body has a syntax error.

    Args:
        start: where the string with the body begins in the file, in bytes.

    Raises:
        SyntaxFailure: with PostgreSQL's words; where the body is quoted with dollars, at the token that they are about.
    """
    message = plpgsql_complaint(statement.sql)
    if message is None:
        return
    source = statement.file.text.encode()
    place = start
    if source[start : start + 1] == b"$":
        opening = source.index(b"$", start + 1) + 1
        closing = source.index(source[start:opening], opening)
        end = statement.offset + len(statement.raw)
        place = opening + _find(
            source[opening:closing], message, source[statement.offset : opening], source[closing:end]
        )
    raise syntax_failure(message, statement.file.text, len(source[:place].decode()), statement.file.path)


def _find(body: bytes, message: str, before: bytes, after: bytes) -> int:
    """Where in the body the error is, which the parser does not say: it ends the shortest beginning that fails alike.

    Args:
        before, after: what makes a statement of a body.
    """
    try:
        tokens = lex(body)
    except NotLexable as error:
        return int(error.args[0])
    near = _NEAR.search(message)
    # What lacks something fails at any end; with the sentinel behind it, only where it is complete.
    sentinel = b"" if near else _SENTINEL

    def fails(index: int) -> bool:
        text = before + body[: tokens[index].end] + b" " + sentinel + after
        return plpgsql_complaint(text.decode()) == message

    found = bisect_left(range(len(tokens)), True, key=fails)
    if found == len(tokens):
        return len(body.rstrip())
    # A statement of SQL is read to its semicolon before it is parsed.
    blamed = (index for index in range(found, -1, -1) if near and tokens[index].text == near[1].encode())
    return tokens[next(blamed, found)].start
