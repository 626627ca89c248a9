"""Migration files: directives, statements with their effects and needs, and which of them a transaction forbids."""

from __future__ import annotations

import re
from hashlib import sha256

from stonegate.errors import MisplacedStatement, SourceError, SourceErrors
from stonegate.model.consent import ConsentToken
from stonegate.model.mistyped import did_you_mean
from stonegate.model.names import ObjectKind
from stonegate.model.source import Effect, EffectVerb, Migration, MigrationStatement, Need, NeedKind, SourceFile
from stonegate.model.tokens import Lexeme
from stonegate.source.files.tree import migration_name
from stonegate.source.migrations.blocks import as_block, plain_statements
from stonegate.source.migrations.effects import effects_of
from stonegate.source.statements.routines import check_body, sql_body
from stonegate.source.syntax.grammar import Node, Statement, tokens_of
from stonegate.source.syntax.object_keys import Declarations, need_object
from stonegate.source.syntax.references import Needs

_DIRECTIVE = re.compile(rb"--\s*stonegate\s*:(.*)", re.IGNORECASE)
_LACKS_COLON = re.compile(
    r"^[ \t]*--[ \t]*stonegate[ \t]+(run-on-fresh|no-transaction|allow .*\S)", re.IGNORECASE | re.MULTILINE
)
_LINE_END = re.compile(rb"\r?\n")
_KNOWN = "run-on-fresh, no-transaction, allow <kind> <object>"


def build_migration(
    file: SourceFile, statements: tuple[Statement, ...], declarations: Declarations
) -> tuple[Migration, tuple[str, ...]]:
    """The migration of one file, and warnings.

    Raises:
        SourceErrors, SourceError: unknown directives, transaction control, statements for the whole server.
    """
    errors: list[SourceError] = []
    warnings: list[str] = []
    source = file.text.encode()
    directives, bare = _directives(source, file.path)
    flags, allows = _read_directives(file, directives, errors)
    for comment in _LACKS_COLON.finditer(file.text):
        line = file.text.count("\n", 0, comment.start()) + 1
        warnings.append(
            f"{file.path}:{line}: a comment, and no directive without its colon: -- stonegate: {comment[1]}"
        )
    statements = _without_transaction(statements, warnings)
    built = []
    for statement in statements:
        if (error := _forbidden(statement) or _mistaken(statement)) is not None:
            errors.append(error)
            continue
        if (setting := _lasting_setting(statement)) is not None:
            warnings.append(
                f"{file.path}:{statement.line}: SET {setting} lasts until the deployment ends, in other files too: "
                f"RESET {setting} at the end of this one"
            )
        built.append(_build_statement(statement, declarations))
    if not built and not errors:
        warnings.append(f"{file.path}: holds no statement")
    if errors:
        raise errors[0] if len(errors) == 1 else SourceErrors(tuple(errors))
    migration = Migration(
        name=migration_name(file.path),
        file=file.path,
        checksum=sha256(bare).hexdigest(),
        raw_checksum=file.digest,
        respelled_checksum=sha256(_with_other_line_ends(bare)).hexdigest(),
        statements=tuple(built),
        run_on_fresh="run-on-fresh" in flags,
        no_transaction="no-transaction" in flags,
        allows=allows,
    )
    return migration, tuple(warnings)


def _with_other_line_ends(text: bytes) -> bytes:
    unix = text.replace(b"\r\n", b"\n")
    return unix if unix != text else text.replace(b"\n", b"\r\n")


def _mistaken(statement: Statement) -> SourceError | None:
    """The syntax error in a plpgsql body, unless the file tells the server not to look at bodies either."""
    if statement.kind not in ("CreateFunctionStmt", "DoStmt") or "check_function_bodies" in statement.file.text:
        return None
    try:
        check_body(statement)
    except SourceError as error:
        return error
    return None


