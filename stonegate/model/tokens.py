"""The lexical form of SQL: tokens, and the canonical form in which formatting and comments leave no trace.

It is our own, so that a checksum stored in a database does not depend on the version of a parser. It works on UTF-8
bytes: as in PostgreSQL's scanner every byte above 127 belongs to an identifier, and `bytes.lower` is ASCII only.
Source: behaviour §2; PostgreSQL manual 4.1 (lexical structure) and src/backend/parser/scan.l.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

#: PostgreSQL nests comments without limit; a text with deeper ones counts as one that has no tokens.
_COMMENT_DEPTH = 8


def _block_comment(depth: int) -> bytes:
    inner = rb"" if depth == 0 else rb"|" + _block_comment(depth - 1)
    return rb"/\*(?:[^*/]++|\*(?!/)|/(?!\*)" + inner + rb")*+\*/"


_COMMENT = rb"--[^\n\r]*+|" + _block_comment(_COMMENT_DEPTH)

# An operator ends before a comment, and in + or - only if it holds one of ~ ! @ # % ^ & | ` ? (manual 4.1.3).
_ANY = rb"(?!--|/\*)[-+*/<>=~!@\#%^&|`?]"
_PLAIN = rb"(?!--|/\*)[-+*/<>=]"
_OPERATOR = (
    rb"(?:" + _PLAIN + rb")*(?!--|/\*)[~!@\#%^&|`?](?:" + _ANY + rb")*+"
    rb"|(?:" + _PLAIN + rb")*(?!--|/\*)[*/<>=]|[-+]"
)
_NUMBER = (
    rb"0[xX](?:_?[0-9A-Fa-f])++|0[oO](?:_?[0-7])++|0[bB](?:_?[01])++"
    rb"|(?:\d(?:_?\d)*+(?:\.(?!\.)(?:\d(?:_?\d)*+)?)?|\.\d(?:_?\d)*+)(?:[eE][-+]?\d(?:_?\d)*+)?"
)
_TOKEN = re.compile(
    rb"""\s*+(?:
    (?P<prefixed>[eE]'(?:[^'\\]++|''|\\.)*+'|(?:[bBxXnN]|[uU]&)'(?:[^']++|'')*+'|[uU]&"(?:[^"]++|"")*+")
    |(?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*+)
    |(?P<mark>::|:=|\.\.|[(),;:\[\]]|\.(?!\d))
    |(?P<string>'(?:[^']++|'')*+'|\$(?P<tag>(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?)\$.*?\$(?P=tag)\$)
    |(?P<comment>"""
    + _COMMENT
    + rb""")
    |(?P<quoted>"(?:[^"]++|"")*+")
    |(?P<number>\$\d+|"""
    + _NUMBER
    + rb""")
    |(?P<operator>"""
    + _OPERATOR
    + rb""")
    |(?P<unknown>.))""",
    re.DOTALL | re.VERBOSE,
)


class Lexeme(Enum):
    """What kind of token a piece of SQL is; the values are the groups of the token pattern."""

    PREFIXED = "prefixed"  # E'…', B'…', X'…', N'…', U&'…', U&"…"
    WORD = "word"  # a key word or unquoted identifier
    MARK = "mark"  # punctuation
    STRING = "string"  # '…' or $tag$…$tag$
    COMMENT = "comment"
    QUOTED = "quoted"  # "…"
    NUMBER = "number"  # or a parameter, $1
    OPERATOR = "operator"


class Token(Struct, frozen=True):
    """One token; `start` and `end` are byte offsets, `text` is as written."""

    kind: Lexeme
    text: bytes
    start: int
    end: int


class NotLexable(ValueError):
    """The text does not consist of SQL tokens (an unterminated string, say); `args[0]` is the byte offset."""


_KINDS: dict[str, Lexeme] = {kind.value: kind for kind in Lexeme}


def _tokens_in(raw: bytes) -> Iterator[re.Match[bytes]]:
    # Blanks belong to the token behind them: those at the end, to none, would be tried again from each of them on.
    return _TOKEN.finditer(raw.rstrip())


def lex(raw: bytes, *, comments: bool = False) -> list[Token]:
    """The tokens of UTF-8 encoded SQL, without comments unless asked for.

    Raises:
        NotLexable: at an unterminated string, quoted identifier or comment, or a stray character.
    """
    tokens = []
    for match in _tokens_in(raw):
        group = match.lastgroup or ""
        if group == "comment" and not comments:
            continue
        start, end = match.span(group)
        if group == "unknown":
            raise NotLexable(start)
        tokens.append(Token(_KINDS[group], match[group], start, end))
    return tokens


def _canonical_tokens(raw: bytes) -> list[bytes]:
    """The tokens in canonical spelling: words in lower case, hints kept, other comments dropped."""
    tokens: list[bytes] = []
    add = tokens.append
    for match in _tokens_in(raw):
        group = match.lastgroup or ""
        text = match[group]
        if group == "word":
            add(text.lower())
        elif group == "comment":
            if text.startswith(b"/*+"):
                add(text)
        elif group == "prefixed":
            add(text[:1].lower() + text[1:])
        elif group == "unknown":
            raise NotLexable(match.start(group))
        else:
            add(text)
    return tokens


def string_value(text: bytes) -> bytes | None:
    """What a string constant without escapes stands for ('it''s' or $tag$it's$tag$); None for any other token."""
    if text.startswith(b"'"):
        return text[1:-1].replace(b"''", b"'")
    if text.startswith(b"$") and text.endswith(b"$") and len(text) > 1:
        edge = text.index(b"$", 1) + 1
        return text[edge:-edge]
    return None


def _body_tokens(tokens: list[bytes]) -> tuple[int, str] | None:
    """Where the string body of a routine or DO block stands among the tokens, and its language (lower case)."""
    if tokens[0] == b"do":
        language, body = "plpgsql", -1
        for index, text in enumerate(tokens[1:], 1):
            if text[:1] in b"'$\"" or tokens[index - 1] == b"language":
                if tokens[index - 1] == b"language":
                    language = text.strip(b"'\"").decode().lower()
                else:
                    body = index
        return None if body < 0 else (body, language)
    if tokens[0] != b"create" or not {b"function", b"procedure"} & set(tokens[1:4]):
        return None
    language, body, depth = "sql", -1, 0
    for index, text in enumerate(tokens):
        if text == b"(":
            depth += 1
        elif text == b")":
            depth -= 1
        elif depth == 0 and tokens[index - 1] == b"as" and text[:1] in b"'$":
            body = index
        elif depth == 0 and tokens[index - 1] == b"language":
            language = text.strip(b"'\"").decode().lower()
    return None if body < 0 else (body, language)


def _body_token(raw: bytes) -> Token | None:
    try:
        tokens = lex(raw)
    except NotLexable:
        return None
    found = _body_tokens([token.text.lower() if token.kind is Lexeme.WORD else token.text for token in tokens])
    if found is None or any(token.kind is Lexeme.STRING for token in tokens[found[0] + 1 : found[0] + 2]):
        return None
    return tokens[found[0]]


def body_of(sql: str) -> str | None:
    """The string body of a CREATE FUNCTION or CREATE PROCEDURE, as the server keeps it.

    None for any other statement, for BEGIN ATOMIC, and for a body with escapes or in several pieces, one a line.
    """
    token = _body_token(sql.encode())
    value = None if token is None else string_value(token.text)
    return None if value is None else value.decode()


def with_body(sql: str, body: str) -> str:
    """A statement that `body_of` knows a body of, with another one."""
    raw = sql.encode()
    token = _body_token(raw)
    assert token is not None, "no body to be replaced"
    literal = b"'" + body.encode().replace(b"'", b"''") + b"'"
    return (raw[: token.start] + literal + raw[token.end :]).decode()


#: Languages whose bodies are made of SQL tokens.
_LEXED_LANGUAGES = frozenset({"sql", "plpgsql"})


def canonical_body(language: str, body: str) -> str:
    """A routine's body without formatting: canonical tokens for sql and plpgsql, else as it is."""
    raw = body.encode()
    if language.lower() not in _LEXED_LANGUAGES:
        return body
    try:
        return b" ".join(_canonical_tokens(raw)).decode()
    except NotLexable:
        return body


def same_body(language: str, one: str, other: str) -> bool:
    """Whether two bodies of a routine differ in formatting and comments at most (behaviour, §2)."""
    return one == other or canonical_body(language, one) == canonical_body(language, other)


def canonical_form(sql: str) -> str:
    """The statement without formatting: tokens joined by one blank, the body of a routine or DO block in turn.

    Comments other than `/*+ hints */` are gone, key words and unquoted identifiers in lower case (ASCII only); string
    constants, quoted identifiers and numbers are as written. A text that has no tokens is its own canonical form.
    """
    try:
        tokens = _canonical_tokens(sql.encode())
    except NotLexable:
        return sql
    if tokens and (found := _body_tokens(tokens)) is not None:
        index, language = found
        body = string_value(tokens[index])
        if body is not None:
            tokens[index] = b"$$" + canonical_body(language, body.decode()).encode() + b"$$"
    return b" ".join(tokens).decode()


_WORD = re.compile(r"[^\W\d][\w$]*")


def words_of(text: str) -> frozenset[str]:
    """Every word of a text in lower case, in constants and comments too."""
    return frozenset(_WORD.findall(text.lower()))
