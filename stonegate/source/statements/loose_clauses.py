"""Where in its text a CREATE says what closes a circle and can be said later: foreign keys, the owner of a sequence."""

from __future__ import annotations

from bisect import bisect_left

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.names import ObjectKey, quote_ident
from stonegate.model.source import LooseClause, Need, NeedKind
from stonegate.model.tokens import Lexeme, Token
from stonegate.source.syntax.grammar import Node, Statement, tokens_of
from stonegate.source.syntax.references import foreign_key_needs
from stonegate.source.syntax.type_names import strings


class _Found(Struct, frozen=True):
    constraint: Node
    column: str | None  # the column that it is written at; None for a constraint of the table
    limit: int | None  # where the next clause of that column starts in the file, bytes


def inline_foreign_keys(statement: Statement, key: ObjectKey) -> tuple[LooseClause, ...]:
    """The foreign keys to other tables in a CREATE TABLE statement, in order."""
    elements = statement.node.get("tableElts", ())
    found = [entry for element in elements for entry in _in_element(element)]
    found = [entry for entry in found if _target(entry.constraint) != (key.schema, key.name)]
    if not found:
        return ()
    tokens = tokens_of(statement.raw, statement.file.path, statement.line)
    starts = [token.start for token in tokens]
    positions = [_position(element) for element in elements]
    first_kept = next((index for index, element in enumerate(elements) if not _is_foreign(element)), len(positions))
    result = []
    for entry in found:
        first = bisect_left(starts, entry.constraint["location"] - statement.offset)
        last = _last_token(tokens, first, None if entry.limit is None else entry.limit - statement.offset)
        text = statement.raw[_keyword(tokens, first, b"references").start : tokens[last].end].decode()
        cut = (first, last)
        if entry.column is None:
            text = statement.raw[_keyword(tokens, first, b"foreign").start : tokens[last].end].decode()
            cut = _with_comma(tokens, first, last, leads=entry.constraint["location"] < _at(positions, first_kept))
        result.append(_inline(statement, key, entry, text, (tokens[cut[0]].start, tokens[cut[1]].end)))
    return tuple(result)


def owner_clauses(statement: Statement, key: ObjectKey) -> tuple[LooseClause, ...]:
    """The OWNED BY of a CREATE SEQUENCE: the sequence gives its column the default, as often as not."""
    found = ((option["DefElem"], owning_column(option["DefElem"])) for option in statement.node.get("options", ()))
    return tuple(_owner(statement, key, option, column) for option, column in found if column is not None)


def owning_column(option: Node) -> Need | None:
    """The column that an option of CREATE or ALTER SEQUENCE names; None for other options, and for OWNED BY NONE."""
    parts = strings(option["arg"]["List"]["items"]) if option["defname"] == "owned_by" else ()
    if len(parts) < 2:
        return None
    schema = parts[-3] if len(parts) > 2 else None
    return Need(kind=NeedKind.RELATION, schema=schema, name=parts[-2], column=parts[-1])


def _owner(statement: Statement, key: ObjectKey, option: Node, column: Need) -> LooseClause:
    tokens = tokens_of(statement.raw, statement.file.path, statement.line)
    first = bisect_left([token.start for token in tokens], option["location"] - statement.offset)
    last = first + 2  # OWNED BY name
    while last + 1 < len(tokens) and tokens[last + 1].text == b".":
        last += 2
    start, end = tokens[first].start, tokens[last].end
    return LooseClause(
        references=replace(column, deferrable=True),
        span=_characters(statement, start, end),
        sql=f"ALTER SEQUENCE {key.qualified.sql} {statement.raw[start:end].decode()}",
    )


def _characters(statement: Statement, start: int, end: int) -> tuple[int, int]:
    """Byte offsets in the statement as offsets of characters."""
    return len(statement.raw[:start].decode()), len(statement.raw[:end].decode())


def _inline(statement: Statement, key: ObjectKey, entry: _Found, text: str, span: tuple[int, int]) -> LooseClause:
    constraint = entry.constraint
    name = f"CONSTRAINT {quote_ident(constraint['conname'])} " if "conname" in constraint else ""
    columns = "" if entry.column is None else f"FOREIGN KEY ({quote_ident(entry.column)}) "
    return LooseClause(
        references=foreign_key_needs(constraint)[0],
        span=_characters(statement, *span),
        sql=f"ALTER TABLE {key.qualified.sql} ADD {name}{columns}{text}",
    )


def _in_element(element: Node) -> list[_Found]:
    if _is_foreign(element):
        return [_Found(element["Constraint"], None, None)]
    column = element.get("ColumnDef")
    if column is None:
        return []
    constraints = [node["Constraint"] for node in column.get("constraints", ())]
    clauses = [node["location"] for node in constraints if not node["contype"].startswith("CONSTR_ATTR")]
    if "collClause" in column:
        clauses.append(column["collClause"]["location"])
    return [
        _Found(node, column["colname"], min((at for at in clauses if at > node["location"]), default=None))
        for node in constraints
        if node["contype"] == "CONSTR_FOREIGN"
    ]


def _is_foreign(element: Node) -> bool:
    return "Constraint" in element and element["Constraint"]["contype"] == "CONSTR_FOREIGN"


def _target(constraint: Node) -> tuple[str, str]:
    table = constraint["pktable"]
    return table.get("schemaname", "public"), table["relname"]


def _position(element: Node) -> int:
    ((_, node),) = element.items()
    return int(node["location"]) if "location" in node else int(node.get("relation", {}).get("location", 0))


def _at(positions: list[int], index: int) -> int:
    return positions[index] if index < len(positions) else 1 << 62


def _last_token(tokens: list[Token], first: int, limit: int | None) -> int:
    """The last token of the clause that starts at `first`: before a comma or closing parenthesis of the list."""
    depth = 0
    for index in range(first, len(tokens)):
        token = tokens[index]
        if limit is not None and token.start >= limit:
            return index - 1
        if token.text == b"(":
            depth += 1
        elif depth == 0 and token.text in (b",", b")"):
            return index - 1
        elif token.text == b")":
            depth -= 1
    return len(tokens) - 1


def _keyword(tokens: list[Token], first: int, word: bytes) -> Token:
    return next(token for token in tokens[first:] if token.kind is Lexeme.WORD and token.text.lower() == word)


def _with_comma(tokens: list[Token], first: int, last: int, *, leads: bool) -> tuple[int, int]:
    """The range of tokens with one comma, so that any choice of constraints can be cut: that behind a constraint which
    stands before every other element of the table, else that in front."""
    if leads and tokens[last + 1].text == b",":
        return first, last + 1
    if tokens[first - 1].text == b",":
        return first - 1, last
    return first, last
