"""Tables, indexes, views and sequences: what their statements create and need."""

from __future__ import annotations

import re

from msgspec.structs import replace

from stonegate.errors import MisplacedStatement
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.source import Reference, SourceItem, Verb
from stonegate.source.statements.items import Draft, with_original
from stonegate.source.statements.loose_clauses import inline_foreign_keys, owner_clauses, owning_column
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import (
    Declarations,
    is_type,
    relation_kind,
    rule_key,
)
from stonegate.source.syntax.references import foreign_key_needs
from stonegate.source.syntax.type_names import strings

_UNIQUE = frozenset({"CONSTR_PRIMARY", "CONSTR_UNIQUE"})


def build_table(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TABLE, its partitions, parents, `LIKE` and foreign keys among its needs."""
    node = statement.node
    if node["relation"].get("relpersistence") == "t":
        raise MisplacedStatement(
            f"temporary table {node['relation']['relname']} is no state of a database",
            file=statement.file.path,
            line=statement.line,
            hint="create it in the routine or migration that uses it",
        )
    draft = Draft(statement, declarations)
    key = draft.key
    draft.needs.walk([value for name, value in node.items() if name != "relation"])
    for element in node.get("tableElts", ()):
        if "ColumnDef" in element:
            note_column(draft, key, element["ColumnDef"])
        elif "Constraint" in element:
            note_constraint(draft, key, element["Constraint"])
    item = replace(draft.created(key), loose_clauses=inline_foreign_keys(statement, key))
    return with_original(item, statement)


def note_column(draft: Draft, table: ObjectKey, column: Node) -> None:
    """Note a column and the named constraints written at it."""
    draft.member(table.part(ObjectKind.COLUMN, column["colname"]), column["location"])
    for constraint in column.get("constraints", ()):
        note_constraint(draft, table, constraint["Constraint"], column["colname"])


def note_constraint(draft: Draft, table: ObjectKey, constraint: Node, column: str | None = None) -> None:
    """Note a named constraint, and what a foreign key refers to; `column` is the one that it is written at."""
    if constraint["contype"] == "CONSTR_FOREIGN":
        columns = strings(constraint.get("fk_attrs", ())) if column is None else [column]
        draft.references.append(Reference(columns=tuple(columns), table=foreign_key_needs(constraint)[0]))
    if "conname" in constraint and constraint["contype"] != "CONSTR_NOTNULL":
        draft.member(table.part(ObjectKind.CONSTRAINT, constraint["conname"]), constraint["location"])


def build_index(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE INDEX; without a name its key has the name "", and says what it is on instead."""
    node = statement.node
    table = declarations.range_var(node["relation"])
    draft = Draft(statement, declarations)
    for entry in (*node.get("indexParams", ()), *node.get("indexIncludingParams", ())):
        if "name" in entry["IndexElem"]:
            draft.needs.range_var(node["relation"], entry["IndexElem"]["name"])
    draft.needs.range_var(node["relation"])
    draft.needs.walk([node.get("indexParams"), node.get("whereClause")])
    key = draft.key
    if not key.name:
        columns = (entry["IndexElem"].get("name", "expression") for entry in node["indexParams"])
        key = replace(key, member=f"{table.label} ({', '.join(map(quote_ident, columns))})")
    plain = "whereClause" not in node and all("name" in entry["IndexElem"] for entry in node["indexParams"])
    return replace(draft.created(key, target=table), unique_key=bool(node.get("unique")) and plain)


#: What may stand between two words of a statement.
_GAP = rb"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_CONCURRENTLY = re.compile(rb"(CREATE%b+(?:UNIQUE%b+)?INDEX%b+)CONCURRENTLY" % ((_GAP,) * 3), re.IGNORECASE | re.DOTALL)


def in_transaction(statement: Statement) -> Statement:
    """A CREATE INDEX without CONCURRENTLY, which says how an index is built and not what it is; blanks stand for it."""
    raw = _CONCURRENTLY.sub(lambda found: found[1] + b" " * len("CONCURRENTLY"), statement.raw, count=1)
    node = {name: value for name, value in statement.node.items() if name != "concurrent"}
    return replace(statement, raw=raw, node=node)


def build_view(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE VIEW."""
    node = statement.node
    draft = Draft(statement, declarations)
    draft.needs.walk(node["query"])
    return draft.created()


def build_materialized_view(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE MATERIALIZED VIEW; CREATE TABLE AS is no declaration.

    Raises:
        MisplacedStatement: for CREATE TABLE AS, whose columns and rows nobody can read from the text.
    """
    node = statement.node
    if node.get("objtype") != "OBJECT_MATVIEW":
        raise MisplacedStatement(
            "CREATE TABLE AS does not say which columns the table has",
            file=statement.file.path,
            line=statement.line,
            hint="declare the columns in tables/; fill the table in seeders/ or migrations/",
        )
    draft = Draft(statement, declarations)
    draft.needs.walk(node["query"])
    return draft.created()


def build_sequence(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE SEQUENCE; `OWNED BY` needs the table, whose column may need the sequence."""
    draft = Draft(statement, declarations)
    clauses = owner_clauses(statement, draft.key)
    for clause in clauses:
        draft.needs.add(clause.references)
    return replace(draft.created(), loose_clauses=clauses)


def build_sequence_change(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER SEQUENCE."""
    key = declarations.range_var(statement.node["sequence"], ObjectKind.SEQUENCE)
    draft = Draft(statement, declarations)
    draft.needs.range_var(statement.node["sequence"])
    for option in statement.node.get("options", ()):
        owner = owning_column(option["DefElem"])
        if owner is not None:
            draft.needs.add(owner)
    return draft.changed(Verb.ALTER, key, target=key)


#: ALTER TABLE subcommands that take something away or rewrite it: history, not declared state.
_STEPS = {
    "AT_DropColumn": "DROP COLUMN",
    "AT_DropConstraint": "DROP CONSTRAINT",
    "AT_AlterColumnType": "ALTER COLUMN … TYPE",
    "AT_DropNotNull": "DROP NOT NULL",
    "AT_DropIdentity": "DROP IDENTITY",
    "AT_DropExpression": "DROP EXPRESSION",
    "AT_DetachPartition": "DETACH PARTITION",
    "AT_DetachPartitionFinalize": "DETACH PARTITION",
    "AT_DropInherit": "NO INHERIT",
    "AT_DropOf": "NOT OF",
}


def build_table_change(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER TABLE (VIEW, INDEX, SEQUENCE, TYPE): constraints, row security, options, owner, partitions.

    Raises:
        MisplacedStatement: a subcommand that belongs to migrations/.
    """
    node = statement.node
    key = altered(node, declarations)
    draft = Draft(statement, declarations)
    unique = False
    if is_type(node["objtype"]):
        draft.needs.type({"names": [{"String": {"sval": key.schema}}, {"String": {"sval": key.name}}]})
    else:
        draft.needs.range_var(node["relation"])
    for entry in node["cmds"]:
        command = entry["AlterTableCmd"]
        if command["subtype"] in _STEPS:
            raise MisplacedStatement(
                f"{_STEPS[command['subtype']]} is a step of history, not declared state",
                file=statement.file.path,
                line=statement.line,
                hint="write the final form into the CREATE statement and the step into migrations/",
            )
        if command["subtype"] in _ALL_TRIGGERS:
            raise MisplacedStatement(
                "DISABLE TRIGGER ALL and USER mean the triggers that stand before them, and a folder has no such order",
                file=statement.file.path,
                line=statement.line,
                hint="name each: ALTER TABLE … DISABLE TRIGGER …",
            )
        unique = _note_subcommand(draft, key, node["relation"], command) or unique
    switched = _switched(key, node)
    if switched is not None:
        return draft.changed(Verb.ALTER, switched, target=key)
    return replace(draft.changed(Verb.ALTER, key, target=key), unique_key=unique)


_ALL_TRIGGERS = frozenset({"AT_DisableTrigAll", "AT_DisableTrigUser"})
_TRIGGER_SWITCHES = frozenset({"AT_EnableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig", "AT_DisableTrig"})
_RULE_SWITCHES = frozenset({"AT_EnableRule", "AT_EnableAlwaysRule", "AT_EnableReplicaRule", "AT_DisableRule"})


def _switched(table: ObjectKey, node: Node) -> ObjectKey | None:
    """The trigger or rule that the statement enables or disables, and which must exist before it."""
    for entry in node["cmds"]:
        command = entry["AlterTableCmd"]
        if command["subtype"] in _TRIGGER_SWITCHES:
            return table.part(ObjectKind.TRIGGER, command["name"])
        if command["subtype"] in _RULE_SWITCHES:
            return rule_key(table.schema, table.name, command["name"])
    return None


def _note_subcommand(draft: Draft, key: ObjectKey, relation: Node, command: Node) -> bool:
    """Note what one subcommand of ALTER TABLE creates and needs; True if it adds a unique key."""
    definition = command.get("def", {})
    draft.needs.walk(definition)
    indexes: list[str] = []
    unique = False
    match command["subtype"]:
        case "AT_AddColumn":
            note_column(draft, key, definition["ColumnDef"])
        case "AT_AddConstraint":
            constraint = definition["Constraint"]
            note_constraint(draft, key, constraint)
            unique = constraint["contype"] in _UNIQUE
            indexes = [constraint["indexname"]] if "indexname" in constraint else []
        case "AT_ClusterOn":
            indexes = [command["name"]]
        case "AT_ReplicaIdentity" if "name" in definition.get("ReplicaIdentityStmt", {}):
            indexes = [definition["ReplicaIdentityStmt"]["name"]]
        case _:
            pass
    for index in indexes:
        draft.needs.relation(relation.get("schemaname"), index)
    return unique


def altered(node: Node, declarations: Declarations) -> ObjectKey:
    """The key of the relation or composite type of an AlterTableStmt node."""
    if is_type(node["objtype"]):
        return declarations.type(node["relation"].get("schemaname"), node["relation"]["relname"])
    return declarations.range_var(node["relation"], relation_kind(node["objtype"]) or ObjectKind.TABLE)
