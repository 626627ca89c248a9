"""Whose database a call means: by the records first, the server asked seldom, and never another tenant's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stonegate.errors import ConnectionFailed, DataDirUnusable, PlatformIsolationViolation, UsageError
from stonegate.fleet.names import Owner, v1_owner, v2_owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.registry import Registry
from stonegate.gateway.call import targets
from stonegate.gateway.call.request import Wanted
from stonegate.gateway.call.targets import Targets

OWNERS = (
    v1_owner("shop", None),
    v1_owner("shop", "7"),
    v1_owner("shop", "6"),
    *(v2_owner("shop", "app", tenant) for tenant in (None, "7", "9")),
    *(v2_owner("shop", "two", tenant) for tenant in ("8", "9")),
)


class Server:
    """What is found on it, and how often it was asked."""

    def __init__(self) -> None:
        self.databases: dict[Owner, DatabaseRecord] = {}
        self.asked: list[Owner] = []

    async def find(self, registry: Registry, server: str, owner: Owner) -> DatabaseRecord | None:
        """As `find_database`."""
        self.asked.append(owner)
        await asyncio.sleep(0)
        return self.databases.get(owner)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(targets, "find_database", made.find)
    return made


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "data")
    for name in ("shop", "tools"):
        made.register(name)
    for owner in OWNERS:
        made.record(DatabaseRecord(owner=owner, database=owner.database))
    return made


async def test_the_database_of_a_call(registry: Registry, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "CERTAIN_SECONDS", 60.0)
    found = Targets(registry, "host=h")
    tools = v1_owner("tools", "7")
    registry.record(DatabaseRecord(owner=tools, database=tools.database))
    for _ in range(2):  # what is remembered of one is no other's
        for platform, tenant, schema, is_id, database in (
            *(("shop", none, None, False, "shop_main") for none in (None, "", "null", "main")),
            ("shop", "7", None, False, "shop_7"),
            ("tools", "7", None, False, "tools_7"),
            ("shop", "7", None, True, "shop_app_7"),
            ("shop", "7", "app", False, "shop_app_7"),
            ("shop", "6", None, True, "shop_6"),
            ("shop", "8", None, False, "shop_two_8"),
            ("shop", "8", None, True, "shop_two_8"),
            ("shop", "9", "app", True, "shop_app_9"),
            ("shop", "9", "two", False, "shop_two_9"),
            ("shop", "9", "two", True, "shop_two_9"),
            ("shop", None, "app", False, "shop_app_main"),
            ("shop", None, None, True, "shop_app_main"),
        ):
            assert (await found.find(platform, tenant, schema, is_id=is_id)).database == database
    assert server.asked == []


async def test_an_id_of_several_schemas_is_not_guessed(registry: Registry, server: Server) -> None:
    for is_id in (False, True):
        with pytest.raises(UsageError, match="several schemas have a database 9") as caught:
            await Targets(registry, "host=h").find("shop", "9", None, is_id=is_id)
        assert caught.value.details == ("app", "two")


async def test_what_is_not_recorded_is_looked_for_under_its_own_name_alone(registry: Registry, server: Server) -> None:
    found = Targets(registry, "host=h")
    for platform, tenant, schema, owner in (
        ("shop", "8", "app", v2_owner("shop", "app", "8")),
        ("shop", None, "two", v2_owner("shop", "two", None)),
        ("tools", "7", None, v1_owner("tools", "7")),
        ("nobody", "7", None, v1_owner("nobody", "7")),
        ("nobody", None, None, v1_owner("nobody", None)),
    ):
        server.asked.clear()
        with pytest.raises(ConnectionFailed, match=f"the database {owner.database} does not exist") as caught:
            await found.find(platform, tenant, schema, is_id=False)
        assert server.asked == [owner] and caught.value.database == owner.database
    mine = v1_owner("tools", "5")
    server.databases[mine] = DatabaseRecord(owner=mine, database=mine.database)
    assert (await found.find("tools", "5", None, is_id=False)).database == "tools_5"
    with pytest.raises(UsageError):
        await found.find("tools", "?!", None, is_id=False)
    with pytest.raises(PlatformIsolationViolation):
        registry.require_free(v1_owner("shop_app", "7"))


async def test_one_that_is_absent_is_not_asked_for_by_everybody(
    registry: Registry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Targets(registry, "host=h")

    async def ask(tenant: str = "x") -> Any:
        return await found.find("tools", tenant, None, is_id=False)

    answers = await asyncio.gather(*(ask() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(answer, ConnectionFailed) for answer in answers)
    with pytest.raises(ConnectionFailed):
        await ask()
    assert len(server.asked) == 1
    monkeypatch.setattr(targets, "ABSENT_SECONDS", 0.0)
    owner = v1_owner("tools", "x")
    server.databases[owner] = DatabaseRecord(owner=owner, database=owner.database)
    assert (await ask()).database == "tools_x"
    monkeypatch.setattr(targets, "ABSENT_SECONDS", 60.0)
    del server.databases[owner]
    with pytest.raises(ConnectionFailed):
        await ask()
    assert len(server.asked) == 3  # that it was absent once is forgotten when it is found
    monkeypatch.setattr(targets, "MOST_REMEMBERED", 1)
    for tenant in ("y", "x"):
        with pytest.raises(ConnectionFailed):
            await ask(tenant)
    assert len(server.asked) == 5


async def test_the_records_are_looked_at_again_but_not_by_every_call(
    registry: Registry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, looks = Targets(registry, "host=h"), list[str]()
    look = registry.find

    def note(name: str) -> Any:
        looks.append(name)
        return look(name)

    monkeypatch.setattr(registry, "find", note)
    first = await found.find("shop", "7", None, is_id=False)
    looks.clear()
    assert await found.find("shop", "7", None, is_id=False) is first
    assert not looks
    monkeypatch.setattr(targets, "CERTAIN_SECONDS", 0.0)
    assert await found.find("shop", "7", None, is_id=False) is first
    registry.forget("shop", "shop_7")
    looks.clear()
    assert (await found.find("shop", "7", None, is_id=False)).database == "shop_app_7"
    assert looks
    monkeypatch.setattr(targets, "MOST_REMEMBERED", 1)
    assert (await found.find("shop", "6", None, is_id=False)).database == "shop_6"
    (registry.home("shop") / "platform.json").write_text("{")
    assert (await found.find("shop", "6", None, is_id=False)).database == "shop_6"  # served on
    with pytest.raises(DataDirUnusable):
        await found.find("shop", "7", None, is_id=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"database_id": "", "uuid": "null"}, None),
        ({"database_id": 7}, "7"),
        ({"uuid": "7"}, "7"),
        ({"database_id": 7, "uuid": "7"}, "7"),
        ({"database_id": None, "uuid": 0}, "0"),
        ({"database_id": "A-b", "tenant_id": "a_b"}, "A-b"),
        ({"uuid": "7", "tenant_id": 7}, "7"),
        ({"uuid": "7", "tenant_id": "null"}, "7"),
        ({"tenant_id": "7"}, None),
    ],
)
def test_the_id_has_two_names(given: dict[str, Any], expected: str | None) -> None:
    assert Wanted(platform="shop", function="f", **given).id == expected


@pytest.mark.parametrize(
    "given",
    [
        {"database_id": "7", "uuid": "8"},
        {"database_id": "7", "tenant_id": "8"},
        {"uuid": "7", "tenant_id": "8"},
        {"database_id": "a", "uuid": "A"},
    ],
)
def test_a_call_that_names_two_tenants_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Wanted(platform="shop", function="f", **given).id  # noqa: B018
