"""Whether migrations use what would be taken away in front of them."""

from __future__ import annotations

from collections.abc import Iterable

from stonegate.model.catalog import Catalog
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import ROW_VERBS, EffectVerb, Migration, MigrationStatement, NeedKind
from stonegate.model.tokens import words_of


def is_used_by(
    key: ObjectKey, migrations: Iterable[Migration], catalog: Catalog
) -> tuple[Migration, MigrationStatement] | None:
    """The first statement that would fail without the object, or do something else to rows, if there is one.

    Args:
        catalog: the database before these migrations.
    """
    tables = _tables_of(key, catalog)
    found = ((migration, part) for migration in migrations for part in migration.statements if _uses(part, key, tables))
    return next(found, None)


def _tables_of(key: ObjectKey, catalog: Catalog) -> frozenset[ObjectKey]:
    """The tables whose rows are treated in another way while the object is away."""
    match key.kind:
        case ObjectKind.POLICY:
            table = catalog.table(key.owner)
            return frozenset({key.owner}) if table is not None and table.force_row_security else frozenset()
        case ObjectKind.CONSTRAINT if key in catalog.foreign_keys:
            return frozenset({catalog.foreign_keys[key].target})
        case ObjectKind.OTHER:  # a rule
            return frozenset(edge.on.owner for edge in catalog.dependencies if edge.dependent == key)
        case ObjectKind.TRIGGER:
            return frozenset({key.owner, *catalog.ancestors(key.owner)})
        case _:
            return frozenset()


def _uses(statement: MigrationStatement, key: ObjectKey, tables: frozenset[ObjectKey]) -> bool:
    own = [effect for effect in statement.effects if effect.key == key]
    if own:  # what makes it again would not know of its privileges
        return not all(effect.verb is EffectVerb.DROP and effect.if_exists for effect in own)
    if key.kind is ObjectKind.COLUMN:
        return words_of(f"{key.name} {key.member}") <= words_of(statement.sql)
    if key.kind in CODE_KINDS:
        space = NeedKind.ROUTINE if key.kind is ObjectKind.ROUTINE else NeedKind.RELATION
        return any(need.kind is space and need.qualified == key.qualified for need in statement.needs)
    if key.kind in (ObjectKind.CONSTRAINT, ObjectKind.INDEX) and not tables:
        words = words_of(statement.sql)  # ON CONFLICT, VALIDATE CONSTRAINT, CLUSTER …
        return "conflict" in words or words_of(key.own_name) <= words
    names = {table.qualified for table in tables}
    changed = {effect.verb for effect in statement.effects if effect.key.qualified in names}
    is_read = key.kind is ObjectKind.POLICY and any(need.qualified in names for need in statement.needs)
    opaque = bool(names) and any(effect.verb is EffectVerb.OPAQUE for effect in statement.effects)
    return bool(changed & ROW_VERBS) or opaque or (is_read and not changed)
