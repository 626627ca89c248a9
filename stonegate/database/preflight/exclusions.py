"""Rows that an exclusion constraint, or a key WITHOUT OVERLAPS, would not let stand beside each other (manual, CREATE
TABLE)."""

from __future__ import annotations

from msgspec import Struct
from psycopg.sql import SQL, Composable, Composed, Identifier

from stonegate.database.preflight.check import Check, key_columns, rows_of
from stonegate.database.preflight.definitions import first_list, inner, trusted
from stonegate.model.catalog import Constraint, Table

#: Types without an order.
_UNORDERED = ("point", "line", "lseg", "box", "path", "polygon", "circle", "json", "xml", "xid")
#: Behind the last column of a key (PostgreSQL 18).
NO_OVERLAPS = " WITHOUT OVERLAPS"
_RANGES = frozenset({"int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"})


class _Element(Struct, frozen=True, kw_only=True):
    """`key WITH operator`; the type is known of columns, and of what makes a range."""

    key: str
    operator: str
    type: str | None
    name: Identifier


def exclusion_check(wanted: Constraint, table: Table, label: str) -> Check | None:
    """The look for rows that exclude each other; None where the table lacks a column of the constraint so far."""
    if any(table.column(name) is None for name in wanted.columns):
        return None
    elements, predicate = _read(wanted.definition, table)
    own = [("row id", SQL("t.ctid")), ("table id", SQL("t.tableoid"))]
    keys = key_columns(table)
    columns = [SQL("{} AS {}").format(value, Identifier(name)) for name, value in own]
    columns += [SQL("{} AS {}").format(trusted(each.key), each.name) for each in elements]
    # Under names that are nobody else's.
    columns += [SQL("t.{} AS {}").format(Identifier(name), Identifier(f"own {name}")) for name in keys]
    rows = SQL("(SELECT {} FROM {} t WHERE {})").format(SQL(", ").join(columns), rows_of(table), trusted(predicate))
    known = tuple((name, Identifier(f"own {name}")) for name in keys) or tuple(
        (each.key, each.name) for each in elements
    )
    has_neighbours = _stand_together(elements)
    source, condition = _beside(rows, elements) if has_neighbours else _anywhere(rows, elements)
    others = "a neighbour, as they are ordered," if has_neighbours else "others"
    pairs = ", ".join(f"{each.key} WITH {each.operator}" for each in elements)
    reason = f"clash with {others} by {pairs}"
    return Check(label=label, reason=reason, source=source, condition=condition, keys=known)


def _read(definition: str, table: Table) -> tuple[list[_Element], str]:
    """The elements of `EXCLUDE USING gist (room WITH =, during WITH &&) WHERE ((room > 0))`, and the predicate.

    `UNIQUE (room, during WITHOUT OVERLAPS)` means the same, but for the predicate.
    """
    bare, rest = first_list(definition)
    whole, _ = first_list(definition, whole=True)
    is_exclusion = definition.startswith("EXCLUDE")
    elements = []
    for number, (key, element) in enumerate(zip(bare, whole, strict=True)):
        column = table.column(key.strip('"').replace('""', '"'))
        made = key.partition("(")[0]
        kind = column.type if column is not None else made if made in _RANGES else None
        operator = element.rpartition(" WITH ")[2] if is_exclusion else "&&" if element.endswith(NO_OVERLAPS) else "="
        elements.append(_Element(key=key, operator=operator, type=kind, name=Identifier(f"key {number}")))
    _, has_predicate, predicate = rest.partition(" WHERE (")
    return elements, inner(predicate) if has_predicate else "true"


def _stand_together(elements: list[_Element]) -> bool:
    """True if of all rows in order two neighbours clash wherever any two do, so that nobody has to look at all pairs.

    So it is for values that have to differ, with one more key at most: of ranges the next one overlaps if any later one
    does, and of values of which no two may differ, two neighbours do.
    """
    if any((each.type or "").startswith(_UNORDERED) for each in elements):
        return False
    others = [each for each in elements if each.operator != "="]
    return len(others) <= 1 and all(
        each.operator == "<>" or (each.operator == "&&" and each.type in _RANGES) for each in others
    )


def _beside(rows: Composed, elements: list[_Element]) -> tuple[Composed, Composable]:
    """Rows that clash with a neighbour."""
    order = SQL(", ").join(each.name for each in sorted(elements, key=lambda each: each.operator != "="))
    clashes = [
        SQL(" AND ").join(
            SQL("t.{} {} {}(t.{}) OVER beside").format(each.name, trusted(each.operator), SQL(way), each.name)
            for each in elements
        )
        for way in ("lag", "lead")
    ]
    source = SQL("(SELECT t.*, ({}) AS former, ({}) AS later FROM {} t WINDOW beside AS (ORDER BY {}))").format(
        *clashes, rows, order
    )
    return source, SQL("t.former OR t.later")


def _anywhere(rows: Composed, elements: list[_Element]) -> tuple[Composed, Composable]:
    """Rows that clash with any other."""
    clash = SQL(" AND ").join(
        SQL("t.{} {} o.{}").format(each.name, trusted(each.operator), each.name) for each in elements
    )
    other = SQL("(t.{table}, t.{row}) <> (o.{table}, o.{row})").format(
        table=Identifier("table id"), row=Identifier("row id")
    )
    return rows, SQL("EXISTS (SELECT FROM {} o WHERE {} AND {})").format(rows, other, clash)
