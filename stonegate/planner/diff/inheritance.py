"""What a table gets from its parents without a statement of its own (manual 5.11 and 5.12, ALTER TABLE)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from stonegate.model.catalog import NOT_ENFORCED, Catalog, Column, Constraint, Index, Table, find_part
from stonegate.model.expressions import flatten
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident
from stonegate.model.tokens import lex
from stonegate.planner.diff.index_options import without_options
from stonegate.planner.diff.matching import is_named_share, match_parts, remembers, shape
from stonegate.planner.diff.naming import make_object_name
from stonegate.planner.diff.sides import Sides

LOCAL_NOT_NULL = 180000  # since PostgreSQL 18 a NOT NULL of a child can be its own beside its parent's
_BARE_SHARES = 180000  # until then shares of an index that is made anew get the comment of the whole
#: Why a part is created that seems to be there: see `Family.loses`.
MADE_ANEW = "is made anew: it was part of its parent's, which goes"
#: Why a partitioned table's index or key is made anew although it stays: see `Family.remakes`.
REMADE = "is made anew: a column changes its type, and the shares of partitions would lose the names that they have"
#: Why a check is made anew although it stays: see `Family.reenforces`.
REENFORCED = "is made anew: one of a child is enforced otherwise"

_Part = TypeVar("_Part", Constraint, Index)


class Family(Struct, frozen=True, kw_only=True, dict=True):
    """The parents that a table has before and after, as a partition or otherwise.

    A change of a column or constraint of a parent reaches the table by itself; one that only the table needs does not.
    """

    sides: Sides
    desired: Table
    live: Table

    @cached_property
    def parents(self) -> tuple[tuple[Table, Table], ...]:
        """(desired, live) of the parents that the table has now and keeps."""
        kept = [name for name in self.desired.parents if name in self.live.parents]
        pairs = [(_table(self.sides.desired, name), _table(self.sides.live, name)) for name in kept]
        return tuple((wanted, present) for wanted, present in pairs if wanted is not None and present is not None)

    @cached_property
    def is_stable(self) -> bool:
        """False while the table gets or loses parents, which moves its columns and constraints between them."""
        return set(self.desired.parents) == set(self.live.parents)

    def leaves_origin(self, desired: Column | Constraint, live: Column | Constraint) -> bool:
        """True if a column or constraint goes on being the table's own, or its parents' alone, against the folder.

        What was the table's own before it got its parents stays so, but in a partition (manual: ALTER TABLE, INHERIT);
        what a parent that stays hands down does not become the table's own where another parent goes.
        """
        if self.is_stable or desired.inherited == live.inherited:
            return desired.inherited != live.inherited
        if desired.inherited:
            return self.desired.partition_of is None
        if isinstance(live, Column):
            return bool(self._parent_columns(live.name))
        return self.keeps_constraint(live)

    def becomes_own(self, desired: Column | Constraint, live: Column | Constraint) -> bool:
        """True if a column or constraint goes from one parent to another: it is the table's own between the two, and
        stays so (manual: ALTER TABLE, NO INHERIT)."""
        if self.is_stable or self.desired.partition_of is not None or not (desired.inherited and live.inherited):
            return False
        return not (self._parent_columns(live.name) if isinstance(live, Column) else self.keeps_constraint(live))

    @cached_property
    def retyped(self) -> tuple[ObjectKey, ...]:
        """The table's columns that get another type or collation."""
        present = {column.name: (column.type, column.collation) for column in self.live.columns}
        return tuple(
            self.live.key.part(ObjectKind.COLUMN, column.name)
            for column in self.desired.columns
            if column.name in present and present[column.name] != (column.type, column.collation)
        )

    @cached_property
    def _attached(self) -> bool:
        """True if the table becomes a partition: then keys and indexes come from the parent."""
        return self.desired.partition_of is not None and self.desired.partition_of != self.live.partition_of

    @property
    def _typed(self) -> bool:
        return self.desired.of_type is not None and self.desired.of_type == self.live.of_type

    # --- columns ----------------------------------------------------------------------------------------------------

    def brings_column(self, column: Column) -> bool:
        """True if adding the column to a parent (or to the type of a typed table) adds it here."""
        return comes_from_above(self.desired, column, self.sides.desired, self.sides.live)

    def takes_column(self, column: Column) -> bool:
        """True if dropping the column from a parent (or from the type) drops it here."""
        if self._typed:
            return True
        return column.inherited and any(
            present.column(column.name) is not None
            and not leaves_column(present, column.name, self.sides.desired, self.sides.live)
            for _, present in self.parents
        )

    def carries(self, desired: Column, live: Column, aspect: str) -> bool:
        """True if a parent's column changes in the same way, which PostgreSQL hands down."""
        if aspect == "type" and self._typed:
            return True
        return any(
            getattr(former, aspect) == getattr(live, aspect) and getattr(latter, aspect) == getattr(desired, aspect)
            for latter, former in self._parent_columns(desired.name)
        )

    def hands_down_null(self, column: str) -> tuple[bool, bool]:
        """(before, after): whether a parent that stays has a NOT NULL for the column that is this table's too."""
        pairs = self._parent_columns(column)
        return any(_hands_down(former) for _, former in pairs), any(_hands_down(latter) for latter, _ in pairs)

    def is_called_otherwise_below(self, column: Column) -> bool:
        """True if the NOT NULL of a live column has another name in a child, to which it is handed down: PostgreSQL
        renames it under one name everywhere, or not at all (manual: ALTER TABLE, RENAME CONSTRAINT)."""
        if not _hands_down(column):
            return False
        pairs = ((child, child.column(column.name)) for child in self.sides.live.descendants(self.live.key))
        name = _null_name(self.live, column)
        return any(other is not None and _null_name(child, other) != name for child, other in pairs)

    def has_above(self, column: str) -> bool:
        """True if a parent that stays has the column before and after."""
        return bool(self._parent_columns(column))

    def _parent_columns(self, name: str) -> tuple[tuple[Column, Column], ...]:
        pairs = ((wanted.column(name), present.column(name)) for wanted, present in self.parents)
        return tuple((latter, former) for latter, former in pairs if latter is not None and former is not None)

    # --- constraints and indexes ------------------------------------------------------------------------------------

    def brings_constraint(self, part: Constraint) -> bool:
        """True if a parent hands the constraint down: when it gets it itself, or when the table becomes its partition.

        Checks are not handed down by ATTACH PARTITION and INHERIT: the table must have them before.
        """
        if not part.inherited or is_named_share(part, self.desired.name):
            return False
        if self._attached and part.kind != "check":
            return True
        return any(shape(part) == shape(other) for parent, _ in self.parents for other in parent.constraints)

    def names(self, part: Constraint) -> bool:
        """True if the live constraint has its parent's name and is renamed with that: a check, be it the table's own
        besides or not."""
        if part.kind != "check":
            return False
        shared = (other for _, parent in self.parents for other in parent.constraints if other.name == part.name)
        return any(shape(other) == shape(part) for other in shared)

    def keeps_constraint(self, part: Constraint) -> bool:
        """True if the live constraint is a parent's, whose affair it is."""
        return part.inherited and any(
            part_meaning(part) == part_meaning(other) for _, parent in self.parents for other in parent.constraints
        )

    def carries_constraint(self, desired: Constraint, live: Constraint) -> bool:
        """True if a parent's constraint changes in the same way, which PostgreSQL hands down."""
        return live.inherited and any(
            live.definition in (part.definition for part in former.constraints)
            and desired.definition in (part.definition for part in latter.constraints)
            for latter, former in self.parents
        )

    def brings_index(self, part: Index) -> bool:
        """True if the index comes from a partitioned parent."""
        if not part.inherited or is_named_share(part, self.desired.name):
            return False
        return self._attached or bool(self.parents)

    def bare_parent(self, part: Index) -> Index | None:
        """The index of a parent that stays, made ON ONLY that, which brings no such part."""
        shares = (other for parent, _ in self.parents for other in parent.indexes if not other.valid)
        return next((other for other in shares if part_meaning(other) == part_meaning(part)), None)

    def takes_in(self, part: Index) -> bool:
        """True if an index of a parent, which is made or which the table joins, makes the live index a part of itself
        (manual: CREATE INDEX, and ALTER TABLE, ATTACH PARTITION)."""
        return self._attached or not any(
            part_meaning(other) == part_meaning(part)
            and not Family(sides=self.sides, desired=wanted, live=present)._goes(other)
            for wanted, present in self.parents
            for other in present.indexes
        )

    def keeps_index(self, part: Index) -> bool:
        """True if the live index is part of one of a partitioned parent."""
        return part.inherited and bool(self.parents)

    def loses(self, desired: Constraint | Index, live: Constraint | Index) -> bool:
        """True if the part is a parent's now, and goes with that, whose successor brings none, or none of that name."""
        brought = desired.inherited and not is_named_share(desired, self.desired.name)
        if isinstance(desired, Constraint) and desired.kind == "check":
            brought = self.brings_constraint(desired)
        return live.inherited and not brought and self._goes(live)

    def remakes(self, part: Constraint | Index) -> bool:
        """True if PostgreSQL, which makes a live part of this partitioned table anew with a retyped column, would make
        up other names for its shares in partitions than the folder gives them."""
        if self.live.partition_key is None or part.inherited or not self.retypes(part):
            return False
        return any(
            part_meaning(other) == part_meaning(part) and is_named_share(other, table.name)
            for table in self.sides.desired.descendants(self.desired.key)
            for other in (table.indexes if isinstance(part, Index) else table.constraints)
        )

    def reenforces(self, part: Constraint | Index) -> bool:
        """True if a check that stays NOT ENFORCED here becomes enforced in a child, or ceases to be: PostgreSQL changes
        that of no check that is handed down, so the parent's is made anew behind the child's."""
        if not isinstance(part, Constraint) or part.inherited or not part.definition.endswith(NOT_ENFORCED):
            return False
        pairs = (
            (
                find_part(side.table(table.key), ObjectKind.CONSTRAINT, part.name)
                for side in (self.sides.desired, self.sides.live)
            )
            for table in self.sides.live.descendants(self.live.key)
        )
        return any(
            isinstance(latter, Constraint)
            and isinstance(former, Constraint)
            and part_meaning(latter) == part_meaning(former) == part_meaning(part)
            and latter.definition.endswith(NOT_ENFORCED) != former.definition.endswith(NOT_ENFORCED)
            for latter, former in pairs
        )

    def retypes(self, part: Constraint | Index) -> bool:
        """True if a column that the part mentions gets another type or collation."""
        names = {quote_ident(key.member or "").encode() for key in self.retyped}
        return bool(names) and any(token.text in names for token in lex(part.definition.encode()))

    def comment_handed_down(self, share: Index) -> str | None:
        """What is said of the share of a partitioned table's index once that is made anew: up to PostgreSQL 17 what is
        said of the whole."""
        above = list(self.sides.live.ancestors(self.live.key)) if self.sides.live.server < _BARE_SHARES else []
        whole = self.sides.live.table(above[-1]) if above else None
        indexes = whole.indexes if whole is not None else ()
        return next((index.comment for index in indexes if part_meaning(index) == part_meaning(share)), None)

    def _goes(self, part: Constraint | Index) -> bool:
        """True if the live part of this table is dropped, by itself or with the parent's that it is part of."""
        if part.inherited:
            gone = [
                Family(sides=self.sides, desired=wanted, live=present)._goes(other)
                for wanted, present in self.parents
                for other in (present.indexes if isinstance(part, Index) else present.constraints)
                if part_meaning(other) == part_meaning(part)
            ]
            return bool(gone) and all(gone)
        if self.remakes(part) or self.reenforces(part):
            return True
        last, name = self.sides.last_table(self.desired.key), self.desired.name
        if isinstance(part, Index):
            known_indexes = last.indexes if last is not None else ()
            return _is_dropped(part, self.desired.indexes, self.live.indexes, name, known_indexes)
        known = last.constraints if last is not None else ()
        return _is_dropped(part, self.desired.constraints, self.live.constraints, name, known)


