"""pg_depend in the words of the model: from and to what people name, members at column grain (manual 53.18).

A dependency on the schema goes without saying, since the key names it, and so does that on plpgsql, which every
database has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from stonegate.database.introspect.lookup import Lookup
from stonegate.database.introspect.nodes import Nodes
from stonegate.model.catalog import Dependency
from stonegate.model.names import ObjectKey

_FIRST_USER_OID: Final = 16384  # FirstNormalObjectId


def edges(lookup: Lookup, nodes: Nodes) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """What depends on what, with repetitions."""
    for row in lookup.rows.dependencies:
        if row.kind in ("e", "x") or (row.kind == "i" and row.on_number) or row.on_object < _FIRST_USER_OID:
            continue
        dependent = nodes.find(row.cls, row.object, row.number)
        if dependent is None:
            continue
        on = nodes.find(row.on_class, row.on_object, row.on_number)
        if on is not None and on != dependent:
            yield dependent, on


def dependencies(found: Iterable[tuple[ObjectKey, ObjectKey]]) -> tuple[Dependency, ...]:
    """The edges in their order, each once."""
    edges_found = [*found]
    # Keys are compared once, and told apart by identity: hashing those of a large database takes longer than all else.
    keys = {id(key): key for edge in edges_found for key in edge}
    rank: dict[int, int] = {}
    number: int = 0
    previous: tuple[str, ...] = ()
    for order, identity in sorted((_in_order(key), identity) for identity, key in keys.items()):
        number, previous = number + (order != previous), order
        rank[identity] = number
    once = {(rank[id(dependent)], rank[id(on)]): (dependent, on) for dependent, on in edges_found}
    return tuple(Dependency(dependent=dependent, on=on) for _, (dependent, on) in sorted(once.items()))


def _in_order(key: ObjectKey) -> tuple[str, ...]:
    return key.kind, key.schema, key.name, key.arguments or "", key.member or ""
