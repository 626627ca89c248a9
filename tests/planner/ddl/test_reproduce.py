"""The acid test of SQL generation: a database with everything in it, rebuilt from its catalog, has an equal catalog."""

from __future__ import annotations

from pathlib import Path

from stonegate.planner import ddl
from tests.planner.ddl.support import catalog_of, facts, make_roles, run
from tests.servers import MakeDatabase, Server

RICH = Path(__file__).with_name("rich.sql").read_text(encoding="utf-8")


async def test_a_rebuilt_database_equals_the_original(any_server: Server, make_database: MakeDatabase) -> None:
    make_roles(any_server)
    original = make_database(any_server)
    original.rows(RICH)
    catalog = await catalog_of(original)
    copy = make_database(any_server)
    run(copy, ddl.reproduce(catalog, "postgres"))
    rebuilt = await catalog_of(copy)
    assert facts(rebuilt) == facts(catalog)
    assert rebuilt.fingerprint() == catalog.fingerprint()
