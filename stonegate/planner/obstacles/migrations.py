"""Objects because of which PostgreSQL would refuse a statement of a pending migration, such as a view over its column.

Those that the folder declares, or that this deployment drops anyway, are dropped in front of that migration; declared
ones come back behind all migrations (behaviour, §4 "Views").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    Catalog,
    CatalogObject,
    Constraint,
    Dependency,
    Index,
    OtherObject,
    is_remark,
)
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change
from stonegate.model.source import ROW_VERBS, Effect, EffectVerb, Migration, MigrationStatement
from stonegate.planner.diff.retyping import keeps_family
from stonegate.planner.migrations.simulate import Replay
from stonegate.planner.obstacles.disturbances import Disturbance, disturbances, touched
from stonegate.planner.obstacles.refuse import refuse, refuse_called, refuse_plain, refuse_used
from stonegate.planner.obstacles.usage import is_used_by
from stonegate.planner.reach import reached

_DROPPING = frozenset({EffectVerb.DROP, EffectVerb.DROP_COLUMN, EffectVerb.DROP_CONSTRAINT})
#: What changes nothing in what an object depends on.
_ELSEWHERE = ROW_VERBS | {EffectVerb.RENAME, EffectVerb.SET_SCHEMA}
#: What nothing but its own absence frees, whatever is done to a thing that it depends on.
_WHOLE = CODE_KINDS | {ObjectKind.TRIGGER, ObjectKind.POLICY}
_CALLING = frozenset({ObjectKind.CONSTRAINT, ObjectKind.INDEX, ObjectKind.TYPE})
#: Parentheses of an index that hold no expression.
_LISTS = re.compile(r" (?:INCLUDE|WITH) \([^()]*\)")


class MadeWay(Struct, frozen=True, kw_only=True):
    """What goes in front of one migration.

    Attributes:
        migration: its name.
        changes: RECREATE for what comes back behind the migrations, DROP for all else, by the names in `catalog`.
        catalog: the database that the migration would meet.
    """

    migration: str
    changes: tuple[Change, ...]
    catalog: Catalog


class TakenAway(Struct, frozen=True, kw_only=True):
    """What stands in the way of all pending migrations.

    Attributes:
        restored: RECREATE for what is made again behind the migrations, by the names that it has there.
        done: all that is gone by then, by these names.
        blocked: what may not go, since nobody declared it or a migration uses it.
    """

    ways: tuple[MadeWay, ...] = ()
    restored: tuple[Change, ...] = ()
    done: frozenset[ObjectKey] = frozenset()
    blocked: tuple[Blocked, ...] = ()

    @property
    def former(self) -> dict[ObjectKey, CatalogObject]:
        """As they were: whole objects, and for parts the relations that they are of."""
        each = ((change.key, change.holder, way.catalog) for way in self.ways for change in way.changes)
        found = (
            (key, catalog.relations.get(holder.qualified) if key.is_part else catalog.objects.get(key))
            for key, holder, catalog in each
        )
        return {key: thing for key, thing in found if thing is not None}


class _Held(NamedTuple):
    """Something in the way of what a statement does, by its name in front of the migration."""

    key: ObjectKey
    cause: Disturbance
    statement: MigrationStatement


def take_away(
    pending: tuple[Migration, ...], start: Catalog, desired: Catalog, going: Mapping[ObjectKey, Change]
) -> TakenAway:
    """Finds what has to go in front of which of the migrations.

    Behind a statement that nobody can read, nothing is known: what stands in the way there is left to PostgreSQL.

    Args:
        start: the database before the first of them.
        going: the drops that the plan makes anyway, by the names behind the migrations.
    """
    return _Search(pending, start, desired, going).run()


class _Replay(Replay):
    """A replay that notes what the migrations make or alter themselves: the dependencies of the live database are no
    longer those of these objects."""

    def __init__(self, live: Catalog, desired: Catalog, altered: Iterable[ObjectKey] = ()) -> None:
        super().__init__(live, desired)
        self.altered = set(altered)

    def apply(self, effect: Effect) -> None:
        known = len(self.moved)
        super().apply(effect)
        if moves := self.moved[known:]:
            self.altered = {_after(key, moves) for key in self.altered}
        if effect.verb not in _ELSEWHERE:
            self.altered.add(effect.key)


class _Search:
    def __init__(
        self, pending: tuple[Migration, ...], start: Catalog, desired: Catalog, going: Mapping[ObjectKey, Change]
    ) -> None:
        self.pending, self.desired, self.going = pending, desired, going
        self.replay = _Replay(start, desired)
        self.moves: tuple[tuple[ObjectKey, ObjectKey], ...] = ()
        self.edges: tuple[Dependency, ...] = ()
        self.dependents: dict[ObjectKey, list[ObjectKey]] = {}
        self.ways: list[MadeWay] = []
        self.restored: dict[ObjectKey, Change] = {}
        self.done: set[ObjectKey] = set()
        self.blocked: list[Blocked] = []

    def run(self) -> TakenAway:
        if not any(_cause(effect, self.replay.catalog) for migration in self.pending for effect in migration.effects):
            return TakenAway()
        whole = Replay(self.replay.catalog, self.desired)
        for migration in self.pending:
            for effect in migration.effects:
                whole.apply(effect)
        self.moves = tuple(whole.moved)
        for number, migration in enumerate(self.pending):
            held, is_readable = self._held_in(migration)
            if held:
                self._make_way(migration, held, self.pending[number:])
            if not is_readable:
                break
            for effect in migration.effects:
                self._apply(effect, self.replay)
        return TakenAway(
            ways=tuple(self.ways),
            restored=tuple(self.restored.values()),
            done=frozenset(key for key in self.done if not self.replay.catalog.has(key)),
            blocked=tuple(self.blocked),
        )

    def _held_in(self, migration: Migration) -> tuple[list[_Held], bool]:
        """What is in the way of its statements, and whether all of these can be read."""
        trial = _Replay(self.replay.catalog, self.desired, self.replay.altered)
        found: dict[ObjectKey, _Held] = {}
        for statement in migration.statements:
            if any(effect.verb is EffectVerb.OPAQUE for effect in statement.effects):
                return list(found.values()), False
            causes = [
                cause
                for effect in statement.effects
                if (cause := _cause(trial.actual(effect), trial.catalog)) is not None
            ]
            own = {cause.key for cause in causes}
            for cause in causes:
                for key in self._users(cause, trial):
                    former = _before(key, trial.moved)
                    if own.isdisjoint((key, key.owner)) and self.replay.catalog.has(former):
                        found.setdefault(former, _Held(former, cause, statement))
            for effect in statement.effects:
                self._apply(effect, trial)
        return list(found.values()), True

    def _apply(self, effect: Effect, replay: _Replay) -> None:
        """Replays the effect, and the fall of what CASCADE takes along."""
        alone = replace(replay.actual(effect), cascade=False)
        cause = _cause(alone, replay.catalog) if effect.cascade else None
        fallen = self._users(cause, replay) if cause is not None else ()
        replay.apply(effect)
        for key in fallen:
            replay.apply(_drop(key))
            if replay is self.replay:
                self.done.add(_after(key, self.moves[len(replay.moved) :]))

    def _users(self, cause: Disturbance, replay: _Replay) -> tuple[ObjectKey, ...]:
        """What PostgreSQL would refuse it for, with all that depends on that."""
        catalog = replay.catalog
        if catalog.dependencies is not self.edges:
            self.edges, self.dependents = catalog.dependencies, defaultdict(list)
            for edge in self.edges:
                self.dependents[edge.on].append(edge.dependent)

        def users(disturbance: Disturbance) -> Iterator[Disturbance]:
            whole = None if disturbance.key.is_part else disturbance.key.qualified
            for key in touched(disturbance, catalog):
                former = (user for user in self.dependents.get(key, ()) if user not in replay.altered)
                declared = (user for user in self.desired.dependents.get(key, ()) if user in replay.altered)
                for user in (*former, *declared):
                    goes_along = user.is_part and user.owner.qualified == whole
                    if not goes_along and _holds(user, disturbance, catalog, self.desired):
                        yield Disturbance(user, False, cause.cause)

        found = reached(disturbances(cause.cause, self.desired, catalog), users)
        return tuple(dict.fromkeys(disturbance.key for disturbance in found))

    def _make_way(self, migration: Migration, held: Iterable[_Held], coming: tuple[Migration, ...]) -> None:
        catalog = self.replay.catalog
        later = self.moves[len(self.replay.moved) :]
        changes = []
        keys = {each.key for each in held}
        for each in held:
            after = _after(each.key, later)
            going = self._going(after)
            if self._is_left(each, after, migration, coming):
                continue
            caller = next((user for user in self._callers(each.key) if user not in keys), None)
            if caller is not None:
                self.blocked.append(refuse_called(each.key, migration, each.statement, catalog, caller))
                continue
            # A routine over a renamed type has another name behind the migrations, and is declared by its own.
            back = after if self.desired.has(after) else each.key
            change = going or each.cause.restoring(back, Action.RECREATE)
            change = change if going else replace(change, reason=f"{change.reason} in {migration.name}")
            changes.append(replace(change, key=each.key, table=catalog.index_holders.get(each.key)))
            along = [user for user in self.dependents.get(each.key, ()) if _goes_along(user, each.key)]
            self.done |= {after, back, *along}
            if going is None:
                holder = self.desired.index_holders.get(back)
                self.restored.setdefault(back, replace(change, table=holder))
            for key in (each.key, *along):
                self.replay.apply(_drop(key))
        if changes:
            self.ways.append(MadeWay(migration=migration.name, changes=tuple(changes), catalog=catalog))

    def _callers(self, key: ObjectKey) -> Iterator[ObjectKey]:
        """Defaults, checks, indexes and domains that call a routine: without them, rows would be written otherwise."""
        catalog = self.replay.catalog
        for user in catalog.dependents.get(key, ()) if key.kind is ObjectKind.ROUTINE else ():
            column = catalog.table_column(user) if user.kind is ObjectKind.COLUMN else None
            is_default = column is not None and column.default is not None
            is_other = user.kind in _CALLING and catalog.has(user)
            if (is_default or is_other) and user not in self.replay.altered:
                yield user

    def _going(self, key: ObjectKey) -> Change | None:
        """The drop of the object, also of a part that goes with its table."""
        change, table = self.going.get(key), self.going.get(key.owner)
        if change is None and table is not None:
            return Change(action=Action.DROP, key=key, reason=table.reason, restored=True)
        return change

    def _is_left(self, held: _Held, after: ObjectKey, migration: Migration, coming: tuple[Migration, ...]) -> bool:
        """True for what may not go; says why, where PostgreSQL will refuse the statement for certain."""
        key, cause, statement = held
        stays = self.desired.table_column(after) if key.kind is ObjectKind.COLUMN else None
        if stays is not None and stays.generated is None:
            self.blocked.append(refuse_plain(key, cause, migration, statement))
            return True
        is_declared = self.desired.has(after) or (key.kind is ObjectKind.ROUTINE and self.desired.has(key))
        if self._going(after) is None and not is_declared:
            if key.kind in _WHOLE:
                refused = refuse(key, cause, self.desired, self.replay.catalog)
                self.blocked.append(replace(refused, file=migration.file, line=statement.line))
            return True
        user = is_used_by(key, coming, self.replay.catalog)
        if user is not None and not _is_computed(key, self.replay.catalog):  # which may well follow the new type
            self.blocked.append(refuse_used(key, migration, statement, self.replay.catalog, user))
        return user is not None


def _drop(key: ObjectKey) -> Effect:
    verbs = {ObjectKind.COLUMN: EffectVerb.DROP_COLUMN, ObjectKind.CONSTRAINT: EffectVerb.DROP_CONSTRAINT}
    return Effect(verb=verbs.get(key.kind, EffectVerb.DROP), key=key)


def _cause(effect: Effect, catalog: Catalog) -> Disturbance | None:
    """The effect as a change of the planner's own, if PostgreSQL may refuse it (manual 5.15, ALTER TABLE "Notes")."""
    if effect.verb is EffectVerb.SET_TYPE:
        column = catalog.table_column(effect.key)
        before = column.type if column is not None else None
        change = Change(action=Action.ALTER, key=effect.key, aspect="type", before=before, after=effect.type)
        return Disturbance(effect.key, True, change)
    if effect.verb in _DROPPING and not effect.cascade:
        key = effect.key
        if key.kind is ObjectKind.ROUTINE and key.arguments is None:
            key = next((each.key for each in catalog.routines_named(key.qualified)), key)
        return Disturbance(key, False, Change(action=Action.DROP, key=key))
    return None


