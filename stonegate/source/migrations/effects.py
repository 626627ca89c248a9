"""What each statement of a migration does to the schema, as far as its text tells (`Effect`s for the planner)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from stonegate.model.names import ObjectKey, ObjectKind, extension_key, schema_key
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.migrations import table_effects
from stonegate.source.statements.routines import aggregate_of, routine_of
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import (
    Declarations,
    cast_label,
    operator_label,
    other_key,
    relation_kind,
    rule_identity,
)
from stonegate.source.syntax.type_names import qualified

Reader = Callable[[Node, Declarations], Iterable[Effect]]
_NOTHING = Effect(verb=EffectVerb.NONE, key=other_key(""))


def effects_of(statement: Statement, declarations: Declarations) -> tuple[Effect, ...]:
    """The effects of one statement; what is not understood is OPAQUE: decided when it runs."""
    reader = _READERS.get(statement.kind)
    if reader is None:
        return (Effect(verb=EffectVerb.OPAQUE, key=other_key(" ".join(statement.sql.split()[:3]))),)
    return tuple(reader(statement.node, declarations))


def _relation(node: Node, kind: ObjectKind) -> ObjectKey:
    return ObjectKey(kind, node.get("schemaname", "public"), node["relname"])


def _create(key: ObjectKey, node: Node, *, flags: tuple[str, ...] = ("if_not_exists", "replace")) -> Effect:
    return Effect(verb=EffectVerb.CREATE, key=key, if_exists=any(node.get(flag) for flag in flags))


def _create_view(node: Node, _: Declarations) -> Iterator[Effect]:
    yield _create(_relation(node["view"], ObjectKind.VIEW), node)


def _create_as(node: Node, _: Declarations) -> Iterator[Effect]:
    matview = node.get("objtype") == "OBJECT_MATVIEW"
    kind = ObjectKind.MATERIALIZED_VIEW if matview else ObjectKind.TABLE
    yield _create(_relation(node["into"]["rel"], kind), node)


def _create_index(node: Node, declarations: Declarations) -> Iterator[Effect]:
    table = declarations.range_var(node["relation"])
    columns = (
        Effect(verb=EffectVerb.ALTER_OTHER, key=table.part(ObjectKind.COLUMN, name)) for name in _indexed_columns(node)
    )
    made = _create(ObjectKey(ObjectKind.INDEX, table.schema, node.get("idxname", "")), node)
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


def _create_sequence(node: Node, _: Declarations) -> Iterator[Effect]:
    yield _create(_relation(node["sequence"], ObjectKind.SEQUENCE), node)


def _create_named_type(node: Node, _: Declarations) -> Iterator[Effect]:
    schema, name = qualified(node["domainname"] if "domainname" in node else node["typeName"])
    yield _create(ObjectKey(ObjectKind.TYPE, schema or "public", name), node)


def _create_composite(node: Node, declarations: Declarations) -> Iterator[Effect]:
    key = _relation(node["typevar"], ObjectKind.TYPE)
    columns = tuple(
        Effect(
            verb=EffectVerb.ADD_COLUMN,
            key=key.part(ObjectKind.ATTRIBUTE, entry["ColumnDef"]["colname"]),
            type=declarations.types.column(entry["ColumnDef"]["typeName"]),
        )
        for entry in node.get("coldeflist", ())
    )
    yield Effect(verb=EffectVerb.CREATE, key=key, columns=columns)


def _create_routine(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield _create(routine_of(node, declarations.types), node)


def _create_defined(node: Node, declarations: Declarations) -> Iterator[Effect]:
    if node["kind"] == "OBJECT_AGGREGATE":
        yield _create(aggregate_of(node, declarations.types), node)
    elif node["kind"] == "OBJECT_TYPE":
        schema, name = qualified(node["defnames"])
        yield _create(ObjectKey(ObjectKind.TYPE, schema or "public", name), node)
    elif node["kind"] == "OBJECT_OPERATOR":
        options = {entry["DefElem"]["defname"].lower(): entry["DefElem"].get("arg", {}) for entry in node["definition"]}
        operands = [options.get(side, {}).get("TypeName") for side in ("leftarg", "rightarg")]
        yield _create(other_key(operator_label(declarations.types, *qualified(node["defnames"]), operands)), node)
    else:
        yield _create(declarations.object(node["kind"], {"List": {"items": node["defnames"]}}), node)


def _create_member(node: Node, declarations: Declarations) -> Iterator[Effect]:
    if "trigname" in node:
        key = declarations.range_var(node["relation"]).part(ObjectKind.TRIGGER, node["trigname"])
    else:
        key = declarations.range_var(node["table"]).part(ObjectKind.POLICY, node["policy_name"])
    yield _create(key, node)


def _create_rule(node: Node, _: Declarations) -> Iterator[Effect]:
    relation = node["relation"]
    identity = rule_identity(relation.get("schemaname"), relation["relname"], node["rulename"])
    yield _create(other_key(f"rule {identity}"), node)


def _create_cast(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield _create(other_key(cast_label(declarations.types, node["sourcetype"], node["targettype"])), node)


def _create_statistics(node: Node, declarations: Declarations) -> Iterator[Effect]:
    if "defnames" in node:
        yield _create(declarations.object("OBJECT_STATISTIC_EXT", {"List": {"items": node["defnames"]}}), node)
    else:
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=declarations.range_var(node["relations"][0]["RangeVar"]))


def _create_schema(node: Node, declarations: Declarations) -> Iterator[Effect]:
    name = node.get("schemaname") or node.get("authrole", {}).get("rolename", "")
    yield _create(schema_key(name), node)
    for element in node.get("schemaElts", ()):
        ((kind, part),) = element.items()
        if "relation" in part:
            part = part | {"relation": {"schemaname": name} | part["relation"]}
        if kind in _READERS:
            yield from _READERS[kind](part, declarations)


def _create_extension(node: Node, _: Declarations) -> Iterator[Effect]:
    yield _create(extension_key(node["extname"]), node)


def _drop(node: Node, declarations: Declarations) -> Iterator[Effect]:
    for entry in node["objects"]:
        yield Effect(
            verb=EffectVerb.DROP,
            key=declarations.object(node["removeType"], entry),
            cascade=node.get("behavior") == "DROP_CASCADE",
            if_exists=bool(node.get("missing_ok")),
        )


def _rename(node: Node, declarations: Declarations) -> Iterator[Effect]:
    objtype, new = node["renameType"], node["newname"]
    if objtype == "OBJECT_SCHEMA":
        key = schema_key(node["subname"])
    elif "object" in node:
        if objtype == "OBJECT_DOMCONSTRAINT":
            owner = declarations.type(*qualified(node["object"]["List"]["items"]))
            key = ObjectKey(ObjectKind.CONSTRAINT, owner.schema, owner.name, None, node["subname"])
        else:
            key = declarations.object(objtype, node["object"])
    else:
        relation = node["relation"]
        members = {
            "OBJECT_COLUMN": ObjectKind.COLUMN,
            "OBJECT_TABCONSTRAINT": ObjectKind.CONSTRAINT,
            "OBJECT_TRIGGER": ObjectKind.TRIGGER,
            "OBJECT_POLICY": ObjectKind.POLICY,
        }
        if objtype == "OBJECT_ATTRIBUTE":
            owner = declarations.type(relation.get("schemaname"), relation["relname"])
            key = owner.part(ObjectKind.ATTRIBUTE, node["subname"])
        elif objtype in members:
            key = declarations.range_var(relation).part(members[objtype], node["subname"])
        elif objtype == "OBJECT_RULE":
            identity = rule_identity(relation.get("schemaname"), relation["relname"], node["subname"])
            key = other_key(f"rule {identity}")
        else:
            key = declarations.range_var(relation, relation_kind(objtype) or ObjectKind.TABLE)
    yield Effect(verb=EffectVerb.RENAME, key=key, to=new, if_exists=bool(node.get("missing_ok")))


def _set_schema(node: Node, declarations: Declarations) -> Iterator[Effect]:
    objtype = node["objectType"]
    if "relation" in node:
        key = declarations.range_var(node["relation"], relation_kind(objtype) or ObjectKind.TABLE)
    else:
        key = declarations.object(objtype, node["object"])
    yield Effect(verb=EffectVerb.SET_SCHEMA, key=key, to=node["newschema"], if_exists=bool(node.get("missing_ok")))


def _alter_enum(node: Node, declarations: Declarations) -> Iterator[Effect]:
    key = declarations.type(*qualified(node["typeName"]))
    if "oldVal" in node:
        yield Effect(verb=EffectVerb.RENAME_VALUE, key=key, old=node["oldVal"], to=node["newVal"])
    else:
        exists = bool(node.get("skipIfNewValExists"))
        yield Effect(verb=EffectVerb.ADD_VALUE, key=key, to=node["newVal"], if_exists=exists)


def _alter_domain(node: Node, declarations: Declarations) -> Iterator[Effect]:
    key = declarations.type(*qualified(node["typeName"]))
    constraint = node.get("def", {}).get("Constraint", {})
    match node["subtype"]:
        case "T":
            yield Effect(verb=EffectVerb.SET_DEFAULT if "def" in node else EffectVerb.DROP_DEFAULT, key=key)
        case "N":
            yield Effect(verb=EffectVerb.DROP_NOT_NULL, key=key)
        case "O":
            yield Effect(verb=EffectVerb.SET_NOT_NULL, key=key)
        case "C" if constraint.get("contype") == "CONSTR_NOTNULL":
            yield Effect(verb=EffectVerb.SET_NOT_NULL, key=key)
        case "C":
            name = constraint.get("conname", "")
            part = ObjectKey(ObjectKind.CONSTRAINT, key.schema, key.name, None, name)
            yield Effect(verb=EffectVerb.ADD_CONSTRAINT, key=part)
        case "X":
            part = ObjectKey(ObjectKind.CONSTRAINT, key.schema, key.name, None, node["name"])
            yield Effect(
                verb=EffectVerb.DROP_CONSTRAINT,
                key=part,
                cascade=node.get("behavior") == "DROP_CASCADE",
                if_exists=bool(node.get("missing_ok")),
            )
        case _:
            yield Effect(verb=EffectVerb.ALTER_OTHER, key=key)


def _alter_routine(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield Effect(verb=EffectVerb.ALTER_OTHER, key=declarations.routine(node["func"]))


def _alter_sequence(node: Node, declarations: Declarations) -> Iterator[Effect]:
    key = declarations.range_var(node["sequence"], ObjectKind.SEQUENCE)
    yield Effect(verb=EffectVerb.ALTER_OTHER, key=key, if_exists=bool(node.get("missing_ok")))


def _alter_object(node: Node, declarations: Declarations) -> Iterator[Effect]:
    objtype = node.get("objectType") or node.get("objtype")
    if objtype is not None and "object" in node:
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=declarations.object(objtype, node["object"]))
    elif "table" in node:
        key = declarations.range_var(node["table"]).part(ObjectKind.POLICY, node["policy_name"])
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=key)
    elif "extname" in node and isinstance(node["extname"], str):
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=extension_key(node["extname"]))
    else:
        yield _NOTHING


def _write(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield from _writes_inside(node, declarations)
    yield Effect(verb=EffectVerb.WRITE_ROWS, key=declarations.range_var(node["relation"]))


def _delete(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield from _writes_inside(node, declarations)
    is_some = "usingClause" in node or _tells_rows_apart(node.get("whereClause"))
    verb = EffectVerb.WRITE_ROWS if is_some else EffectVerb.DELETE_ROWS
    yield Effect(verb=verb, key=declarations.range_var(node["relation"]))


def _tells_rows_apart(condition: object) -> bool:
    """False for none, and for one like `WHERE true`, which is written to get past tools that insist on one."""
    return any(not current.keys().isdisjoint(_OF_ROWS) for current in objects_below(condition))


_OF_ROWS = frozenset({"ColumnRef", "SubLink", "CurrentOfExpr"})


def _truncate(node: Node, declarations: Declarations) -> Iterator[Effect]:
    for entry in node["relations"]:
        yield Effect(
            verb=EffectVerb.DELETE_ROWS,
            key=declarations.range_var(entry["RangeVar"]),
            cascade=node.get("behavior") == "DROP_CASCADE",
        )


def _copy(node: Node, declarations: Declarations) -> Iterator[Effect]:
    if node.get("is_from") and "relation" in node:
        yield Effect(verb=EffectVerb.WRITE_ROWS, key=declarations.range_var(node["relation"]))
    else:
        yield _NOTHING


def _select(node: Node, declarations: Declarations) -> Iterator[Effect]:
    yield from _writes_inside(node, declarations)
    if "intoClause" in node:
        yield Effect(verb=EffectVerb.CREATE, key=_relation(node["intoClause"]["rel"], ObjectKind.TABLE))
    elif _calls_something(node):
        yield Effect(verb=EffectVerb.OPAQUE, key=other_key("SELECT"))
    else:
        yield _NOTHING


def _calls_something(node: object) -> bool:
    return any("funcname" in current for current in objects_below(node))


def _writes_inside(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """Data-modifying statements in a WITH clause (manual 7.8.4)."""
    for entry in node.get("withClause", {}).get("ctes", ()):
        ((kind, query),) = entry["CommonTableExpr"]["ctequery"].items()
        if kind in ("InsertStmt", "UpdateStmt", "MergeStmt"):
            yield from _write(query, declarations)
        elif kind == "DeleteStmt":
            yield from _delete(query, declarations)


def _opaque(node: Node, _: Declarations) -> Iterator[Effect]:
    call = node.get("funccall")
    name = "DO" if call is None else f"CALL {'.'.join(part for part in qualified(call['funcname']) if part)}"
    yield Effect(verb=EffectVerb.OPAQUE, key=other_key(name))


def _nothing(_: Node, __: Declarations) -> Iterator[Effect]:
    yield _NOTHING


_READERS: dict[str, Reader] = {
    "CreateStmt": table_effects.create_table,
    "AlterTableStmt": table_effects.alter_table,
    "ViewStmt": _create_view,
    "CreateTableAsStmt": _create_as,
    "IndexStmt": _create_index,
    "CreateSeqStmt": _create_sequence,
    "CreateEnumStmt": _create_named_type,
    "CreateRangeStmt": _create_named_type,
    "CreateDomainStmt": _create_named_type,
    "CompositeTypeStmt": _create_composite,
    "CreateFunctionStmt": _create_routine,
    "DefineStmt": _create_defined,
    "CreateTrigStmt": _create_member,
    "CreatePolicyStmt": _create_member,
    "RuleStmt": _create_rule,
    "CreateCastStmt": _create_cast,
    "CreateStatsStmt": _create_statistics,
    "CreateSchemaStmt": _create_schema,
    "CreateExtensionStmt": _create_extension,
    "DropStmt": _drop,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _set_schema,
    "AlterEnumStmt": _alter_enum,
    "AlterDomainStmt": _alter_domain,
    "AlterFunctionStmt": _alter_routine,
    "AlterSeqStmt": _alter_sequence,
    "AlterOwnerStmt": _alter_object,
    "AlterPolicyStmt": _alter_object,
    "AlterExtensionStmt": _alter_object,
    "CommentStmt": _alter_object,
    "GrantStmt": _nothing,
    "AlterDefaultPrivilegesStmt": _nothing,
    "InsertStmt": _write,
    "UpdateStmt": _write,
    "MergeStmt": _write,
    "DeleteStmt": _delete,
    "TruncateStmt": _truncate,
    "CopyStmt": _copy,
    "SelectStmt": _select,
    "DoStmt": _opaque,
    "CallStmt": _opaque,
    "VariableSetStmt": _nothing,
    "VariableShowStmt": _nothing,
    "ConstraintsSetStmt": _nothing,
    "LockStmt": _nothing,
    "VacuumStmt": _nothing,
    "ReindexStmt": _nothing,
    "ClusterStmt": _nothing,
    "RefreshMatViewStmt": _nothing,
    "NotifyStmt": _nothing,
    "ListenStmt": _nothing,
    "DiscardStmt": _nothing,
    "ExplainStmt": _nothing,
    "CheckPointStmt": _nothing,
}