_PUT_BACK_WORDS = """
    array_nulls backslash_quote bytea_output check_function_bodies client_encoding client_min_messages datestyle
    extra_float_digits idle_in_transaction_session_timeout intervalstyle lock_timeout quote_all_identifiers role
    row_security search_path session_authorization standard_conforming_strings statement_timeout timezone
    transaction_timeout transform_null_equals xmlbinary xmloption
"""
#: Settings that an apply puts back after each migration (`database/executor/session.py`).
PUT_BACK = frozenset(_PUT_BACK_WORDS.split())


def _lasting_setting(statement: Statement) -> str | None:
    """The setting that a SET changes for the files after this one as well, if it does."""
    node = statement.node
    if statement.kind != "VariableSetStmt" or node["kind"].startswith("VAR_RESET"):
        return None
    name: str = node.get("name", "").lower()
    return None if name in PUT_BACK else name


# --- directives ------------------------------------------------------------------------------------------------------


def _directives(source: bytes, path: str) -> tuple[list[tuple[int, str]], bytes]:
    """The `-- stonegate:` comments with their lines, and the text without them."""
    if b"stonegate" not in source.lower():
        return [], source
    found: list[tuple[int, str]] = []
    rest = bytearray()
    kept = 0
    for token in tokens_of(source, path, 1, comments=True):
        match = _DIRECTIVE.match(token.text) if token.kind is Lexeme.COMMENT else None
        if match is None:
            continue
        found.append((source.count(b"\n", 0, token.start) + 1, match[1].decode().strip()))
        start, end = source.rfind(b"\n", 0, token.start) + 1, token.end
        if source[start : token.start].strip():
            start = token.start  # code stands before it: the rest of that line counts
        elif (ending := _LINE_END.match(source, end)) is not None:
            end = ending.end()
        rest += source[kept:start]
        kept = end
    return found, bytes(rest + source[kept:])


def _read_directives(
    file: SourceFile, directives: list[tuple[int, str]], errors: list[SourceError]
) -> tuple[frozenset[str], tuple[str, ...]]:
    flags: set[str] = set()
    allows: list[str] = []
    for line, text in directives:
        word, _, rest = text.partition(" ")
        kind, _, target = rest.strip().partition(" ")
        if word.lower() in ("run-on-fresh", "no-transaction") and not rest.strip():
            flags.add(word.lower())
        elif word.lower() != "allow" or not kind:
            hint = f"stonegate knows: {_KNOWN}"
            errors.append(SourceError(f"unknown directive: {text or '(none)'}", file=file.path, line=line, hint=hint))
        elif (token := kind.lower().replace("-", "_")) not in frozenset(ConsentToken):
            hint = did_you_mean(token, ConsentToken, f"consents are: {', '.join(ConsentToken)}")
            errors.append(SourceError(f"unknown consent: {kind}", file=file.path, line=line, hint=hint))
        else:
            allows.append(f"{token}:{target.strip()}" if target.strip() else token)
    return frozenset(flags), tuple(allows)


# --- what may stand in a migration -----------------------------------------------------------------------------------

_BEGINS = frozenset({"TRANS_STMT_BEGIN", "TRANS_STMT_START"})
_SERVER = {
    "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE",
    "AlterSystemStmt": "ALTER SYSTEM",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
}


def _without_transaction(statements: tuple[Statement, ...], warnings: list[str]) -> tuple[Statement, ...]:
    """The statements inside of an outermost BEGIN … COMMIT (behaviour, §4)."""
    if len(statements) < 2:
        return statements
    first, last = statements[0], statements[-1]
    if first.kind != "TransactionStmt" or last.kind != "TransactionStmt":
        return statements
    if first.node["kind"] not in _BEGINS or last.node["kind"] != "TRANS_STMT_COMMIT":
        return statements
    warnings.append(
        f"{first.file.path}:{first.line}: BEGIN and COMMIT are left out: the whole deployment is one transaction"
    )
    return statements[1:-1]