def comes_from_above(table: Table, column: Column, desired: Catalog, live: Catalog) -> bool:
    """True if a parent that the table has already, or its type, gets the column too and hands it down: one that is the
    table's own, too, is there before."""
    former = live.table(table.key)
    if former is None:
        return False
    if table.of_type is not None and table.of_type == former.of_type:
        return True
    before = {parent.key: parent for parent in live.parents(former)}
    return column.inherited and any(
        parent.column(column.name) is not None and before[parent.key].column(column.name) is None
        for parent in desired.parents(table)
        if parent.key in before
    )


def has_own_not_null(table: Table, column: Column, catalog: Catalog) -> bool:
    """True if NOT NULL of a column that comes from above must be told the table itself."""
    if not column.not_null or column.not_null_inherited:
        return False
    above = (parent.column(column.name) for parent in catalog.parents(table))
    return catalog.server >= LOCAL_NOT_NULL or not any(other is not None and _hands_down(other) for other in above)


def _null_name(table: Table, column: Column) -> str:
    return column.not_null_name or make_object_name(table.name, column.name, "not_null")


def _hands_down(column: Column) -> bool:
    return column.not_null and "NO INHERIT" not in (column.not_null_options or "")


def _is_dropped(
    part: _Part, desired: tuple[_Part, ...], live: tuple[_Part, ...], owner: str, known: tuple[_Part, ...]
) -> bool:
    """True if the comparison of the table's own parts replaces or removes this live one."""
    matched = match_parts(desired, live, owner=owner, remembered={former.name for former in known})
    if any(pair.live is part for pair in matched.replaced):
        return True
    if any(pair.live is part and _is_valid(pair.desired) and not _is_valid(part) for pair in matched.pairs):
        return True  # built again
    is_surplus = any(other is part for other in matched.surplus)
    return is_surplus and (remembers(known, part, live) or (_is_key(part) and any(map(_is_key, matched.missing))))


