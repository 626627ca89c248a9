"""PostgreSQL's errors in the terms of the folder: which file and line, which object, what to type next."""

from __future__ import annotations

import re

import psycopg

from stonegate.database.failures.cancelling import hint_for_cancelled
from stonegate.database.failures.migration_hints import hint_for_migration
from stonegate.database.failures.places import place_in_file
from stonegate.database.failures.privilege_hints import hint_for_privilege
from stonegate.database.failures.row_hints import hint_for_rows
from stonegate.errors import (
    ConnectionFailed,
    DatabaseNotFound,
    ExtensionInstallFailed,
    FunctionDeployFailed,
    LockTimeout,
    MigrationFailed,
    StonegateError,
    UnsafeRecords,
)
from stonegate.model.foreign_types import FOREIGN_TYPES
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Statement, Step

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
CANCELLED = "57014"
INTERNAL_ERROR = "XX000"
INVALID_CATALOG_NAME = "3D000"
TOO_MANY_CONNECTIONS = "53300"
BAD_PASSWORD = "28P01"
LETS_NOBODY_IN = "55000"  # of a login: ALLOW_CONNECTIONS is false
_NO_PRIVILEGE = "42501"
#: The release whose syntax the folder is read with (pglast); an older server does not know all of it.
SYNTAX_OF = 18
#: The functions of the server that say "tuple concurrently updated", or deleted.
_CHANGES_CATALOGS = ("simple_heap_update", "simple_heap_delete")
UNSAFE = "SG001"  # our own: tracking/guard.sql
# Class 08 and the shutdown codes: the server, or the way to it, went away (manual, appendix A).
CONNECTION_STATES = ("08", "57P")

#: To be typed in the database concerned: who holds a lock that even readers wait for.
_BLOCKERS = "SELECT pid, relation::regclass FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"


def explain_failure(
    error: psycopg.Error,
    *,
    step: Step | None = None,
    statement: Statement | None = None,
    database: str = "",
    server: int = 0,
    is_committed: bool = False,
) -> StonegateError:
    """The stonegate error for what PostgreSQL said about a statement of a step.

    Args:
        error: from psycopg; without an SQLSTATE it means that the connection broke.
        step, statement: what was executed, if it came from the plan.
        database: its name, for the message.
        server: server_version_num; 0 if it is not known.
        is_committed: the transaction is, and only what follows it failed.
    """
    if error.sqlstate is None or was_ended(error):
        return _lost(error, step, database, is_committed=is_committed)
    state = error.sqlstate or ""
    if step is None and (found := _without_step(error, database)) is not None:
        return found
    line, column = place_in_file(error, step, statement)
    kind = _class_of(step, state)
    subject = _subject(step) if step else "a statement"
    return kind(
        f"{subject} failed",
        file=step.file if step else None,
        line=line,
        column=column,
        cause=message_of(error),
        hint=_hint_for_syntax(error, step, server) or hint_for(error, step, statement),
        sqlstate=state,
        database=database or None,
        details=_context(error),
    )


def _subject(step: Step) -> str:
    """`create table users`; a seed, by its kind, says what is done already."""
    return str(step.key) if step.action is Action.SEED else f"{step.action.value} {step.key}"


def was_ended(error: psycopg.Error) -> bool:
    """True if the server said that it ends the session: then nothing is wrong with what was sent.

    A connection that breaks without a word may be a server which that made crash, and again each time it is tried.
    """
    return (error.sqlstate or "").startswith(CONNECTION_STATES)


def _lost(error: psycopg.Error, step: Step | None, database: str, *, is_committed: bool) -> ConnectionFailed:
    became = "committed before" if is_committed else "rolled back"
    return ConnectionFailed(
        "the connection was lost" + (f" at {step.key}" if step else "") + f"; the transaction was {became}",
        cause=message_of(error),
        hint="run the same command again: it starts from what is committed",
        sqlstate=error.sqlstate,
        database=database or None,
    )


