"""How large tables are: what decides whether a container's start may rewrite one."""

from __future__ import annotations

from stonegate.database.connect import connect, using
from stonegate.database.server.sizes import read_sizes
from tests.evolution.support import run
from tests.servers import Database


async def test_a_table_is_as_large_as_its_partitions_and_children(any_database: Database) -> None:
    run(
        any_database.url,
        "CREATE TABLE parts (n int) PARTITION BY RANGE (n)",
        "CREATE TABLE rest PARTITION OF parts DEFAULT PARTITION BY LIST (n)",
        "CREATE TABLE others PARTITION OF rest DEFAULT",
        "CREATE TABLE plain (n int)",
        "CREATE TABLE child () INHERITS (plain)",
        *(f"INSERT INTO {table} SELECT generate_series(1, 1000)" for table in ("parts", "plain", "child")),
    )
    names = ["public.parts", "public.others", "public.plain", "public.child", "public.gone"]
    async with using(await connect(any_database.url)) as conn:
        sizes = await read_sizes(conn, names)
    assert sizes.keys() == set(names[:-1])
    assert sizes["public.parts"] == sizes["public.others"] == sizes["public.child"] > 0
    assert sizes["public.plain"] == 2 * sizes["public.child"]


async def test_a_domain_is_as_large_as_the_tables_that_hold_it(any_database: Database) -> None:
    run(
        any_database.url,
        "CREATE DOMAIN code AS text",
        'CREATE DOMAIN "Short" AS code',
        "CREATE TYPE pair AS (a int)",
        "CREATE TABLE holds (n code)",
        'CREATE TABLE "Parts" (n "Short") PARTITION BY LIST (n)',
        'CREATE TABLE rest PARTITION OF "Parts" DEFAULT',
        "CREATE TABLE typed OF pair",
        "CREATE TABLE other (n text, gone code)",
        "ALTER TABLE other DROP gone",
        "CREATE VIEW shown AS SELECT n FROM holds",
        *(f"INSERT INTO {table} SELECT generate_series(1, 1000)" for table in ("holds", '"Parts"', "typed", "other")),
    )
    async with using(await connect(any_database.url)) as conn:
        sizes = await read_sizes(conn, ["public.holds"], ["public.code", "public.gone"])
        assert sizes.keys() == {"public.holds", 'public."Parts"'} and min(sizes.values()) > 0
        assert (await read_sizes(conn, (), ["public.pair", 'public."Short"'])).keys() == {
            "public.typed",
            'public."Parts"',
        }
