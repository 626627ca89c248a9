"""`*` in views and BEGIN ATOMIC bodies, compared in live order (behaviour, §5).

PostgreSQL writes a `*` out when the view is created, in the order of the columns then. The order of a live table's
columns is that of its history, so the same source gives another text there than in a fresh build. A list of select
items that holds exactly the columns of a relation in declared order may be such a `*`; it is compared in the order
that the live relation has once the plan is carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stonegate.model.catalog import Routine, View
from stonegate.model.names import ObjectKey, QualifiedName, quote_ident
from stonegate.planner.diff.sides import Sides


def in_live_order(sides: Sides, key: ObjectKey, text: str) -> str:
    """The deparsed query as its source would read when it is created in the live database.

    Args:
        key: the view or routine that the text belongs to.
        text: its desired definition.
    """
    if sides.starred is not None and key not in sides.starred:
        return text
    for name, declared, final in _reordered(sides, key):
        if sides.starred is None and not _was_star(sides, key, name):
            continue
        text = _rewrite(text, declared, final)
    return text


def _reordered(sides: Sides, key: ObjectKey) -> Iterator[tuple[QualifiedName, tuple[str, ...], tuple[str, ...]]]:
    """Relations that the view or routine reads and whose columns stand in another order (or are more) in live."""
    for name in sides.needs.get(key, ()):
        relation = sides.desired.relations.get(name)
        if relation is None:
            continue
        declared = tuple(column.name for column in relation.columns)
        final = _final_columns(sides, name)
        if declared and final != declared and set(declared) <= set(final):
            yield name, declared, final


def _final_columns(sides: Sides, name: QualifiedName) -> tuple[str, ...]:
    """For a view that stays as it is, the live columns; else as the plan leaves them."""
    desired, live = sides.desired.relations.get(name), sides.live.relations.get(name)
    if isinstance(desired, View) and isinstance(live, View):
        wanted, present = [c.name for c in desired.columns], [c.name for c in live.columns]
        if sorted(wanted) == sorted(present):
            return tuple(present)
    return sides.final_columns(name)


def _was_star(sides: Sides, key: ObjectKey, name: QualifiedName) -> bool:
    """False if the last deployment shows that the list is written out by hand.

    With a `*` the list followed the table's declared order then as it does now; a list that stood in another order
    than the table's was the author's own, and so is its new order.
    """
    if sides.declared is None:
        return True
    former, relation = sides.declared.objects.get(key), sides.declared.relations.get(name)
    if not isinstance(former, View | Routine) or relation is None:
        return True
    text = former.definition if isinstance(former, View) else former.head
    order = tuple(column.name for column in relation.columns)
    return _pattern(order).search(text) is not None if order else True


def _pattern(columns: Sequence[str]) -> re.Pattern[str]:
    """The columns as pg_get_viewdef lists them: one line each, all with the same qualifier or none."""
    first, *others = (re.escape(quote_ident(column)) for column in columns)
    rest = "".join(rf",(?P<gap{number}>\s*\n\s+)(?P=qualifier){column}" for number, column in enumerate(others))
    qualifier = r'(?P<qualifier>(?:(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)\.)?)'
    return re.compile(rf"(?<=[\s(]){qualifier}{first}{rest}(?=\s*(?:,\s*\n|\n|;|$))")


def _rewrite(text: str, declared: Sequence[str], final: Sequence[str]) -> str:
    def reorder(found: re.Match[str]) -> str:
        gap = found.group("gap0") if len(declared) > 1 else "\n    "
        qualifier = found.group("qualifier")
        return f",{gap}".join(f"{qualifier}{quote_ident(column)}" for column in final)

    return _pattern(declared).sub(reorder, text)
