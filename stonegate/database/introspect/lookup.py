"""The rows of a reading by what others find them by: oids, addresses, names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple, TypeVar

from msgspec import UNSET

from stonegate.database.introspect import rows
from stonegate.database.introspect.access_lists import compare_lists, rights_passed_on
from stonegate.model.catalog import Access
from stonegate.model.expressions import stable_casts
from stonegate.model.names import QualifiedName

T = TypeVar("T")


class Vanished(Exception):
    """Another session changed or dropped an object between two of our statements."""


class Owner(NamedTuple):
    """The column that a sequence belongs to; `identity` if it is the inside of that."""

    relation: int
    number: int
    identity: bool


class Lookup:
    """Joins rows.

    Attributes:
        rows: as they were read.
        relations: all of them by oid.
    """

    def __init__(self, read: rows.Rows) -> None:
        self.rows = read
        self.relations = {one.oid: one for one in read.relations}
        self._comments = {(one.cls, one.object, one.number): one.text for one in read.comments}
        self._collations = {one.oid: one.printed for one in read.collations}

    def comment(self, cls: int, oid: int, number: int = 0) -> str | None:
        """What COMMENT says of an address."""
        return self._comments.get((cls, oid, number))

    def collation(self, oid: int | None) -> str | None:
        """The qualified name of a collation."""
        return None if oid is None else known(self._collations.get(oid))

    def access(self, cls: int, one: rows.Type | rows.Relation | rows.Routine) -> Access:
        """Owner, comment and privileges of an object."""
        return access_of(one.owner, self.comment(cls, one.oid), one.acl, one.usual)

    def name(self, relation: int) -> QualifiedName:
        """The name of a relation.

        Raises:
            Vanished: there is none.
        """
        found = self.relation(relation)
        return QualifiedName(found.schema, found.name)

    def relation(self, oid: int) -> rows.Relation:
        """A relation.

        Raises:
            Vanished: there is none.
        """
        return known(self.relations.get(oid))

    @cached_property
    def members(self) -> frozenset[tuple[int, int]]:
        """The objects that extensions brought, as (class, object)."""
        return frozenset((one.cls, one.object) for one in self.rows.dependencies if one.kind == "e")

    @cached_property
    def columns(self) -> dict[int, list[rows.Column]]:
        """The columns of each relation by number, dropped ones included."""
        return grouped(self.rows.columns, lambda one: one.relation)

    @cached_property
    def column_names(self) -> dict[int, dict[int, str]]:
        """The names of each relation's columns by number."""
        return {
            relation: {column.number: column.name for column in columns} for relation, columns in self.columns.items()
        }

    def names(self, relation: int, numbers: Iterable[int] | None) -> tuple[str, ...]:
        """The names of columns by their numbers; system columns and expressions have none."""
        by_number = self.column_names.get(relation, {})
        return tuple(by_number[number] for number in numbers or () if number in by_number)

    @cached_property
    def mentioned(self) -> dict[tuple[int, int, int], set[int]]:
        """The columns of a relation that an object mentions anywhere, by (class, object, relation)."""
        found: dict[tuple[int, int, int], set[int]] = defaultdict(set)
        for one in self.rows.dependencies:
            if one.on_number > 0 and one.on_class == rows.PG_CLASS:
                found[one.cls, one.object, one.on_object].add(one.on_number)
        return found

    @cached_property
    def sequence_owners(self) -> dict[int, Owner]:
        """The columns that sequences belong to, by the sequence."""
        sequences = {one.relation for one in self.rows.sequences}
        return {
            one.object: Owner(one.on_object, one.on_number, one.kind == "i")
            for one in self.rows.dependencies
            if one.object in sequences
            and one.cls == one.on_class == rows.PG_CLASS
            and one.on_number > 0
            and one.kind in ("a", "i")
        }

    @cached_property
    def index_owners(self) -> dict[int, rows.Constraint]:
        """The constraints that indexes belong to, by the index."""
        return {one.its_index: one for one in self.rows.constraints if one.kind in ("p", "u", "x")}

    @cached_property
    def _constraints(self) -> dict[int, rows.Constraint]:
        return {one.oid: one for one in self.rows.constraints}

    def is_copy(self, one: rows.Constraint) -> bool:
        """True for keys that PostgreSQL adds for each partition of a referenced partitioned table: its own affair."""
        if one.parent == 0:
            return False
        parent = self._constraints.get(one.parent)
        return parent is None or parent.relation == one.relation

    @cached_property
    def parents(self) -> dict[int, list[int]]:
        """The relations that tables and indexes inherit from, in order."""
        found = grouped(self.rows.inheritance, lambda one: one.child)
        return {child: [one.parent for one in rows_of] for child, rows_of in found.items()}


def access_of(owner: str, comment: str | None, acl: list[str] | None, usual: list[str] | None) -> Access:
    """Owner, comment and privileges; an ACL that was never touched is None."""
    granted, revoked = ((), ()) if acl is None else compare_lists(tuple(acl), tuple(usual or ()), owner)
    passed_on = () if acl is None else rights_passed_on(tuple(acl), owner)
    return Access(owner=owner, comment=comment, granted=granted, revoked=revoked, passed_on=passed_on or UNSET)


def known(found: T | None) -> T:
    """What another row says that there is.

    Raises:
        Vanished: there is none any more.
    """
    if found is None:
        raise Vanished
    return found


def printed(text: str | None) -> str:
    """What PostgreSQL deparsed, as it is to be read again.

    Raises:
        Vanished: there was nothing to deparse any more.
    """
    return stable_casts(known(text))


def printed_if(text: str | None) -> str | None:
    """The same of what need not be there."""
    return None if text is None else stable_casts(text)


def grouped(items: Iterable[T], key: Callable[[T], int]) -> dict[int, list[T]]:
    """The items by a number of theirs, in their order."""
    found: dict[int, list[T]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return dict(found)
