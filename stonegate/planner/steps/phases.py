"""Steps put into the phases of an apply (behaviour, §6): what migrations need, they themselves, the rest, late ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Routine, View
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, QualifiedName, schema_key
from stonegate.model.plan import Action, Change, ChangeClass, Phase, Step
from stonegate.model.source import EffectVerb, Migration, NeedKind
from stonegate.model.tokens import words_of
from stonegate.planner.diff.inheritance import comes_from_above
from stonegate.planner.migrations.backfill import (
    close,
    comes_apart,
    is_backfilled,
    is_unfilled,
    settings_of,
    with_added,
    without_not_null,
    words_in,
)
from stonegate.planner.migrations.decide import MigrationPlan
from stonegate.planner.migrations.enum_values import find_prelude, moved_enums
from stonegate.planner.migrations.other_tables import regrouped, same_tables
from stonegate.planner.migrations.rewind import with_rewound
from stonegate.planner.migrations.simulate import RELATIONS
from stonegate.planner.reach import reached
from stonegate.planner.steps.evolve import Evolution, evolve
from stonegate.planner.steps.operations import NEW_NAMES, Part, calling_parts
from stonegate.planner.steps.refreshing import reads_of_catalog, refresh_steps

_NEW_OBJECTS = frozenset(
    {ObjectKind.SCHEMA, ObjectKind.EXTENSION, ObjectKind.TYPE, ObjectKind.SEQUENCE, ObjectKind.TABLE}
)

#: What is done to a column without a view that reads it being in the way.
_UNSEEN = frozenset(
    {EffectVerb.SET_NOT_NULL, EffectVerb.DROP_NOT_NULL, EffectVerb.SET_DEFAULT, EffectVerb.DROP_DEFAULT}
)

#: Parts that come behind the migrations, as foreign keys do: see `_later_parts`.
_BEHIND_TABLES = frozenset({ObjectKind.TRIGGER, ObjectKind.POLICY})


def arrange(
    changes: tuple[Change, ...], evolution: Evolution, migrations: MigrationPlan, seeds: tuple[Step, ...]
) -> tuple[Step, ...]:
    """All steps of the plan in execution order."""
    first, rest = _before_migrations(changes, migrations.pending, evolution)
    made_earlier = frozenset(table.key for table in evolution.rewound)
    whole = (change for change in first if change.key not in made_earlier)
    rest += tuple(part for change in whole for part in _later_parts(change, evolution.desired))
    unfilled = tuple(change for change in first if is_unfilled(change))
    typed = _columns_of_early_attributes(first, rest, evolution)
    rest = tuple(change for change in rest if change not in typed)
    rest += (*map(close, unfilled), *(part for change in typed for part in settings_of(change, evolution.desired)))
    opened = replace(evolution, desired=with_rewound(without_not_null(evolution.desired, unfilled), evolution.rewound))
    filled = replace(evolution, live=with_added(evolution.live, evolution.desired, (*unfilled, *typed)))
    early = evolve(first, opened, only=lambda operation: operation.part is Part.WHOLE)
    late = evolve(rest, filled)
    inside = tuple(step for step in migrations.steps if step.phase is Phase.MIGRATIONS)
    after_commit = tuple(step for step in migrations.steps if step.phase is Phase.POST_COMMIT)
    moved = moved_enums(migrations.pending, evolution.before, evolution.live)
    prelude = find_prelude((*early, *inside, *late, *seeds), moved, evolution.desired, evolution.live)
    ahead = {step.id for step in prelude}
    closing = tuple(step for step in late if step.phase is Phase.CLOSING_KEYS)
    before = tuple(step for step in late if step.phase is not Phase.CLOSING_KEYS)
    refreshes = refresh_steps(before, lambda: reads_of_catalog(evolution.desired), evolution.filled)
    body = tuple(step for step in (*early, *inside, *before, *seeds, *closing, *refreshes) if step.id not in ahead)
    return (*prelude, *body, *after_commit)


def _before_migrations(
    changes: tuple[Change, ...], pending: tuple[Migration, ...], evolution: Evolution
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """New extensions, types and tables run before the pending migrations; so do the safe additions, the routines and
    the views that these mention and do not make themselves, with all that those need."""
    if not pending:
        return (), changes
    moved = moved_enums(pending, evolution.before, evolution.live)
    relations, routines = _mentioned(pending)
    words = words_in(pending)
    same = same_tables(pending, evolution.before)
    tables = relations & same
    moving = regrouped(pending, evolution.before, evolution.live, evolution.desired)
    joining = _joining_changed(changes, moving, evolution.desired)
    by_key = _new_by_then(changes, pending, evolution)

    def is_wanted(change: Change) -> bool:
        key = change.key
        if key.kind is ObjectKind.ROUTINE:
            return key.qualified in routines
        if key.kind is ObjectKind.VIEW:
            view = evolution.desired.objects.get(key)
            return isinstance(view, View) and not view.triggers and key.qualified.key(ObjectKind.TABLE) in relations
        is_named = words_of(key.member or "") <= words
        if key.kind is ObjectKind.ATTRIBUTE and is_named and key.owner in same:
            columns = _columns_of_attribute(key, evolution.before)
            settings = (change for change in changes if change.key in columns)
            is_early = all(comes_apart(change, evolution.desired) for change in settings)
            return is_early and not tables.isdisjoint(column.owner for column in columns)
        if key.owner in joining and not words_of(key.name) <= words:
            return False
        additions = key.kind is ObjectKind.COLUMN and key.owner in tables
        if additions and key.owner in moving and not is_named:
            return False
        if additions and is_backfilled(change, words):
            return True
        return change.change_class is ChangeClass.SAFE and (key.kind in _NEW_OBJECTS or additions)

    wanted = {key for key, change in by_key.items() if is_wanted(change)}
    chosen = _with_needs(wanted, by_key, _remade(changes, evolution) | _given_away(pending), evolution)
    taken = {name for key in chosen for name in _names_inside(key, evolution.desired)}
    first = tuple(
        change
        for change in changes
        if (by_key.get(change.key) is change and change.key in chosen)
        or (change.aspect == "labels" and change.change_class is ChangeClass.SAFE and change.key not in moved)
        or (change.aspect in NEW_NAMES and (change.key.schema, change.before) in taken and _is_real(change, evolution))
    )
    early = frozenset(first)
    return first, tuple(change for change in changes if change not in early)


def _new_by_then(
    changes: tuple[Change, ...], pending: tuple[Migration, ...], evolution: Evolution
) -> dict[ObjectKey, Change]:
    """What is new, and may be made before the migrations: they neither make nor change it, and its name is free."""
    later = _made_later(changes, pending, evolution)
    # Names that something has until it gets another one, which is behind the migrations.
    held = {(c.key.schema, c.before) for c in changes if c.aspect in NEW_NAMES and not _is_real(c, evolution)}
    return {
        change.key: change
        for change in changes
        if change.action is Action.CREATE and change.key not in later and not _is_there(change.key, evolution)
        if not _comes_from_above(change.key, evolution)
        and held.isdisjoint(_names_inside(change.key, evolution.desired))
    }


def _made_later(
    changes: tuple[Change, ...], pending: tuple[Migration, ...], evolution: Evolution
) -> frozenset[ObjectKey]:
    """What cannot be made before the migrations: they make it themselves, or change what it builds on."""
    making = (EffectVerb.CREATE, EffectVerb.ADD_COLUMN)
    made = {effect.key for migration in pending for effect in migration.effects if effect.verb in making}
    rewound = frozenset(table.key for table in evolution.rewound)
    parts = (key for key in (change.key for change in changes) if key.owner != key and key.owner in rewound)
    return frozenset((*made, *parts, *_over_what_changes(changes, pending, evolution)))


def _columns_of_early_attributes(
    first: tuple[Change, ...], rest: tuple[Change, ...], evolution: Evolution
) -> tuple[Change, ...]:
    """The changes of columns of typed tables whose attribute is added before the migrations."""
    attributes = (change.key for change in first if change.key.kind is ObjectKind.ATTRIBUTE)
    columns = {column for key in attributes for column in _columns_of_attribute(key, evolution.before)}
    return tuple(change for change in rest if change.key in columns)


def _columns_of_attribute(attribute: ObjectKey, catalog: Catalog) -> frozenset[ObjectKey]:
    """The columns that it is in the tables of its type."""
    typed = (table.key for table in catalog.tables if table.of_type == attribute.qualified)
    return frozenset(table.part(ObjectKind.COLUMN, attribute.member or "") for table in typed)


def _joining_changed(
    changes: tuple[Change, ...], moving: frozenset[ObjectKey], desired: Catalog
) -> frozenset[ObjectKey]:
    """New partitions of tables whose other partitions the migrations move, or that get a key: before the migrations
    these would get it as well, and their rows may not be ready for it."""
    keyed = {c.key.owner for c in changes if c.action is Action.CREATE and c.key.kind is ObjectKind.CONSTRAINT}
    new = (desired.table(change.key) for change in changes if change.action is Action.CREATE)
    return frozenset(
        table.key
        for table in new
        if table is not None and table.partition_of is not None
        if table.partition_of.key(ObjectKind.TABLE) in moving | keyed
    )


def _given_away(pending: tuple[Migration, ...]) -> frozenset[ObjectKey]:
    """What the migrations drop, rename or move: what has such a name before them is not what the folder declares."""
    ends = (EffectVerb.DROP, EffectVerb.RENAME, EffectVerb.SET_SCHEMA)
    return frozenset(effect.key for migration in pending for effect in migration.effects if effect.verb in ends)


def _over_what_changes(
    changes: tuple[Change, ...], pending: tuple[Migration, ...], evolution: Evolution
) -> frozenset[ObjectKey]:
    """Generated columns and views that have to wait for the migrations, since what they read is not there, or not in
    its declared form, until then: before, they would be in the way.

    Columns that migrations make or change; for views also what these drop or rename, and what this deployment itself
    drops, recreates or retypes.
    """
    desired = evolution.desired
    effects = [effect for migration in pending for effect in migration.effects]
    changed = {(effect.verb, key) for effect in effects for key in (effect.key, effect.moved) if key is not None}
    columns = {key for _, key in changed if key.kind is ObjectKind.COLUMN}
    below_views = {key for verb, key in changed if key.is_part and verb not in _UNSEEN} | _given_away(pending)
    below_views |= {key for change in changes for key in _disturbed(change, evolution.live)}
    users = (user for key in columns for user in desired.dependents.get(key, ()))
    views = (user for key in below_views for user in desired.dependents.get(key, ()) if user.kind in VIEW_KINDS)
    generated = (
        user for user in users if (column := desired.table_column(user)) is not None and column.generated is not None
    )
    return frozenset((*generated, *views))


def _disturbed(change: Change, live: Catalog) -> Iterator[ObjectKey]:
    """What the change takes away or makes another one, down to the tables below."""
    key, anew = change.key, (Action.DROP, Action.RECREATE)
    if change.action in anew or change.aspect in ("type", "generated"):
        below = live.descendants(key.owner) if key.kind is ObjectKind.COLUMN else ()
        yield from (key, *(replace(key, schema=table.schema, name=table.name) for table in below))
    elif change.action is Action.REPLACE and key.kind in VIEW_KINDS:
        yield key


def _names_inside(key: ObjectKey, desired: Catalog) -> Iterator[tuple[str, str]]:
    """The names that the indexes and keys of a table and the sequences of its columns have in its schema."""
    table = desired.table(key) if key.kind is ObjectKind.TABLE else None
    if table is not None:
        yield from ((key.schema, part.name) for part in table.indexed)
        sequences = (name for column in table.columns for name in (column.owned_sequence, column.identity_name))
        yield from ((name.schema, name.name) for name in sequences if name is not None)


def _is_real(change: Change, evolution: Evolution) -> bool:
    """True if the table of what gets another name is there today under its name, not only after the migrations."""
    return evolution.real is None or change.holder in evolution.real.objects


def _is_there(key: ObjectKey, evolution: Evolution) -> bool:
    """True if the name is taken before the migrations, by the object itself or by another relation."""
    if evolution.real is None:
        return False
    if key.kind is ObjectKind.COLUMN:
        return evolution.real.table_column(key) is not None
    names = (key, *(replace(key, kind=kind) for kind in RELATIONS if key.kind in RELATIONS))
    return not evolution.real.objects.keys().isdisjoint(names)


def _comes_from_above(key: ObjectKey, evolution: Evolution) -> bool:
    """True for a column whose own settings wait for the type or the parent that brings it."""
    table, column = evolution.desired.table(key.owner), evolution.desired.table_column(key)
    if table is None or column is None:
        return False
    return comes_from_above(table, column, evolution.desired, evolution.live)


def _remade(changes: tuple[Change, ...], evolution: Evolution) -> frozenset[ObjectKey]:
    """Objects that are there, and get their declared form after the migrations only."""
    anew = (
        change.key
        for change in changes
        if change.action is Action.RECREATE or (change.action is Action.CREATE and _is_there(change.key, evolution))
    )
    altered = (change.key.owner for change in changes if change.key.kind is ObjectKind.ATTRIBUTE)
    # A new partition has no room as long as the others have their former bounds.
    shifted = (change.key for change in changes if change.aspect == "partition" or change.action is Action.DROP)
    tables = (table for key in shifted if (table := evolution.live.table(key)) is not None)
    parents = (table.partition_of.key(ObjectKind.TABLE) for table in tables if table.partition_of is not None)
    return frozenset((*anew, *altered, *parents))


def _with_needs(
    chosen: set[ObjectKey], by_key: Mapping[ObjectKey, Change], remade: frozenset[ObjectKey], evolution: Evolution
) -> frozenset[ObjectKey]:
    """The chosen new objects with the new ones that they need; without those that need what a migration makes, or what
    gets its form later (`remade`)."""
    needs: dict[ObjectKey, set[ObjectKey]] = {}
    for edge in evolution.desired.dependencies:
        if edge.dependent not in evolution.desired.foreign_keys and edge.dependent.kind not in _BEHIND_TABLES:
            for key in {edge.dependent, edge.dependent.owner}:
                needs.setdefault(key, set()).update({edge.on, edge.on.owner})
    for key in by_key:
        if key.schema:
            needs.setdefault(key, set()).add(schema_key(key.schema))
        if key.kind is ObjectKind.ROUTINE:
            needs.setdefault(key, set()).update(_called(key, by_key, evolution.desired))
    chosen |= set(reached(chosen, lambda key: (needed for needed in needs.get(key, ()) if needed in by_key)))
    live, rewound = evolution.before, frozenset(table.key for table in evolution.rewound)

    def shows(needed: ObjectKey) -> bool:
        """Whether a column is there by then: of its table, or with that."""
        is_new = needed in by_key or (needed.owner in by_key and needed.owner not in rewound)
        return needed.kind is not ObjectKind.COLUMN or is_new or live.table_column(needed) is not None

    def is_awaited(needed: ObjectKey) -> bool:
        """Whether it has to be made first: a whole declared object that is not there in its declared form."""
        if needed != needed.owner or needed not in evolution.desired.objects:
            return False
        if needed in live.objects and needed not in remade:
            return False
        # the sequence of a serial column is made with its table
        return needed in by_key or needed.kind is not ObjectKind.SEQUENCE

    stuck: set[ObjectKey] = set()
    users: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
    for key in chosen:
        awaited = tuple(filter(is_awaited, needs.get(key, ())))
        for needed in awaited:
            users[needed].append(key)
        if not by_key.keys() >= set(awaited) or (key.kind in VIEW_KINDS and not all(map(shows, needs.get(key, ())))):
            stuck.add(key)
    waiting = reached(stuck, users.__getitem__)
    return frozenset(chosen - stuck.union(waiting))


def _called(key: ObjectKey, by_key: Mapping[ObjectKey, Change], desired: Catalog) -> Iterator[ObjectKey]:
    """New routines whose names stand in the body of this one."""
    routine = desired.objects.get(key)
    if isinstance(routine, Routine):
        words = frozenset(re.findall(r"\w+", routine.body))
        yield from (other for other in by_key if other.kind is ObjectKind.ROUTINE and other.name in words)


def _later_parts(change: Change, desired: Catalog) -> Iterator[Change]:
    """Foreign keys, triggers and policies of a table that is made before the migrations: they may need what these
    make, and would stand in their way. What calls routines that need the table waits for those."""
    table = desired.table(change.key)
    if table is None or change.action is not Action.CREATE:
        return
    calling = calling_parts(table, desired)
    for column in table.columns:
        if column.name in calling:
            key, reason = table.key.part(ObjectKind.COLUMN, column.name), f"{table.key} is new"
            yield Change(action=Action.ALTER, key=key, aspect="default", after=column.default, reason=reason)
    for index in table.indexes:
        if index.name in calling:
            key = table.key.index(index.name)
            yield Change(action=Action.CREATE, key=key, table=table.key, reason=f"{key} is new")
    members = (
        *((ObjectKind.CONSTRAINT, c.name, c.definition) for c in table.constraints if c.name in calling),
        *((ObjectKind.CONSTRAINT, c.name, c.definition) for c in table.foreign_keys),
        *((ObjectKind.TRIGGER, trigger.name, None) for trigger in table.triggers),
        *((ObjectKind.POLICY, policy.name, None) for policy in table.policies),
    )
    for kind, name, after in members:
        key = table.key.part(kind, name)
        yield Change(action=Action.CREATE, key=key, after=after, reason=f"{key} is new")


def _mentioned(pending: Iterable[Migration]) -> tuple[frozenset[ObjectKey], frozenset[QualifiedName]]:
    """The tables and the routines that the migrations name."""
    tables: set[ObjectKey] = set()
    routines: set[QualifiedName] = set()
    for migration in pending:
        tables |= {effect.key.owner for effect in migration.effects if effect.verb is not EffectVerb.NONE}
        for part in migration.statements:
            for need in part.needs:
                if need.kind is NeedKind.RELATION:
                    tables.add(need.qualified.key(ObjectKind.TABLE))
                elif need.kind is NeedKind.ROUTINE:
                    routines.add(need.qualified)
    return frozenset(tables), frozenset(routines)
