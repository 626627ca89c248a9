"""DO blocks that only run statements one after the other: they are followed as if these stood in the file."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.source import EffectVerb, MigrationStatement, Need
from stonegate.source.syntax.grammar import Node, Statement, parse_nodes, parse_plpgsql

#: What plpgsql declares in every block: `found`.
_NO_VARIABLES = 1
#: The level of RAISE EXCEPTION (elog.h).
_ERROR = 21
#: What the compiler puts at the end of a block; one that is written has a line.
_END: Node = {"PLpgSQL_stmt_return": {}}


def plain_statements(statement: Statement) -> tuple[Statement, ...]:
    """The statements of such a DO block; none of any other statement, of a block with variables, handlers, conditions
    or loops, of one that calls by PERFORM or EXECUTE, and of one that adds values to an enum: the plan adds these
    before statements only (`planner/migrations/enum_values.py`)."""
    arguments = {entry["DefElem"]["defname"] for entry in statement.node["args"]} if statement.kind == "DoStmt" else ()
    if set(arguments) != {"as"}:
        return ()
    function: Node = parse_plpgsql(statement.sql).get("PLpgSQL_function", {})
    block: Node = function.get("action", {}).get("PLpgSQL_stmt_block", {})
    if len(function.get("datums", ())) != _NO_VARIABLES or not block.keys() <= {"lineno", "body", "label"}:
        return ()
    *entries, end = block.get("body") or ({},)
    found = [_statement(entry, statement) for entry in entries if not _is_notice(entry)]
    plain = tuple(part for part in found if part is not None and part.kind != "AlterEnumStmt")
    return plain if end == _END and len(plain) == len(found) else ()


def _is_notice(entry: Node) -> bool:
    """True for a RAISE that only tells: of a level below EXCEPTION, and without expressions."""
    raised: Node = entry.get("PLpgSQL_stmt_raise", {})
    return raised.get("elog_level", _ERROR) < _ERROR and not raised.keys() & {"params", "options"}


def _statement(entry: Node, block: Statement) -> Statement | None:
    ((kind, part),) = entry.items()
    if kind != "PLpgSQL_stmt_execsql" or "into" in part:
        return None
    query: str = part["sqlstmt"]["PLpgSQL_expr"]["query"]
    (only,) = parse_nodes(query, block.file.path)
    ((kind, node),) = only["stmt"].items()
    raw = query.encode()
    return replace(block, kind=kind, node=node, raw=raw, complete=raw)


def as_block(statement: Statement, parts: tuple[MigrationStatement, ...]) -> MigrationStatement:
    """The DO block, with the effects of its statements, and what these need that none of them made before."""
    made: set[tuple[object, str | None]] = set()
    needs: dict[Need, None] = {}
    for part in parts:
        lacking = (
            need for need in part.needs if made.isdisjoint({(need.qualified, need.column), (need.qualified, None)})
        )
        needs |= dict.fromkeys(lacking)
        for effect in part.effects:
            key = effect.key if effect.verb in (EffectVerb.CREATE, EffectVerb.ADD_COLUMN) else effect.moved
            if key is not None:
                made.add((key.qualified, key.member))
    return MigrationStatement(
        sql=statement.sql,
        line=statement.line,
        effects=tuple(effect for part in parts for effect in part.effects),
        needs=tuple(needs),
    )
