"""What each statement of a migration does to the schema, as far as its text tells (`Effect`s for the planner)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from stonegate.model.names import ObjectKind, extension_key, schema_key
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.migrations import create_effects, row_effects, table_effects
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import (
    MEMBERS,
    Declarations,
    other_key,
    relation_kind,
    rule_key,
)
from stonegate.source.syntax.type_names import qualified

Reader = Callable[[Node, Declarations], Iterable[Effect]]


def effects_of(statement: Statement, declarations: Declarations) -> tuple[Effect, ...]:
    """The effects of one statement; what is not understood is OPAQUE: decided when it runs."""
    reader = _READERS.get(statement.kind)
    if reader is None:
        return (Effect(verb=EffectVerb.OPAQUE, key=other_key(" ".join(statement.sql.split()[:3]))),)
    return tuple(reader(statement.node, declarations))


def _create_schema(node: Node, declarations: Declarations) -> Iterator[Effect]:
    (made,) = create_effects.create("CreateSchemaStmt", node, declarations)
    yield made
    for element in node.get("schemaElts", ()):
        ((kind, part),) = element.items()
        if "relation" in part:
            part = part | {"relation": {"schemaname": made.key.name} | part["relation"]}
        if kind in _READERS:
            yield from _READERS[kind](part, declarations)


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
            key = owner.part(ObjectKind.CONSTRAINT, node["subname"])
        else:
            key = declarations.object(objtype, node["object"])
    else:
        relation = node["relation"]
        if objtype == "OBJECT_ATTRIBUTE":
            owner = declarations.type(relation.get("schemaname"), relation["relname"])
            key = owner.part(ObjectKind.ATTRIBUTE, node["subname"])
        elif objtype in MEMBERS:
            key = declarations.range_var(relation).part(MEMBERS[objtype], node["subname"])
        elif objtype == "OBJECT_RULE":
            key = rule_key(relation.get("schemaname"), relation["relname"], node["subname"])
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
            part = key.part(ObjectKind.CONSTRAINT, name)
            yield Effect(verb=EffectVerb.ADD_CONSTRAINT, key=part)
        case "X":
            part = key.part(ObjectKind.CONSTRAINT, node["name"])
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
        yield row_effects.NOTHING


def _refresh(node: Node, declarations: Declarations) -> Iterator[Effect]:
    key = declarations.range_var(node["relation"], ObjectKind.MATERIALIZED_VIEW)
    yield Effect(verb=EffectVerb.ALTER_OTHER, key=key) if node.get("skipData") else row_effects.NOTHING


def _nothing(_: Node, __: Declarations) -> Iterator[Effect]:
    yield row_effects.NOTHING


_CREATING = (
    *("ViewStmt", "CreateTableAsStmt", "CreateSeqStmt", "CreateEnumStmt", "CreateRangeStmt", "CreateDomainStmt"),
    *("CreateFunctionStmt", "DefineStmt", "CreateTrigStmt", "CreatePolicyStmt", "RuleStmt", "CreateCastStmt"),
    "CreateExtensionStmt",
)
_READERS: dict[str, Reader] = {
    "CreateStmt": table_effects.create_table,
    "AlterTableStmt": table_effects.alter_table,
    **{kind: partial(create_effects.create, kind) for kind in _CREATING},
    "IndexStmt": create_effects.create_index,
    "CompositeTypeStmt": create_effects.create_composite,
    "CreateStatsStmt": create_effects.create_statistics,
    "CreateSchemaStmt": _create_schema,
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
    "InsertStmt": row_effects.write,
    "UpdateStmt": row_effects.write,
    "MergeStmt": row_effects.merge,
    "DeleteStmt": row_effects.delete,
    "TruncateStmt": row_effects.truncate,
    "CopyStmt": row_effects.copy,
    "SelectStmt": row_effects.select,
    "DoStmt": row_effects.opaque,
    "CallStmt": row_effects.opaque,
    "VariableSetStmt": _nothing,
    "VariableShowStmt": _nothing,
    "ConstraintsSetStmt": _nothing,
    "LockStmt": _nothing,
    "VacuumStmt": _nothing,
    "ReindexStmt": _nothing,
    "ClusterStmt": _nothing,
    "RefreshMatViewStmt": _refresh,
    "NotifyStmt": _nothing,
    "ListenStmt": _nothing,
    "DiscardStmt": _nothing,
    "ExplainStmt": _nothing,
    "CheckPointStmt": _nothing,
}
