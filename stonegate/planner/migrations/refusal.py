"""What is said of an object where a statement of a migration does not go together with it."""

from __future__ import annotations

from stonegate.model.names import ObjectKey
from stonegate.model.plan import Blocked
from stonegate.model.source import Migration, MigrationStatement


def refuse_statement(
    key: ObjectKey, migration: Migration, statement: MigrationStatement, reason: str, hint: str
) -> Blocked:
    """The refusal that is about the object, and points at the statement."""
    return Blocked(object=key.label, reason=reason, hint=hint, file=migration.file, line=statement.line)
