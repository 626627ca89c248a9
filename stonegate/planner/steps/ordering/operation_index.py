"""The operations that are to be put in order, and which of them work on an object, or on what it is a part of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.steps.operations import Operation, Part, Verb

#: Of a table that leaves its parent, or its type, for a while.
_LEAVING = frozenset({"partition", "inherits", "of_type"})


class OperationIndex:
    """Finds the operations on a key, or on the table that the key is a part of, by their number among all of them.

    Attributes:
        operations: all of them; those that lead from the `live` catalog to the `desired` one.
    """

    def __init__(self, operations: tuple[Operation, ...], desired: Catalog, live: Catalog) -> None:
        self.operations, self.desired, self.live = operations, desired, live
        self.by_key: dict[tuple[Verb, ObjectKey], list[int]] = defaultdict(list)
        self.by_table: dict[ObjectKey, list[int]] = defaultdict(list)
        self.removes = any(operation.verb is Verb.DROP for operation in operations)
        self.made = {operation.key for operation in operations if operation.verb is not Verb.DROP}
        self.view_triggers = {  # they are made with their view
            holder.key.part(ObjectKind.TRIGGER, trigger.name): holder.key
            for holder in desired.views
            for trigger in holder.triggers
        }
        self.holders = desired.index_holders | self.view_triggers
        self.live_holders = _live_holders(desired, live)
        self.defaults = {
            number for number, each in enumerate(operations) if each.change.aspect in ("default", "former_default")
        }
        self.column_defaults = {n for n in self.defaults if operations[n].key.kind is ObjectKind.COLUMN}
        self.calling: dict[ObjectKey, list[int]] = defaultdict(list)
        self.leaving: dict[ObjectKey, int] = {}  # a table that comes back to a parent, or to another one
        for number, operation in enumerate(operations):
            for part in operation.calling if operation.part is Part.CALLING else ():
                self.calling[operation.key.part(ObjectKind.COLUMN, part)] = [number]
                self.calling[operation.key.part(ObjectKind.CONSTRAINT, part)] = [number]
                self.calling[operation.key.index(part)] = [number]
            if operation.verb is not Verb.DROP or operation.change.aspect not in _LEAVING:  # it stays, with its parts
                self.by_key[operation.verb, operation.key].append(number)
            else:
                self.leaving[operation.key] = number
            if operation.table != operation.key or operation.verb is Verb.ALTER:
                self.by_table[operation.table].append(number)

    def aspect(self, number: int) -> str:
        """What the operation of that number changes; "" where it is about the whole object."""
        return self.operations[number].change.aspect

    def removers(self, key: ObjectKey) -> list[int]:
        """Operations that drop the object (or the table that holds it), or a column's default."""
        return next(iter(self._drops(key)), [])

    def whole_removers(self, key: ObjectKey) -> list[int]:
        """Those of them that take more than a column's default."""
        found = ([number for number in numbers if number not in self.defaults] for numbers in self._drops(key))
        return next((numbers for numbers in found if numbers), [])

    def _drops(self, key: ObjectKey) -> Iterator[list[int]]:
        holder = self.live_holders.get(key, key)
        found = (self.by_key.get((Verb.DROP, each)) for each in (key, key.owner, holder, holder.owner))
        return (numbers for numbers in found if numbers)

    def droppers(self, key: ObjectKey) -> list[int]:
        """Operations that drop the object alone."""
        return self.by_key.get((Verb.DROP, key), [])

    def alterers(self, key: ObjectKey) -> list[int]:
        """Operations that change the object in place."""
        return self.by_key.get((Verb.ALTER, key), [])

    def changers(self, key: ObjectKey) -> list[int]:
        """Operations that create the object or change it in place."""
        return self.by_key.get((Verb.CREATE, key), []) + self.alterers(key)

    def makers(self, key: ObjectKey) -> list[int]:
        """Operations that bring the object into its desired state: not the rename of what has its name now."""
        holder = self.holders.get(key, key.owner)
        if key not in self.made and holder not in self.made:
            return []  # said first, since most questions end here
        parts = (ObjectKind.INDEX, ObjectKind.CONSTRAINT)
        own = [n for n in self.changers(key) if key.kind not in parts or not self.operations[n].is_rename]
        if own and key.kind is not ObjectKind.TABLE:
            return own
        of_table = [
            number
            for number in self.by_key.get((Verb.CREATE, holder), [])
            if self.operations[number].part is self._part(key)
        ]
        return own + of_table if key.kind is not ObjectKind.TABLE else of_table + self.alterers(key)

    def _part(self, key: ObjectKey) -> Part:
        match key.kind:
            case ObjectKind.TRIGGER if key not in self.view_triggers:
                return Part.TRIGGERS
            case ObjectKind.POLICY:
                return Part.POLICIES
            case ObjectKind.CONSTRAINT if key in self.desired.foreign_keys:
                return Part.FOREIGN_KEYS
            case _:
                return Part.WHOLE


def _live_holders(desired: Catalog, live: Catalog) -> dict[ObjectKey, ObjectKey]:
    """Indexes and sequences with the table or column that they go along with; no sequence that gets another owner."""
    owners = {sequence.key: sequence.owning_column for sequence in desired.sequences}
    owned = {
        sequence.key: owner
        for sequence in live.sequences
        if (owner := sequence.owning_column) is not None and owners.get(sequence.key, owner) == owner
    }
    inside = {
        name.key(ObjectKind.SEQUENCE): table.key.part(ObjectKind.COLUMN, column.name)
        for table in live.tables
        for column in table.columns
        if (name := column.identity_name) is not None
    }
    return live.index_holders | owned | inside
