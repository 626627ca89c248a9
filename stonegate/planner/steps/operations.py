"""Changes cut into the operations that PostgreSQL knows: drop, alter, create."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum

from msgspec import Struct

from stonegate.model.catalog import Catalog, Column, Constraint, Index, Table
from stonegate.model.names import MEMBER_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass, Phase
from stonegate.planner.calling_domains import FORMER
from stonegate.planner.reach import reached

#: Aspects of changes that give something another name; the first two of a constraint, the others of a sequence.
NEW_NAMES = ("name", "not_null_name", "new_name", "sequence_name")


class Verb(StrEnum):
    """What an operation does; a RECREATE change becomes a DROP and a CREATE."""

    DROP = "drop"
    ALTER = "alter"
    CREATE = "create"


class Part(StrEnum):
    """Which part of a table an operation makes: what needs other things first comes apart from the rest."""

    WHOLE = "whole"
    FOREIGN_KEYS = "foreign keys"
    TRIGGERS = "triggers"
    POLICIES = "policies"
    CALLING = "parts that call routines"  # which need the table
    ATTACHMENT = "attachment"  # of a partition or child that left its parent on its own
    ASIDE = "aside"  # a rename to the name between two that are swapped


class Operation(Struct, frozen=True, kw_only=True):
    """One half of a change, or the whole of it.

    Attributes:
        early: a drop that clears the way for something else.
        closing: comes after the seeders.
        between: the name that a renamed thing has until the declared one is free; "" if it gets that at once.
        calling: names of what a new table gets apart from the rest, see `calling_parts`.
    """

    verb: Verb
    change: Change
    part: Part = Part.WHOLE
    early: bool = False
    closing: bool = False
    between: str = ""
    calling: frozenset[str] = frozenset()

    @property
    def key(self) -> ObjectKey:
        return self.change.key

    @property
    def table(self) -> ObjectKey:
        """The table, view or type that the operation works on."""
        return self.change.holder

    @property
    def definition(self) -> str:
        """Of what it drops, or makes, as far as the change says it."""
        return (self.change.before if self.verb is Verb.DROP else self.change.after) or ""

    @property
    def is_removal(self) -> bool:
        """True for what takes a whole object or part away."""
        return self.verb is Verb.DROP and not self.change.aspect

    @property
    def is_rename(self) -> bool:
        """True for what gives a constraint of a table, an index or an owned sequence another name."""
        is_part = self.key.kind is not ObjectKind.TYPE
        return is_part and self.verb is Verb.ALTER and self.change.aspect in NEW_NAMES


def phase_of(operation: Operation) -> Phase:
    """The phase that an operation is shown and recorded under."""
    kind = operation.key.kind
    if operation.closing:
        return Phase.CLOSING_KEYS
    if operation.change.action is Action.DROP and not operation.early and kind not in MEMBER_KINDS:
        return Phase.ORPHANS
    match kind:
        case ObjectKind.SCHEMA | ObjectKind.EXTENSION | ObjectKind.DEFAULT_PRIVILEGES:
            return Phase.EXTENSIONS
        case ObjectKind.TYPE | ObjectKind.ATTRIBUTE:
            return Phase.TYPES
        case ObjectKind.TABLE | ObjectKind.SEQUENCE if operation.verb is Verb.CREATE:
            return Phase.TABLES
        case ObjectKind.VIEW | ObjectKind.MATERIALIZED_VIEW:
            return Phase.VIEWS
        case ObjectKind.ROUTINE:
            return Phase.ROUTINES
        case ObjectKind.TRIGGER | ObjectKind.POLICY:
            return Phase.TRIGGERS
        case _:
            return Phase.CHANGES


def cut_into_operations(changes: Collection[Change], desired: Catalog) -> tuple[Operation, ...]:
    """The operations of all changes."""
    moving = _moving(changes, desired)
    return tuple(operation for change in changes for operation in _cut(change, desired, moving))


def _moving(changes: Collection[Change], desired: Catalog) -> frozenset[ObjectKey]:
    """Tables that leave their parent, or type, by a step of their own, all of them before any joins one again.

    - Partitions that get other bounds while a sibling does so too, or goes to another parent: bounds may not overlap.
    - Partitions of a parent that is dropped: they leave before another one takes its place.
    - Children that change parents while one of their checks is made anew: they join with the new one.
    - Tables that change parents, or types, whose columns they get in between.
    """
    parents = {
        change.key: (table.partition_of, change.before)
        for change in changes
        if change.aspect == "partition" and change.before is not None
        if (table := desired.table(change.key)) is not None and table.partition_of is not None
    }
    crowded = {
        one
        for one in {name for name, _ in parents.values()}
        if sum(name == one or before.startswith(f"{one} ") for name, before in parents.values()) > 1
    }
    drops = (change.key for change in changes if change.action is Action.DROP and change.key.kind is ObjectKind.TABLE)
    gone = tuple(f"{key.qualified} " for key in drops)
    left = (change.key for change in changes if change.key in parents and (change.before or "").startswith(gone))
    checked = {change.key.owner for change in changes if change.action is Action.RECREATE and _is_check(change)}
    heirs = (change.key for change in changes if change.aspect == "inherits" and change.key in checked)
    passing = (change.key for change in changes if change.aspect in ("inherits", "of_type") and _is_replacing(change))
    return frozenset((*(key for key, (parent, _) in parents.items() if parent in crowded), *left, *heirs, *passing))


def _is_replacing(change: Change) -> bool:
    """True if a table leaves one parent, or type, and joins another."""
    before, after = (set(filter(None, (text or "").split(", "))) for text in (change.before, change.after))
    return bool(before - after and after - before)


def _is_check(change: Change) -> bool:
    return change.key.kind is ObjectKind.CONSTRAINT and (change.after or "").startswith("CHECK")


def _cut(change: Change, desired: Catalog, moving: frozenset[ObjectKey]) -> Iterator[Operation]:
    match change.action:
        case Action.DROP:
            yield Operation(verb=Verb.DROP, change=change)
        case Action.RECREATE:
            yield Operation(verb=Verb.DROP, change=change, early=True)
            yield Operation(verb=Verb.CREATE, change=change)
        case Action.CREATE:
            table = desired.table(change.key)
            calling = calling_parts(table, desired) if table is not None else frozenset()
            yield Operation(verb=Verb.CREATE, change=change, calling=calling)
            if calling:
                yield Operation(verb=Verb.CREATE, change=change, part=Part.CALLING, calling=calling)
            if table is not None:
                yield from _parts(change, table)
        case Action.REPLACE:
            yield Operation(verb=Verb.CREATE, change=change)
        case _ if change.key in moving and change.aspect in ("partition", "inherits", "of_type"):
            yield Operation(verb=Verb.DROP, change=change, early=True)
            yield Operation(verb=Verb.ALTER, change=change, part=Part.ATTACHMENT)
        case _ if change.aspect in FORMER.values():
            yield Operation(verb=Verb.DROP, change=change, early=True)
        case _ if change.restored and change.aspect == "default" and change.key.kind is not ObjectKind.TYPE:
            yield Operation(verb=Verb.DROP, change=change, early=True)
            yield Operation(verb=Verb.ALTER, change=change)
        case _:
            yield Operation(verb=Verb.ALTER, change=change)


def calling_parts(table: Table, desired: Catalog) -> frozenset[str]:
    """Names of the columns with a default, the constraints and the indexes of a table that call a routine which needs
    the table itself."""
    parts = (table.key.part(ObjectKind.COLUMN, column.name) for column in table.columns)
    users = reached((table.key, *parts), lambda key: desired.dependents.get(key, ()))
    called = (key for user in users if user.kind is ObjectKind.ROUTINE for key in desired.dependents.get(user, ()))
    own = ((key, desired.part(key)) for key in called if desired.index_holders.get(key, key.owner) == table.key)
    return frozenset(
        key.own_name
        for key, part in own
        if isinstance(part, Constraint | Index) or (isinstance(part, Column) and part.default is not None)
    )


def _parts(change: Change, table: Table) -> Iterator[Operation]:
    if table.foreign_keys:
        yield Operation(verb=Verb.CREATE, change=change, part=Part.FOREIGN_KEYS)
    if table.triggers:
        yield Operation(verb=Verb.CREATE, change=change, part=Part.TRIGGERS)
    if table.policies:
        yield Operation(verb=Verb.CREATE, change=change, part=Part.POLICIES)


def is_executable(change: Change) -> bool:
    """False for what only a migration can do (behaviour, §5: incompatible without a consent token)."""
    return change.change_class is not ChangeClass.INCOMPATIBLE or change.token is not None
