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
    """INSERT and UPDATE."""
    yield from _writes_inside(node, declarations)
    yield Effect(verb=EffectVerb.WRITE_ROWS, key=declarations.range_var(node["relation"]))


def merge(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """MERGE: it may delete all that another table lacks, or, joined to anything, all rows."""
    yield from _writes_inside(node, declarations)
    yield Effect(verb=_verb(_merges_some(node)), key=declarations.range_var(node["relation"]))


def _merges_some(node: Node) -> bool:
    """True if each of its deletions tells rows apart."""
    is_joined = tells_rows_apart(node["joinCondition"])
    clauses = (entry["MergeWhenClause"] for entry in node["mergeWhenClauses"])
    return all(
        tells_rows_apart(clause.get("condition"))
        or (is_joined and clause["matchKind"] != "MERGE_WHEN_NOT_MATCHED_BY_SOURCE")
        for clause in clauses
        if clause["commandType"] == "CMD_DELETE"
    )


def delete(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """DELETE: of all rows, unless its condition tells rows apart."""
    yield from _writes_inside(node, declarations)
    is_some = tells_rows_apart(node.get("whereClause"))
    yield Effect(verb=_verb(is_some), key=declarations.range_var(node["relation"]))


def _verb(is_some: bool) -> EffectVerb:
    return EffectVerb.WRITE_ROWS if is_some else EffectVerb.DELETE_ROWS


_OF_ROWS = frozenset({"ColumnRef", "SubLink", "CurrentOfExpr"})


def tells_rows_apart(expression: Node | None) -> bool:
    """False for none, and for one like `true` or `id = id`, which is written to get past tools that insist on one."""
    compared = (expression or {}).get("A_Expr", {})
    left, right = (compared.get(side, {}).get("ColumnRef", {}).get("fields") for side in ("lexpr", "rexpr"))
    if left is not None and left == right:
        return False
    return any(not current.keys().isdisjoint(_OF_ROWS) for current in objects_below(expression))


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
        if kind in _WRITING:
            yield from _WRITING[kind](query, declarations)


_WRITING = {"InsertStmt": write, "UpdateStmt": write, "MergeStmt": merge, "DeleteStmt": delete}


def opaque(node: Node, _: Declarations) -> Iterator[Effect]:
    """DO and CALL: what they do is seen when they ran."""
    call = node.get("funccall")
    name = "DO" if call is None else f"CALL {'.'.join(part for part in qualified(call['funcname']) if part)}"
    yield Effect(verb=EffectVerb.OPAQUE, key=other_key(name))
