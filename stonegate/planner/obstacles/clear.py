"""What stands in the way of a change: live objects that depend on what must be dropped or retyped (behaviour, §4–§5).

Declared ones are dropped and restored around the change; objects outside the folder, and generated columns, block it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    Catalog,
    Constraint,
    DomainType,
    Index,
    OtherObject,
    RelationPart,
    Routine,
    find_part,
    is_remark,
)
from stonegate.model.expressions import is_unstable
from stonegate.model.names import CODE_KINDS, VIEW_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change
from stonegate.planner.calling_domains import call_of, calling_checks, calling_parts, is_held_elsewhere
from stonegate.planner.diff.inheritance import references_above, remarks_on_triggers
from stonegate.planner.diff.matching import counterpart
from stonegate.planner.diff.retyping import keeps_family
from stonegate.planner.obstacles.circles import break_circles
from stonegate.planner.obstacles.disturbances import Disturbance, disturbances, lost_sequence, touched
from stonegate.planner.obstacles.refuse import refuse
from stonegate.planner.row_readers import row_readers, writes_anew

#: What is made again as a whole.
_WHOLE = CODE_KINDS | {ObjectKind.TRIGGER, ObjectKind.POLICY, ObjectKind.OTHER}

_WITH_STATE = frozenset({ObjectKind.TRIGGER, ObjectKind.POLICY})
_VIEW_PARTS = frozenset({*VIEW_KINDS, ObjectKind.COLUMN, ObjectKind.INDEX, ObjectKind.TRIGGER})


class Cleared(Struct, frozen=True, kw_only=True):
    """All changes, those that restore obstacles included, and the obstacles that may not be touched."""

    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]


def clear_the_way(
    changes: tuple[Change, ...], desired: Catalog, live: Catalog, ahead: tuple[Change, ...] = ()
) -> Cleared:
    """Adds the restoring changes that make `changes` possible.

    Args:
        ahead: changes of that kind which are needed already.

    Source of the rules: PostgreSQL manual 5.15 (dependency tracking), ALTER TABLE ("Notes") and DROP FUNCTION.
    """
    return _Clearing(changes, desired, live).run(ahead)


class _Clearing:
    def __init__(self, changes: tuple[Change, ...], desired: Catalog, live: Catalog) -> None:
        self.desired = desired
        self.live = live
        dropped = {change.key for change in changes if change.action is Action.DROP}
        # An index that another table has now, under its old name.
        self.moved = tuple(c for c in changes if c.action is Action.CREATE and c.key in dropped)
        self.changes: dict[tuple[ObjectKey, str], Change] = {}
        self.aspects: dict[ObjectKey, set[str]] = defaultdict(set)  # under which an object has or had changes
        for change in changes:
            if change not in self.moved:
                self._record(change)
        self.blocked: dict[ObjectKey, Blocked] = {}
        self.worklist: list[Disturbance] = []
        self.seen: set[tuple[ObjectKey, bool]] = set()

    def run(self, ahead: tuple[Change, ...]) -> Cleared:
        for change in tuple(self.changes.values()):
            self._disturb(change)
        for change in ahead:
            self._add(change)
        while self.worklist:
            disturbance = self.worklist.pop()
            for key in touched(disturbance, self.live):
                for dependent in self.live.dependents.get(key, ()):
                    self._clear(dependent, disturbance)
            if disturbance.key.kind is ObjectKind.COLUMN and (disturbance.retyped or writes_anew(disturbance.cause)):
                for routine in row_readers(disturbance.key.owner, self.live):
                    self._clear(routine, disturbance)
        for change in tuple(break_circles(self.changes, self.live)):
            self.changes[change.key, change.aspect] = change
        return Cleared(
            changes=(*(change for change in self.changes.values() if not self._is_part_of_new(change)), *self.moved),
            blocked=tuple(self.blocked[key] for key in sorted(self.blocked)),
        )

    def _is_part_of_new(self, change: Change) -> bool:
        """What is made again comes with its comment and state; a view with its indexes, triggers and rights too, a type
        with its attributes."""
        key = change.key
        if key.kind is ObjectKind.ATTRIBUTE or (change.aspect and key.kind in _WITH_STATE):
            return self._is_recreated(key.owner if key.kind is ObjectKind.ATTRIBUTE else key)
        if key.kind not in _VIEW_PARTS or (key.kind in VIEW_KINDS and not change.aspect):
            return False
        if key.kind in VIEW_KINDS or change.table is not None:
            holders: tuple[ObjectKey, ...] = (change.table or key,)
        else:
            holders = tuple(ObjectKey(kind, key.schema, key.name) for kind in VIEW_KINDS)
        wholes = (self.changes.get((holder, "")) for holder in holders if holder.kind in VIEW_KINDS)
        return any(whole is not None and whole.action in (Action.RECREATE, Action.CREATE) for whole in wholes)

    def _record(self, change: Change) -> None:
        self.changes[change.key, change.aspect] = change
        self.aspects[change.key].add(change.aspect)

    def _disturb(self, change: Change, behind: Disturbance | None = None) -> None:
        found = tuple(disturbances(change, self.desired, self.live, behind))
        if found and (change.key, found[0].retyped) not in self.seen:
            self.seen.add((change.key, found[0].retyped))
            self.worklist += found
        if change.aspect == "partition":
            self._let_go(change)
        if change.aspect == "identity" and (sequence := lost_sequence(change.key, self.desired, self.live)) is not None:
            self.worklist.append(Disturbance(sequence, False, change))

    def _let_go(self, change: Change) -> None:
        """A partition that gets other bounds leaves its parent for a moment.

        Foreign keys to its rows would forbid that, so they are dropped and come back; what is said of the triggers that
        it has from its parent gets lost, and is said again.
        """
        former, wanted = self.live.table(change.key), self.desired.table(change.key)
        if former is None or wanted is None or wanted.partition_of != former.partition_of:
            return
        disturbance = Disturbance(change.key, False, change)
        for key in references_above(change.key, self.live):
            if not self._is_gone(key):
                self._restore(key, disturbance)
        for key in filter(self._is_declared, remarks_on_triggers(change.key, self.live)):
            self._add(disturbance.restoring(key, Action.CREATE), disturbance)

    def _is_gone(self, key: ObjectKey) -> bool:
        """True if the object, or what holds it, is dropped by one of the changes anyway, or by a migration before."""
        if not self.live.has(key) and (
            key.kind in (*_WITH_STATE, ObjectKind.INDEX) or (key.kind in CODE_KINDS and not self._is_declared(key))
        ):
            return True
        holder = self.live.index_holders.get(key, key.owner)
        holders = (holder, *(replace(holder, kind=kind) for kind in VIEW_KINDS if key.kind is ObjectKind.TRIGGER))
        return any(
            (change := self.changes.get((candidate, ""))) is not None
            and change.action in (Action.DROP, Action.RECREATE)
            for candidate in (key, *holders)
        )

    def _clear(self, dependent: ObjectKey, disturbance: Disturbance) -> None:
        if dependent == disturbance.key or dependent.owner == disturbance.key or self._is_gone(dependent):
            return
        match dependent.kind:
            case ObjectKind.OTHER if is_remark(dependent) and not self._is_declared(dependent):
                pass  # goes with its object
            case ObjectKind.OTHER if self._does_without(dependent, disturbance):
                pass
            case kind if kind in _WHOLE:
                self._restore(dependent, disturbance)
            case ObjectKind.INDEX | ObjectKind.CONSTRAINT:
                if self._must_rebuild(dependent, disturbance):
                    self._restore(dependent, disturbance)
                elif disturbance.retyped:
                    for foreign in self._relying(dependent, disturbance.key):
                        self._restore(foreign, disturbance)
                    for change in self._forgotten(dependent, disturbance):
                        self._add(change, disturbance)
            case ObjectKind.COLUMN:
                self._clear_column(dependent, disturbance)
            case ObjectKind.SEQUENCE:
                pass  # owned by the column: goes with it
            case ObjectKind.TYPE | ObjectKind.ATTRIBUTE if self._is_remade_type(disturbance):
                self._restore(dependent.owner, disturbance)  # no column holds it either: see `staying_users_of_type`
            case ObjectKind.TYPE if isinstance(found := self._freeable_domain(dependent, disturbance.key), DomainType):
                for aspect, former in calling_parts(found, disturbance.key):
                    restoring = disturbance.restoring(dependent, Action.ALTER)
                    self._add(replace(restoring, aspect=former, before=call_of(disturbance.key)), disturbance)
                    self._add(replace(restoring, aspect=aspect), disturbance)
            case _:
                if not self._is_freed(dependent) and not self._has_other_checks(dependent, disturbance.key):
                    self._block(dependent, disturbance)

    def _is_remade_type(self, disturbance: Disturbance) -> bool:
        """True for a type that is dropped and made again; that is done only where no column goes on holding it."""
        return disturbance.key.kind is ObjectKind.TYPE and self._is_recreated(disturbance.key)

    def _is_inherited(self, key: ObjectKey) -> bool:
        """True for the index or constraint of a partition or child that comes and goes with the parent's."""
        part = self.live.part(key)
        return isinstance(part, Constraint | Index) and part.inherited

    def _must_rebuild(self, dependent: ObjectKey, disturbance: Disturbance) -> bool:
        """True if an index or constraint has to be dropped and made again around the change.

        It follows a column of its own table that is retyped or dropped by itself. With one that is dropped and made
        again it gets lost, and so has to be made again too.
        """
        if self._is_inherited(dependent):
            return False
        if disturbance.key.kind is not ObjectKind.COLUMN:
            return True
        holder = self.live.index_holders.get(dependent, dependent.owner)
        same_table = holder == disturbance.key.owner
        if disturbance.retyped:
            if dependent in self.live.foreign_keys and not self._keeps_comparable(dependent, disturbance.cause):
                return self._is_declared(dependent)
            if same_table:
                return self._is_unstable(dependent)
            return dependent.kind is ObjectKind.CONSTRAINT and self._is_recreated(dependent)
        return not same_table or disturbance.cause.action is Action.RECREATE

    def _relying(self, key: ObjectKey, column: ObjectKey) -> Iterator[ObjectKey]:
        """Foreign keys to a unique key that merely INCLUDEs the column: PostgreSQL does not take these along when it
        makes the index anew, and refuses."""
        part = self.live.part(key)
        if isinstance(part, Constraint | Index) and " INCLUDE (" in part.definition:
            is_key = isinstance(part, Constraint) and column.member in part.columns
            users = self.live.dependents.get(key, ()) if not is_key else ()
            yield from (user for user in users if user in self.live.foreign_keys and not self._is_inherited(user))

    def _forgotten(self, key: ObjectKey, disturbance: Disturbance) -> Iterator[Change]:
        """What has to be said again of a partition's share of its parent's index or key: PostgreSQL makes it anew with
        a retyped column, and forgets its comment and the like.

        That of a foreign key is said here, since its table may not change at all but for the column that it refers to.
        """
        share = self._wanted(key)
        if not self._is_inherited(key) or share is None:
            return
        if key in self.live.foreign_keys and share.comment is not None:
            restoring = disturbance.restoring(key, Action.ALTER)
            yield replace(restoring, aspect="comment", after=share.comment)
        for user in self.live.dependents.get(key, ()):
            if is_remark(user) and self._is_declared(user):
                yield disturbance.restoring(user, Action.CREATE)

    def _keeps_comparable(self, foreign: ObjectKey, retyping: Change) -> bool:
        """True if the two ends of a foreign key can be compared while one alone has the new type."""
        part = self.live.part(foreign)
        return keeps_family(retyping, exactly=isinstance(part, Constraint) and ", PERIOD " in part.definition)

    def _is_unstable(self, key: ObjectKey) -> bool:
        """True for a declared index or constraint that PostgreSQL would change where it makes it anew by itself."""
        part = self._wanted(key)
        return isinstance(part, Constraint | Index) and is_unstable(part.definition)

    def _is_recreated(self, key: ObjectKey) -> bool:
        change = self.changes.get((key, ""))
        return change is not None and change.action is Action.RECREATE

    def _clear_column(self, dependent: ObjectKey, disturbance: Disturbance) -> None:
        column = self.live.column(dependent)
        if column is None:
            return
        if column.inherited and dependent.owner == disturbance.key.owner != disturbance.cause.key.owner:
            return  # goes and comes back with the parent's
        wanted = self.desired.column(dependent)
        declared = wanted is not None
        calls_on = column.generated is not None and dependent in self.desired.dependents.get(disturbance.key, ())
        calls_on = calls_on and disturbance.key.kind is ObjectKind.ROUTINE
        both = column.generated is not None and wanted is not None and wanted.generated is not None
        reads = both and disturbance.key.kind is ObjectKind.ATTRIBUTE and disturbance.retyped
        if self._is_freed(dependent) and not calls_on and not reads:
            if column.generated is not None and self._is_ambiguous_beside(dependent, disturbance.key):
                self._block(dependent, disturbance)
            if declared and column.default is not None and self._waits(disturbance.key):
                self._add(replace(disturbance.restoring(dependent, Action.ALTER), aspect="former_default"), disturbance)
            return
        by_default = disturbance.key.kind in (ObjectKind.ROUTINE, ObjectKind.SEQUENCE)
        is_above = column.inherited and self._is_parents_affair(dependent, disturbance)
        if declared and column.generated is not None and disturbance.retyped:
            for aspect in ("type", "generated"):
                self.changes.pop((dependent, aspect), None)
            if not is_above:
                self._add(disturbance.restoring(dependent, Action.RECREATE), disturbance)
        elif declared and column.generated is None and by_default:
            self._add(replace(disturbance.restoring(dependent, Action.ALTER), aspect="default"), disturbance)
        elif not is_above:
            self._block(dependent, disturbance)

    def _freeable_domain(self, key: ObjectKey, routine: ObjectKey) -> DomainType | None:
        """The declared domain whose default or checks, which call the routine, can go and come back around it."""
        found, wanted = self.live.objects.get(key), self.desired.objects.get(key)
        if not isinstance(found, DomainType) or not isinstance(wanted, DomainType):
            return None
        if routine.kind is not ObjectKind.ROUTINE or (key, "base") in self.changes:
            return None
        if not self._waits(routine) and (self._is_freed(key) or self._has_other_checks(key, routine)):
            return None
        checks = {check.name for check in calling_checks(found, call_of(routine))}
        comes_back = checks <= {check.name for check in wanted.constraints} or (key, "constraints") in self.changes
        return None if checks and (not comes_back or is_held_elsewhere(found, self.live)) else found

    def _waits(self, key: ObjectKey) -> bool:
        """True for a routine that has declared namesakes: as long as it is there, a default's call may mean either."""
        return key.kind is ObjectKind.ROUTINE and bool(self.desired.routines_named(key.qualified))

    def _is_ambiguous_beside(self, column: ObjectKey, key: ObjectKey) -> bool:
        """True if the column is to call a namesake of the routine, and that call would fit the routine, too, by its
        defaults."""
        routine = self.live.objects.get(key)
        if not isinstance(routine, Routine) or not any(p.default is not None for p in routine.parameters):
            return False
        namesakes = self.desired.routines_named(key.qualified)
        retained = self.changes.get((column, "")) is None  # else it goes and comes back
        return retained and any(column in self.desired.dependents.get(other.key, ()) for other in namesakes)

    def _is_parents_affair(self, column: ObjectKey, disturbance: Disturbance) -> bool:
        """True if a parent's column of that name is in the way too: this one goes and comes back with it."""
        table = self.live.table(column.owner)
        parents = table.parents if table is not None else ()
        keys = {replace(column, schema=parent.schema, name=parent.name) for parent in parents}
        return not keys.isdisjoint(self.live.dependents.get(disturbance.key, ()))

    def _is_freed(self, dependent: ObjectKey) -> bool:
        """True if another change ends the dependency (a new type, another default, a dropped expression)."""
        freeing = ("type", "default", "identity", "generated", "base", "owned_by")
        moving = ("partition", "inherits", "of_type")
        return any((dependent, aspect) in self.changes for aspect in (*freeing, *moving))

    def _does_without(self, other: ObjectKey, disturbance: Disturbance) -> bool:
        """True for what gets other parts (mappings to other dictionaries, …), and has no use for what goes then."""
        goes = disturbance.cause.action is Action.DROP
        return goes and (other, "parts") in self.changes and not self._is_wanted_by(other, disturbance.key)

    def _is_wanted_by(self, user: ObjectKey, key: ObjectKey) -> bool:
        return user in self.desired.dependents.get(key, ())

    def _has_other_checks(self, domain: ObjectKey, key: ObjectKey) -> bool:
        """True for a domain that gets other checks, which have no use for the object of that key."""
        return (domain, "constraints") in self.changes and domain not in self.desired.dependents.get(key, ())

    def _restore(self, dependent: ObjectKey, disturbance: Disturbance) -> None:
        holder, wanted = self.live.index_holders.get(dependent), self._wanted(dependent)
        self.changes.pop((dependent, "name"), None)
        if wanted is not None and wanted.name != dependent.own_name:  # it comes back under its new name
            is_index = dependent.kind is ObjectKind.INDEX
            renamed = dependent.index(wanted.name) if is_index else dependent.owner.part(dependent.kind, wanted.name)
            self._add(disturbance.restoring(dependent, Action.DROP, holder), disturbance)
            self._add(disturbance.restoring(renamed, Action.CREATE, holder), disturbance)
        elif self._is_declared(dependent):
            self._add(disturbance.restoring(dependent, Action.RECREATE, holder), disturbance)
        else:
            self._block(dependent, disturbance)

    def _add(self, change: Change, behind: Disturbance | None = None) -> None:
        """Records the restoring change; where the object is replaced, altered or made anyway, it is recreated.

        Args:
            behind: what it makes way for; None for a statement of a migration.
        """
        known = self.changes.get((change.key, change.aspect))
        if known is None:
            self._record(change)
        elif known.action in (Action.REPLACE, Action.ALTER, Action.CREATE) and change.action is Action.RECREATE:
            change = replace(known, action=Action.RECREATE)
            self._record(change)
        if not change.restored:
            behind = None
        if change.action is Action.RECREATE:
            # What would be altered on the object is part of its new form.
            is_whole = change.key.kind in (*_WHOLE, ObjectKind.TYPE)
            for aspect in filter(None, self.aspects[change.key]):
                if is_whole or aspect in ("generated", "deferrable"):
                    self.changes.pop((change.key, aspect), None)
        self._disturb(change, behind)

    def _is_declared(self, key: ObjectKey) -> bool:
        if key.kind in (ObjectKind.TRIGGER, ObjectKind.POLICY, ObjectKind.CONSTRAINT, ObjectKind.INDEX):
            return self._wanted(key) is not None
        if key.kind is ObjectKind.OTHER:
            found = self.desired.objects.get(key)
            return isinstance(found, OtherObject) and found.creatable
        return key in self.desired.objects

    def _wanted(self, key: ObjectKey) -> RelationPart | None:
        """The declared part of that key, on the relation that has it now; under its new name."""
        renaming = self.changes.get((key, "name"))
        name = self.live.index_holders.get(key, key).qualified
        holder, live = self.desired.relations.get(name), self.live.relations.get(name)
        found = find_part(holder, key.kind, key.own_name if renaming is None else renaming.after)
        return found if found is not None or holder is None or live is None else counterpart(key, holder, live)

    def _block(self, dependent: ObjectKey, disturbance: Disturbance) -> None:
        self.blocked[dependent] = refuse(dependent, disturbance, self.desired, self.live)
