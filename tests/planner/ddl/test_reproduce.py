"""The acid test of SQL generation: a database with everything in it, rebuilt from its catalog, has an equal catalog."""

from __future__ import annotations

from pathlib import Path

from stonegate.planner import ddl
from tests.planner.ddl.support import catalog_of, facts, make_roles, run
from tests.servers import MakeDatabase, Server

RICH = Path(__file__).with_name("rich.sql").read_text(encoding="utf-8")
RICH_18 = Path(__file__).with_name("rich_18.sql").read_text(encoding="utf-8")


# What no catalog value can create stands in the copy already.
SERVER = (
    "CREATE EXTENSION postgres_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere')"
)


async def _assert_rebuilt(script: str, server: Server, make_database: MakeDatabase, before: str = "") -> None:
    make_roles(server)
    original = make_database(server)
    original.rows(script)
    catalog = await catalog_of(original)
    copy = make_database(server)
    copy.rows(before)
    run(copy, ddl.reproduce(catalog, "postgres"))
    rebuilt = await catalog_of(copy)
    assert facts(rebuilt) == facts(catalog)
    assert rebuilt.fingerprint() == catalog.fingerprint()


async def test_a_rebuilt_database_equals_the_original(any_server: Server, make_database: MakeDatabase) -> None:
    await _assert_rebuilt(RICH, any_server, make_database)


async def test_what_postgresql_18_knows_is_rebuilt(server18: Server, make_database: MakeDatabase) -> None:
    await _assert_rebuilt(RICH_18, server18, make_database, SERVER)


async def test_a_circle_is_cut_at_a_table(server18: Server, make_database: MakeDatabase) -> None:
    """Its check, index and default, which call a function of its own row type, come after that function."""
    original = make_database(server18)
    original.rows("""
        CREATE TABLE round (id integer);
        CREATE FUNCTION size_of(round) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
        CREATE FUNCTION next_one(round DEFAULT NULL) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        ALTER TABLE round ALTER id SET DEFAULT next_one(), ADD CONSTRAINT has_size CHECK (size_of(round.*) > 0);
        CREATE INDEX round_size ON round (size_of(round.*));
    """)
    statements = ddl.reproduce(await catalog_of(original), "postgres")
    made = [
        next(number for number, text in enumerate(statements) if part in text)
        for part in ("CREATE TABLE", "FUNCTION public.size_of", "FUNCTION public.next_one", "has_size", "CREATE INDEX")
    ]
    assert made[0] < min(made[1:3]) < max(made[1:3]) < min(made[3:])


async def test_a_public_schema_that_was_changed_or_dropped(any_server: Server, make_database: MakeDatabase) -> None:
    for script in (
        "DROP SCHEMA public; CREATE SCHEMA other",
        "REVOKE USAGE ON SCHEMA public FROM PUBLIC; COMMENT ON SCHEMA public IS NULL;"
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "ALTER SCHEMA public OWNER TO postgres; COMMENT ON SCHEMA public IS 'mine'",
    ):
        await _assert_rebuilt(script, any_server, make_database)
