"""What stands in the way of a change: live objects that depend on what must be dropped or retyped (behaviour, §4–§5).

Declared ones are dropped and restored around the change; objects outside the folder, and generated columns, block it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stonegate.model.catalog import REMARKS, Catalog, Constraint, DomainType, Index, Routine, Table, View
from stonegate.model.expressions import is_unstable
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident
from stonegate.model.plan import Action, Blocked, Change, ChangeClass
from stonegate.planner.calling_domains import call_of, calling_checks, calling_parts, is_held_elsewhere
from stonegate.planner.circles import break_circles
from stonegate.planner.diff.inheritance import references_above, remarks_on_triggers
from stonegate.planner.diff.retyping import keeps_family

_CODE = frozenset(
    {
        ObjectKind.VIEW,
        ObjectKind.MATERIALIZED_VIEW,
        ObjectKind.ROUTINE,
        ObjectKind.TRIGGER,
        ObjectKind.POLICY,
        ObjectKind.OTHER,
    }
)

#: How the reason of a change begins that only makes way for another one.
RESTORED = "restored: "

_WITH_STATE = frozenset({ObjectKind.TRIGGER, ObjectKind.POLICY})
_VIEWS = (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
_VIEW_PARTS = frozenset({*_VIEWS, ObjectKind.COLUMN, ObjectKind.INDEX, ObjectKind.TRIGGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """All changes, those that restore obstacles included, and the obstacles that may not be touched."""

    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]


@dataclass(frozen=True, slots=True)
class _Disturbance:
    """`key` is dropped (`retyped` False) or changes its type (`retyped` True), because of `cause`."""

    key: ObjectKey
    retyped: bool
    cause: Change

    @property
    def verb(self) -> str:
        if self.cause.aspect == "partition":
            return "leaves its parent for a while"
        return "changes its type" if self.retyped else "is dropped"


def clear_the_way(changes: tuple[Change, ...], desired: Catalog, live: Catalog) -> Cleared:
    """Adds the restoring changes that make `changes` possible.

    Source of the rules: PostgreSQL manual 5.15 (dependency tracking), ALTER TABLE ("Notes") and DROP FUNCTION.
    """
    return _Clearing(changes, desired, live).run()


class _Clearing:
    def __init__(self, changes: tuple[Change, ...], desired: Catalog, live: Catalog) -> None:
        self.desired = desired
        self.live = live
        dropped = {change.key for change in changes if change.action is Action.DROP}
        # An index that another table has now, under its old name.
        self.moved = tuple(c for c in changes if c.action is Action.CREATE and c.key in dropped)
        self.changes: dict[tuple[ObjectKey, str], Change] = {
            (change.key, change.aspect): change for change in changes if change not in self.moved
        }
        self.children: dict[QualifiedName, list[Table]] = {}
        for table in live.tables:
            for parent in table.parents:
                self.children.setdefault(parent, []).append(table)
        self.blocked: dict[ObjectKey, Blocked] = {}
        self.worklist: list[_Disturbance] = []
        self.seen: set[tuple[ObjectKey, bool]] = set()

    def run(self) -> Cleared:
        for change in tuple(self.changes.values()):
            self._disturb(change)
        while self.worklist:
            disturbance = self.worklist.pop()
            for key in self._touched(disturbance):
                for dependent in self.live.dependents.get(key, ()):
                    self._clear(dependent, disturbance)
        for change in tuple(break_circles(self.changes, self.live)):
            self.changes[change.key, change.aspect] = change
        return Cleared(
            changes=(*(change for change in self.changes.values() if not self._is_part_of_new(change)), *self.moved),
            blocked=tuple(self.blocked[key] for key in sorted(self.blocked)),
        )

    def _is_part_of_new(self, change: Change) -> bool:
        """What is made again comes with its comment and state; a view with its indexes, triggers and rights too."""
        key = change.key
        if change.aspect and key.kind in _WITH_STATE:
            whole = self.changes.get((key, ""))
            return whole is not None and whole.action is Action.RECREATE
        if key.kind not in _VIEW_PARTS or (key.kind in _VIEWS and not change.aspect):
            return False
        if key.kind in _VIEWS or change.table is not None:
            holders: tuple[ObjectKey, ...] = (change.table or key,)
        else:
            holders = tuple(ObjectKey(kind, key.schema, key.name) for kind in _VIEWS)
        wholes = (self.changes.get((holder, "")) for holder in holders if holder.kind in _VIEWS)
        return any(whole is not None and whole.action in (Action.RECREATE, Action.CREATE) for whole in wholes)

    def _disturb(self, change: Change) -> None:
        gone = change.action in (Action.DROP, Action.RECREATE)
        retyped = change.key.kind is ObjectKind.COLUMN and change.aspect in ("type", "generated")
        if (gone or retyped) and (change.key, retyped) not in self.seen:
            self.seen.add((change.key, retyped))
            self.worklist.append(_Disturbance(change.key, retyped, change))
            self.worklist += (_Disturbance(key, retyped, change) for key in self._heirs(change.key, change))
        if change.aspect == "partition":
            self._let_go(change)
        if change.aspect == "identity" and (sequence := self._lost_sequence(change.key)) is not None:
            self.worklist.append(_Disturbance(sequence, False, change))

    def _lost_sequence(self, key: ObjectKey) -> ObjectKey | None:
        """The sequence inside of an identity column that will have none: it goes, although its name may stay."""
        column, wanted = self.live.column(key), self.desired.table(key.owner)
        stays = wanted.column(key.member or "") if wanted is not None else None
        name = column.identity_name if column is not None and (stays is None or not stays.identity) else None
        return name.key(ObjectKind.SEQUENCE) if name is not None else None

    def _let_go(self, change: Change) -> None:
        """A partition that comes back with other bounds leaves its parent, which foreign keys to rows of it do not let
        it, and loses what is said of the triggers that it has from there."""
        former, wanted = self.live.table(change.key), self.desired.table(change.key)
        if former is None or wanted is None or wanted.partition_of != former.partition_of:
            return
        disturbance = _Disturbance(change.key, False, change)
        for key in references_above(change.key, self.live):
            self._restore(key, disturbance)
        for key in filter(self._is_declared, remarks_on_triggers(change.key, self.live)):
            self._add(_restoring(key, disturbance, Action.CREATE))

    def _heirs(self, key: ObjectKey, cause: Change) -> Iterator[ObjectKey]:
        """The same column of the tables below, which changes and goes with it unless it is left to them."""
        for child in self.children.get(key.owner.qualified, ()) if key.kind is ObjectKind.COLUMN else ():
            column, wanted = child.column(key.member or ""), self.desired.table(child.key)
            if column is None or not column.inherited:
                continue
            stays = wanted.column(column.name) if wanted is not None else None
            retyped = cause.action is Action.ALTER and stays is not None and stays.type != column.type
            if stays is None or retyped or cause.action is Action.RECREATE:
                heir = child.key.part(ObjectKind.COLUMN, column.name)
                yield heir
                yield from self._heirs(heir, cause)

    def _touched(self, disturbance: _Disturbance) -> Iterator[ObjectKey]:
        """The key itself and, for a whole relation, its columns."""
        yield disturbance.key
        found = self.live.objects.get(disturbance.key)
        if isinstance(found, Table | View):
            for column in found.columns:
                yield ObjectKey(ObjectKind.COLUMN, found.schema, found.name, None, column.name)

    def _is_gone(self, key: ObjectKey) -> bool:
        """True if the object, or what holds it, is dropped by one of the changes anyway."""
        holder = self.live.index_holders.get(key, key.owner)
        holders = (holder, *(replace(holder, kind=kind) for kind in _VIEWS if key.kind is ObjectKind.TRIGGER))
        return any(
            (change := self.changes.get((candidate, ""))) is not None
            and change.action in (Action.DROP, Action.RECREATE)
            for candidate in (key, *holders)
        )

    def _clear(self, dependent: ObjectKey, disturbance: _Disturbance) -> None:
        if dependent == disturbance.key or dependent.owner == disturbance.key or self._is_gone(dependent):
            return
        match dependent.kind:
            case ObjectKind.OTHER if dependent.name.startswith(REMARKS) and not self._is_declared(dependent):
                pass  # goes with its object
            case kind if kind in _CODE:
                self._restore(dependent, disturbance)
            case ObjectKind.INDEX | ObjectKind.CONSTRAINT:
                if self._must_rebuild(dependent, disturbance):
                    self._restore(dependent, disturbance)
            case ObjectKind.COLUMN:
                self._clear_column(dependent, disturbance)
            case ObjectKind.SEQUENCE:
                pass  # owned by the column: goes with it
            case ObjectKind.TYPE if isinstance(found := self._freeable_domain(dependent, disturbance.key), DomainType):
                for aspect, former in calling_parts(found, disturbance.key):
                    restoring = _restoring(dependent, disturbance, Action.ALTER)
                    self._add(replace(restoring, aspect=former, before=call_of(disturbance.key)))
                    self._add(replace(restoring, aspect=aspect))
            case _:
                if not self._is_freed(dependent) and not self._has_other_checks(dependent, disturbance.key):
                    self._block(dependent, disturbance)

    def _is_inherited(self, key: ObjectKey) -> bool:
        """True for the index or constraint of a partition or child that comes and goes with the parent's."""
        table = self.live.table(self.live.index_holders.get(key, key.owner))
        if table is None:
            return False
        parts = table.indexes if key.kind is ObjectKind.INDEX else table.constraints
        return any(part.name == (key.member or key.name) and part.inherited for part in parts)

    def _must_rebuild(self, dependent: ObjectKey, disturbance: _Disturbance) -> bool:
        """Indexes and constraints follow a retyped or dropped column by themselves; nothing else frees them.

        A column that is dropped and made again has taken its own along.
        """
        if self._is_inherited(dependent):
            return False
        if disturbance.key.kind is not ObjectKind.COLUMN:
            return True
        holder = self.live.index_holders.get(dependent, dependent.owner)
        same_table = holder == disturbance.key.owner
        if disturbance.retyped:
            if dependent in self.live.foreign_keys and not keeps_family(disturbance.cause):
                return self._is_declared(dependent)  # while it stands, the columns at its ends must be comparable
            if same_table:
                return self._is_unstable(dependent)
            return dependent.kind is ObjectKind.CONSTRAINT and self._is_recreated(dependent)
        return not same_table or disturbance.cause.action is Action.RECREATE

    def _is_unstable(self, key: ObjectKey) -> bool:
        """True for a declared index or constraint that PostgreSQL would change where it makes it anew by itself."""
        holder = self.desired.relations.get(self.live.index_holders.get(key, key.owner).qualified)
        parts: tuple[Constraint | Index, ...] = holder.indexes if holder is not None else ()
        parts += holder.constraints if isinstance(holder, Table) else ()
        return any(part.name == (key.member or key.name) and is_unstable(part.definition) for part in parts)

    def _is_recreated(self, key: ObjectKey) -> bool:
        change = self.changes.get((key, ""))
        return change is not None and change.action is Action.RECREATE

    def _clear_column(self, dependent: ObjectKey, disturbance: _Disturbance) -> None:
        column = self.live.column(dependent)
        if column is None:
            return
        if column.inherited and dependent.owner == disturbance.key.owner != disturbance.cause.key.owner:
            return  # goes and comes back with the parent's
        declared = self._declared_member(dependent)
        calls_on = column.generated is not None and dependent in self.desired.dependents.get(disturbance.key, ())
        if self._is_freed(dependent) and not (calls_on and disturbance.key.kind is ObjectKind.ROUTINE):
            if column.generated is not None and self._is_ambiguous_beside(dependent, disturbance.key):
                self._block(dependent, disturbance)
            if declared and column.default is not None and self._waits(disturbance.key):
                self._add(replace(_restoring(dependent, disturbance, Action.ALTER), aspect="former_default"))
            return
        by_default = disturbance.key.kind in (ObjectKind.ROUTINE, ObjectKind.SEQUENCE)
        if declared and column.generated is not None and disturbance.retyped:
            self._add(_restoring(dependent, disturbance, Action.RECREATE))
        elif declared and column.generated is None and by_default:
            self._add(replace(_restoring(dependent, disturbance, Action.ALTER), aspect="default"))
        elif not (column.inherited and self._is_parents_affair(dependent, disturbance)):
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
        """True for a routine beside which a default's call of another one of its name may be ambiguous."""
        names = ((routine.schema, routine.name) for routine in self.desired.routines)
        return key.kind is ObjectKind.ROUTINE and (key.schema, key.name) in names

    def _is_ambiguous_beside(self, column: ObjectKey, key: ObjectKey) -> bool:
        """True if the column is to call a namesake of the routine, where that fits, too, by its defaults."""
        routine = self.live.objects.get(key)
        if not isinstance(routine, Routine) or not any(p.default is not None for p in routine.parameters):
            return False
        namesakes = (other for other in self.desired.routines if (other.schema, other.name) == (key.schema, key.name))
        retained = self.changes.get((column, "")) is None  # else it goes and comes back
        return retained and any(column in self.desired.dependents.get(other.key, ()) for other in namesakes)

    def _is_parents_affair(self, column: ObjectKey, disturbance: _Disturbance) -> bool:
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

    def _has_other_checks(self, domain: ObjectKey, key: ObjectKey) -> bool:
        """True for a domain that gets other checks, which have no use for the object of that key."""
        return (domain, "constraints") in self.changes and domain not in self.desired.dependents.get(key, ())

    def _restore(self, dependent: ObjectKey, disturbance: _Disturbance) -> None:
        if not self._is_declared(dependent):
            self._block(dependent, disturbance)
            return
        self._add(_restoring(dependent, disturbance, Action.RECREATE, self.live.index_holders.get(dependent)))

    def _add(self, change: Change) -> None:
        """Records the restoring change; an in-place replacement of the same object becomes a full one."""
        known = self.changes.get((change.key, change.aspect))
        if known is None:
            self.changes[change.key, change.aspect] = change
        elif known.action in (Action.REPLACE, Action.ALTER) and change.action is Action.RECREATE:
            change = replace(known, action=Action.RECREATE)
            self.changes[change.key, change.aspect] = change
        if change.action is Action.RECREATE:
            # What would be altered on the object is part of its new form.
            for key, aspect in tuple(self.changes):
                if key == change.key and aspect and key.kind in _CODE:
                    del self.changes[key, aspect]
        self._disturb(change)

    def _is_declared(self, key: ObjectKey) -> bool:
        if key.kind in (ObjectKind.TRIGGER, ObjectKind.POLICY, ObjectKind.CONSTRAINT, ObjectKind.INDEX):
            return self._declared_member(key)
        if key.kind is ObjectKind.OTHER:
            found = self.desired.objects.get(key)
            return found is not None and getattr(found, "creatable", False)
        return key in self.desired.objects

    def _declared_member(self, key: ObjectKey) -> bool:
        holder = self.desired.relations.get(self.live.index_holders.get(key, key.owner).qualified)
        return holder is not None and _has_part(holder, key)

    def _block(self, dependent: ObjectKey, disturbance: _Disturbance) -> None:
        verb = disturbance.verb.replace("is dropped", "must be dropped")
        if disturbance.cause.restored:
            verb += f" ({disturbance.cause.reason.removeprefix(RESTORED)})"
        hint = f"drop {dependent} in a migration, or declare it in the folder"
        column = self.live.column(dependent) if dependent.kind is ObjectKind.COLUMN else None
        if dependent in self.desired.objects or (column is not None and self._declared_member(dependent)):
            hint = f"change {disturbance.key} in a migration without dropping it"
            if disturbance.key.kind is ObjectKind.OTHER:
                hint = f"declare the new {disturbance.key} under another name, and use that"
        if column is not None and column.generated is not None and self._declared_member(dependent):
            table, name = dependent.qualified.sql, quote_ident(column.name)
            hint = (
                f"write a migration: ALTER TABLE {table} DROP COLUMN {name}; with the line -- stonegate: allow "
                f"drop_column {dependent.label}, and this deployment adds it again, with new values; "
                f"or change {disturbance.key} there without dropping it"
            )
        self.blocked[dependent] = Blocked(
            code="migration_blocked",
            object=dependent.label,
            change_class=ChangeClass.INCOMPATIBLE,
            reason=f"{dependent} depends on {disturbance.key}, which {verb}",
            hint=hint,
        )


def _restoring(
    dependent: ObjectKey, disturbance: _Disturbance, action: Action, table: ObjectKey | None = None
) -> Change:
    return Change(
        action=action,
        key=dependent,
        table=table,
        reason=f"{RESTORED}{disturbance.key} {disturbance.verb}",
        restored=True,
    )


def _has_part(holder: Table | View, key: ObjectKey) -> bool:
    """Whether the relation has the part of that kind and name."""
    match key.kind, holder:
        case ObjectKind.COLUMN, _:
            names = [part.name for part in holder.columns]
        case ObjectKind.INDEX, _:
            names = [part.name for part in holder.indexes]
        case ObjectKind.TRIGGER, _:
            names = [part.name for part in holder.triggers]
        case ObjectKind.POLICY, Table():
            names = [part.name for part in holder.policies]
        case ObjectKind.CONSTRAINT, Table():
            names = [part.name for part in holder.constraints]
        case _:
            names = []
    return (key.member or key.name) in names
