"""Which statement has a business in which folder, and where a misplaced one belongs (behaviour, §1)."""

from __future__ import annotations

from stonegate.errors import MisplacedStatement
from stonegate.model.source import Folder
from stonegate.source.statements import attached, objects, relations, routines
from stonegate.source.statements.objects import Builder
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.references import string_constant

#: How each statement kind of declared state becomes an item; what is missing here is no declared state.
BUILDERS: dict[str, Builder] = {
    "CreateStmt": relations.build_table,
    "IndexStmt": relations.build_index,
    "ViewStmt": relations.build_view,
    "CreateTableAsStmt": relations.build_materialized_view,
    "CreateSeqStmt": relations.build_sequence,
    "AlterSeqStmt": relations.build_sequence_change,
    "AlterTableStmt": relations.build_table_change,
    "CreateFunctionStmt": routines.build_routine,
    "CreateSchemaStmt": objects.build_schema,
    "CreateEnumStmt": objects.build_enum,
    "CompositeTypeStmt": objects.build_composite,
    "CreateRangeStmt": objects.build_range,
    "CreateDomainStmt": objects.build_domain,
    "DefineStmt": objects.build_defined,
    "RuleStmt": objects.build_rule,
    "CreateStatsStmt": objects.build_statistics,
    "CreateCastStmt": objects.build_cast,
    "CreateOpClassStmt": objects.build_operator_class,
    "CreateOpFamilyStmt": objects.build_operator_family,
    "CreateConversionStmt": objects.build_conversion,
    "CreateTrigStmt": attached.build_trigger,
    "CreatePolicyStmt": attached.build_policy,
    "AlterPolicyStmt": attached.build_policy,
    "CommentStmt": attached.build_comment,
    "GrantStmt": attached.build_grant,
    "AlterDefaultPrivilegesStmt": attached.build_default_privileges,
    "AlterOwnerStmt": attached.build_owner,
    "AlterFunctionStmt": attached.build_routine_change,
    "AlterDomainStmt": attached.build_domain_change,
    "AlterTSConfigurationStmt": attached.build_other_change,
    "AlterTSDictionaryStmt": attached.build_other_change,
    "AlterStatsStmt": attached.build_other_change,
    "AlterOpFamilyStmt": attached.build_other_change,
    "AlterOperatorStmt": attached.build_other_change,
    "AlterTypeStmt": attached.build_other_change,
}

