"""Effects of CREATE statements, tables apart (table_effects.py)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.model.names import ObjectKey, ObjectKind, extension_key
from stonegate.model.source import Effect, EffectVerb
from stonegate.source.statements.routines import aggregate_of, routine_of
from stonegate.source.syntax.deep_json import objects_below
from stonegate.source.syntax.grammar import Node
from stonegate.source.syntax.object_keys import (
    Declarations,
    cast_label,
    new_relation,
    operator_label,
    other_key,
    rule_identity,
)
from stonegate.source.syntax.type_names import qualified


def created(key: ObjectKey, node: Node, *, flags: tuple[str, ...] = ("if_not_exists", "replace")) -> Effect:
    """That the statement makes the object."""
    return Effect(verb=EffectVerb.CREATE, key=key, if_exists=any(node.get(flag) for flag in flags))


def create_view(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE VIEW."""
    yield created(new_relation(node["view"], ObjectKind.VIEW), node)


def create_as(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    matview = node.get("objtype") == "OBJECT_MATVIEW"
    kind = ObjectKind.MATERIALIZED_VIEW if matview else ObjectKind.TABLE
    yield created(new_relation(node["into"]["rel"], kind), node)


def create_index(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE INDEX; `columns` are those that it mentions."""
    table = declarations.range_var(node["relation"])
    columns = (
        Effect(verb=EffectVerb.ALTER_OTHER, key=table.part(ObjectKind.COLUMN, name)) for name in _indexed_columns(node)
    )
    made = created(ObjectKey(ObjectKind.INDEX, table.schema, node.get("idxname", "")), node)
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


def create_sequence(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE SEQUENCE."""
    yield created(new_relation(node["sequence"], ObjectKind.SEQUENCE), node)


def create_named_type(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE TYPE … AS ENUM or RANGE, CREATE DOMAIN."""
    schema, name = qualified(node["domainname"] if "domainname" in node else node["typeName"])
    yield created(ObjectKey(ObjectKind.TYPE, schema or "public", name), node)


def create_composite(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE TYPE … AS (…)."""
    key = new_relation(node["typevar"], ObjectKind.TYPE)
    columns = tuple(
        Effect(
            verb=EffectVerb.ADD_COLUMN,
            key=key.part(ObjectKind.ATTRIBUTE, entry["ColumnDef"]["colname"]),
            type=declarations.types.column(entry["ColumnDef"]["typeName"]),
        )
        for entry in node.get("coldeflist", ())
    )
    yield Effect(verb=EffectVerb.CREATE, key=key, columns=columns)


def create_routine(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE FUNCTION and CREATE PROCEDURE."""
    yield created(routine_of(node, declarations.types), node)


def create_defined(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE AGGREGATE, OPERATOR, COLLATION, … and base types."""
    if node["kind"] == "OBJECT_AGGREGATE":
        yield created(aggregate_of(node, declarations.types), node)
    elif node["kind"] == "OBJECT_TYPE":
        schema, name = qualified(node["defnames"])
        yield created(ObjectKey(ObjectKind.TYPE, schema or "public", name), node)
    elif node["kind"] == "OBJECT_OPERATOR":
        options = {entry["DefElem"]["defname"].lower(): entry["DefElem"].get("arg", {}) for entry in node["definition"]}
        operands = [options.get(side, {}).get("TypeName") for side in ("leftarg", "rightarg")]
        yield created(other_key(operator_label(declarations.types, *qualified(node["defnames"]), operands)), node)
    else:
        yield created(declarations.object(node["kind"], {"List": {"items": node["defnames"]}}), node)


def create_member(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE TRIGGER and CREATE POLICY."""
    if "trigname" in node:
        key = declarations.range_var(node["relation"]).part(ObjectKind.TRIGGER, node["trigname"])
    else:
        key = declarations.range_var(node["table"]).part(ObjectKind.POLICY, node["policy_name"])
    yield created(key, node)


def create_rule(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE RULE."""
    relation = node["relation"]
    identity = rule_identity(relation.get("schemaname"), relation["relname"], node["rulename"])
    yield created(other_key(f"rule {identity}"), node)


def create_cast(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE CAST."""
    yield created(other_key(cast_label(declarations.types, node["sourcetype"], node["targettype"])), node)


def create_statistics(node: Node, declarations: Declarations) -> Iterator[Effect]:
    """CREATE STATISTICS; without a name only that the table changes."""
    if "defnames" in node:
        yield created(declarations.object("OBJECT_STATISTIC_EXT", {"List": {"items": node["defnames"]}}), node)
    else:
        yield Effect(verb=EffectVerb.ALTER_OTHER, key=declarations.range_var(node["relations"][0]["RangeVar"]))


def create_extension(node: Node, _: Declarations) -> Iterator[Effect]:
    """CREATE EXTENSION."""
    yield created(extension_key(node["extname"]), node)
