"""Recognises the names that PostgreSQL makes up for constraints and indexes, so that they are no difference.

The rules are those of makeObjectName, ChooseConstraintName, ChooseIndexName and FigureIndexColname in PostgreSQL's
source (indexcmds.c, pg_constraint.c, parse_target.c); a name is at most 63 bytes long (manual 4.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stonegate.model.catalog import Column, Constraint, Index
from stonegate.model.names import LONGEST_NAME

_LABELS = {
    "primary key": "pkey",
    "unique": "key",
    "foreign key": "fkey",
    "check": "check",
    "exclusion": "excl",
    "index": "idx",
}


def is_given_not_null(name: str | None) -> bool:
    """True if somebody chose the name of this NOT NULL constraint; after a rename the made-up one stays as it was."""
    return name is not None and re.search(r"_not_null\d*\Z", name) is None


def is_given_sequence(name: str, column: str) -> bool:
    """True if somebody chose the name of a sequence that the column owns: PostgreSQL's ends in "_{column}_seq", after
    what the table was called first. Of a long column name only the beginning is left; "" stands for any column."""
    found = re.search(r"_seq\d*\Z", name)
    return found is None or (len(name.encode()) < LONGEST_NAME - 2 and not name[: found.start()].endswith(column))


def has_given_sequence(column: Column) -> bool:
    """True if somebody chose the name of the sequence inside of an identity column."""
    return column.identity_name is not None and is_given_sequence(column.identity_name.name, column.name)


def make_object_name(name: str, addition: str, label: str) -> str:
    """`name_addition_label`, the longer of the first two parts cut until it fits; "" leaves a part out."""
    first, second = name.encode(), addition.encode()
    room = LONGEST_NAME - (len(label.encode()) + 1 if label else 0) - (1 if addition else 0)
    one, two = len(first), len(second)
    while one + two > room:
        if one > two:
            one -= 1
        else:
            two -= 1
    parts = (_clip(first, one), *((_clip(second, two),) if addition else ()), *((label,) if label else ()))
    return "_".join(parts)


def _clip(text: bytes, length: int) -> str:
    """The first bytes, without a broken character at the end."""
    return text[:length].decode(errors="ignore")


def made_up_name(name: str, owner: str, kind: str, columns: Iterable[str]) -> str | None:
    """What PostgreSQL would call the part of that name, if it ends as PostgreSQL's do for that kind; else None.

    Args:
        owner: name of the table or domain.
        kind: the constraint's kind, or "index".
        columns: what stands between the table's name and the label: key columns in order, INCLUDE columns, words for
            expressions. A check has its column only if it mentions exactly one.
    """
    label = _LABELS.get(kind)
    found = re.search(rf"{label}(\d*)\Z", name) if label is not None else None
    if label is None or found is None:
        return None
    columns = tuple(columns)
    if kind == "primary key":
        addition = ""
    elif kind == "check":
        addition = columns[0] if len(columns) == 1 else ""
    else:
        addition = column_addition(columns)
    return make_object_name(owner, addition, label + found.group(1))


def looks_made_up(part: Constraint | Index) -> bool:
    """True if the name ends as PostgreSQL's do for that kind: may stem from an earlier name of the table or column."""
    label = _LABELS.get("index" if isinstance(part, Index) else part.kind)
    return label is not None and re.search(rf"._{label}\d*\Z", part.name) is not None


def column_addition(columns: Iterable[str]) -> str:
    """Column names joined by underscores, until they are longer than a name can be (ChooseIndexNameAddition)."""
    text = ""
    for column in columns:
        text += ("_" if text else "") + column
        if len(text.encode()) > LONGEST_NAME:
            break
    return text


# --- what an index is made of ---------------------------------------------------------------------------------------


def index_columns(definition: str) -> tuple[str, ...]:
    """What the name of an index or unique constraint is made from: columns, and words for expressions.

    Args:
        definition: pg_get_indexdef or pg_get_constraintdef.
    """
    lists = _parenthesised_lists(definition)
    names: list[str] = []
    for element in (part for text in lists for part in split_top_level(text)):
        name = _element_name(element.strip())
        numbered, number = name, 0
        while numbered in names:
            number += 1
            numbered = f"{name[: LONGEST_NAME - len(str(number))]}{number}"
        names.append(numbered)
    return tuple(names)


def _parenthesised_lists(definition: str) -> list[str]:
    """The key list and, if there is one, the INCLUDE list."""
    start = _find_opening(definition)
    if start is None:
        return []
    end = _closing(definition, start)
    lists = [definition[start + 1 : end]]
    rest = definition[end + 1 :]
    if rest.lstrip().startswith("INCLUDE ("):
        opening = rest.index("(")
        lists.append(rest[opening + 1 : _closing(rest, opening)])
    return lists


def _find_opening(text: str) -> int | None:
    """The first parenthesis that is not inside a quoted name."""
    quoted = False
    for position, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == "(" and not quoted:
            return position
    return None


def _closing(text: str, opening: int) -> int:
    depth = 0
    quote = ""
    for position in range(opening, len(text)):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position
    return len(text)


def split_top_level(text: str) -> list[str]:
    """The parts between commas that stand in no parentheses and no quotes."""
    parts: list[str] = []
    depth, quote, start = 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]] if text[start:].strip() else parts


_IDENTIFIER = re.compile(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')


def unquote(identifier: str) -> str:
    """The name that an identifier of a definition stands for."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def _element_name(element: str) -> str:
    """FigureIndexColname: a column's name, a function's name, the column under a cast, else "expr"."""
    found = _IDENTIFIER.match(element)
    if found is not None:
        rest = element[found.end() :]
        if not rest.startswith(("(", ".")):
            return unquote(found.group())
        return _function_name(element)
    if element.startswith("("):
        return _expression_name(element[1 : _closing(element, 0)].strip())
    return "expr"


def _function_name(text: str) -> str:
    opening = _find_opening(text)
    if opening is None or opening == 0:
        return "expr"
    names = _IDENTIFIER.findall(text[:opening])
    return unquote(names[-1]).lower() if names and names[-1].isupper() else unquote(names[-1]) if names else "expr"


_CONSTANTS = frozenset({"NULL", "true", "false"})
_CASE = re.compile(r"CASE\s.*?(?:\sELSE\s(?P<otherwise>(?:(?!\sELSE\s).)*))?\sEND\Z", re.DOTALL)


def _expression_name(text: str) -> str:
    """Inside the parentheses of an expression: a cast takes its operand's name, a call its function's."""
    if text.startswith("("):
        end = _closing(text, 0)
        if text[end + 1 :].startswith("::"):
            return _expression_name(text[1:end].strip())
        return "expr"
    found = _IDENTIFIER.match(text)
    if found is None or found.group() in _CONSTANTS:
        return "expr"
    rest = text[found.end() :]
    if not rest or rest.startswith("::"):
        return unquote(found.group())
    opening = _find_opening(text)
    if opening is not None and " " not in text[:opening] and _closing(text, opening) == len(text) - 1:
        return _function_name(text)
    branch = _CASE.match(text)
    if branch is not None:
        name = _expression_name((branch.group("otherwise") or "").strip())
        return name if name != "expr" and "(" not in (branch.group("otherwise") or "") else "case"
    return "expr"
