"""A database is whole and recorded, or it is not there: what becomes of one whose record cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from stonegate.database.connect import connect, using
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.tenants.labels import DatabaseFacts, read_facts, record_label
from stonegate.database.tenants.make import _read_note, drop_tenant, make_empty, make_tenant, prepare_mould
from stonegate.errors import DataDirUnusable, PlatformIsolationViolation
from stonegate.model.json_form import to_json
from stonegate.model.labels import Label
from stonegate.model.source import SourceTree
from tests.fleet.conftest import Fleet


async def facts_of(fleet: Fleet, database: str) -> DatabaseFacts | None:
    async with using(await connect_maintenance(fleet.url)) as maintenance:
        return (await read_facts(maintenance, [database])).get(database)


async def full() -> None:
    raise DataDirUnusable("no space left")


async def nothing() -> None:
    pass


async def test_an_empty_database_is_whole_or_not_there(fleet: Fleet) -> None:
    """One that looked unfinished for ever would be dropped, with what somebody brought meanwhile, by the next call."""
    name, label = f"{fleet.name}_1", Label(platform=fleet.name, tenant="1")
    with pytest.raises(DataDirUnusable):
        await make_empty(fleet.url, name, label, owner=None, record=full)
    assert fleet.databases() == []
    assert await make_empty(fleet.url, name, label, owner=None, record=nothing)
    facts = await facts_of(fleet, name)
    assert facts is not None and facts.label == label
    fleet.rows(name, "CREATE TABLE kept ()")
    assert not await make_empty(fleet.url, name, label, owner=None, record=full)
    assert fleet.rows(name, "SELECT count(*) FROM kept") == [(0,)]
    async with using(await connect_maintenance(fleet.url)) as maintenance:
        await record_label(maintenance, name, Label(platform=fleet.name, tenant="1", unfinished=True))
    assert await make_empty(fleet.url, name, label, owner=None, record=nothing)
    assert fleet.rows(name, "SELECT to_regclass('kept') IS NULL") == [(True,)]


@pytest.mark.parametrize("kind", ["cloned", "built"])
async def test_a_tenant_is_whole_or_not_there(fleet: Fleet, kind: str) -> None:
    name, label = f"{fleet.name}_1", Label(platform=fleet.name, tenant="1")
    if kind == "built":
        fleet.write("migrations/1.sql", "-- stonegate: run-on-fresh\nINSERT INTO notes (id) VALUES (77);\n")
    mould = await prepare_mould(fleet.url, fleet.source)
    assert (mould.template is None) == (kind == "built")
    seen: list[DatabaseFacts] = []

    async def refuse() -> None:
        raise PlatformIsolationViolation("none may be made")

    async with using(await connect_maintenance(fleet.url)) as maintenance:
        for absent, record, error in ((refuse, nothing, PlatformIsolationViolation), (nothing, full, DataDirUnusable)):
            with pytest.raises(error):
                await make_tenant(maintenance, mould, name, label, accept=seen.append, absent=absent, record=record)
            assert fleet.databases() == [] and seen == []
        made = await make_tenant(maintenance, mould, name, label, accept=seen.append, absent=nothing, record=nothing)
        assert made.created and made.cloned == (kind == "cloned") and seen == []
        again = await make_tenant(maintenance, mould, name, label, accept=seen.append, absent=refuse, record=nothing)
        assert not again.created and [(each.name, each.label) for each in seen] == [(name, label)]


async def test_nothing_is_left_of_one_that_cannot_be_built(fleet: Fleet) -> None:
    fleet.write("migrations/1.sql", "-- stonegate: run-on-fresh\nINSERT INTO notes (id) VALUES (77);\n")
    mould = await prepare_mould(fleet.url, fleet.source)
    name, label = f"{fleet.name}_1", Label(platform=fleet.name, tenant="1")
    fleet.write("migrations/1.sql", "-- stonegate: run-on-fresh\nINSERT INTO notes (id) VALUES (1 / 0);\n")
    async with using(await connect_maintenance(fleet.url)) as maintenance:
        broken = replace(mould, source=fleet.source)
        made = await make_tenant(
            maintenance, broken, name, label, accept=lambda _: None, absent=nothing, record=nothing
        )
    assert not made.created and made.report is not None and made.report.error is not None
    assert fleet.databases() == []


async def test_only_what_may_be_dropped_is_and_its_record_goes_after_it(fleet: Fleet) -> None:
    name, label = f"{fleet.name}_1", Label(platform=fleet.name, tenant="1")
    await make_empty(fleet.url, name, label, owner=None, record=nothing)
    left: list[list[str]] = []

    def refuse(facts: DatabaseFacts) -> None:
        raise PlatformIsolationViolation(f"{facts.label} is somebody else's")

    async def record() -> None:
        left.append(fleet.databases())

    with pytest.raises(PlatformIsolationViolation):
        await drop_tenant(fleet.url, name, accept=refuse, record=record)
    assert fleet.databases() == [name] and left == []
    async with using(await connect(fleet.server.url(name))):  # a session does not keep it
        assert await drop_tenant(fleet.url, name, accept=lambda _: None, record=record)
    assert not await drop_tenant(fleet.url, name, accept=refuse, record=record)
    assert left == [[], []]


def test_a_note_is_of_one_folder_only(tmp_path: Path) -> None:
    tree = SourceTree(path=str(tmp_path), folders=frozenset(), digest="d", fingerprint="f")
    assert _read_note(to_json(tree), "d") == tree
    assert _read_note(to_json(tree), "e") is None
    assert _read_note(b"{}", "d") is None and _read_note(b"\x00", "d") is None
