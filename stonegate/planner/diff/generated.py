"""Generated columns: which are dropped and made anew, and which partitions and children have from above (manual: ALTER
TABLE, SET EXPRESSION)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from stonegate.model.catalog import Column, Table
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import ChangeClass
from stonegate.planner.diff.inheritance import Family, leaves_column
from stonegate.planner.diff.retyping import rows_elsewhere
from stonegate.planner.diff.sides import Sides

#: A column of a table above, as `is_rebuilt` takes it: its key, desired, live, and what its table has from above.
ColumnAbove: TypeAlias = tuple[ObjectKey, Column, Column, Family]

SET_EXPRESSION = 170000  # ALTER COLUMN … SET EXPRESSION came with PostgreSQL 17


def is_rebuilt(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> bool:
    """True if only dropping and adding the column gives it (or another) generation expression (manual: ALTER TABLE)."""
    if desired.generated is None:
        return False
    if live.generated is None or desired.generated_kind != live.generated_kind:
        return True
    same = same_text(desired.generated, live.generated)
    changed = (desired.type, desired.collation) != (live.type, live.collation) or not same
    if changed and any(key in sides.live.dependents.get(source, ()) for source in family.retyped):
        return True  # PostgreSQL does not change the type of a column that it is computed from
    safe = sides.type_change(live.type, desired.type).change_class is ChangeClass.SAFE
    if desired.type != live.type and not (same and safe):
        return True  # no USING for a computed value, and no new expression beside a new type
    if not same and desired.generated_kind == "stored" and rows_elsewhere(sides, family.live) is not None:
        return True  # neither way is open, which the refusal says
    if not same and desired.generated_kind == "virtual" and is_watched(sides, family.live):
        return True
    return not same and sides.live.server < SET_EXPRESSION


def is_share(desired: Column, live: Column, family: Family) -> bool:
    """True for a generated column that the one table above has, too: what changes there changes it here."""
    if desired.generated is None or live.generated is None:
        return False
    if family.desired.partition_of is not None:
        return desired.inherited and live.inherited
    return family.is_stable and len(family.parents) == 1 and family.has_above(desired.name)


def above(sides: Sides, name: str, family: Family) -> Iterator[ColumnAbove]:
    """The same column of each table above a partition or child, the nearest first."""
    for wanted, present in family.parents if len(family.parents) == 1 else ():
        column, former = wanted.column(name), present.column(name)
        if column is not None and former is not None:
            parents = Family(sides=sides, desired=wanted, live=present)
            yield wanted.key.part(ObjectKind.COLUMN, column.name), column, former, parents
            yield from above(sides, name, parents)


def goes_along(sides: Sides, live: Column, chain: Sequence[ColumnAbove]) -> bool:
    """True if the column of a partition or child goes with the next one of `chain`, those above, where that goes."""
    _, _, former, parents = chain[0]
    is_left = leaves_column(parents.live, live.name, sides.desired, sides.live)
    return live.inherited and (not is_left or (len(chain) > 1 and goes_along(sides, former, chain[1:])))


def comes_anew(sides: Sides, chain: Sequence[ColumnAbove]) -> bool:
    """True if the first column of `chain`, below the others, is dropped and made anew, by itself or with those."""
    if len(chain) < 2:
        return bool(chain) and is_rebuilt(sides, *chain[0])
    _, desired, live, _ = chain[0]
    differs = (desired.type, desired.generated, desired.generated_kind) != (
        live.type,
        live.generated,
        live.generated_kind,
    )
    return comes_anew(sides, chain[1:]) and (differs or goes_along(sides, live, chain[1:]))


def feeds_share(sides: Sides, key: ObjectKey, table: Table) -> bool:
    """True if an index or key that the table has from above is made of the column: PostgreSQL would have to drop it."""
    parts = (part for part in table.indexed if part.inherited and getattr(part, "kind", "") != "check")
    keys = {
        user
        for part in parts
        for user in (key.owner.index(part.name), key.owner.part(ObjectKind.CONSTRAINT, part.name))
    }
    return not keys.isdisjoint(sides.live.dependents.get(key, ()))


def is_watched(sides: Sides, table: Table) -> bool:
    """True if a check or a publication has PostgreSQL refuse SET EXPRESSION for the table's virtual columns, whatever
    they mention (PostgreSQL 18)."""
    family = (table, *sides.live.descendants(table.key))
    dependents = (key for one in family for key in sides.live.dependents.get(one.key, ()))
    return any(part.kind == "check" for one in family for part in one.constraints) or any(
        key.kind is ObjectKind.OTHER and key.name.startswith("publication ") for key in dependents
    )


def is_rebuilt_above(desired: Column, live: Column, family: Family) -> bool:
    """True if the column goes with the parent's, and comes back with that."""
    return family.carries(desired, live, "generated") and family.carries(desired, live, "type")
