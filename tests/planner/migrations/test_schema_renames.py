"""ALTER SCHEMA … RENAME replayed: what takes how long."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, EnumType, Schema, Table
from stonegate.model.names import ObjectKey, ObjectKind, schema_key
from stonegate.model.source import Effect, EffectVerb, Migration, MigrationStatement
from stonegate.planner.migrations.moved import with_moved
from stonegate.planner.migrations.simulate import simulate
from tests.planner.calls import counted_calls
from tests.planner.catalogs import ACCESS, routine

RENAME = Migration(
    name="1.sql",
    file="migrations/1.sql",
    checksum="",
    raw_checksum="",
    statements=(
        MigrationStatement(
            sql="ALTER SCHEMA old RENAME TO new",
            line=1,
            effects=(Effect(verb=EffectVerb.RENAME, key=schema_key("old"), to="new"),),
            needs=(),
        ),
    ),
)


def declared(schema: str, number: int) -> Catalog:
    """So many enums, tables with a column of one each, and functions that stand elsewhere and take one."""
    numbers = range(number)
    return Catalog(
        server=180000,
        schemas=(Schema(name=schema, access=ACCESS),),
        enums=tuple(EnumType(schema=schema, name=f"e{n}", labels=("a",), access=ACCESS) for n in numbers),
        tables=tuple(
            Table(schema=schema, name=f"t{n}", columns=(Column(name="a", type=f"{schema}.e{n}"),), access=ACCESS)
            for n in numbers
        ),
        routines=tuple(replace(routine(f"f{n}"), arguments=(f"{schema}.e{n}",)) for n in numbers),
    )


def test_the_rename_of_a_large_schema_is_linear() -> None:
    """Four times the objects may take four times as long, not sixteen; counted in calls, not in seconds."""
    calls: list[int] = []
    for number in (20, 80):
        live, desired = declared("old", number), declared("new", number)
        with counted_calls() as count:
            simulated = simulate(live, desired, (RENAME,))
            remembered = with_moved(live, simulated.moved, desired)
        assert dict(simulated.catalog.objects) == dict(desired.objects)
        assert remembered is not None and remembered.objects.keys() == desired.objects.keys()
        calls.append(count.number)
    assert calls[1] < 6 * calls[0]


def test_what_moved_twice_is_remembered_under_its_last_name() -> None:
    """Whole objects are moved in one go up to one that moves again, or takes the name that another one had."""
    first, second, third = (ObjectKey(ObjectKind.TABLE, "old", name) for name in ("t0", "t1", "t2"))
    live = declared("old", 2)
    remembered = with_moved(live, ((second, third), (first, second), (third, first)), live)
    assert remembered is not None
    types = {table.name: table.columns[0].type for table in remembered.tables}
    assert types == {"t0": "old.e1", "t1": "old.e0"}
