"""Catalogs made from others: what is looked up in them, and the walks along inheritance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Constraint, Dependency, Index, Table, View
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from tests.planner.catalogs import ACCESS, routine

LOOKUPS = (
    "objects",
    "dependents",
    "uses",
    "needs",
    "relations",
    "domain_bases",
    "index_holders",
    "children",
    "foreign_keys",
    "referring",
)


def name(table: str) -> QualifiedName:
    return QualifiedName("public", table)


def table(label: str, *above: str, refers: str | None = None, **fields: object) -> Table:
    """A table with an index, children of others, and with a foreign key if it refers to one."""
    key = Constraint(name=f"{label}_fkey", kind="foreign key", definition="", references=name(refers or ""))
    plain = Table(
        schema="public",
        name=label,
        columns=(Column(name="a", type="integer"),),
        indexes=(Index(name=f"{label}_idx", definition="", shape=""),),
        constraints=(key,) if refers else (),
        inherits=tuple(map(name, above)),
        access=ACCESS,
    )
    return replace(plain, **fields)


CATALOG = Catalog(
    tables=(table("a"), table("b", "a"), table("c", refers="a"), table("d", refers="b")),
    views=(View(schema="public", name="v", definition="", access=ACCESS),),
    routines=(routine("f"), routine("g")),
    dependencies=(
        Dependency(dependent=ObjectKey(ObjectKind.VIEW, "public", "v"), on=ObjectKey(ObjectKind.TABLE, "public", "a")),
    ),
)


def derived() -> Iterator[Catalog]:
    wider = (Column(name="a", type="integer"), Column(name="b", type="text"))
    for each in CATALOG.tables:
        yield CATALOG.with_table(replace(each, columns=wider))
        yield CATALOG.with_object(replace(each, columns=wider))
        yield CATALOG.with_table(replace(each, constraints=(), indexes=(), inherits=()))
        yield CATALOG.with_table(table(each.name, "c", refers="c"))
        yield CATALOG.without_object(each.key)
    yield CATALOG.with_object(table("e", "b", refers="d"))
    yield CATALOG.with_object(routine("f", "SELECT 2"))
    yield CATALOG.without_object(routine("g").key)
    yield CATALOG.without_object(CATALOG.views[0].key)
    yield CATALOG.with_object(View(schema="public", name="v", materialized=True, definition="", access=ACCESS))
    yield CATALOG.with_dependencies(())


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_what_is_looked_up_in_a_derived_catalog_is_in_it(lookup: str) -> None:
    """With the same order, as in one that was made from its objects."""
    for known in LOOKUPS:  # so that there are some to be kept
        getattr(CATALOG, known)
    for catalog in derived():
        fresh = replace(catalog)
        assert list(getattr(catalog, lookup).items()) == list(getattr(fresh, lookup).items())


def test_a_changed_object_stands_where_it_is_said_to() -> None:
    wider = table("a", unlogged=True)
    assert [each.name for each in CATALOG.with_table(wider).tables] == ["a", "b", "c", "d"]
    assert [each.name for each in CATALOG.with_object(wider).tables] == ["b", "c", "d", "a"]
    assert CATALOG.with_table(wider).table(wider.key) == wider
    with pytest.raises(KeyError):
        CATALOG.with_table(table("z"))


def test_each_relative_is_met_once_in_layers_of_diamonds() -> None:
    """25 of them have 33 million ways from the top to the bottom."""
    layers = [("top",), *((f"left{n}", f"right{n}") for n in range(25)), ("bottom",)]
    tables = [table("top")]
    for above, names in pairwise(layers):
        tables += (table(each, *above) for each in names)
    catalog = Catalog(tables=tuple(tables))
    below = [each.name for each in catalog.descendants(tables[0].key)]
    above = [key.name for key in catalog.ancestors(tables[-1].key)]
    assert below == [name for layer in layers[1:] for name in layer]
    assert len(above) == len(set(above)) == len(tables) - 1
    assert above[0] == "left24" and above[24:27] == ["left0", "top", "right0"]


def test_relatives_come_in_the_order_of_a_walk_along_each_way() -> None:
    """A parent's own ones stand in front of the next parent, children in front of theirs."""
    tables = table("a"), table("b", "a"), table("c", "a", "b"), table("d", "b"), table("e", "c", "d")
    catalog = Catalog(tables=tables)
    assert [each.name for each in catalog.descendants(tables[0].key)] == ["b", "c", "d", "e"]
    assert [key.name for key in catalog.ancestors(tables[-1].key)] == ["c", "a", "b", "d"]