_ROWS = ("writes or reads rows", "seed rows belong in seeders/ (INSERT), changes of rows in migrations/")
_STEP = ("is a step of history", "write the final form into the CREATE statement and the step into migrations/")
_CLUSTER = (
    "concerns the server or other databases, not the state of one database",
    "run it once by hand, or, if it must run per database, write it into migrations/",
)
_OUTSIDE = (
    "reaches beyond the schema: to other servers, to replication or to all commands of the database",
    "write it into migrations/, or run it once by hand",
)
_TRANSACTION = ("controls the transaction", "remove it: stonegate runs the whole deployment as one transaction")
_MAINTENANCE = ("is maintenance, not state", "write it into migrations/, or run it by hand")
#: Statement kind → (its name, why it is no declared state, where it belongs).
_MISPLACED: dict[str, tuple[str, tuple[str, str]]] = {
    "InsertStmt": ("INSERT", _ROWS),
    "UpdateStmt": ("UPDATE", _ROWS),
    "DeleteStmt": ("DELETE", _ROWS),
    "MergeStmt": ("MERGE", _ROWS),
    "TruncateStmt": ("TRUNCATE", _ROWS),
    "CopyStmt": ("COPY", _ROWS),
    "SelectStmt": ("SELECT", _ROWS),
    "CallStmt": ("CALL", _ROWS),
    "DoStmt": ("DO", ("is a program, whose outcome nobody can read from the text", "write it into migrations/")),
    "DropStmt": (
        "DROP",
        (
            "is a step of history",
            "leave it out: what changed is replaced, and what is declared no more is dropped; or write migrations/",
        ),
    ),
    "RenameStmt": ("ALTER … RENAME", _STEP),
    "AlterObjectSchemaStmt": ("ALTER … SET SCHEMA", _STEP),
    "AlterEnumStmt": ("ALTER TYPE … VALUE", ("is a step of history", "write the value into CREATE TYPE … AS ENUM")),
    "AlterExtensionStmt": ("ALTER EXTENSION", ("is a step", "pin the version in extensions/ with -- version: X")),
    "TransactionStmt": ("BEGIN or COMMIT", _TRANSACTION),
    "CreateRoleStmt": ("CREATE ROLE", _CLUSTER),
    "AlterRoleStmt": ("ALTER ROLE", _CLUSTER),
    "AlterRoleSetStmt": ("ALTER ROLE … SET", _CLUSTER),
    "DropRoleStmt": ("DROP ROLE", _CLUSTER),
    "GrantRoleStmt": ("GRANT of a role", _CLUSTER),
    "CreatedbStmt": ("CREATE DATABASE", _CLUSTER),
    "DropdbStmt": ("DROP DATABASE", _CLUSTER),
    "AlterDatabaseStmt": ("ALTER DATABASE", _CLUSTER),
    "AlterDatabaseSetStmt": ("ALTER DATABASE … SET", _CLUSTER),
    "AlterSystemStmt": ("ALTER SYSTEM", _CLUSTER),
    "CreateTableSpaceStmt": ("CREATE TABLESPACE", _CLUSTER),
    "CreatePublicationStmt": ("CREATE PUBLICATION", _OUTSIDE),
    "AlterPublicationStmt": ("ALTER PUBLICATION", _OUTSIDE),
    "CreateSubscriptionStmt": ("CREATE SUBSCRIPTION", _OUTSIDE),
    "CreateForeignServerStmt": ("CREATE SERVER", _OUTSIDE),
    "CreateForeignTableStmt": ("CREATE FOREIGN TABLE", _OUTSIDE),
    "CreateUserMappingStmt": ("CREATE USER MAPPING", _OUTSIDE),
    "CreateFdwStmt": ("CREATE FOREIGN DATA WRAPPER", _OUTSIDE),
    "ImportForeignSchemaStmt": ("IMPORT FOREIGN SCHEMA", _OUTSIDE),
    "CreateEventTrigStmt": ("CREATE EVENT TRIGGER", _OUTSIDE),
    "VacuumStmt": ("VACUUM or ANALYZE", _MAINTENANCE),
    "ReindexStmt": ("REINDEX", _MAINTENANCE),
    "ClusterStmt": ("CLUSTER", _MAINTENANCE),
    "RefreshMatViewStmt": ("REFRESH MATERIALIZED VIEW", _MAINTENANCE),
    "VariableSetStmt": (
        "SET",
        ("changes the session, and with it what other files mean", "qualify names; give routines a SET clause"),
    ),
    "CreateExtensionStmt": ("CREATE EXTENSION", ("is declared in its own folder", "move it to extensions/")),
}
#: The names in an older dump mean what this path says; a newer pg_dump writes them out.
_OTHER_PATH = (
    "changes the search_path, and with it what the names behind it mean",
    "write the schema before each name (CREATE TABLE sales.orders), and SET search_path into routines that need it; "
    "of a dump from before 2018: createdb scratch; psql -d scratch -f FILE; pg_dump -s scratch > tables/schema.sql",
)
_UNKNOWN = ("is no declared state that stonegate knows", "write it into migrations/")
#: What else is called otherwise than by its first two words.
_NAMES = {
    "CreateAmStmt": "CREATE ACCESS METHOD",
    "CreatePLangStmt": "CREATE LANGUAGE",
    "CreateTransformStmt": "CREATE TRANSFORM",
    "AlterEventTrigStmt": "ALTER EVENT TRIGGER",
    "AlterFdwStmt": "ALTER FOREIGN DATA WRAPPER",
    "AlterUserMappingStmt": "ALTER USER MAPPING",
    "DropUserMappingStmt": "DROP USER MAPPING",
    "AlterObjectDependsStmt": "ALTER … DEPENDS ON",
    "AlterTableMoveAllStmt": "ALTER … ALL IN TABLESPACE",
    "CheckPointStmt": "CHECKPOINT",
    "ClosePortalStmt": "CLOSE",
    "DeallocateStmt": "DEALLOCATE",
    "DeclareCursorStmt": "DECLARE",
    "DiscardStmt": "DISCARD",
    "ExecuteStmt": "EXECUTE",
    "ExplainStmt": "EXPLAIN",
    "FetchStmt": "FETCH or MOVE",
    "ListenStmt": "LISTEN",
    "LoadStmt": "LOAD",
    "LockStmt": "LOCK",
    "NotifyStmt": "NOTIFY",
    "PrepareStmt": "PREPARE",
    "UnlistenStmt": "UNLISTEN",
    "VariableShowStmt": "SHOW",
}