def _holds(user: ObjectKey, disturbance: Disturbance, catalog: Catalog, desired: Catalog) -> bool:
    """True for what does not follow by itself, and loses nothing where it is made again."""
    if not catalog.has(user):
        return False
    match user.kind:
        case ObjectKind.OTHER:
            other = catalog.objects.get(user)
            stands = isinstance(other, OtherObject) and other.creatable and other.kind != "statistics"
            return stands and not is_remark(user)
        case ObjectKind.COLUMN:
            column = catalog.table_column(user)
            return column is not None and column.generated is not None and not column.inherited
        case ObjectKind.CONSTRAINT | ObjectKind.INDEX:
            foreign = catalog.foreign_keys.get(user)
            if foreign is None:
                return disturbance.retyped and _is_unreadable(user, disturbance.cause, catalog, desired)
            if foreign.inherited:
                return False
            if disturbance.retyped:
                return not keeps_family(disturbance.cause, exactly=False)
            return user.owner != disturbance.key.owner
        case kind:
            return kind in _WHOLE


def _is_unreadable(key: ObjectKey, retyping: Change, catalog: Catalog, desired: Catalog) -> bool:
    """True for what PostgreSQL makes anew over the new type from what it printed for the old one, and may fail to: the
    folder says it in another way, or the printed type is one that a migration can rename."""
    found, wanted = catalog.part(key), desired.part(key)
    if not isinstance(found, Constraint | Index) or not isinstance(wanted, Constraint | Index):
        return False
    if keeps_family(retyping, exactly=False) or not _is_computed(key, catalog):
        return False
    table = catalog.table(retyping.key.owner)
    if table is None or table.parents or catalog.children.get(table.key):
        return False
    return found.definition != wanted.definition or "." in (retyping.before or "")


def _is_computed(key: ObjectKey, catalog: Catalog) -> bool:
    """True for a check, and for an index or exclusion with an expression or predicate."""
    match catalog.part(key):
        case Constraint(kind="exclusion", definition=definition) | Index(definition=definition):
            return _LISTS.sub("", definition).count("(") > 1
        case part:
            return isinstance(part, Constraint) and part.kind == "check"


def _goes_along(user: ObjectKey, key: ObjectKey) -> bool:
    """True for what PostgreSQL drops with the object: what is said about it, and what stands on a column alone."""
    on_column = key.kind is ObjectKind.COLUMN and user.kind in (ObjectKind.INDEX, ObjectKind.CONSTRAINT)
    return on_column or is_remark(user)


def _after(key: ObjectKey, moves: Iterable[tuple[ObjectKey, ObjectKey]]) -> ObjectKey:
    """The key under the names that things have after these moves (before, after)."""
    for old, new in moves:
        if old in (key, key.owner):
            key = new if old == key else replace(key, schema=new.schema, name=new.name)
    return key


def _before(key: ObjectKey, moves: Iterable[tuple[ObjectKey, ObjectKey]]) -> ObjectKey:
    return _after(key, ((new, old) for old, new in reversed(tuple(moves))))
