"""Declared columns of tables that pending migrations rename, or attach partitions to and detach them from.

A column that a migration may need is added before it. Where the table has another name by then, that would add it to
another table, or to none; where a partition leaves, to that one as well; one that joins would lack it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change
from stonegate.model.source import EffectVerb, Migration, MigrationStatement, every_effect
from stonegate.model.tokens import words_of
from stonegate.planner.migrations.refusal import refuse_statement


def same_tables(pending: Iterable[Migration], before: Catalog) -> AbstractSet[ObjectKey]:
    """The objects that are there before the migrations, and keep their name in all of them: no other one gets it."""
    renaming = (EffectVerb.RENAME, EffectVerb.SET_SCHEMA)
    effects = (effect for migration in pending for effect in migration.effects if effect.verb in renaming)
    return before.objects.keys() - {key for effect in effects for key in (effect.key, effect.moved)}


def regrouped(pending: Iterable[Migration], before: Catalog, after: Catalog, desired: Catalog) -> frozenset[ObjectKey]:
    """The tables, all the way up, that the migrations detach partitions from, or that get one that stood alone, or that
    lose or get a child; and those themselves.

    Args:
        before, after: the database before the migrations, and behind them as far as their text tells.
    """
    found: set[ObjectKey] = set()
    for migration in pending:
        for effect in migration.effects:
            if effect.parent is not None:
                found |= {effect.key, effect.parent, *before.ancestors(effect.parent), *desired.ancestors(effect.key)}
            elif effect.verb is EffectVerb.DETACH:
                found |= set(before.ancestors(effect.key))
            elif effect.verb is EffectVerb.ATTACH:
                found |= {effect.key, *desired.ancestors(effect.key)}
    for table in desired.tables:
        now = after.table(table.key)
        if table.partition_of is not None and now is not None and now.partition_of != table.partition_of:
            found |= {table.key, *desired.ancestors(table.key)}
        if now is not None and set(now.inherits) != set(table.inherits):
            found |= {table.key, *desired.ancestors(table.key), *after.ancestors(table.key)}
    return frozenset(found)


def refuse_unreached(
    changes: Iterable[Change], pending: tuple[Migration, ...], before: Catalog, after: Catalog
) -> Iterator[Blocked]:
    """A statement that needs a declared column of a table which gets its name in these migrations."""
    same = same_tables(pending, before)
    for change in changes:
        key = change.key
        if change.action is not Action.CREATE or key.kind is not ObjectKind.COLUMN:
            continue
        if key.owner not in after.objects or key.owner in same:
            continue
        found = _filling(key, pending)
        if found is not None:
            migration, statement, then = found
            hint = f"write ALTER TABLE … ADD COLUMN {key.member} in front of it, or fill it in a later release"
            if then != key.owner:
                hint = f"first deploy the release in which {then} has it"
            reason = (
                f"{migration.name} needs {key}, which is added after the migrations: they give {key.owner} its name"
            )
            yield refuse_statement(key, migration, statement, reason, hint)


def _filling(
    column: ObjectKey, pending: tuple[Migration, ...]
) -> tuple[Migration, MigrationStatement, ObjectKey] | None:
    """The first statement that writes rows of the column's table, under the name that this has by then, and has the
    column's name among its words."""
    found, table, words = None, column.owner, words_of(column.member or "")
    for migration, statement, effect in reversed(tuple(every_effect(pending))):
        if effect.moved == table:
            table = effect.key
        elif effect.verb is EffectVerb.WRITE_ROWS and effect.key == table and words <= words_of(statement.sql):
            found = migration, statement, table
    return found
