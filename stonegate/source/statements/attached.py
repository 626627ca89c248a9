"""What is attached to an object: triggers, policies, comments, privileges, owners, and other ALTER statements."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stonegate.errors import MisplacedStatement
from stonegate.model.names import ObjectKey, ObjectKind, schema_key
from stonegate.model.source import Granting, SourceItem, Verb
from stonegate.source.statements.items import Draft
from stonegate.source.statements.objects import need_members
from stonegate.source.statements.relations import note_constraint
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import ROUTINES, Declarations, is_type, need_object, other_key, relation_kind
from stonegate.source.syntax.type_names import qualified, strings


def build_trigger(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE TRIGGER: it needs its table and its function."""
    node = statement.node
    table = declarations.range_var(node["relation"])
    draft = Draft(statement, declarations)
    draft.needs.walk(node)
    for column in strings(node.get("columns", ())):
        draft.needs.range_var(node["relation"], column)
    return draft.created(target=table)


def build_policy(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a CREATE POLICY or ALTER POLICY."""
    node = statement.node
    table = declarations.range_var(node["table"])
    draft = Draft(statement, declarations)
    draft.needs.walk(node)
    if statement.kind == "AlterPolicyStmt":
        return draft.changed(Verb.ALTER, table.part(ObjectKind.POLICY, node["policy_name"]), target=table)
    return draft.created(target=table)


def _attached_to(key: ObjectKey, declarations: Declarations) -> ObjectKey | None:
    """The relation, type or routine that a statement about `key` concerns."""
    owner = key.owner
    if owner.kind is ObjectKind.TABLE:
        return declarations.relation(owner.schema, owner.name)
    return None if owner.kind in (ObjectKind.SCHEMA, ObjectKind.EXTENSION, ObjectKind.OTHER) else owner


_FOREIGN_COMMENTS = frozenset(
    {"OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE", "OBJECT_PUBLICATION", "OBJECT_SUBSCRIPTION"}
    | {"OBJECT_FDW", "OBJECT_FOREIGN_SERVER", "OBJECT_EVENT_TRIGGER", "OBJECT_LARGEOBJECT", "OBJECT_LANGUAGE"}
)


def build_comment(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a COMMENT ON.

    Raises:
        MisplacedStatement: the object is no part of one database's declared state (a role, a database, …).
    """
    node = statement.node
    if node["objtype"] in _FOREIGN_COMMENTS:
        raise not_declared(statement, f"a comment on {_a_thing(node['objtype'])}")
    key = declarations.object(node["objtype"], node["object"])
    draft = Draft(statement, declarations)
    need_object(draft.needs, key)
    return draft.changed(Verb.COMMENT, key, target=_attached_to(key, declarations))


def build_owner(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER … OWNER TO (tables, views and sequences use AlterTableStmt instead)."""
    node = statement.node
    if node["objectType"] in _FOREIGN_COMMENTS:
        raise not_declared(statement, f"the owner of {_a_thing(node['objectType'])}")
    key = declarations.object(node["objectType"], node["object"])
    draft = Draft(statement, declarations)
    need_object(draft.needs, key)
    return draft.changed(Verb.ALTER, key, target=_attached_to(key, declarations))


def build_routine_change(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER FUNCTION f(…) SET, COST, SECURITY, …"""
    key = declarations.routine(statement.node["func"])
    draft = Draft(statement, declarations)
    need_object(draft.needs, key)
    return draft.changed(Verb.ALTER, key, target=key)


_DOMAIN_STEPS = {"X": "DROP CONSTRAINT", "N": "DROP NOT NULL"}


def build_domain_change(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER DOMAIN that adds a default, NOT NULL or check."""
    node = statement.node
    if node["subtype"] in _DOMAIN_STEPS:
        raise not_declared(statement, f"ALTER DOMAIN … {_DOMAIN_STEPS[node['subtype']]}")
    key = declarations.type(*qualified(node["typeName"]))
    draft = Draft(statement, declarations)
    need_object(draft.needs, key)
    draft.needs.walk(node.get("def"))
    if "Constraint" in node.get("def", {}):
        note_constraint(draft, key, node["def"]["Constraint"])
    return draft.changed(Verb.ALTER, key, target=key)


def build_other_change(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER of something that the model has only a label for."""
    node = statement.node
    draft = Draft(statement, declarations)
    names = node.get("cfgname") or node.get("dictname") or node.get("defnames") or node.get("opfamilyname")
    kinds = {
        "AlterTSConfigurationStmt": "OBJECT_TSCONFIGURATION",
        "AlterTSDictionaryStmt": "OBJECT_TSDICTIONARY",
        "AlterStatsStmt": "OBJECT_STATISTIC_EXT",
    }
    if statement.kind in kinds and names:
        key = declarations.listed(kinds[statement.kind], names)
        for dictionary in node.get("dicts", ()):
            draft.needs.other(declarations.object("OBJECT_TSDICTIONARY", dictionary).name)
    elif statement.kind == "AlterOpFamilyStmt":
        key = declarations.by_method("OBJECT_OPFAMILY", node["amname"], node["opfamilyname"])
        need_members(draft, node)
    elif statement.kind == "AlterOperatorStmt":
        key = declarations.object("OBJECT_OPERATOR", {"ObjectWithArgs": node["opername"]})
        for estimator in (entry["DefElem"].get("arg", {}).get("TypeName") for entry in node.get("options", ())):
            if estimator is not None:
                draft.needs.routine(*qualified(estimator["names"]))
    elif statement.kind == "AlterTypeStmt":
        key = declarations.type(*qualified(node["typeName"]))
    else:
        key = other_key(statement.sql.partition("\n")[0][:80])
    need_object(draft.needs, key)
    return draft.changed(Verb.ALTER, key, target=_attached_to(key, declarations))


_GRANT_OBJECTS = (
    frozenset({"OBJECT_TABLE", "OBJECT_SEQUENCE", "OBJECT_SCHEMA", "OBJECT_TYPE", "OBJECT_DOMAIN"}) | ROUTINES
)


def build_grant(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of a GRANT or REVOKE; its key is the first object that it names.

    Raises:
        MisplacedStatement: privileges on a database, language, parameter, foreign server or tablespace.
    """
    node = statement.node
    if node["objtype"] not in _GRANT_OBJECTS:
        raise not_declared(statement, f"a privilege on {_a_thing(node['objtype'])}")
    verb = Verb.GRANT if node.get("is_grant") else Verb.REVOKE
    draft = Draft(statement, declarations)
    if node["targtype"] == "ACL_TARGET_ALL_IN_SCHEMA":
        names = strings(node["objects"])
        for name in names:
            draft.needs.schema(name)
        item = draft.changed(verb, schema_key(names[0]))
        all_of = _KINDS[node["objtype"]]
        return replace(item, granting=replace(_granting(node), keys=tuple(map(schema_key, names)), all_of=all_of))
    keys = list(_granted(node, declarations))
    for key in keys:
        need_object(draft.needs, key)
    for entry in node.get("privileges", ()):
        for column in strings(entry["AccessPriv"].get("cols", ())):
            draft.needs.relation(keys[0].schema, keys[0].name, column)
    item = draft.changed(verb, keys[0], target=_attached_to(keys[0], declarations))
    return replace(item, granting=replace(_granting(node), keys=tuple(keys)))


_KINDS = {"OBJECT_TABLE": ObjectKind.TABLE, "OBJECT_SEQUENCE": ObjectKind.SEQUENCE} | dict.fromkeys(
    ROUTINES, ObjectKind.ROUTINE
)


def _granting(node: Node) -> Granting:
    """Whose rights a GRANT or REVOKE is about, and which."""
    rights = [entry["AccessPriv"] for entry in node.get("privileges", ())]
    specs = [entry["RoleSpec"] for entry in node["grantees"]]
    roles = (spec.get("rolename") for spec in specs if spec["roletype"] == "ROLESPEC_CSTRING")
    kinds = {spec["roletype"] for spec in specs}
    public = ("",) if "ROLESPEC_PUBLIC" in kinds else ()
    return Granting(
        roles=(*public, *(role for role in roles if role is not None)),
        deploying=not kinds <= {"ROLESPEC_PUBLIC", "ROLESPEC_CSTRING"},
        rights=tuple((right.get("priv_name", "").upper(), tuple(strings(right.get("cols", ())))) for right in rights),
        options_only=bool(node.get("grant_option")) and not node.get("is_grant"),
    )


def _granted(node: Node, declarations: Declarations) -> Iterator[ObjectKey]:
    objtype = node["objtype"]
    for entry in node["objects"]:
        if "RangeVar" in entry:
            yield declarations.range_var(entry["RangeVar"], relation_kind(objtype) or ObjectKind.TABLE)
        elif is_type(objtype):
            yield declarations.type(*qualified(entry["List"]["items"]))
        else:
            yield declarations.object(objtype, entry)


_PRIVILEGE_OBJECTS = {
    "OBJECT_TABLE": "tables",
    "OBJECT_SEQUENCE": "sequences",
    "OBJECT_FUNCTION": "functions",
    "OBJECT_ROUTINE": "functions",
    "OBJECT_TYPE": "types",
    "OBJECT_SCHEMA": "schemas",
    "OBJECT_LARGEOBJECT": "large objects",
}


def build_default_privileges(statement: Statement, declarations: Declarations) -> SourceItem:
    """The item of an ALTER DEFAULT PRIVILEGES: its key names schema, role ("" is the deploying one) and objects."""
    node = statement.node
    draft = Draft(statement, declarations)
    schemas: list[str] = []
    roles: list[str] = []
    for entry in node.get("options", ()):
        option = entry["DefElem"]
        items = option["arg"]["List"]["items"]
        if option["defname"] == "schemas":
            schemas = strings(items)
        elif option["defname"] == "roles":
            roles = [entry["RoleSpec"].get("rolename", "") for entry in items]
    for schema in schemas:
        draft.needs.schema(schema)
    action = node["action"]
    objects = _PRIVILEGE_OBJECTS.get(action["objtype"], _words(action["objtype"]))
    defaults = tuple((role, schema, objects) for role in roles or [""] for schema in schemas or [""])
    key = ObjectKey(ObjectKind.DEFAULT_PRIVILEGES, defaults[0][1], f"{defaults[0][0]} {objects}")
    item = draft.changed(Verb.GRANT if action.get("is_grant") else Verb.REVOKE, key)
    return replace(item, granting=replace(_granting(action), defaults=defaults))


def not_declared(statement: Statement, what: str) -> MisplacedStatement:
    """The error for what is no declared state of one database."""
    return MisplacedStatement(
        f"{what} is no declared state of one database",
        file=statement.file.path,
        line=statement.line,
        hint="write it into migrations/, or run it once by hand",
    )


def _a_thing(objtype: str) -> str:
    words = _words(objtype)
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _words(objtype: str) -> str:
    return {"OBJECT_FDW": "foreign data wrapper", "OBJECT_PARAMETER_ACL": "parameter"}.get(
        objtype, objtype.removeprefix("OBJECT_").replace("_", " ").lower()
    )
