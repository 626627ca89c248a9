"""Whose a database is by the records alone: nobody gets another's, and what changes hands is in one place only."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stonegate.errors import DatabaseAlreadyExists, PlatformIsolationViolation, UsageError
from stonegate.fleet.adoption import guess_owner, possible_owners
from stonegate.fleet.files import locked
from stonegate.fleet.names import Owner, directory_name, v1_owner, v2_owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.registry import LOCK_FILE, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "data")
    for name in ("shop", "club", "bar"):
        made.register(name, login=(f"{name}_role", "secret"))
    record(made, v1_owner("shop", "1"), "shop_1")
    return made


def record(registry: Registry, owner: Owner, database: str, **changes: str) -> None:
    registry.record(DatabaseRecord(owner=owner, database=database), **changes)


def recorded(registry: Registry) -> dict[str, list[str]]:
    """The databases by platform, read from the files."""
    return {
        each.name: [f"{found.owner.tenant}={found.database}" for found in each.databases]
        for each in Registry(registry.directory).platforms()
    }


BEFORE = {"bar": [], "club": [], "shop": ["1=shop_1"]}


@pytest.mark.parametrize(
    ("owner", "database", "changes", "error"),
    [
        (v1_owner("club", "1"), "shop_1", {}, PlatformIsolationViolation),
        (v1_owner("shop", "2"), "shop_1", {}, PlatformIsolationViolation),
        (v2_owner("shop", "app", "1"), "shop_1", {}, PlatformIsolationViolation),
        (v1_owner("club", "1"), "shop_1", {"former": "bar"}, PlatformIsolationViolation),
        (v1_owner("club", "1"), "shop_1", {"renamed": "club_1"}, PlatformIsolationViolation),
        (v1_owner("shop", "1"), "other", {}, DatabaseAlreadyExists),
        (v1_owner("shop", "1"), "other", {"renamed": "third"}, DatabaseAlreadyExists),
    ],
)
def test_what_is_anothers_is_not_recorded(
    registry: Registry, owner: Owner, database: str, changes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        record(registry, owner, database, **changes)
    assert recorded(registry) == BEFORE


@pytest.mark.parametrize(
    ("owner", "database", "changes", "after"),
    [
        (v1_owner("shop", "1"), "shop_1", {}, {}),
        (v1_owner("shop", "1"), "other", {"renamed": "shop_1"}, {"shop": ["1=other"]}),
        (v1_owner("shop", "2"), "shop_1", {"former": "shop"}, {"shop": ["2=shop_1"]}),
        (v1_owner("club", "9"), "shop_1", {"former": "shop"}, {"shop": [], "club": ["9=shop_1"]}),
        (v1_owner("club", "9"), "club_9", {"former": "nobody"}, {"club": ["9=club_9"]}),
    ],
)
def test_what_changes_hands_is_recorded_once(
    registry: Registry, owner: Owner, database: str, changes: dict[str, str], after: dict[str, list[str]]
) -> None:
    record(registry, owner, database, **changes)
    assert recorded(registry) == BEFORE | after


def test_a_role_belongs_to_one_platform(registry: Registry) -> None:
    with pytest.raises(PlatformIsolationViolation, match="the role shop_role belongs to the platform shop"):
        registry.register("fourth", login=("shop_role", "secret"))
    assert registry.find("fourth") is None


def test_a_platform_is_the_one_that_its_file_names(registry: Registry) -> None:
    """Not the one that lies in a directory of that name: somebody may have restored it to the wrong place."""
    club, shop = (registry.directory / name / "platform.json" for name in ("club", "shop"))
    assert registry.platform("club").login == Registry(registry.directory).platform("club").login
    shop.replace(club)
    for each in (registry, Registry(registry.directory)):
        assert each.find("club") is None
        assert each.platform("shop").name == "shop" and each.home("shop") == club.parent


@pytest.mark.parametrize("change", ["file", "time", "size"])
def test_a_file_that_was_changed_is_read_again(registry: Registry, change: str) -> None:
    """However it was: by a writer that puts another in its place, in the same tick of the clock, or by an editor."""
    path = registry.directory / "shop" / "platform.json"
    facts = path.stat()
    assert registry.platform("shop").databases[0].database == "shop_1"
    text = path.read_text().replace("shop_1", "shop_12" if change == "size" else "shop_2")
    if change == "file":
        new = path.with_name("new.json")
        new.write_text(text)
        os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        new.replace(path)
    else:
        path.write_text(text)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + (change == "time")))
    assert registry.platform("shop").databases[0].database.startswith("shop_1" if change == "size" else "shop_2")
    assert registry.platform("shop").databases[0].database != "shop_1"


def test_every_change_waits_for_the_one_before_it(registry: Registry) -> None:
    """Else two that read the same file would each write it without what the other one changed."""
    changes: tuple[Callable[[Registry], object], ...] = (
        lambda of: of.register("fourth"),
        lambda of: of.ensure("fifth"),
        lambda of: record(of, v1_owner("shop", "2"), "shop_2"),
        lambda of: of.forget("shop", "shop_1"),
        lambda of: of.change("club", lambda document: document.update(note="kept")),
    )
    with locked(registry.directory / LOCK_FILE):
        threads = [threading.Thread(target=change, args=(Registry(registry.directory),)) for change in changes]
        for thread in threads:
            thread.start()
        threads[0].join(0.1)
        assert all(thread.is_alive() for thread in threads)
        assert recorded(registry) == BEFORE
    for thread in threads:
        thread.join(10)
    assert recorded(registry) == BEFORE | {"shop": ["2=shop_2"], "fourth": [], "fifth": []}


@pytest.mark.parametrize(
    ("name", "directory"),
    [
        ("shop", "shop"),
        ("Shop-1.2", "Shop-1.2"),
        ("../shop", "shop"),
        ("/shop", "shop"),
        ("a/b", "a_b"),
        (".shop", "shop"),
        ("..a", "a"),
        ("shop\n", "shop"),
        ("x" * 101, None),
        ("..", None),
        ("platform.json", "platform_json"),
    ],
)
def test_a_name_leads_out_of_no_directory(name: str, directory: str | None) -> None:
    if directory is not None:
        assert directory_name(name, "schema") == directory
        return
    with pytest.raises(UsageError):
        directory_name(name, "schema")


def test_of_what_tenant_a_request_speaks() -> None:
    assert {v1_owner("shop", tenant) for tenant in (None, "", "null")} == {Owner(platform="shop")}
    assert v1_owner("shop", "main").tenant == "main"
    assert {v2_owner("shop", "app", each).tenant for each in (None, "", "main")} == {"main"}
    with pytest.raises(UsageError, match="no letter or digit"):
        _ = Owner(platform="shop", tenant="").database  # and not that of the platform itself


@pytest.mark.parametrize(
    ("database", "there", "platforms"),
    [
        ("shop_2", (), {"shop"}),
        ("nobody_2", (), set()),
        ("shop_eu_2", (), {"shop"}),
        ("shop_eu_2", ("shop_eu_main",), {"shop", "shop_eu"}),
        ("shop_eu_2", ("shop_eu_2",), {"shop"}),
        ("shop_eu_main", (), {"shop"}),
        ("shop_main", ("shop_main",), {"shop"}),
        ("club_main", ("club_main",), {"club"}),
        ("shop_main_2", (), {"shop"}),
        ("shop_eu_main", ("shop_eu_main",), {"shop_eu"}),
    ],
)
def test_whose_a_database_without_a_label_may_be(
    registry: Registry, database: str, there: tuple[str, ...], platforms: set[str]
) -> None:
    assert possible_owners(registry, database, there) == platforms


@pytest.mark.parametrize(
    ("database", "schemas", "tenant"),
    [
        ("shop_7", (), "7"),
        ("shop_main", (), None),
        ("shop_", (), None),
        ("else", (), None),
        ("shop_app_7", ("other",), "app_7"),
        ("shop_app_", ("app",), "app_"),
        ("shop_app", ("app",), "app"),
        ("shop_app_7", ("app",), UsageError),
    ],
)
def test_of_what_tenant_the_name_of_a_database_speaks(
    database: str, schemas: tuple[str, ...], tenant: str | type[UsageError] | None
) -> None:
    if isinstance(tenant, type):
        with pytest.raises(tenant):
            guess_owner("shop", database, schemas)
    else:
        assert guess_owner("shop", database, schemas) == Owner(platform="shop", tenant=tenant)
