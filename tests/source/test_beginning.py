"""Types and tables are known before the rest, and a fresh plan begins with exactly their statements."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stonegate.planner.build import build_plan
from stonegate.planner.fresh import first_steps
from stonegate.planner.order.tree import order_tree
from stonegate.source.lazy import LazySource
from tests.database.folders import write
from tests.platforms import write_platform

TABLES = {
    "extensions/pg_trgm.sql": "",
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
    "tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY, m mood, b int REFERENCES b);",
    "tables/b.sql": "CREATE TABLE b (id int PRIMARY KEY);\nCREATE INDEX ON b (id);",
}
VIEW = {"views/v.sql": "CREATE VIEW v AS SELECT * FROM a;"}
NEXT = {"functions/next.sql": "CREATE FUNCTION Next_Id() RETURNS int LANGUAGE sql AS 'SELECT 1';"}


EXAMPLES = Path(__file__).parents[2] / "examples"


async def first(source: LazySource) -> list[str]:
    """The statements that can be sent ahead."""
    beginning = await source.beginning()
    return [] if beginning is None else [each.sql for step in first_steps(beginning) for each in step.statements]


def planned(source: LazySource) -> list[str]:
    tree = source.tree()
    plan = build_plan(tree=tree, ordered=order_tree(tree))
    return [each.sql for step in plan.steps for each in step.statements]


async def test_it_is_how_the_plan_begins(tmp_path: Path) -> None:
    source = write(tmp_path, TABLES | VIEW | NEXT)
    begun = await first(source)
    assert len(begun) == 5
    assert planned(source)[:5] == begun


@pytest.mark.parametrize("name", ["todos", "clinic"])
async def test_it_is_how_the_plan_of_an_example_begins(name: str) -> None:
    source = LazySource.of_folder(EXAMPLES / name / "postgresql")
    begun = await first(source)
    assert len(begun) > 3
    assert planned(source)[: len(begun)] == begun


async def test_of_a_platform_it_is_all_types_and_tables(tmp_path: Path) -> None:
    source = LazySource.of_folder(write_platform(tmp_path))
    begun = await first(source)
    assert len(begun) == 63
    assert planned(source)[:63] == begun


async def test_it_ends_in_front_of_what_needs_code(tmp_path: Path) -> None:
    late = {"tables/c.sql": "CREATE TABLE c (id int DEFAULT next_id());", "tables/d.sql": "CREATE TABLE d ();"}
    source = write(tmp_path, TABLES | NEXT | late)
    begun = await first(source)
    assert len(begun) == 5
    assert planned(source)[:5] == begun


async def test_code_beside_tables_is_part_of_it_where_a_table_needs_it(tmp_path: Path) -> None:
    beside = "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';\nCREATE TABLE c (id int DEFAULT one());\n"
    rest = "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2';"
    source = write(tmp_path, {"tables/c.sql": beside + rest} | VIEW | TABLES)
    begun = await first(source)
    assert begun[-1].startswith("CREATE TABLE c") and not any("two" in sql for sql in begun)
    assert planned(source)[: len(begun)] == begun


async def test_a_mistake_is_left_to_the_whole_folder(tmp_path: Path) -> None:
    source = write(tmp_path, {"tables/a.sql": "CREATE TABEL a ();"})
    assert await source.beginning() is None


async def test_of_a_parsed_folder_there_is_none(tmp_path: Path) -> None:
    source = write(tmp_path, TABLES)
    await source.prepare()
    assert await source.beginning() is None


async def test_it_is_given_up_once_the_whole_is_wanted(tmp_path: Path) -> None:
    source = LazySource.of_folder(write_platform(tmp_path))
    ahead = asyncio.create_task(source.beginning())
    while not source.is_read:
        await asyncio.sleep(0)
    await source.prepare()
    assert source.is_ready and await ahead is None


async def test_it_is_parsed_anew_by_whoever_comes_after_one_that_was_cancelled(tmp_path: Path) -> None:
    source = LazySource.of_folder(write_platform(tmp_path))
    ahead = asyncio.create_task(source.beginning())
    while not source.is_read:
        await asyncio.sleep(0)
    ahead.cancel()
    await asyncio.gather(ahead, return_exceptions=True)
    assert await source.beginning() is not None


async def test_an_extension_with_a_schema_of_its_own_changes_the_database_first(tmp_path: Path) -> None:
    own = {"extensions/pg_trgm.sql": "CREATE EXTENSION pg_trgm SCHEMA tools;"}
    assert await first(write(tmp_path, TABLES | own)) == []