def _is_valid(part: Constraint | Index) -> bool:
    return part.valid if isinstance(part, Index) else True


def _is_key(part: Constraint | Index) -> bool:
    return isinstance(part, Constraint) and part.kind == "primary key"


def part_meaning(part: Constraint | Index) -> str:
    """What the same part of a parent and of its child have in common: each has storage parameters of its own, and a
    check may be enforced in the child alone."""
    if isinstance(part, Constraint):
        return without_options(shape(part)).removesuffix(NOT_ENFORCED).rstrip()
    return f"{part.unique} {flatten(without_options(part.shape.partition(' USING ')[2]))}"


def partitions_by(catalog: Catalog, table: Table, column: str) -> bool:
    """True if the table, or a partition at any depth below it, is partitioned by the column (or an expression of it).

    PostgreSQL changes the type of no such column (manual: ALTER TABLE).
    """
    name = quote_ident(column).encode()
    keys = (other.partition_key for other in (table, *catalog.descendants(table.key)))
    return any(token.text == name for key in keys if key is not None for token in lex(key.encode()))


def leaves_column(table: Table, column: str, desired: Catalog, live: Catalog) -> bool:
    """True if a child of the table keeps the column that the table itself loses: `ALTER TABLE ONLY` drops it then.

    A child that has the column from another parent too keeps it anyway, and one that is made anew comes back there.
    """
    wanted = desired.table(table.key)
    returns = wanted is not None and wanted.column(column) is not None
    remaining = (desired.table(child.key) for child in live.children.get(table.key, ()))
    return any(
        child is not None
        and table.key.qualified in child.inherits
        and (kept := child.column(column)) is not None
        and not (kept.inherited and (returns or _is_handed_down(child, table, column, desired, live)))
        for child in remaining
    )


