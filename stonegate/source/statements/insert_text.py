"""The text of a seeder's INSERT, taken apart: so that single rows of it can be looked up, or run, as they are written.

PostgreSQL's parser has accepted the text already; this only finds where the clauses begin (manual: INSERT).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from stonegate.model.names import quote_ident
from stonegate.model.source import Seeder
from stonegate.model.tokens import Lexeme, Token, lex

_WRITES = frozenset({b"insert", b"update", b"delete", b"merge"})
# Key words that stand for the time or the session (manual 9.9.5 and 9.27), and DEFAULT, which may call nextval.
_MOVING_WORDS = frozenset(
    b"current_catalog current_date current_role current_schema current_time current_timestamp current_user default "
    b"localtime localtimestamp session_user system_user user".split()
)
_MOVING_STRINGS = frozenset({b"'now'", b"'today'", b"'tomorrow'", b"'yesterday'"})  # manual 8.5.1.4


class InsertText(Struct, frozen=True, kw_only=True):
    """The clauses of one INSERT, each as written, "" where it has none.

    Attributes:
        ctes: `WITH …` before it.
        into: `INSERT INTO table [AS alias]`.
        overriding: `OVERRIDING … VALUE`.
        body: VALUES, a query, or DEFAULT VALUES.
        tail: ON CONFLICT and RETURNING.
        plain: the column list has nothing but names, and `ctes` writes nothing.
        calls: names before a parenthesis in `ctes` and `body`, functions among them.
        moves: `ctes` or `body` tells the time or the session, or has DEFAULT.
    """

    ctes: str
    into: str
    overriding: str
    body: str
    tail: str
    plain: bool
    calls: frozenset[str]
    moves: bool

    @property
    def ignores_identity(self) -> bool:
        """True if values for identity columns are thrown away (OVERRIDING USER VALUE)."""
        return "user" in self.overriding.lower()

    @property
    def has_defaults_only(self) -> bool:
        """True for DEFAULT VALUES."""
        return self.body[:7].lower() == "default"

    def insert(self, columns: tuple[str, ...], body: str) -> str:
        """The same INSERT with a column list and other rows."""
        names = ", ".join(quote_ident(name) for name in columns)
        return f"{self.ctes}{self.into} ({names}) {self.overriding} {body}\n{self.tail}".rstrip()


def parse_insert(seeder: Seeder) -> InsertText:
    """Find the clauses of the seeder's statement."""
    raw = seeder.sql.encode()
    tokens = lex(raw)
    depths = _depths(tokens)
    start = next(i for i, token in enumerate(tokens) if depths[i] == 0 and _is(token, b"insert"))
    names = _skip_name(tokens, start + 2)
    # `seeder.columns` does not tell: the planner fills it in for texts without a column list.
    after = _skip_columns(tokens, depths, names) if _lists_columns(tokens, names) else names
    body = after + 3 if _is(tokens[after], b"overriding") else after
    tail = next((i for i in range(body, len(tokens)) if depths[i] == 0 and _starts_tail(tokens, i)), len(tokens))

    def text(first: int, last: int) -> str:
        """From the first token to the last one, exclusive, with what stands between them; comments at the end go."""
        return raw[tokens[first].start : tokens[last - 1].end].decode() if first < last else ""

    ctes = text(0, start)
    queries = tokens[:start] + tokens[body:tail]
    is_name_list = all(token.text not in (b".", b"[") for token in tokens[names:after])
    return InsertText(
        ctes=ctes + "\n" if ctes else "",
        into=text(start, names),
        overriding=text(after, body),
        body=text(body, tail),
        tail=text(tail, len(tokens)),
        plain=is_name_list and not any(token.text.lower() in _WRITES for token in tokens[:start]),
        calls=frozenset(_called(queries)),
        moves=any(
            token.text.lower() in (_MOVING_WORDS if token.kind is Lexeme.WORD else _MOVING_STRINGS) for token in queries
        ),
    )


def _called(tokens: list[Token]) -> Iterator[str]:
    for token, following in pairwise(tokens):
        if following.text == b"(" and token.kind is Lexeme.WORD:
            yield token.text.lower().decode()
        elif following.text == b"(" and token.kind is Lexeme.QUOTED:
            yield token.text[1:-1].replace(b'""', b'"').decode()


def _is(token: Token, word: bytes) -> bool:
    return token.kind is Lexeme.WORD and token.text.lower() == word


def _depths(tokens: list[Token]) -> list[int]:
    """How many parentheses each token stands in; a parenthesis itself counts as outside."""
    depths, depth = [], 0
    for token in tokens:
        if token.text == b")":
            depth -= 1
        depths.append(depth)
        if token.text == b"(":
            depth += 1
    return depths


def _skip_name(tokens: list[Token], index: int) -> int:
    """The index behind `schema.table AS alias`, given that of its first token."""
    index += 1
    while tokens[index].text == b".":
        index += 2
    return index + 2 if _is(tokens[index], b"as") else index


def _lists_columns(tokens: list[Token], index: int) -> bool:
    """True if a column list stands there; a parenthesis before a key word opens a query (manual: INSERT)."""
    opening = index
    while tokens[index].text == b"(":
        index += 1
    if index == opening:
        return False
    if _is(tokens[index], b"values"):  # a column may be called so
        return tokens[index + 1].text != b"("
    return not any(_is(tokens[index], word) for word in (b"select", b"with", b"table"))


def _skip_columns(tokens: list[Token], depths: list[int], index: int) -> int:
    """The index behind the column list that opens at `index`."""
    closing = (i for i in range(index + 1, len(tokens)) if tokens[i].text == b")" and depths[i] == depths[index])
    return next(closing) + 1


def _starts_tail(tokens: list[Token], index: int) -> bool:
    """True at RETURNING and at ON CONFLICT, which a join condition on a column `conflict` is not."""
    if _is(tokens[index], b"returning"):
        return True
    following = tokens[index + 1 : index + 3]
    return (
        _is(tokens[index], b"on")
        and len(following) == 2
        and _is(following[0], b"conflict")
        and following[1].text.lower() in (b"(", b"on", b"do")
    )
