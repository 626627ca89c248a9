"""Many pending statements replayed on many objects: what takes how long."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Dependency, Schema, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Effect, EffectVerb, Migration, MigrationStatement
from stonegate.planner.migrations.simulate import simulate
from stonegate.planner.obstacles.migrations import take_away
from tests.planner.calls import counted_calls
from tests.planner.catalogs import ACCESS, routine


def table_key(number: int) -> ObjectKey:
    return ObjectKey(ObjectKind.TABLE, "public", f"t{number}")


def database(number: int, *columns: str) -> Catalog:
    """So many tables with these columns, and four routines for each that depend on it."""
    routines = tuple(routine(f"f{n}") for n in range(4 * number))
    return Catalog(
        server=180000,
        schemas=(Schema(name="public", access=ACCESS),),
        tables=tuple(
            Table(
                schema="public",
                name=f"t{n}",
                columns=tuple(Column(name=column, type="integer") for column in columns),
                access=ACCESS,
            )
            for n in range(number)
        ),
        routines=routines,
        dependencies=tuple(Dependency(dependent=each.key, on=table_key(n % number)) for n, each in enumerate(routines)),
    )


def migrations(number: int) -> tuple[Migration, ...]:
    """For each table one that adds a column, makes it NOT NULL and changes the type of another."""
    made = []
    for n in range(number):
        new, old = (table_key(n).part(ObjectKind.COLUMN, column) for column in ("b", "a"))
        effects = (
            Effect(verb=EffectVerb.ADD_COLUMN, key=new, type="integer"),
            Effect(verb=EffectVerb.SET_NOT_NULL, key=new),
            Effect(verb=EffectVerb.SET_TYPE, key=old, type="bigint"),
        )
        statements = (MigrationStatement(sql="ALTER TABLE …", line=1, effects=effects, needs=()),)
        made.append(Migration(name=f"{n}.sql", file="", checksum="", raw_checksum="", statements=statements))
    return tuple(made)


def calls_for(number: int) -> int:
    live, desired, pending = database(number, "a"), database(number, "a", "b"), migrations(number)
    with counted_calls() as count:
        after = simulate(live, desired, pending).catalog
        take_away(pending, live, desired, {})
    wider = (Column(name="a", type="bigint"), Column(name="b", type="integer", not_null=True))
    assert after == replace(live, tables=tuple(replace(each, columns=wider) for each in live.tables))
    return count.number


def test_the_replay_of_many_statements_is_linear() -> None:
    """Four times the statements on four times the objects take four times as long, not sixteen; counted in calls."""
    assert calls_for(80) < 5 * calls_for(20)
