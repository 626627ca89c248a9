"""Effects of statements on rows, and of those whose effects cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.names import ObjectKind
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.object_keys import Declarations, new_relation, other_key
from stonegate.source.syntax.type_names import qualified

#: Of what changes nothing that a plan knows of.
NOTHING = Effect(verb=EffectVerb.NONE, key=other_key(""))


def write(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """INSERT, UPDATE and MERGE."""
    yield from _writes_inside(node, declarations)
    yield Effect(verb=EffectVerb.WRITE_ROWS, key=declarations.range_var(node["relation"]))


def delete(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """DELETE: of all rows, unless its condition tells rows apart."""
    yield from _writes_inside(node, declarations)
    is_some = _tells_rows_apart(node.get("whereClause"))
    verb = EffectVerb.WRITE_ROWS if is_some else EffectVerb.DELETE_ROWS
    yield Effect(verb=verb, key=declarations.range_var(node["relation"]))


_OF_ROWS = frozenset({"ColumnRef", "SubLink", "CurrentOfExpr"})


def _tells_rows_apart(condition: object) -> bool:
    """False for none, and for one like `WHERE true`, which is written to get past tools that insist on one."""
    return any(not current.keys().isdisjoint(_OF_ROWS) for current in objects_below(condition))


def truncate(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """TRUNCATE."""
    for entry in node["relations"]:
        yield Effect(
            verb=EffectVerb.DELETE_ROWS,
            key=declarations.range_var(entry["RangeVar"]),
            cascade=node.get("behavior") == "DROP_CASCADE",
        )


def copy(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """COPY FROM; COPY TO does nothing."""
    if node.get("is_from") and "relation" in node:
        yield Effect(verb=EffectVerb.WRITE_ROWS, key=declarations.range_var(node["relation"]))
    else:
        yield NOTHING


def select(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """SELECT: nothing, unless it makes a table (INTO) or calls a function, which may do anything."""
    yield from _writes_inside(node, declarations)
    if "intoClause" in node:
        yield Effect(verb=EffectVerb.CREATE, key=new_relation(node["intoClause"]["rel"], ObjectKind.TABLE))
    elif _calls_something(node):
        yield Effect(verb=EffectVerb.OPAQUE, key=other_key("SELECT"))
    else:
        yield NOTHING


def _calls_something(node: object) -> bool:
    return any("funcname" in current for current in objects_below(node))


def _writes_inside(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """Data-modifying statements in a WITH clause (manual 7.8.4)."""
    for entry in node.get("withClause", {}).get("ctes", ()):
        ((kind, query),) = entry["CommonTableExpr"]["ctequery"].items()
        if kind in ("InsertStmt", "UpdateStmt", "MergeStmt"):
            yield from write(query, declarations)
        elif kind == "DeleteStmt":
            yield from delete(query, declarations)


def opaque(node: Node, _: Declarations) -> Iterator[Effect]:
    """DO and CALL: what they do is seen when they ran."""
    call = node.get("funccall")
    name = "DO" if call is None else f"CALL {'.'.join(part for part in qualified(call['funcname']) if part)}"
    yield Effect(verb=EffectVerb.OPAQUE, key=other_key(name))
