"""A folder is read and parsed beside other work, once, and what is wrong with it is told to whoever needs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stonegate.database.deployment.one_database import apply_database, plan_database
from stonegate.errors import ConnectionFailed, SourceError
from stonegate.source.lazy import LazySource
from stonegate.source.parse import load_source
from tests.platforms import write_platform

NOWHERE = "host=/nonexistent dbname=nowhere"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_platform(tmp_path_factory.mktemp("platform"))


async def test_parsing_lets_others_have_their_turn(folder: Path) -> None:
    source = LazySource.of_folder(folder)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while not source.is_ready:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(source.prepare(), count())
    assert turns > 3
    assert source.tree() == load_source(folder)


async def test_everybody_gets_the_one_tree(folder: Path) -> None:
    source = LazySource.of_folder(folder)
    asked = [asyncio.to_thread(source.tree), source.prepare(), asyncio.to_thread(source.ordered), source.prepare()]
    first, _, ordered, _ = await asyncio.gather(*asked)
    assert first is source.tree() and ordered is source.ordered()


async def test_it_is_read_once_however_many_wait(folder: Path) -> None:
    source = LazySource.of_folder(folder)
    assert not source.is_read
    await asyncio.gather(source.read(), source.read())
    assert source.is_read and source.digest == load_source(folder).digest


async def test_a_folder_that_cannot_be_read_is_told_each_time(tmp_path: Path) -> None:
    source = LazySource.of_folder(tmp_path / "missing")
    for _ in range(2):
        with pytest.raises(SourceError, match="no such folder"):
            await source.read()
    with pytest.raises(SourceError, match="no such folder"):
        assert source.digest
    with pytest.raises(SourceError, match="no such folder"):
        await source.prepare()


async def test_a_mistake_is_told_each_time(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.sql").write_text("CREATE TABEL a ()")
    source = LazySource.of_folder(tmp_path)
    for _ in range(2):
        with pytest.raises(SourceError, match="syntax error"):
            await source.prepare()
    assert not source.is_ready


async def test_the_folder_is_told_of_before_the_server(tmp_path: Path, folder: Path) -> None:
    for work in (apply_database, plan_database):
        with pytest.raises(SourceError, match="no such folder"):
            await work(NOWHERE, LazySource.of_folder(tmp_path / "missing"))
    with pytest.raises(ConnectionFailed):
        await plan_database(NOWHERE, LazySource.of_folder(folder))
