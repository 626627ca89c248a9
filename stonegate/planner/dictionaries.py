"""Options of a text search dictionary, which change in place (manual: ALTER TEXT SEARCH DICTIONARY)."""

from __future__ import annotations

from stonegate.model.catalog import OtherObject
from stonegate.model.tokens import lex

_KIND = "text search dictionary"
_TEMPLATE = "TEMPLATE"


def option_change(desired: OtherObject, live: OtherObject) -> str | None:
    """The statement that gives the live dictionary the desired one's options, all of them and in their order.

    Returns:
        None for what is no dictionary, and for one that has another template, which PostgreSQL cannot change.
    """
    if desired.kind != _KIND or live.kind != _KIND:
        return None
    former, wanted = _options(live.definition), _options(desired.definition)
    if former.pop(_TEMPLATE) != wanted.pop(_TEMPLATE):
        return None
    gone = (name for name in former if name not in wanted)
    given = (f"{name} = {value}" for name, value in wanted.items())
    return f"ALTER TEXT SEARCH DICTIONARY {desired.identity} ({', '.join((*gone, *given))})"


def _options(definition: str) -> dict[str, str]:
    """Names and values, as written, of CREATE TEXT SEARCH DICTIONARY … (TEMPLATE = …, name = value, …)."""
    raw = definition.encode()
    tokens = lex(raw)
    ends = [number for number, token in enumerate(tokens) if token.text in (b",", b")")]
    starts = [next(number for number, token in enumerate(tokens) if token.text == b"("), *ends]
    found = {}
    for start, end in zip(starts, ends, strict=False):
        name, _, first = tokens[start + 1 : start + 4]
        found[name.text.decode()] = raw[first.start : tokens[end - 1].end].decode()
    return found
