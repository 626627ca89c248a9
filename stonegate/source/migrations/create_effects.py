"""Effects of CREATE statements, tables apart (table_effects.py)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.names import ObjectKind
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.syntax.created_keys import created_key
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.object_keys import Declarations


def create(kind: str, node: Node, declarations: Declarations) -> Iterator[Effect]:
    """A statement of that kind makes the object, and nothing else that a plan has to know of."""
    is_sure = any(node.get(flag) for flag in ("if_not_exists", "replace"))
    yield Effect(verb=EffectVerb.CREATE, key=created_key(kind, node, declarations), if_exists=is_sure)


def create_index(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE INDEX; `columns` are those that it mentions."""
    table = declarations.range_var(node["relation"])
    columns = (
        Effect(verb=EffectVerb.ALTER_OTHER, key=table.part(ObjectKind.COLUMN, name)) for name in _indexed_columns(node)
    )
    (made,) = create("IndexStmt", node, declarations)
    yield replace(made, columns=tuple(columns))
    yield Effect(verb=EffectVerb.ALTER_OTHER, key=table)


def _indexed_columns(node: Node) -> dict[str, None]:
    """The columns of an index: its keys in their order, then those in expressions and in its predicate."""
    elements = [entry["IndexElem"] for entry in (*node["indexParams"], *node.get("indexIncludingParams", ()))]
    names = [element["name"] for element in elements if "name" in element]
    for found in objects_below([elements, node.get("whereClause")]):
        if "ColumnRef" in found:
            names.append(found["ColumnRef"]["fields"][-1].get("String", {}).get("sval", ""))
    return dict.fromkeys(names)


def create_composite(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE TYPE … AS (…)."""
    (made,) = create("CompositeTypeStmt", node, declarations)
    columns = tuple(
        Effect(
            verb=EffectVerb.ADD_COLUMN,
            key=made.key.part(ObjectKind.ATTRIBUTE, entry["ColumnDef"]["colname"]),
            type=declarations.types.column(entry["ColumnDef"]["typeName"]),
        )
        for entry in node.get("coldeflist", ())
    )
    yield replace(made, columns=columns)


def create_statistics(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE STATISTICS; without a name only that the table changes."""
    if "defnames" in node:
        yield from create("CreateStatsStmt", node, declarations)
    else:
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=declarations.range_var(node["relations"][0]["RangeVar"]))
