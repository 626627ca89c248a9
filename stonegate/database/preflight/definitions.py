"""Definitions as PostgreSQL prints them: the parts of their lists, and what stands behind these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from psycopg.sql import SQL

from stonegate.model.catalog import Constraint

#: What stands before the keys of an index: its names, quoted where they are odd, and the access method.
_BEFORE_KEYS = re.compile(r'^(?:[^"(]|"[^"]*")*\(')


def trusted(text: str) -> SQL:
    """PostgreSQL's own deparse of a declared expression, taken over as it is."""
    return SQL(text)


def referenced_columns(wanted: Constraint) -> tuple[str, ...]:
    """The column names in `REFERENCES t(a, "B")`, unquoted."""
    _, _, rest = wanted.definition.partition(" REFERENCES ")
    names = rest[rest.index("(") + 1 : rest.index(")")]
    return tuple(name.strip().strip('"').replace('""', '"') for name in names.split(","))


def first_list(definition: str, *, whole: bool = False) -> tuple[list[str], str]:
    """The parts of the first list of a definition that PostgreSQL prints (an index's keys, the values of a partition's
    bound), and the rest.

    Args:
        whole: with collation, operator class and order.
    """
    text = _BEFORE_KEYS.sub("", definition, count=1)
    marks = [-1, *(position for position, letter in outside(text) if letter in ",)")]
    keys = [text[before + 1 : after].strip() for before, after in pairwise(marks)]
    bare = [key[: next((end for end, letter in outside(key) if letter == " "), None)] for key in keys]
    return keys if whole else bare, text[marks[-1] + 1 :]


def inner(text: str) -> str:
    """What stands before the bracket that closes what the text is inside of."""
    return text[: next(position for position, letter in outside(text) if letter == ")")]


def outside(text: str) -> Iterator[tuple[int, str]]:
    """The letters outside of quotes and brackets, with their positions; the last is a bracket that closes nothing."""
    depth, quote = 0, ""
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter  # one that is doubled inside of its own kind ends the text and opens it again
        elif letter == "(":
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif letter == ")":
            yield position, letter
            return
        elif not depth:
            yield position, letter