def misplaced(statement: Statement) -> MisplacedStatement:
    """The error that says where a statement belongs."""
    folder = statement.file.folder
    name, (why, where) = _MISPLACED.get(statement.kind, (_NAMES.get(statement.kind) or _verb(statement), _UNKNOWN))
    if _setting(statement)[0] == "search_path":
        why, where = _OTHER_PATH
    match folder:
        case Folder.SEEDERS:
            why = "is no INSERT"
            where = "a seeder holds INSERT statements only; other changes of rows belong in migrations/"
            if statement.kind in BUILDERS:
                where = "declared objects belong in types/, tables/, views/, functions/ or triggers/"
        case Folder.EXTENSIONS:
            why = "is no CREATE EXTENSION"
            if statement.kind in BUILDERS:
                where = "declared objects belong in types/, tables/, views/, functions/ or triggers/"
        case _:
            pass
    message = f"{name} has no business in {folder.value}/: it {why}"
    return MisplacedStatement(message, file=statement.file.path, line=statement.line, hint=where)


def _verb(statement: Statement) -> str:
    return " ".join(statement.sql.split()[:2]).upper()


#: Session settings that pg_dump writes at the head of its output; they change nothing that is declared.
_HARMLESS = frozenset(
    {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"}
    | {"client_encoding", "standard_conforming_strings", "check_function_bodies", "xmloption", "client_min_messages"}
    | {"row_security", "default_tablespace", "default_table_access_method", "default_toast_compression"}
    | {"default_with_oids", "escape_string_warning"}
)
#: What the search_path of older dumps may hold beside `public`, which names without schema mean here as well.
_USUAL_PATH = frozenset({"public", "pg_catalog", "$user"})


def is_dump_preamble(statement: Statement) -> bool:
    """Whether a statement is one of those that pg_dump writes before the objects: it is left out with a warning."""
    name, values = _setting(statement)
    if name != "search_path":
        return name in _HARMLESS
    if statement.kind == "SelectStmt":
        values = [part.strip(' "') for part in (values[0] or "").split(",")]
        if values == [""]:
            return True
    return "public" in values and _USUAL_PATH.issuperset(values)


def _setting(statement: Statement) -> tuple[str, list[str | None]]:
    """Name and values of what SET, or SELECT set_config(…) alone, sets; ("", []) for any other statement."""
    node = statement.node
    if statement.kind == "VariableSetStmt" and node["kind"] in ("VAR_SET_VALUE", "VAR_SET_DEFAULT"):
        return node.get("name", "").lower(), [string_constant(argument) for argument in node.get("args", ())]
    targets: list[Node] = node.get("targetList", []) if statement.kind == "SelectStmt" else []
    call = targets[0]["ResTarget"]["val"].get("FuncCall", {}) if len(targets) == 1 and "fromClause" not in node else {}
    if not call or call["funcname"][-1]["String"].get("sval") != "set_config":
        return "", []
    name, *values = (string_constant(argument) for argument in call.get("args", ()))
    return (name or "").lower(), values or [None]


def leaves_bodies_alone(statement: Statement) -> bool:
    """Whether a statement tells the server, as a dump does, to take bodies as they are."""
    name, values = _setting(statement)
    return name == "check_function_bodies" and values[:1] in (["off"], ["false"])
