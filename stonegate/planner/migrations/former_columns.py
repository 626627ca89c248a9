"""Columns that a release in between declared and a later one's migration renames, in a database that got neither.

Such a database gets the column at once under its last name: a file that does nothing but rename it is recorded, not
run, as with new tables (contained.py); one that fills it, or does something else as well, needs the release before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Blocked
from stonegate.model.source import EffectVerb, Migration, MigrationStatement, every_effect
from stonegate.planner.migrations.refusal import refuse_statement


def former_columns(
    migrations: Collection[Migration], live: Catalog, after: Catalog, desired: Catalog
) -> frozenset[ObjectKey]:
    """The former names of declared columns that neither the database has nor one of the migrations makes.

    Args:
        after: the database behind the migrations, as far as their text tells.
    """
    effects = [effect for _, _, effect in every_effect(migrations)]
    if any(effect.verb is EffectVerb.OPAQUE for effect in effects):  # which may make any of them
        return frozenset()
    staying = (table for table in desired.tables if table.key in live.objects and table.key in after.objects)
    new = {
        key
        for table in staying
        for key in (table.key.part(ObjectKind.COLUMN, column.name) for column in table.columns)
        if not live.has(key) and not after.has(key)
    }
    found: set[ObjectKey] = set()
    for effect in reversed(effects):
        if effect.key.kind is ObjectKind.COLUMN and effect.moved in new | found and not live.has(effect.key):
            found.add(effect.key)
    return frozenset(found)


def refuse_former(running: Iterable[Migration], former: frozenset[ObjectKey]) -> Iterator[Blocked]:
    """The statements that need such a column."""
    for migration in running:
        for statement in migration.statements:
            for key in sorted(former & _mentioned(statement)):
                reason = f"{migration.name} needs {key}, which only a release in between declared"
                hint = f"first deploy the release in which {key.owner} has {key.member}"
                yield refuse_statement(key, migration, statement, reason, hint)


def _mentioned(statement: MigrationStatement) -> set[ObjectKey]:
    """The columns that a statement changes or writes by name."""
    written = {
        need.qualified.key(ObjectKind.TABLE).part(ObjectKind.COLUMN, need.column)
        for need in statement.needs
        if need.column is not None
    }
    return written | {effect.key for effect in statement.effects}
