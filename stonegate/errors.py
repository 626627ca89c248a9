"""Every failure that stonegate reports on purpose: one class each, with its code, HTTP status and exit code.

The codes are the words that clients branch on (http-contract, "Errors"); the exit codes are those of the command line
(behaviour, §8). A test compares the README's table with the subclasses of `StonegateError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

#: Reasons that a failure lists, where there may be thousands.
MOST_DETAILS = 20
#: How much a failure tells of each of message, cause and hint (characters).
MOST_LETTERS = 65_536


class StonegateError(Exception):
    """A mistake in stonegate itself: the root of all failures, and the code of those that have no name of their own.

    Args:
        message: one sentence that names the object.
        file: path inside the folder or archive, if the failure has a place.
        line, column: 1-based position in `file`.
        cause: PostgreSQL's own words (or the operating system's).
        hint: what to type next.
        sqlstate: five-character SQLSTATE of the cause.
        database: the database concerned.
        details: further lines, one reason each.
    """

    code: ClassVar[str] = "internal_error"
    #: What it is called over HTTP, where the list of codes is closed (http-contract, "Errors") and lacks `code`.
    http_code: ClassVar[str | None] = None
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 6

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        cause: str | None = None,
        hint: str | None = None,
        sqlstate: str | None = None,
        database: str | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        self.message = brief(message)
        super().__init__(self.message)
        self.file = file
        self.line = line
        self.column = column
        self.cause = cause and brief(cause)
        self.hint = hint and brief(hint)
        self.sqlstate = sqlstate
        self.database = database
        self.details = details

    @classmethod
    def public_code(cls) -> str:
        """The code that clients of the gateway are told."""
        return cls.http_code or cls.code

    @property
    def place(self) -> str | None:
        """`file:line:column` as far as known, or None."""
        if self.file is None:
            return None
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def as_dict(self) -> dict[str, str]:
        """The flat body of the HTTP contract: error, message and, where known, database, cause, hint, sqlstate."""
        message = self.message if self.place is None else f"{self.place}: {self.message}"
        body = {"error": self.code, "message": "; ".join((message, *self.details))}
        optional = {"database": self.database, "cause": self.cause, "hint": self.hint, "sqlstate": self.sqlstate}
        return body | {key: value for key, value in optional.items() if value is not None}


def brief(text: str) -> str:
    """The text, or its beginning: what a function raises may be as long as what it returns."""
    more = len(text) - MOST_LETTERS
    return text if more <= 0 else f"{text[:MOST_LETTERS]}… ({more:,} characters more)"


def every_error(root: type[StonegateError] = StonegateError) -> Iterator[type[StonegateError]]:
    """The root and all of its subclasses, depth first."""
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


# --- usage: exit 2 -------------------------------------------------------------------------------------------------


class UsageError(StonegateError):
    """A request that makes no sense as typed or sent."""

    code, status, exit_code = "invalid_request", 400, 2


class DataDirUnusable(StonegateError):
    """DATA_DIR, or a file in it, cannot be read or written."""

    code, status, exit_code = "data_dir_unusable", 500, 2
    http_code = "internal_error"


class ReferenceUnavailable(StonegateError):
    """No reference database can be built: the role may not create databases, or the shadow server differs."""

    code, status, exit_code = "reference_unavailable", 500, 2
    http_code = "migration_failed"


class NotFound(StonegateError):
    """No such route or thing."""

    code, status, exit_code = "not_found", 404, 2


class MethodNotAllowed(StonegateError):
    """The route exists, the method does not."""

    code, status, exit_code = "method_not_allowed", 405, 2


class PlatformNotFound(NotFound):
    """The registry has no such platform."""

    code = "platform_not_found"


class SchemaNotFound(NotFound):
    """The platform has no stored folder of that name."""

    code = "schema_not_found"


class FunctionNotFound(NotFound):
    """The database has no function of that name (or none that takes these arguments)."""

    code = "function_not_found"


class DatabaseNotFound(NotFound):
    """The target database does not exist."""

    code, exit_code = "database_not_found", 6


class Unauthorized(StonegateError):
    """The address or the token is not allowed."""

    code, status, exit_code = "unauthorized", 403, 2


class PlatformIsolationViolation(StonegateError):
    """The database belongs to another platform or tenant."""

    code, status, exit_code = "platform_isolation_violation", 403, 2


class PayloadTooLarge(StonegateError):
    """The request body exceeds its cap."""

    code, status, exit_code = "payload_too_large", 413, 2


class DatabaseAlreadyExists(StonegateError):
    """A database of that name exists already."""

    code, status, exit_code = "database_already_exists", 409, 2


class PlatformAlreadyRegistered(StonegateError):
    """The registry has that platform already."""

    code, status, exit_code = "platform_already_registered", 409, 2


class MigrationInProgress(StonegateError):
    """A job runs already for these databases; `job_id` says which."""

    code, status, exit_code = "migration_in_progress", 409, 2

    def __init__(self, message: str, *, job: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.job = job

    def as_dict(self) -> dict[str, str]:
        """With the id of the running job."""
        return super().as_dict() | {"job_id": self.job}


# --- the folder or archive is wrong: exit 3 ------------------------------------------------------------------------


class SourceError(StonegateError):
    """The folder or archive cannot be read as a `postgresql/` folder."""

    code, status, exit_code = "schema_extraction_failed", 400, 3
    http_code = "schema_extraction_failed"


class SourceErrors(SourceError):
    """Several broken places, all reported at once; `errors` holds them in path order."""

    code = "schema_invalid"

    def __init__(self, errors: tuple[SourceError, ...]) -> None:
        super().__init__(
            f"{len(errors)} errors in the folder",
            details=tuple(f"{error.place}: {error.message}" if error.place else error.message for error in errors),
        )
        self.errors = errors


class SyntaxFailure(SourceError):
    """SQL that PostgreSQL's parser refuses; `excerpt` is the offending line and a caret below it."""

    code = "syntax_error"

    def __init__(
        self, message: str, *, excerpt: str, file: str, line: int, column: int, hint: str | None = None
    ) -> None:
        super().__init__(message, file=file, line=line, column=column, hint=hint)
        self.excerpt = excerpt