def _without_step(error: psycopg.Error, database: str) -> StonegateError | None:
    """What is said of stonegate's own reading and writing, where it is more than that a statement failed."""
    state, place = error.sqlstate, f" in {database}" if database else ""
    if state == LOCK_NOT_AVAILABLE:
        return LockTimeout(
            f"another session keeps a lock on what has to be read{place}",
            cause=message_of(error),
            hint=f"run again when it has finished; see who: {_BLOCKERS}",
            sqlstate=state,
            database=database or None,
        )
    if state == _NO_PRIVILEGE:
        return MigrationFailed(
            f"the role may not read or write what stonegate needs{place}",
            cause=message_of(error),
            hint=hint_for(error),
            sqlstate=state,
            database=database or None,
        )
    if state == UNSAFE:
        return UnsafeRecords(
            error.diag.message_primary or "",
            cause=error.diag.message_detail,
            hint=error.diag.message_hint,
            sqlstate=state,
            database=database or None,
        )
    return None


def hidden_hint(*tables: object) -> str:
    """What to do where policies hide the rows of these tables from the role that deploys."""
    names = ", ".join(sorted(map(str, tables))) or "the table"
    return (
        f"row-level security is forced on {names} and hides rows; deploy as a superuser or a role with BYPASSRLS, "
        "or do it in a migration between ALTER TABLE … NO FORCE and FORCE ROW LEVEL SECURITY"
    )


def wrap_error(
    error: psycopg.Error,
    message: str,
    *,
    kind: type[StonegateError] = MigrationFailed,
    database: str | None = None,
) -> StonegateError:
    """The stonegate error for what psycopg raised.

    Args:
        error: without an SQLSTATE it means that the connection broke.
        message: one sentence that names the object.
        kind: the class unless the SQLSTATE says better: ConnectionFailed, LockTimeout, DatabaseNotFound.
    """
    state = error.sqlstate
    if state == LOCK_NOT_AVAILABLE:
        kind = LockTimeout
    elif state == INVALID_CATALOG_NAME:
        kind = DatabaseNotFound
    elif (state is None and isinstance(error, psycopg.OperationalError)) or (state or "").startswith(CONNECTION_STATES):
        kind = ConnectionFailed
    return kind(
        message,
        cause=words_of(error),
        hint=error.diag.message_hint,
        sqlstate=state,
        database=database,
    )


def message_of(error: psycopg.Error) -> str:
    """PostgreSQL's message and detail, or libpq's."""
    diag = error.diag
    if diag.message_primary is None:
        return str(error).strip()
    return diag.message_primary if diag.message_detail is None else f"{diag.message_primary}: {diag.message_detail}"


def words_of(error: psycopg.Error) -> str:
    """The same for what somebody's function does, with where inside of functions it happened; one line each."""
    diag = error.diag
    if diag.message_primary is None:
        return str(error).strip() or type(error).__name__
    parts = [diag.message_primary]
    if diag.message_detail:
        parts.append(f"DETAIL: {diag.message_detail}")
    if diag.context:
        parts.append(f"CONTEXT: {diag.context}")
    return "\n".join(parts)


def is_lock_failure(error: psycopg.Error) -> bool:
    """True if another session was in the way, so that the same transaction may succeed when tried again.

    GRANT, COMMENT and ALTER of what another session changes in the same moment wait for it and then fail with an
    internal error ("tuple concurrently updated"): catalogs are changed by simple_heap_update, which never looks again.
    """
    if error.sqlstate == INTERNAL_ERROR:  # the message is in the server's language, the function's name is not
        diag = error.diag
        in_english = (diag.message_primary or "").startswith("tuple concurrently ")
        return in_english or diag.source_function in _CHANGES_CATALOGS
    return error.sqlstate in (LOCK_NOT_AVAILABLE, DEADLOCK)


