"""PostgreSQL's printed expressions compared by meaning where its printing and reading do not round-trip.

What was written `(a, b) IS DISTINCT FROM (c, d)` prints as nested ORs; read again, the nest is one flat OR and prints
otherwise. So `(A OR B) OR C`, `A OR (B OR C)` and `A OR B OR C` count as the same, AND alike; nothing else does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

_TOKEN = re.compile(
    r"""\s+|[eE]?'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|[()]|[^\s()'"$]+|.""", re.DOTALL
)
_CHAINS = ("OR", "AND")
Tree: TypeAlias = "str | tuple[Tree, ...]"


def same_text(desired: str | None, live: str | None) -> bool:
    """True if two printed definitions are equal up to the nesting of OR and AND chains."""
    if desired == live:
        return True
    if desired is None or live is None:
        return False
    return flatten(desired) == flatten(live)


@lru_cache(maxsize=4096)
def flatten(text: str) -> str:
    """The text with white space folded and nested chains of one connective made flat; itself if it has none."""
    if " OR " not in text and " AND " not in text:
        return text
    root: list[Tree] = []
    stack = [root]
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.isspace():
            continue
        if token == "(":
            stack.append([])
        elif token == ")" and len(stack) > 1:
            group = _flat(tuple(stack.pop()))
            stack[-1].append(group)
        else:
            stack[-1].append(token)
    while len(stack) > 1:
        unclosed = tuple(stack.pop())
        stack[-1].append(unclosed)
    return _write(_flat(tuple(root)))


def _flat(group: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The group with operands of its chain that are chains of the same connective put in their place."""
    connective = _connective(group)
    if connective is None:
        return group
    made: list[Tree] = []
    for part in group:
        if isinstance(part, tuple) and _is_operand(part, group) and _connective(part) == connective:
            made.extend(part)
        else:
            made.append(part)
    return tuple(made)


def _connective(group: tuple[Tree, ...]) -> str | None:
    """OR or AND if the group is a chain of parenthesised operands joined by nothing else, as PostgreSQL prints it."""
    words = set(group[1::2])
    if len(group) < 3 or len(group) % 2 == 0 or len(words) != 1:
        return None
    word = next(iter(words))
    operands = all(isinstance(part, tuple) for part in group[::2])
    return word if isinstance(word, str) and word in _CHAINS and operands else None


def _is_operand(part: tuple[Tree, ...], group: tuple[Tree, ...]) -> bool:
    return part in group[::2]


def _write(tree: tuple[Tree, ...]) -> str:
    return " ".join(part if isinstance(part, str) else f"( {_write(part)} )" for part in tree)
