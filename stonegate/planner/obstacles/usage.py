"""Whether migrations use what would be taken away in front of them, or make it again themselves."""

from __future__ import annotations

from collections.abc import Iterable

from stonegate.model.catalog import Catalog
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import EffectVerb, Migration, MigrationStatement, NeedKind
from stonegate.model.tokens import words_of

_ROWS = frozenset({EffectVerb.WRITE_ROWS, EffectVerb.DELETE_ROWS})


def is_used_by(
    key: ObjectKey, migrations: Iterable[Migration], catalog: Catalog
) -> tuple[Migration, MigrationStatement] | None:
    """The first statement that would fail without the object, or do something else to rows, if there is one.

    Args:
        catalog: the database before these migrations.
    """
    tables = _tables_of(key, catalog)
    for migration in migrations:
        for statement in migration.statements:
            if _makes(statement, key):
                return None
            if _uses(statement, key, tables):
                return migration, statement
    return None


def is_made_by(key: ObjectKey, migrations: Iterable[Migration]) -> bool:
    """True if one of them makes an object of that key."""
    return any(_makes(statement, key) for migration in migrations for statement in migration.statements)


def _makes(statement: MigrationStatement, key: ObjectKey) -> bool:
    return any(effect.verb is EffectVerb.CREATE and effect.key == key for effect in statement.effects)


def _tables_of(key: ObjectKey, catalog: Catalog) -> frozenset[ObjectKey]:
    """The tables whose rows are treated in another way while the object is away."""
    match key.kind:
        case ObjectKind.POLICY:
            table = catalog.table(key.owner)
            return frozenset({key.owner}) if table is not None and table.force_row_security else frozenset()
        case ObjectKind.CONSTRAINT:
            return frozenset({catalog.foreign_keys[key].target})
        case ObjectKind.OTHER:  # a rule
            return frozenset(edge.on.owner for edge in catalog.dependencies if edge.dependent == key)
        case ObjectKind.TRIGGER:
            return frozenset({key.owner, *catalog.ancestors(key.owner)})
        case _:
            return frozenset()


def _uses(statement: MigrationStatement, key: ObjectKey, tables: frozenset[ObjectKey]) -> bool:
    if key.kind is ObjectKind.COLUMN:
        return words_of(f"{key.name} {key.member}") <= words_of(statement.sql)
    if key.kind not in CODE_KINDS:
        names = {table.qualified for table in tables}
        is_read = key.kind is ObjectKind.POLICY and any(need.qualified in names for need in statement.needs)
        changed = {effect.verb for effect in statement.effects if effect.key.qualified in names}
        opaque = bool(names) and any(effect.verb is EffectVerb.OPAQUE for effect in statement.effects)
        return bool(changed & _ROWS) or opaque or (is_read and not changed)
    space = NeedKind.ROUTINE if key.kind is ObjectKind.ROUTINE else NeedKind.RELATION
    if any(effect.verb is EffectVerb.DROP and effect.if_exists and effect.key == key for effect in statement.effects):
        return False
    named = any(effect.key == key for effect in statement.effects)
    return named or any(need.kind is space and need.qualified == key.qualified for need in statement.needs)
