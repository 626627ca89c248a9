"""What the original gateway records about an object, in its own spelling, so that it can run on afterwards (§7)."""

from __future__ import annotations

import re
from hashlib import sha256

from stonegate.model.source import OriginalRoutine
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import input_parameters
from stonegate.source.syntax.type_names import qualified

_LINE_COMMENT = re.compile(r"--[^\n]*")
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_COMMENT = re.compile(rb"--[^\n]*|/\*.*?\*/", re.DOTALL)
_BLANKS = re.compile(r"\s+")
_SKIPPED = rb"""\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\((?:[^()]|\([^()]*\))*\)"""
#: A parameter's type ends at its default, the next parameter or the end of the list.
_TYPE = re.compile(rb"(?:" + _SKIPPED + rb"|(?!default\b)\w++|[^\w,()=\"])*+", re.IGNORECASE | re.DOTALL)
#: A return type ends at the first clause of CREATE FUNCTION.
_CLAUSES = (
    rb"as|language|immutable|stable|volatile|strict|called|returns|security|external|leakproof|not|window|parallel"
    rb"|cost|rows|support|set|transform|begin|return"
)
_RETURNS = re.compile(
    rb"(?:" + _SKIPPED + rb"|(?!(?:" + _CLAUSES + rb")\b)\w++|[^\w()\"])*+", re.IGNORECASE | re.DOTALL
)


def original_checksum(text: str) -> str:
    """sha256 (hex) by the original's rule: comments removed, blanks collapsed, lower case, literals included.

    It takes `--` inside of strings for a comment; that is its rule, and only its own columns hold the value.
    """
    text = _BLOCK_COMMENT.sub("", _LINE_COMMENT.sub("", text))
    return sha256(_BLANKS.sub(" ", text).strip().lower().encode()).hexdigest()


def original_routine(statement: Statement) -> OriginalRoutine:
    """The facts that the original records for a function: type texts as written, in upper case."""
    node = statement.node
    _, name = qualified(node["funcname"])
    types = tuple(
        _text_at(statement, _TYPE, parameter["argType"]["location"]).upper()
        for parameter in input_parameters(node.get("parameters", ()))
    )
    return OriginalRoutine(
        signature=f"{name}({', '.join(types)})",
        param_types=types,
        return_type=_return_type(statement, node),
        body_checksum=original_checksum(statement.complete.decode()),
    )


def _return_type(statement: Statement, node: Node) -> str:
    if "returnType" not in node:
        return "VOID"
    text = _text_at(statement, _RETURNS, node["returnType"]["location"])
    return f"SETOF {text}" if node["returnType"].get("setof") and not text.lower().startswith("table") else text


def _text_at(statement: Statement, pattern: re.Pattern[bytes], position: int) -> str:
    """The source text that the pattern matches at a position of the parse tree, comments and extra blanks removed."""
    match = pattern.match(statement.raw, position - statement.offset)
    text = _COMMENT.sub(b" ", match[0] if match else b"").decode()
    return _BLANKS.sub(" ", text).strip()
