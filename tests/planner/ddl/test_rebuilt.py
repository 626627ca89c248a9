"""The acid test of SQL generation: a database with everything in it, made anew from its catalog, has an equal one."""

from __future__ import annotations

from pathlib import Path

from stonegate.model.catalog import Catalog
from stonegate.planner.diff import differences
from stonegate.planner.steps.evolve import Evolution, evolve
from tests.planner.ddl.support import catalog_of, facts, make_roles, run
from tests.servers import MakeDatabase, Server

RICH = Path(__file__).with_name("rich.sql").read_text(encoding="utf-8")
RICH_18 = Path(__file__).with_name("rich_18.sql").read_text(encoding="utf-8")


# What no catalog value can create stands in the copy already.
SERVER = (
    "CREATE EXTENSION postgres_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere')"
)


def _statements(desired: Catalog, live: Catalog) -> tuple[str, ...]:
    changes = differences(desired, live, declared=None, builder="postgres").changes
    steps = evolve(changes, Evolution(desired=desired, live=live, builder="postgres"))
    return ("SET check_function_bodies = off", *(statement.sql for step in steps for statement in step.statements))


async def _assert_rebuilt(script: str, server: Server, make_database: MakeDatabase, before: str = "") -> None:
    make_roles(server)
    original = make_database(server)
    original.rows(script)
    catalog = await catalog_of(original)
    copy = make_database(server)
    copy.rows(before)
    run(copy, _statements(catalog, await catalog_of(copy)))
    rebuilt = await catalog_of(copy)
    assert facts(rebuilt) == facts(catalog)
    assert rebuilt.fingerprint() == catalog.fingerprint()


async def test_a_rebuilt_database_equals_the_original(any_server: Server, make_database: MakeDatabase) -> None:
    await _assert_rebuilt(RICH, any_server, make_database)


async def test_what_postgresql_18_knows_is_rebuilt(server18: Server, make_database: MakeDatabase) -> None:
    await _assert_rebuilt(RICH_18, server18, make_database, SERVER)
