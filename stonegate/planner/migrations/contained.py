"""Pending migrations whose whole effect the plan's new objects have from the start (behaviour, §4 "Migrations").

A table that a database lacks is made in its final form, on a fresh database and on any other one. What an earlier
release's migration did to that table is then history that this database never had: the file is recorded, not run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from stonegate.model.catalog import Catalog
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import ROW_VERBS, Effect, EffectVerb, Migration, MigrationStatement, NeedKind, every_effect
from stonegate.planner.migrations.enum_values import is_declared_value
from stonegate.planner.migrations.former_columns import former_columns
from stonegate.planner.migrations.simulate import RELATIONS, simulate

#: What changes rows only if there are any.
_NO_ROWS = frozenset({"update", "delete", "truncate"})
#: What changes nothing; and what the plan does by itself where it makes the partitioned table.
_BESIDES = frozenset({EffectVerb.NONE, EffectVerb.ATTACH})
#: What leaves nothing behind.
_PASSING = frozenset({"set", "reset", "show", "lock", "analyze", "vacuum", "explain"})


class Contained(Struct, frozen=True, kw_only=True):
    """What pending migrations have no work with.

    Attributes:
        new: what the folder declares, and neither the database has nor one of the migrations makes; former names
            included.
        former: former names of new columns of tables that are there.
        names: the migrations that change nothing else.
    """

    new: frozenset[ObjectKey] = frozenset()
    former: frozenset[ObjectKey] = frozenset()
    names: frozenset[str] = frozenset()


def _new_objects(live: Catalog, desired: Catalog, after: Catalog) -> frozenset[ObjectKey]:
    """Where another relation has the name now, migrations speak of that one."""
    taken = {key.qualified for key in live.objects if key.kind in RELATIONS}
    return frozenset(
        key
        for key in desired.objects
        if key not in after.objects
        and key not in live.objects
        and not (key.kind in RELATIONS and key.qualified in taken)
    )


def contained_migrations(migrations: Collection[Migration], live: Catalog, desired: Catalog) -> Contained:
    """A migration that puts rows into a new table runs, and so does every other one that touches that table."""
    after = simulate(live, desired, migrations).catalog
    new = set(_new_objects(live, desired, after))
    for _, _, effect in reversed(tuple(every_effect(migrations))):
        if effect.moved in new and effect.key not in live.objects:
            new.add(effect.key)
    filled = {
        effect.key
        for _, statement, effect in every_effect(migrations)
        if effect.verb in ROW_VERBS
        if statement.first_word not in _NO_ROWS or effect.key.kind in VIEW_KINDS  # which shows those of other tables
    }
    former = former_columns(migrations, live, after, desired)
    whole = (frozenset(new) - filled) | former
    indexes = _other_indexes(migrations, whole, live)
    names = (
        migration.name
        for migration in migrations
        if not migration.run_on_fresh and _is_contained(migration, whole, indexes, live, desired)
    )
    return Contained(new=frozenset(new), former=former, names=frozenset(names))


def owner_among(key: ObjectKey, objects: Collection[ObjectKey]) -> ObjectKey:
    """The table or type that a part belongs to; the name of a constraint does not say whether it is a domain's."""
    domain = key.qualified.key(ObjectKind.TYPE)
    return domain if key.kind is ObjectKind.CONSTRAINT and domain in objects else key.owner


def _other_indexes(migrations: Iterable[Migration], new: frozenset[ObjectKey], live: Catalog) -> frozenset[ObjectKey]:
    """The indexes of what is not new: those that are there, and those that the migrations make, by all their names."""
    found = set(live.index_holders)
    for _, statement, effect in every_effect(migrations):
        if effect.key.kind is not ObjectKind.INDEX:
            continue
        if effect.verb is EffectVerb.CREATE and any(_is_elsewhere(other, new) for other in statement.effects):
            found.add(effect.key)
        elif effect.moved is not None and effect.key in found:
            found.add(effect.moved)
    return frozenset(found)


def _is_elsewhere(effect: Effect, new: frozenset[ObjectKey]) -> bool:
    return effect.key.kind is not ObjectKind.INDEX and effect.key.owner not in new


def _is_contained(
    migration: Migration,
    new: frozenset[ObjectKey],
    others: frozenset[ObjectKey],
    live: Catalog,
    desired: Catalog,
) -> bool:
    found = [_concerns(statement, new, others, live, desired) for statement in migration.statements]
    return True in found and False not in found


def _concerns(
    statement: MigrationStatement,
    new: frozenset[ObjectKey],
    others: frozenset[ObjectKey],
    live: Catalog,
    desired: Catalog,
) -> bool | None:
    """Whether a statement changes nothing but new objects; None for what changes nothing that lasts.

    Args:
        others: the indexes of other objects.
    """
    telling = [effect for effect in statement.effects if effect.verb not in _BESIDES]
    if not telling:
        relations = [need for need in statement.needs if need.kind is NeedKind.RELATION]
        named = (need.qualified.key(ObjectKind.TABLE) for need in relations)
        return None if statement.first_word in _PASSING else bool(relations) and all(key in new for key in named)
    return all(
        effect.key in new
        or owner_among(effect.key, new) in new
        or _follows(effect, others)
        or is_declared_value(effect, live, desired)
        for effect in telling
    )


def _follows(effect: Effect, others: frozenset[ObjectKey]) -> bool:
    """An index is created together with an effect on its table; one that is nowhere else was on a new one."""
    is_index = effect.key.kind is ObjectKind.INDEX
    return is_index and (effect.verb is EffectVerb.CREATE or effect.key not in others)
