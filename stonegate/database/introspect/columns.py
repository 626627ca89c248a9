"""Columns of tables and views with their defaults, sequences and NOT NULL constraints."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Struct

from stonegate.database.introspect import rows
from stonegate.database.introspect.access_lists import compare_lists, rights_passed_on
from stonegate.database.introspect.lookup import Lookup, grouped, printed_if
from stonegate.model.catalog import Access, Column, SequenceOptions
from stonegate.model.names import QualifiedName, quote_literal

_STORAGE: Final = {"p": "plain", "e": "external", "m": "main", "x": "extended"}
_COMPRESSION: Final = {"p": "pglz", "l": "lz4"}
_IDENTITY: Final = {"a": "always", "d": "by default"}


class _OwnSequence(Struct, frozen=True):
    """A sequence that a column owns or has inside; `nextval` is how a serial's default is printed."""

    name: QualifiedName
    nextval: str
    row: rows.SequenceRow
    identity: bool
    access: Access


class _NotNull(Struct, frozen=True):
    """What a NOT NULL constraint has for itself (PostgreSQL 18)."""

    options: str | None
    name: str | None
    inherited: bool


class Columns:
    """Makes the columns of relations."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._defaults = {(one.relation, one.number): one.expression for one in lookup.rows.column_defaults}
        self._sequences = _own_sequences(lookup)
        self._not_null = _not_null(lookup)

    def of(self, relation: int) -> tuple[Column, ...]:
        """The columns of a table or view in their order, without dropped ones."""
        return tuple(self._column(one) for one in self._lookup.columns.get(relation, ()) if not one.dropped)

    def _column(self, one: rows.Column) -> Column:
        place = (one.relation, one.number)
        expression = self._defaults.get(place)
        not_null = self._not_null.get(place, _USUAL)
        owned = self._sequences.get(place, ())
        inside = next((sequence for sequence in owned if sequence.identity), None)
        serial = next((sequence for sequence in owned if sequence.nextval == expression), None)
        granted, denied = ((), ()) if one.acl is None else compare_lists(tuple(one.acl), (), None)
        owner = self._lookup.relations[one.relation].owner
        return Column(
            name=one.name,
            type=one.type,
            collation=self._lookup.collation(one.collation),
            not_null=one.not_null,
            not_null_options=not_null.options,
            not_null_name=not_null.name,
            not_null_inherited=not_null.inherited,
            default=None if one.generated else printed_if(expression),
            owned_sequence=serial.name if serial is not None and inside is None else None,
            identity=_IDENTITY.get(one.identity, "by default") if inside is not None else "",
            identity_options=sequence_options(inside.row) if inside is not None else None,
            identity_name=inside.name if inside is not None else None,
            identity_access=inside.access if inside is not None else None,
            generated=printed_if(expression) if one.generated else None,
            generated_kind={"": None, "s": "stored"}.get(one.generated, "virtual"),
            inherited=not one.is_local,
            storage=_STORAGE[one.storage] if one.storage is not None else None,
            compression=_COMPRESSION.get(one.compression),
            statistics=one.statistics,
            options=_options(one),
            comment=self._lookup.comment(rows.PG_CLASS, *place),
            granted=granted,
            denied=denied,
            passed_on=(rights_passed_on(tuple(one.acl), owner) if one.acl is not None else ()) or UNSET,
        )


_USUAL: Final = _NotNull(None, None, False)


def sequence_options(one: rows.SequenceRow) -> SequenceOptions:
    """The parameters of a sequence."""
    return SequenceOptions(
        type=one.type,
        start=one.start,
        increment=one.increment,
        minimum=one.minimum,
        maximum=one.maximum,
        cache=one.cache,
        cycle=one.cycle,
    )


def _options(one: rows.Column) -> tuple[str, ...]:
    if one.options is None and one.fdw_options is None:
        return ()
    # pg_attver is the server's own note (15.20 and later), not something that anybody declared.
    own = (text for text in one.options or () if not text.startswith("pg_attver="))
    return tuple(sorted((*own, *(f"fdw.{text}" for text in one.fdw_options or ()))))


def _own_sequences(lookup: Lookup) -> dict[tuple[int, int], list[_OwnSequence]]:
    found: dict[tuple[int, int], list[_OwnSequence]] = {}
    for row in lookup.rows.sequences:
        owner, one = lookup.sequence_owners.get(row.relation), lookup.relations.get(row.relation)
        if owner is None or one is None:
            continue
        sequence = _OwnSequence(
            name=QualifiedName(one.schema, one.name),
            nextval=f"nextval({quote_literal(one.quoted or '')}::regclass)",
            row=row,
            identity=owner.identity,
            access=lookup.access(rows.PG_CLASS, one),
        )
        found.setdefault((owner.relation, owner.number), []).append(sequence)
    return found


def _not_null(lookup: Lookup) -> dict[tuple[int, int], _NotNull]:
    """The NOT NULL constraints that are more than that, or not called as PostgreSQL calls them (PostgreSQL 18)."""
    found: dict[tuple[int, int], _NotNull] = {}
    on_tables = grouped((one for one in lookup.rows.constraints if one.kind == "n"), lambda one: one.relation)
    for relation, constraints in on_tables.items():
        table = lookup.relations.get(relation)
        if table is None:
            continue
        for one in constraints:
            (number,) = one.columns or (0,)
            options = (("NO INHERIT",) if one.no_inherit else ()) + (("NOT VALID",) if not one.validated else ())
            column = lookup.column_names.get(relation, {}).get(number)
            found[relation, number] = _NotNull(
                options=" ".join(options) or None,
                name=None if one.name == f"{table.name}_{column}_not_null" else one.name,
                inherited=not one.is_local,
            )
    return found
