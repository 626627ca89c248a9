"""Which migrations run, which are baselined, and what their explicit statements need consent for (behaviour, §4–§5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import filterfalse
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, DomainType
from stonegate.model.consent import Consent, ConsentToken
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, Phase, Statement, Step, worst_class
from stonegate.model.source import ROW_VERBS, Effect, EffectVerb, Folder, Migration, SourceTree, every_effect
from stonegate.model.tracking import TrackingState
from stonegate.planner.classify import hazards
from stonegate.planner.classify.classes import DROP_TOKENS
from stonegate.planner.classify.own_types import own_types
from stonegate.planner.classify.type_matrix import type_change
from stonegate.planner.consent import Allowed
from stonegate.planner.migrations.cascades import taken_along
from stonegate.planner.migrations.contained import Contained, contained_migrations
from stonegate.planner.migrations.enum_values import anticipate_values
from stonegate.planner.migrations.former_columns import refuse_former
from stonegate.planner.migrations.overtaken import refuse_overtaken
from stonegate.planner.migrations.recorded import (
    find_renamed,
    is_moved,
    refuse_begun,
    refuse_changed,
    refuse_renamed,
)
from stonegate.planner.migrations.refusal import refuse_statement
from stonegate.planner.migrations.simulate import Replay, simulate

_DROPPING = frozenset({EffectVerb.DROP, EffectVerb.DROP_COLUMN, EffectVerb.DROP_CONSTRAINT})
_MOVING = frozenset({EffectVerb.RENAME, EffectVerb.SET_SCHEMA})
_PROTECTING = frozenset({ConsentToken.DROP_CONSTRAINT, ConsentToken.DROP_POLICY})

Loss: TypeAlias = tuple[int, Change]  # the line of the statement, and what it does


class MigrationPlan(Struct, frozen=True, kw_only=True):
    """The decision for each file of migrations/, in the order in which they run.

    Attributes:
        steps: RUN and BASELINE steps; those of PostgreSQL's non-transactional statements have Phase.POST_COMMIT.
        pending: the migrations that run inside the transaction; `late`: those that run after the commit.
        new: what the folder declares, and neither the database has nor a migration makes.
        blocked: changed and renamed files, and explicit statements without consent.
    """

    steps: tuple[Step, ...] = ()
    pending: tuple[Migration, ...] = ()
    late: tuple[Migration, ...] = ()
    new: frozenset[ObjectKey] = frozenset()
    blocked: tuple[Blocked, ...] = ()

    @property
    def running(self) -> tuple[Migration, ...]:
        """All migrations that this plan runs, in order."""
        return (*self.pending, *self.late)

    @property
    def consents(self) -> tuple[Consent, ...]:
        """What directives of the files that run allow on one object, to declared changes of this deployment as well;
        without an object they are for the statements of their file alone."""
        named = (consent for migration in self.running for consent in _directives(migration))
        return tuple(consent for consent in named if consent.object is not None)


def _directives(migration: Migration) -> Iterator[Consent]:
    return (Consent.parse(text, in_file=True) for text in migration.allows)


def fresh_migrations(tree: SourceTree, ordered: tuple[Migration, ...]) -> tuple[Step, ...]:
    """The steps for a new database: the declared tables have the result of all that are not marked run-on-fresh."""
    has_tables = Folder.TABLES in tree.folders
    nothing = Allowed()
    return tuple(
        _run(migration, (), nothing)
        if migration.run_on_fresh or not has_tables
        else _baseline(migration, None, nothing)
        for migration in ordered
    )


def plan_migrations(
    tree: SourceTree,
    ordered: tuple[Migration, ...],
    state: TrackingState,
    allowed: Allowed,
    live: Catalog,
    desired: Catalog,
    *,
    baseline: bool,
) -> MigrationPlan:
    """Decides run or baseline for every file that is not recorded yet, and compares those that are.

    Args:
        baseline: run none.
    """
    applied = {migration.name for migration in state.migrations}
    waiting = tuple(migration for migration in ordered if migration.name not in applied)
    renamed = find_renamed(tree, state)
    blocked = list(refuse_changed(ordered, state, allowed))
    running: tuple[Migration, ...] = ()
    contained = Contained()
    if not baseline:
        blocked += (*refuse_renamed(waiting, renamed, allowed), *refuse_begun(tree, state, allowed))
        running = tuple(migration for migration in waiting if migration.name not in renamed)
    if running:
        contained = contained_migrations(running, live, desired)
        left = (migration for migration in running if migration.name not in contained.names)
        running = anticipate_values(left, live, desired)
    losses = _losses(running, live, desired)
    as_run = {migration.name: migration for migration in running}
    steps: list[Step] = []
    for waits in waiting:
        migration = as_run.get(waits.name)
        if migration is None:
            steps.append(_baseline(waits, renamed.get(waits.name), allowed))
            continue
        here = replace(allowed, consents=(*allowed.consents, *_directives(migration)))
        steps.append(_run(migration, losses[migration.name], here))
        blocked += _refusals(migration, losses[migration.name], here)
    pending, late = tuple(filterfalse(_is_late, running)), tuple(filter(_is_late, running))
    blocked += (
        *refuse_former(running, contained.former),
        *_without_table(pending, live, desired),
        *_dropped_at_last(late, running, live, desired),
        *_held_at_last(late, desired),
        *refuse_overtaken(running, late),
    )
    return MigrationPlan(steps=tuple(steps), pending=pending, late=late, new=contained.new, blocked=tuple(blocked))


def _without_table(pending: Iterable[Migration], live: Catalog, desired: Catalog) -> Iterator[Blocked]:
    """What is said to a table behind the statement that drops it or gives its name away, or while a view has its name:
    the next one of that name, which the folder declares, is made after all migrations."""
    replay = Replay(live, desired)
    views = {view.key.qualified.key(ObjectKind.TABLE) for view in live.views}
    awaited = (live.objects.keys() | views) & desired.objects.keys()
    for migration, statement, effect in every_effect(pending):
        key, there = effect.key.owner, replay.actual(effect).key
        if effect.verb is EffectVerb.OPAQUE:
            return  # which may make anything
        view = there if there.kind in VIEW_KINDS and there in replay.catalog.objects else None
        is_said = effect.verb in ROW_VERBS if view is not None else effect.verb is not EffectVerb.CREATE
        if is_said and not effect.if_exists and key in awaited and key not in replay.catalog.objects:
            awaited.discard(key)
            drop = f"DROP {view.kind.upper()} {key.label}; " if view is not None else ""
            reason = (
                f"{migration.name} is about {key}, which is {'a view' if view else 'gone'} by then, "
                "and the declared one is made after the migrations"
            )
            hint = f"write {drop}CREATE TABLE {key.label} in front of it, or deploy this migration later"
            yield refuse_statement(key, migration, statement, reason, hint)
        replay.apply(effect)


def _dropped_at_last(
    late: Iterable[Migration], running: Iterable[Migration], live: Catalog, desired: Catalog
) -> Iterator[Blocked]:
    """What a migration drops after the commit although the folder declares it, and no migration makes it again."""
    drops = [
        (effect.key, migration, statement)
        for migration, statement, effect in every_effect(late)
        if effect.verb in _DROPPING and desired.has(effect.key)
    ]
    after = simulate(live, desired, running).catalog if drops else live
    for key, migration, statement in drops:
        if not after.has(key):
            reason = f"{migration.name} drops {key} after the commit, and the folder declares it"
            hint = f"take {key.label} out of the folder, or let {migration.name} create it again"
            yield refuse_statement(key, migration, statement, reason, hint)


def _held_at_last(late: Iterable[Migration], desired: Catalog) -> Iterator[Blocked]:
    """What PostgreSQL will refuse a new type of a column for after the commit, when all that is declared is there."""
    gone: set[ObjectKey] = set()
    for migration, statement, effect in every_effect(late):
        if effect.verb is EffectVerb.OPAQUE or effect.cascade:
            return  # which may take them away
        if effect.verb is EffectVerb.DROP:
            gone.add(effect.key)
        users = desired.dependents.get(effect.key, ()) if effect.verb is EffectVerb.SET_TYPE else ()
        for user in users:
            if user.kind in VIEW_KINDS and user not in gone:
                reason = f"{user} stands in the way of this statement, which runs after the commit"
                hint = (
                    f"write DROP {user.kind.upper()} {user.qualified.sql}; in front of it, and make it again "
                    "behind it; or put the statement into a migration that runs inside the transaction"
                )
                yield refuse_statement(user, migration, statement, reason, hint)


def _is_late(migration: Migration) -> bool:
    return migration.no_transaction or any(not statement.transactional for statement in migration.statements)


def _baseline(migration: Migration, former: str | None, allowed: Allowed) -> Step:
    """The record of a file that does not run; `former` is the name under which it was applied."""
    key = ObjectKey(ObjectKind.MIGRATION, "", migration.name)
    asks = former is not None and not is_moved(former, migration.name)
    return Step(
        id=f"baseline {key}",
        action=Action.BASELINE,
        phase=Phase.MIGRATIONS,
        key=key,
        file=migration.file,
        line=1,
        consents=allowed.changed_migration(migration.name) if asks else (),
        reason=f"applied here as {former}: recorded under its new name, not run"
        if former is not None
        else "the declared tables have its result already: recorded, not run",
    )


def _run(migration: Migration, losses: Iterable[Loss], allowed: Allowed) -> Step:
    key = ObjectKey(ObjectKind.MIGRATION, "", migration.name)
    changes = tuple(dict.fromkeys(change for _, change in losses))
    consents = tuple(dict.fromkeys(consent for change in changes for consent in allowed.consents_for(change)))
    late = _is_late(migration)
    return Step(
        id=f"run {key}",
        action=Action.RUN,
        phase=Phase.POST_COMMIT if late else Phase.MIGRATIONS,
        key=key,
        file=migration.file,
        line=1,
        statements=tuple(Statement(sql=part.sql, line=part.line) for part in migration.statements),
        changes=changes,
        change_class=worst_class(changes),
        hazards=tuple(dict.fromkeys(hazard for change in changes for hazard in change.hazards)),
        consents=consents,
        transactional=not late,
        reason="has a statement that PostgreSQL forbids in a transaction" if late else "not applied here yet",
    )


def _refusals(migration: Migration, losses: Iterable[Loss], allowed: Allowed) -> Iterator[Blocked]:
    for line, change in losses:
        if (blocked := allowed.refusal(change)) is not None:
            hint = f"or in the file: -- stonegate: allow {change.token} {change.key.label}"
            yield replace(blocked, file=migration.file, line=line, hint=hint)


def _losses(migrations: Iterable[Migration], live: Catalog, desired: Catalog) -> Mapping[str, list[Loss]]:
    """What the explicit statements would lose of what exists before this plan, per file."""
    replay = Replay(live, desired)
    effects = tuple(every_effect(migrations))
    moved = frozenset(
        effect.key.qualified for *_, effect in effects if effect.verb in _MOVING and not effect.key.is_part
    )
    found: dict[str, list[Loss]] = defaultdict(list)
    for migration, statement, effect in effects:
        actual = replay.actual(effect)
        for part in (actual, *taken_along(actual, replay.catalog)):
            change = _loss(part, replay)
            if change is not None and (_is_late(migration) or not _comes_back(change, desired, moved)):
                found[migration.name].append((statement.line, change))
        replay.apply(effect)
    return found


def _comes_back(change: Change, desired: Catalog, moved: frozenset[QualifiedName]) -> bool:
    """True for a constraint or policy that the folder still declares: it was in the way of another statement, and is
    made again behind the migrations, its rows validated. Not where its table, or schema, gives its name to another."""
    key = change.key
    names = (key.qualified, QualifiedName("", key.schema))
    return change.token in _PROTECTING and desired.has(key) and moved.isdisjoint(names)


def _loss(effect: Effect, replay: Replay) -> Change | None:
    """The change that the effect makes to an object which this plan did not create itself, if it needs consent."""
    key = effect.key
    if key in replay.created or key.owner in replay.created:
        return None
    table = replay.catalog.table(key.owner)
    column = table.column(key.member) if table is not None and key.member is not None else None
    found = replay.catalog.objects.get(key.qualified.key(ObjectKind.TYPE))
    domain = found if isinstance(found, DomainType) else None
    checks = {part.name for part in domain.constraints} if domain is not None else set()
    match effect.verb:
        case EffectVerb.DROP if key.kind in DROP_TOKENS and key in replay.catalog.objects:
            return _dataloss(Action.DROP, key, DROP_TOKENS[key.kind], f"drops {key}")
        case EffectVerb.DROP if key.kind is ObjectKind.POLICY and table is not None:
            return _dataloss(Action.DROP, key, ConsentToken.DROP_POLICY, f"drops {key}: protection is lost")
        case EffectVerb.SET_NOT_NULL if domain is not None and not domain.not_null:
            return _dataloss(Action.ALTER, key, ConsentToken.SET_NOT_NULL, f"sets {key} NOT NULL", aspect="not_null")
        case EffectVerb.DROP_CONSTRAINT if replay.catalog.has(key) or key.member in checks:
            return _dataloss(Action.DROP, key, ConsentToken.DROP_CONSTRAINT, f"drops {key}: protection is lost")
        case EffectVerb.DROP_COLUMN if column is not None:
            return _dataloss(Action.DROP, key, ConsentToken.DROP_COLUMN, f"drops {key} and its values")
        case EffectVerb.DROP_COLUMN if key.kind is ObjectKind.ATTRIBUTE and replay.catalog.has(key):
            return _dataloss(Action.DROP, key, ConsentToken.DROP_ATTRIBUTE, f"drops {key} and its values")
        case EffectVerb.ADD_COLUMN if table is not None and column is None:
            if effect.not_null and not effect.has_default:
                return _dataloss(
                    Action.CREATE, key, ConsentToken.ADD_NOT_NULL_COLUMN, f"adds {key}, NOT NULL without a default"
                )
        case EffectVerb.SET_NOT_NULL if column is not None and not column.not_null:
            return _dataloss(Action.ALTER, key, ConsentToken.SET_NOT_NULL, f"sets {key} NOT NULL", aspect="not_null")
        case EffectVerb.SET_TYPE if column is not None and effect.forgets:
            reason = f"replaces the values of {key} by others that do not come from them"
            return _dataloss(Action.ALTER, key, ConsentToken.MODIFY_COLUMN_TYPE, reason, aspect="type")
        case EffectVerb.SET_TYPE if column is not None and effect.type is not None:
            return _retyping(key, column.type, effect.type, replay.catalog)
        case EffectVerb.DELETE_ROWS if key.qualified in replay.catalog.relations:
            return _dataloss(Action.ALTER, key, ConsentToken.DELETE_ROWS, f"deletes all rows of {key}", aspect="rows")
        case EffectVerb.RENAME:
            reason = f"renames {key} to {effect.to}"
            return Change(
                action=Action.ALTER, key=key, aspect="name", reason=reason, hazards=(hazards.renames(str(key)),)
            )
        case _:
            pass
    return None


def _dataloss(action: Action, key: ObjectKey, token: ConsentToken, reason: str, aspect: str = "") -> Change:
    hazard = (hazards.deletes_data(str(key)),) if token in _DELETING else ()
    return Change(
        action=action,
        key=key,
        aspect=aspect,
        change_class=ChangeClass.DATALOSS,
        token=token,
        reason=reason,
        hazards=hazard,
    )


_DELETING = frozenset(
    {ConsentToken.DROP_TABLE, ConsentToken.DROP_COLUMN, ConsentToken.DELETE_ROWS, ConsentToken.DROP_SCHEMA}
)


def _retyping(key: ObjectKey, old: str, new: str, catalog: Catalog) -> Change | None:
    verdict = type_change(old, new, own_types(catalog, catalog))
    if verdict.change_class is ChangeClass.SAFE:
        return None
    return Change(
        action=Action.ALTER,
        key=key,
        aspect="type",
        before=old,
        after=new,
        change_class=verdict.change_class,
        token=ConsentToken.MODIFY_COLUMN_TYPE,
        reason=f"changes {key} from {old} to {new}: {verdict.reason}",
        hazards=(hazards.narrows_type(str(key), old, new),) if verdict.change_class is ChangeClass.DATALOSS else (),
    )