def _is_handed_down(child: Table, table: Table, column: str, desired: Catalog, live: Catalog) -> bool:
    """True if another parent than `table` has the column now, and keeps it."""
    former = live.table(child.key)
    others = (name for name in child.inherits if name != table.key.qualified)
    return former is not None and any(
        name in former.inherits
        and all((parent := _table(side, name)) is not None and parent.column(column) for side in (desired, live))
        for name in others
    )


def references_above(partition: ObjectKey, live: Catalog) -> Iterator[ObjectKey]:
    """The foreign keys that lead to the tables above a partition."""
    above = frozenset(live.ancestors(partition))
    return (key for key, foreign in live.foreign_keys.items() if foreign.target in above and not foreign.inherited)


def remarks_on_triggers(partition: ObjectKey, live: Catalog) -> Iterator[ObjectKey]:
    """What is said about triggers that a partition, or one below it, has from its parent."""
    tables = (table.key for table in live.tables if partition in (table.key, *live.ancestors(table.key)))
    ends = tuple(f" on {key.qualified.sql}" for key in tables)
    for other in live.others:
        if other.key.name.startswith(("trigger state ", "comment trigger ")) and other.key.name.endswith(ends):
            yield other.key


def _table(catalog: Catalog, name: QualifiedName) -> Table | None:
    return catalog.table(name.key(ObjectKind.TABLE))
