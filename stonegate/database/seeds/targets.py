"""What inserting into tables needs to know, from the catalog of a database in which this transaction made everything.

The server is asked for the same in several milliseconds, nearly all of them planning: see facts.sql.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from stonegate.database.seeds.facts import SeedSequence, SeedTarget
from stonegate.model.catalog import Catalog, Column, SequenceOptions, Table
from stonegate.model.names import ObjectKind, QualifiedName
from stonegate.model.source import NeedKind, Seeder

_COUNTING: Final = frozenset({"smallint", "integer", "bigint"})


def targets_of(catalog: Catalog, names: Collection[QualifiedName]) -> Mapping[QualifiedName, SeedTarget] | None:
    """The tables of these names; None where the catalog does not tell: of views, and where there are rules."""
    tables = {name: catalog.table(name.key(ObjectKind.TABLE)) for name in names}
    if any(thing.kind == "rule" for thing in catalog.others):
        return None
    found = {name: _target(catalog, table) for name, table in tables.items() if table is not None}
    return found if len(found) == len(tables) else None


def _target(catalog: Catalog, table: Table) -> SeedTarget:
    family = (table, *map(catalog.table, catalog.ancestors(table.key)))  # a partition has its parent's triggers
    return SeedTarget(
        name=table.key.qualified,
        column_names=tuple(column.name for column in table.columns),
        sequences=tuple(found for column in table.columns for found in _sequences(catalog, table, column)),
        has_side_effects=any(each is not None and each.triggers for each in family),
    )


def runs_code(catalog: Catalog, seeders: Collection[Seeder]) -> bool:
    """True if inserting runs routines of the database, which may change more than rows."""
    own = {routine.name for routine in catalog.routines}
    if any(need.kind is NeedKind.ROUTINE and need.name in own for seeder in seeders for need in seeder.needs):
        return True
    tables = {seeder.table.key(ObjectKind.TABLE) for seeder in seeders}
    users = (edge.dependent.owner for edge in catalog.dependencies if edge.on.kind is ObjectKind.ROUTINE)
    return any(user in tables or user.kind is ObjectKind.TYPE for user in users)  # a domain checks values, too


def _sequences(catalog: Catalog, table: Table, column: Column) -> Iterator[SeedSequence]:
    """Those that the column owns, that its default mentions, and the one inside of an identity column."""
    kind = column.type
    while kind in catalog.domain_bases:
        kind = catalog.domain_bases[kind]
    if kind not in _COUNTING:
        return
    if column.identity_name is not None and column.identity_options is not None:
        yield _sequence(column, column.identity_name, column.identity_options)
    key = table.key.part(ObjectKind.COLUMN, column.name)
    mentioned = {
        edge.on for edge in catalog.dependencies if edge.dependent == key and edge.on.kind is ObjectKind.SEQUENCE
    }
    for sequence in catalog.sequences:
        if sequence.owning_column == key or sequence.key in mentioned:
            yield _sequence(column, sequence.key.qualified, sequence.options)


def _sequence(column: Column, name: QualifiedName, options: SequenceOptions) -> SeedSequence:
    return SeedSequence(
        column=column.name,
        name=name.sql,
        increment=options.increment,
        minimum=options.minimum,
        maximum=options.maximum,
        new=True,
    )
