"""Effects of CREATE TABLE and of every ALTER TABLE subcommand."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.migrations.row_effects import tells_rows_apart
from stonegate.source.statements.relations import altered
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.object_keys import Declarations, new_relation
from stonegate.source.syntax.type_names import serial_base, strings

_DEFAULTS = frozenset({"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"})
_NOT_NULLS = frozenset({"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_IDENTITY"})
_NO_CONSTRAINTS = _DEFAULTS | {"CONSTR_NOTNULL", "CONSTR_NULL"}


def create_table(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """The table with its columns, unless LIKE brings more than the text says, and, following, its constraints."""
    key = new_relation(node["relation"], ObjectKind.TABLE)
    columns: list[Effect] = []
    constraints: list[Effect] = []
    keyed: set[str] = set()
    elements = node.get("tableElts", ())
    is_whole = not any("TableLikeClause" in element for element in elements)
    for element in elements:
        if "ColumnDef" in element:
            columns.append(_add_column(key, element["ColumnDef"], declarations))
            constraints.extend(_column_constraints(key, element["ColumnDef"]))
        elif "Constraint" in element:
            constraint = element["Constraint"]
            constraints.append(_add_constraint(key, constraint))
            if constraint["contype"] == "CONSTR_PRIMARY":
                keyed.update(strings(constraint.get("keys", ())))
    yield Effect(
        verb=EffectVerb.CREATE,
        key=key,
        columns=tuple(
            replace(column, not_null=True) if column.key.member in keyed else column for column in columns if is_whole
        ),
        if_exists=bool(node.get("if_not_exists")),
    )
    yield from constraints


def _add_column(owner: ObjectKey, column: Node, declarations: Declarations, *, if_exists: bool = False) -> Effect:
    kinds = {entry["Constraint"]["contype"] for entry in column.get("constraints", ())}
    type_name = column.get("typeName")
    serial = type_name is not None and serial_base(type_name) is not None
    member = ObjectKind.ATTRIBUTE if owner.kind is ObjectKind.TYPE else ObjectKind.COLUMN
    return Effect(
        verb=EffectVerb.ADD_COLUMN,
        key=owner.part(member, column["colname"]),
        type=None if type_name is None else declarations.types.column(type_name),
        not_null=serial or bool(kinds & _NOT_NULLS),
        has_default=serial or bool(kinds & _DEFAULTS),
        if_exists=if_exists,
    )


def _column_constraints(owner: ObjectKey, column: Node) -> Iterator[Effect]:
    for entry in column.get("constraints", ()):
        constraint = entry["Constraint"]
        kind = constraint["contype"]
        if kind not in _NO_CONSTRAINTS and not kind.startswith("CONSTR_ATTR"):
            yield _add_constraint(owner, constraint, column["colname"])


_KINDS = {
    "CONSTR_CHECK": "check",
    "CONSTR_EXCLUSION": "exclusion",
    "CONSTR_FOREIGN": "foreign key",
    "CONSTR_PRIMARY": "primary key",
    "CONSTR_UNIQUE": "unique",
}


def _add_constraint(owner: ObjectKey, constraint: Node, column: str | None = None) -> Effect:
    """The constraint with the columns that are its own; its name is "" if PostgreSQL makes it up."""
    names = dict.fromkeys(_constrained(constraint, column))
    return Effect(
        verb=EffectVerb.ADD_CONSTRAINT,
        key=owner.part(ObjectKind.CONSTRAINT, constraint.get("conname") or constraint.get("indexname") or ""),
        old=constraint.get("indexname"),
        type=_KINDS.get(constraint["contype"]),
        columns=tuple(Effect(verb=EffectVerb.ALTER_OTHER, key=owner.part(ObjectKind.COLUMN, name)) for name in names),
    )


def _constrained(constraint: Node, column: str | None) -> Iterator[str]:
    """What pg_constraint.conkey would list; `column` is the one behind which the constraint is written."""
    match constraint["contype"]:
        case "CONSTR_CHECK":
            found = (below["ColumnRef"] for below in objects_below(constraint.get("raw_expr")) if "ColumnRef" in below)
            yield from (reference["fields"][-1].get("String", {}).get("sval", "") for reference in found)
        case "CONSTR_EXCLUSION":
            elements = (below["IndexElem"] for below in objects_below(constraint["exclusions"]) if "IndexElem" in below)
            yield from (element["name"] for element in elements if "name" in element)
        case _ if column is not None:
            yield column
        case _:
            yield from strings(constraint.get("fk_attrs") or constraint.get("keys") or ())


def alter_table(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """The effects of all subcommands of an ALTER TABLE (VIEW, INDEX, SEQUENCE, composite TYPE), in order."""
    owner = altered(node, declarations)
    for entry in node["cmds"]:
        command = entry["AlterTableCmd"]
        missing_ok = bool(command.get("missing_ok")) or bool(node.get("missing_ok"))
        yield from _subcommand(owner, command, declarations, missing_ok=missing_ok)


_MEMBER_VERBS = {
    "AT_DropColumn": EffectVerb.DROP_COLUMN,
    "AT_SetNotNull": EffectVerb.SET_NOT_NULL,
    "AT_DropNotNull": EffectVerb.DROP_NOT_NULL,
    "AT_AddIdentity": EffectVerb.SET_DEFAULT,
    "AT_DropIdentity": EffectVerb.DROP_DEFAULT,
    "AT_DropExpression": EffectVerb.DROP_DEFAULT,
}


def _subcommand(owner: ObjectKey, command: Node, declarations: Declarations, *, missing_ok: bool) -> Iterator[Effect]:
    subtype, definition = command["subtype"], command.get("def", {})
    member = ObjectKind.ATTRIBUTE if owner.kind is ObjectKind.TYPE else ObjectKind.COLUMN
    cascade = command.get("behavior") == "DROP_CASCADE"
    match subtype:
        case "AT_AddColumn":
            column = definition["ColumnDef"]
            yield _add_column(owner, column, declarations, if_exists=bool(command.get("missing_ok")))
            yield from _column_constraints(owner, column)
        case "AT_AlterColumnType":
            column = definition["ColumnDef"]
            yield Effect(
                verb=EffectVerb.SET_TYPE,
                key=owner.part(member, command["name"]),
                type=declarations.types.column(column["typeName"]),
                forgets="raw_default" in column and not tells_rows_apart(column["raw_default"]),
            )
        case "AT_ColumnDefault":
            verb = EffectVerb.SET_DEFAULT if definition else EffectVerb.DROP_DEFAULT
            yield Effect(verb=verb, key=owner.part(member, command["name"]))
        case _ if subtype in _MEMBER_VERBS:
            yield Effect(
                verb=_MEMBER_VERBS[subtype],
                key=owner.part(member, command["name"]),
                cascade=cascade,
                if_exists=missing_ok,
            )
        case "AT_AddConstraint":
            constraint = definition["Constraint"]
            if constraint["contype"] == "CONSTR_NOTNULL":
                for name in strings(constraint.get("keys", ())):
                    yield Effect(verb=EffectVerb.SET_NOT_NULL, key=owner.part(member, name))
            else:
                yield _add_constraint(owner, constraint)
        case "AT_DropConstraint":
            key = owner.part(ObjectKind.CONSTRAINT, command["name"])
            yield Effect(verb=EffectVerb.DROP_CONSTRAINT, key=key, cascade=cascade, if_exists=missing_ok)
        case "AT_AttachPartition" | "AT_DetachPartition" if owner.kind is ObjectKind.TABLE:
            verb = EffectVerb.ATTACH if subtype == "AT_AttachPartition" else EffectVerb.DETACH
            yield Effect(verb=verb, key=declarations.range_var(definition["PartitionCmd"]["name"]))
            yield Effect(verb=EffectVerb.ALTER_OTHER, key=owner)
        case "AT_AddInherit" | "AT_DropInherit":
            verb = EffectVerb.ATTACH if subtype == "AT_AddInherit" else EffectVerb.DETACH
            yield Effect(verb=verb, key=owner, parent=declarations.range_var(definition["RangeVar"]))
            yield Effect(verb=EffectVerb.ALTER_OTHER, key=owner)
        case _ if "name" in command and subtype.startswith("AT_Set"):
            yield Effect(verb=EffectVerb.ALTER_OTHER, key=owner.part(member, command["name"]))
        case _:
            yield Effect(verb=EffectVerb.ALTER_OTHER, key=owner)