class DependencyCycle(SourceError):
    """Items that need each other in a circle that no order can satisfy."""

    code = "dependency_cycle"


class DuplicateObject(SourceError):
    """Two places declare the same object."""

    code = "duplicate_object"


class MisplacedStatement(SourceError):
    """A statement kind that has no business in its folder."""

    code = "misplaced_statement"


class ExtensionNotAvailable(StonegateError):
    """The server lacks a declared extension."""

    code, status, exit_code = "extension_not_available", 400, 3


# --- blocked: exit 4 -----------------------------------------------------------------------------------------------


class MigrationBlocked(StonegateError):
    """Dataloss or incompatible changes without consent; `details` lists every reason."""

    code, status, exit_code = "migration_blocked", 409, 4


class TableTooLarge(MigrationBlocked):
    """`/register` would rewrite or index a table above REGISTER_MAX_TABLE_MB."""

    code = "table_too_large"


# --- the world moved: exit 5 ---------------------------------------------------------------------------------------


class Drift(StonegateError):
    """The live database differs from what was last deployed."""

    code, status, exit_code = "drift", 409, 5


class ChangedMigration(Drift):
    """An applied migration file has another checksum or name now."""

    code = "changed_migration"


class MissingSeed(Drift):
    """Declared seed rows are missing from an existing table."""

    code = "missing_seed"


class StalePlan(Drift):
    """The saved plan was made for another state of the database."""

    code = "stale_plan"


class PlanChanged(Drift):
    """After the migrations ran, steps are needed that were neither planned nor announced."""

    code = "plan_changed"


class VerificationFailed(Drift):
    """After all steps the catalog still differs from what the folder declares; everything was rolled back."""

    code = "verification_failed"


# --- the database said no: exit 6 ----------------------------------------------------------------------------------


class ConnectionFailed(StonegateError):
    """PostgreSQL, or the database, is unreachable or refuses the login."""

    code, status, exit_code = "connection_failed", 503, 6


class PoolExhausted(ConnectionFailed):
    """No connection became free within the acquire timeout."""

    code = "pool_exhausted"


class LockTimeout(StonegateError):
    """A lock was not granted in time, retries included."""

    code, status, exit_code = "lock_timeout", 409, 6


class UnsafeRecords(StonegateError):
    """The tracking tables hold what would run with the rights of the role that deploys, and it is not that role's."""

    code, status, exit_code = "unsafe_records", 500, 6
    http_code = "migration_failed"


class MigrationFailed(StonegateError):
    """A statement of the plan failed; the transaction was rolled back."""

    code, status, exit_code = "migration_failed", 500, 6


class FunctionDeployFailed(MigrationFailed):
    """A routine could not be created."""

    code = "function_deploy_failed"


class ExtensionInstallFailed(MigrationFailed):
    """An extension could not be created or updated."""

    code = "extension_install_failed"


class QueryFailed(StonegateError):
    """A called function raised an error."""

    code, status, exit_code = "query_failed", 500, 6


class QueryTimeout(QueryFailed):
    """A called function exceeded its statement timeout."""

    code, status = "query_timeout", 504


# --- fleet: exit 7 -------------------------------------------------------------------------------------------------


class FleetFailed(StonegateError):
    """Some targets of a fleet failed; the report has a result for each."""

    code, status, exit_code = "fleet_failed", 500, 7
    http_code = "migration_failed"
