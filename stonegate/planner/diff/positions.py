"""Lists of column aliases (`FROM f() AS x(a, b)`) in the order that the columns have in the live database.

PostgreSQL prints such a list for every call in a FROM that returns rows of a table or type, and reads it by position.
The columns of a live table stand in the order of its history: the list of a fresh build would give them wrong names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, CompositeType, Routine, Table
from stonegate.model.names import quote_ident
from stonegate.model.tokens import Lexeme, NotLexable, Token, lex
from stonegate.planner.arrivals import arriving
from stonegate.planner.diff.naming import unquote

_Name = tuple[str, str]  # schema and name
_NAMES = (Lexeme.WORD, Lexeme.QUOTED)


class _Order(Struct, frozen=True):
    """The columns of a row as declared, and as they will stand."""

    declared: tuple[str, ...]
    final: tuple[str, ...]

    def permute(self, aliases: Sequence[str]) -> tuple[str, ...]:
        """The aliases, given in declared order, by final position; a column that is not declared has its own name."""
        known = dict(zip(self.declared, aliases, strict=False))
        return (
            *(known.get(name, quote_ident(name)) for name in self.final),
            *aliases[len(self.declared) :],  # WITH ORDINALITY
        )


def in_live_positions(desired: Catalog, live: Catalog, declared: Catalog | None) -> Catalog:
    """The desired catalog as its source would read in the live database.

    Args:
        declared: what the last deployment declared: of that, what the folder no longer has goes.
    """
    rows = dict(_reordered(desired, live, declared))
    if not rows:
        return desired
    orders = {name: order for name, (order, is_relation) in rows.items() if is_relation}
    types = {f"{quote_ident(schema)}.{quote_ident(name)}": order for (schema, name), (order, _) in rows.items()}
    for routine in desired.routines:
        order = types.get(routine.returns.removeprefix("SETOF "))
        if order is not None:
            orders[routine.schema, routine.name] = order
    return replace(
        desired,
        views=tuple(replace(view, definition=_rewrite(view.definition, orders)) for view in desired.views),
        routines=tuple(_with_lists(routine, orders) for routine in desired.routines),
        others=tuple(replace(other, definition=_rewrite(other.definition, orders)) for other in desired.others),
    )


def _reordered(
    desired: Catalog, live: Catalog, declared: Catalog | None
) -> Iterator[tuple[_Name, tuple[_Order, bool]]]:
    """Tables and composite types whose columns will stand in another order than in a fresh build."""
    things: tuple[Table | CompositeType, ...] = (*desired.tables, *desired.composites)
    for thing in things:
        present = live.objects.get(thing.key)
        if isinstance(present, Table | CompositeType) and (there := _columns(present)) != (names := _columns(thing)):
            last = declared.objects.get(thing.key) if declared is not None else None
            going = set(_columns(last)) if isinstance(last, Table | CompositeType) else set()
            stay = tuple(name for name in there if name in names or name not in going)
            columns = thing.columns if isinstance(thing, Table) else ()
            final = (*stay, *(arriving(columns, stay) or (name for name in names if name not in stay)))
            if final[: len(names)] != names:
                yield (thing.schema, thing.name), (_Order(names, final), isinstance(thing, Table))


def _columns(thing: Table | CompositeType) -> tuple[str, ...]:
    return tuple(part.name for part in (thing.columns if isinstance(thing, Table) else thing.attributes))


def _with_lists(routine: Routine, orders: Mapping[_Name, _Order]) -> Routine:
    """A BEGIN ATOMIC body stands in the head; what others hold as text is read anew at each call."""
    if routine.body:
        return routine
    head, definition = (_rewrite(text, orders) for text in (routine.head, routine.definition))
    return replace(routine, head=head, definition=definition)


def _rewrite(text: str, orders: Mapping[_Name, _Order]) -> str:
    raw = text.encode()
    try:
        tokens = lex(raw)
    except NotLexable:
        return text
    pieces, position = [], 0
    for order, first, last in sorted(_lists(tokens, orders), key=lambda found: found[1]):  # calls may be nested
        inner = [token.text.decode() for token in tokens[first:last] if token.kind in _NAMES]
        pieces += [raw[position : tokens[first].start], ", ".join(order.permute(inner)).encode()]
        position = tokens[last].start
    return b"".join((*pieces, raw[position:])).decode()


def _lists(tokens: Sequence[Token], orders: Mapping[_Name, _Order]) -> Iterator[tuple[_Order, int, int]]:
    """The alias lists of these functions and relations: the first token and the closing parenthesis."""
    for start in range(len(tokens) - 3):
        schema, dot, name = tokens[start : start + 3]
        if dot.text != b"." or schema.kind not in _NAMES or name.kind not in _NAMES:
            continue
        order = orders.get((unquote(schema.text.decode()), unquote(name.text.decode())))
        if order is None:
            continue
        alias = _closing(tokens, start + 3) + 1 if tokens[start + 3].text == b"(" else start + 3
        if [token.text for token in tokens[alias : alias + 2]] == [b"WITH", b"ORDINALITY"]:
            alias += 2
        first = alias + 2
        if first >= len(tokens) or tokens[alias].kind not in _NAMES or tokens[alias + 1].text != b"(":
            continue
        last = _closing(tokens, alias + 1)
        inner = tokens[first:last]
        is_list = all(token.kind in _NAMES for token in inner[::2]) and all(t.text == b"," for t in inner[1::2])
        if is_list and len(order.declared) <= (len(inner) + 1) // 2 <= len(order.declared) + 1:
            yield order, first, last


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """The parenthesis that closes this one."""
    depth = 0
    for number in range(opening, len(tokens)):
        depth += {b"(": 1, b")": -1}.get(tokens[number].text, 0)
        if depth == 0:
            return number
    return len(tokens) - 1
