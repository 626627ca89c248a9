"""PostgreSQL's printed expressions where its printing and reading do not round-trip: respelled, or compared by meaning.

`varchar IN ('a', 'b')` prints as `(ARRAY['a'::character varying, …])::text[]`, whose cast the parser takes for one of
each element (`transformArrayExpr` in its source): read again, it prints as `ARRAY[('a'::character varying)::text, …]`.
With the array's own type between the two, it prints as before; so texts from the catalog get that (`stable_casts`), and
a database where the elements are cast, restored from a dump for one, counts as the same.

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
_LITERAL = r"E?'(?:[^'\\]|''|\\.)*'"
_TYPE = r"""(?:"(?:[^"]|"")*"|[a-z_][\w$]*)(?:\."(?:[^"]|"")*"|\.[a-z_][\w$]*|(?: [a-z]+)*)"""
_MODIFIER = r"(?:\(\d+(?:,\d+)?\))?"
#: A cast array of constants of one type, in parentheses or, printed prettily, without; other texts with quotes first.
_CAST_ARRAY = re.compile(
    rf"""\$(\w*)\$.*?\$\1\$|{_LITERAL}|"(?:[^"]|"")*"|(?P<open>\()?ARRAY\[(?P<items>{_LITERAL}::(?P<type>{_TYPE}){_MODIFIER}"""
    rf"""(?:, {_LITERAL}::(?P=type){_MODIFIER})*)\](?P<own>::(?P=type)\[\])?(?(open)\))::(?P<cast>{_TYPE})\[\]""",
    re.DOTALL,
)
_ITEM = re.compile(rf"{_LITERAL}::[^,']+?{_MODIFIER}(?=, |$)")
Tree: TypeAlias = "str | tuple[Tree, ...]"


def same_text(desired: str | None, live: str | None) -> bool:
    """True if two printed definitions are equal up to the nesting of OR and AND chains."""
    if desired == live:
        return True
    if desired is None or live is None:
        return False
    return flatten(desired) == flatten(live)


def stable_casts(text: str) -> str:
    """The text with the type of a cast array's own before the cast, so that it is read as what it was printed from."""
    if "ARRAY[" not in text:
        return text
    return _CAST_ARRAY.sub(_with_own_type, text)


def is_unstable(text: str) -> bool:
    """True if PostgreSQL, which makes what it printed for a retyped column anew, would change this definition."""
    return "ARRAY[" in text and _CAST_ARRAY.sub(_cast_elements, text) != text


def _with_own_type(found: re.Match[str]) -> str:
    if found["items"] is None or found["type"] == found["cast"] or found["own"] is not None:
        return found[0]
    opening, closing = ("(", ")") if found["open"] else ("", "")
    return f"{opening}ARRAY[{found['items']}]::{found['type']}[]{closing}::{found['cast']}[]"


def _cast_elements(found: re.Match[str]) -> str:
    """The same array with its elements cast, as PostgreSQL prints it once it has read the other form."""
    if found["items"] is None or found["type"] == found["cast"]:
        return found[0]
    is_pretty = not found["open"]
    items = (item if is_pretty else f"({item})" for item in _ITEM.findall(found["items"]))
    return "ARRAY[" + ", ".join(f"{item}::{found['cast']}" for item in items) + "]"


@lru_cache(maxsize=4096)
def flatten(text: str) -> str:
    """The text with cast arrays as arrays of casts, and where it has chains, white space folded and those made flat."""
    if "ARRAY[" in text:
        text = _CAST_ARRAY.sub(_cast_elements, text)
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
        if isinstance(part, tuple) and _connective(part) == connective:
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


def _write(tree: tuple[Tree, ...]) -> str:
    return " ".join(part if isinstance(part, str) else f"( {_write(part)} )" for part in tree)