def _forbidden(statement: Statement) -> MisplacedStatement | None:
    node = statement.node
    if statement.kind == "TransactionStmt" or (statement.kind == "VariableSetStmt" and node["kind"] == "VAR_SET_MULTI"):
        message = f"{' '.join(statement.sql.split()[:2]).upper()} controls the transaction"
        hint = "remove it: the whole deployment is one transaction; for statements that must stand outside of one, "
        hint += "write -- stonegate: no-transaction"
    elif statement.kind in _SERVER:
        message = f"{_SERVER[statement.kind]} concerns the server, not one database"
        hint = "run it once by hand"
    elif statement.kind == "CopyStmt" and "filename" not in node and not node.get("is_program"):
        message = "COPY from or to the client has no client here"
        hint = "write INSERT … VALUES"
    else:
        return None
    return MisplacedStatement(message, file=statement.file.path, line=statement.line, hint=hint)


def is_transactional(statement: Statement) -> bool:
    """Whether PostgreSQL accepts the statement in a transaction block (PreventInTransactionBlock in utility.c)."""
    node = statement.node
    match statement.kind:
        case "IndexStmt" | "DropStmt":
            return not node.get("concurrent")
        case "ReindexStmt":
            whole = node["kind"] not in ("REINDEX_OBJECT_INDEX", "REINDEX_OBJECT_TABLE")
            return not whole and not _has_option(node.get("params", ()), "concurrently")
        case "VacuumStmt":
            return not node.get("is_vacuumcmd")
        case "ClusterStmt":
            return "relation" in node
        case "AlterTableStmt":
            return not any(_detaches_concurrently(entry["AlterTableCmd"]) for entry in node["cmds"])
        case "DiscardStmt":
            return node.get("target") != "DISCARD_ALL"
        case "CreateSubscriptionStmt" | "DropSubscriptionStmt" | "AlterDatabaseStmt":
            return False
        case _:
            return True


def _has_option(options: list[Node] | tuple[Node, ...], name: str) -> bool:
    return any(option["DefElem"]["defname"] == name for option in options)


def _detaches_concurrently(command: Node) -> bool:
    return command["subtype"] == "AT_DetachPartition" and bool(command["def"]["PartitionCmd"].get("concurrent"))


# --- needs -----------------------------------------------------------------------------------------------------------

_EXISTING = frozenset({EffectVerb.CREATE, EffectVerb.OPAQUE, EffectVerb.NONE})
_ADDING = frozenset({EffectVerb.ADD_COLUMN, EffectVerb.ADD_CONSTRAINT})


def _build_statement(statement: Statement, declarations: Declarations) -> MigrationStatement:
    parts = tuple(_build_statement(part, declarations) for part in plain_statements(statement))
    if parts:
        return as_block(statement, parts)
    effects = effects_of(statement, declarations)
    return MigrationStatement(
        sql=statement.sql,
        line=statement.line,
        effects=effects,
        needs=_needs(statement, effects),
        transactional=is_transactional(statement),
    )


def _needs(statement: Statement, effects: tuple[Effect, ...]) -> tuple[Need, ...]:
    needs = Needs()
    node = statement.node
    if not node.get("missing_ok"):
        needs.walk(node)
        for effect in effects:
            if effect.verb not in _EXISTING:
                need_object(needs, effect.key.owner if effect.verb in _ADDING or effect.if_exists else effect.key)
    for column in _written_columns(statement):
        needs.range_var(node["relation"], column)
    if statement.kind == "CreateFunctionStmt":
        needs.walk(sql_body(statement))
    for effect in effects:
        if effect.verb is EffectVerb.CREATE:
            needs.schema(effect.key.schema or None)
        elif effect.verb is EffectVerb.SET_SCHEMA:
            needs.schema(effect.to)
    created = {
        effect.key.qualified
        for effect in effects
        if effect.verb is EffectVerb.CREATE and effect.key.kind is not ObjectKind.TRIGGER
    }
    return tuple(need for need in needs.sorted() if need.kind is NeedKind.SCHEMA or need.qualified not in created)


def _written_columns(statement: Statement) -> list[str]:
    """The columns that an INSERT or UPDATE names."""
    entries = {"InsertStmt": "cols", "UpdateStmt": "targetList"}.get(statement.kind)
    nodes = statement.node.get(entries, ()) if entries else ()
    return [entry["ResTarget"]["name"] for entry in nodes if "name" in entry["ResTarget"]]
