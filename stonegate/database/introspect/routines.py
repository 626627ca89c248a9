"""Functions, procedures, window functions and aggregates (manual: CREATE FUNCTION, CREATE AGGREGATE)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import access_of, known, printed, printed_if
from stonegate.model.catalog import Parameter, Routine

_KINDS: Final = {"f": "function", "p": "procedure", "w": "window function", "a": "aggregate"}
_MODES: Final = {"i": "in", "o": "out", "b": "inout", "v": "variadic", "t": "table"}
_INPUT: Final = ("in", "inout", "variadic")


def routines(
    found: Iterable[rows.Routine], comments: Iterable[rows.Comment], aggregates: Iterable[rows.Aggregate]
) -> tuple[Routine, ...]:
    """Routines by schema, name and arguments.

    Raises:
        Vanished: another session dropped one meanwhile.
    """
    texts = {one.object: one.text for one in comments if one.cls == rows.PG_PROC}
    definitions = {one.oid: one.definition for one in aggregates}
    made = (_routine(one, texts.get(one.oid), definitions) for one in found)
    return tuple(sorted(made, key=lambda one: (one.schema, one.name, ", ".join(one.arguments))))


def _routine(one: rows.Routine, comment: str | None, aggregates: Mapping[int, str]) -> Routine:
    parameters = _parameters(one)
    head, body, definition = _text(one, aggregates)
    return Routine(
        schema=one.schema,
        name=one.name,
        kind=_KINDS[one.kind],
        arguments=tuple(parameter.type for parameter in parameters if parameter.mode in _INPUT),
        parameters=parameters,
        returns=one.returns or "",
        returns_set=one.returns_set,
        language=one.language,
        head=head,
        body=body,
        definition=definition,
        security_definer=one.security_definer,
        access=access_of(one.owner, comment, one.acl, one.usual),
    )


def _parameters(one: rows.Routine) -> tuple[Parameter, ...]:
    if not one.types:
        return ()
    fields = zip_longest(one.types, one.names or (), one.modes or (), one.defaults or ())
    return tuple(
        Parameter(name=name or "", mode=_MODES[mode or "i"], type=type_name, default=printed_if(default))
        for type_name, name, mode, default in fields
    )


def _text(one: rows.Routine, aggregates: Mapping[int, str]) -> tuple[str, str, str]:
    """Head, body and the whole.

    A definition ends in "AS $tag$body$tag$"; the tag, $function$ or $procedure$, grows by an x for each one that the
    body holds. Bodies of BEGIN ATOMIC and the two strings of C functions stay where they are.
    """
    text = known(aggregates.get(one.oid) if one.kind == "a" else one.definition)
    if not one.plain or one.kind == "a" or one.language == "c":
        whole = printed(text)
        return whole, "", whole
    tag = len(text) - text.rindex("$", 0, -1)
    end = len(text) - len("\nAS ") - len(one.source) - 2 * tag
    head = printed(text[:end])
    return head, one.source, head + text[end:]
