"""What a change disturbs: what it drops or retypes, and the columns of other tables that go or change along with it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from stonegate.model.catalog import Catalog, Table, View
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner.row_readers import writes_anew

#: How the reason of a change begins that only makes way for another one.
RESTORED = "restored: "


class Disturbance(Struct, frozen=True):
    """`key` is dropped (`retyped` False) or changes its type (`retyped` True), because of `cause`.

    Attributes:
        behind: what `cause` makes way for, where it is a change that only does that.
    """

    key: ObjectKey
    retyped: bool
    cause: Change
    behind: Disturbance | None = None

    @property
    def verb(self) -> str:
        if self.cause.aspect == "partition":
            return "leaves its parent for a while"
        if self.cause.action is Action.CREATE:
            return "is added"
        return "changes its type" if self.retyped else "is dropped"

    @property
    def dropped_first(self) -> ObjectKey | None:
        """The object for whose sake this one is dropped, or this one itself; None where something is retyped."""
        first = self if self.behind is None else self.behind
        stays = (
            first.retyped
            or first.cause.aspect == "partition"
            or first.cause.action is Action.CREATE
            or (first is self and self.cause.restored)
        )
        return None if stays else first.key

    def restoring(self, dependent: ObjectKey, action: Action, table: ObjectKey | None = None) -> Change:
        """The change that makes way for this one, and brings back what depends on it."""
        reason = f"{RESTORED}{self.key} {self.verb}"
        return Change(action=action, key=dependent, table=table, reason=reason, restored=True)


def disturbances(
    change: Change, desired: Catalog, live: Catalog, behind: Disturbance | None = None
) -> Iterator[Disturbance]:
    """What the change drops or retypes, the object itself first; nothing for one that does neither. A new column counts
    where its table is written anew, with those below."""
    members = (ObjectKind.COLUMN, ObjectKind.ATTRIBUTE)
    retyped = change.key.kind in members and change.aspect in ("type", "generated")
    if change.action in (Action.DROP, Action.RECREATE) or retyped:
        for key in (change.key, *_heirs(change.key, change, desired, live)):
            yield Disturbance(key, retyped, change, behind)
    elif change.action is Action.CREATE and writes_anew(change):
        for key in (change.key.owner, *(table.key for table in live.descendants(change.key.owner))):
            yield Disturbance(key.part(ObjectKind.COLUMN, change.key.own_name), False, change, behind)


def _heirs(key: ObjectKey, cause: Change, desired: Catalog, live: Catalog) -> Iterator[ObjectKey]:
    """The columns that change or go with this one: those of that name in the tables below, and for an attribute those
    of the tables of its type; unless they stay there as columns of their own."""
    attribute_of = key.owner.qualified if key.kind is ObjectKind.ATTRIBUTE else None
    for table in live.tables if attribute_of is not None else ():
        if table.of_type != attribute_of:
            continue
        column_key = table.key.part(ObjectKind.COLUMN, key.member or "")
        yield column_key
        yield from _heirs(column_key, cause, desired, live)
    for child in live.children.get(key.owner, ()) if key.kind is ObjectKind.COLUMN else ():
        column, wanted = child.column(key.member or ""), desired.table(child.key)
        if column is None or not column.inherited:
            continue
        stays = wanted.column(column.name) if wanted is not None else None
        changes = cause.aspect == "generated" or (stays is not None and stays.type != column.type)
        retyped = cause.action is Action.ALTER and stays is not None and changes
        if stays is None or retyped or cause.action is Action.RECREATE:
            heir = child.key.part(ObjectKind.COLUMN, column.name)
            yield heir
            yield from _heirs(heir, cause, desired, live)


def lost_sequence(key: ObjectKey, desired: Catalog, live: Catalog) -> ObjectKey | None:
    """The sequence inside of an identity column that will have none: it goes, although its name may stay."""
    column, stays = live.column(key), desired.table_column(key)
    name = column.identity_name if column is not None and (stays is None or not stays.identity) else None
    return name.key(ObjectKind.SEQUENCE) if name is not None else None


def touched(disturbance: Disturbance, live: Catalog) -> Iterator[ObjectKey]:
    """The key itself and, for a whole relation, its columns."""
    yield disturbance.key
    found = live.objects.get(disturbance.key)
    if isinstance(found, Table | View):
        for column in found.columns:
            yield found.key.part(ObjectKind.COLUMN, column.name)