def _class_of(step: Step | None, state: str) -> type[StonegateError]:
    if state == LOCK_NOT_AVAILABLE:
        return LockTimeout
    match step.kind if step else None:
        case ObjectKind.ROUTINE:
            return FunctionDeployFailed
        case ObjectKind.EXTENSION:
            return ExtensionInstallFailed
        case _:
            return MigrationFailed


def _context(error: psycopg.Error) -> tuple[str, ...]:
    """Where inside nested code it happened (manual: PG_DIAG_CONTEXT), innermost first."""
    return tuple((error.diag.context or "").splitlines()[:5])


def _hint_for_syntax(error: psycopg.Error, step: Step | None, server: int) -> str | None:
    """The folder was parsed before: what the server's grammar refuses is newer, unless it was put together there."""
    release, diag = server // 10_000, error.diag
    # The message is in the server's language; the function that raised it is not.
    if step is None or diag.source_function != "scanner_yyerror" or not 0 < release < SYNTAX_OF:
        return None
    if diag.internal_query is not None and step.kind is not ObjectKind.ROUTINE:
        return None
    return (
        f"this server is PostgreSQL {release}, and stonegate reads the syntax of {SYNTAX_OF}, which has more: write it "
        f"as {release} knows it, or deploy to a newer server"
    )


def hint_for(error: psycopg.Error, step: Step | None = None, statement: Statement | None = None) -> str | None:
    """What to type next: stonegate's own advice where it knows better, else PostgreSQL's hint."""
    if (
        step is not None
        and step.action is Action.RUN
        and (hint := hint_for_migration(error, step, statement)) is not None
    ):
        return hint
    if (hint := hint_for_rows(error, step, statement)) is not None:
        return hint
    diag = error.diag
    match error.sqlstate:
        case "42704" if step is not None and step.kind is ObjectKind.EXTENSION:
            return "declare it too: a file of its name in extensions/"
        case "2D000":
            return "in a migration with the line -- stonegate: no-transaction it runs after the commit, on its own"
        case "42501" if step is not None and step.kind is ObjectKind.EXTENSION:
            return "only a superuser may create this extension: give stonegate the admin's connection, or ask for it"
        case "42883" if (diag.message_primary or "").startswith(("function", "procedure")):
            return "declare it in functions/ for these arguments, or in extensions/ what brings it; or correct the call"
        case "42501" if "row-level security" in (diag.message_primary or ""):
            return hidden_hint()
        case "42501":
            return diag.message_hint or hint_for_privilege(message_of(error), statement.sql if statement else "")
        case "53200":
            return "raise max_locks_per_transaction in postgresql.conf (and restart), or lower --concurrency"
        case "57014":
            return diag.message_hint or hint_for_cancelled(diag.message_primary or "")
        case "55P03":
            return "run again when the other session has finished, or raise --lock-timeout"
        case "2BP01" if statement is not None and statement.sql.startswith("REVOKE "):
            return (
                f"who has it passed it on; in a migration, {statement.sql} CASCADE; takes it from all of these, and "
                "GRANT gives it back to those who shall keep it"
            )
        case "55P04":
            return (
                "PostgreSQL forbids the use of a new enum value in the transaction that adds it: use it one apply later"
            )
        case _:
            return diag.message_hint or _hint_for_name(error.sqlstate, diag.message_primary or "")


def _hint_for_name(state: str | None, message: str) -> str | None:
    """What to do about a name that the database does not know."""
    match state:
        case "42P01":
            return "declare it in tables/ or views/, or correct the name"
        case "42703":
            return "declare the column, or correct the name"
        case "3F000":
            return "declare it: CREATE SCHEMA …; in tables/ or types/"
        case "42704" if message.startswith("role "):
            return "create it first: CREATE ROLE …; roles belong to the server, not to a folder"
        case "42704" if named := re.match(r'type "?(?:.*\.)?(\w+)(?:\[\])?"? ', message):
            own = FOREIGN_TYPES.get(named[1])
            return (
                f"PostgreSQL calls it {own}"
                if own
                else "declare it in types/, or in extensions/ what brings it; or correct the name"
            )
        case _:
            return None
