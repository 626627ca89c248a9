"""The registry: the original's file, kept compatible, private, and whole whoever writes at the same time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stonegate.errors import (
    DataDirUnusable,
    DependencyCycle,
    NotFound,
    PlatformAlreadyRegistered,
    PlatformIsolationViolation,
    PlatformNotFound,
    SchemaNotFound,
    SourceError,
    UsageError,
)
from stonegate.fleet.names import Owner, sanitise, v1_owner, v2_owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.registry import Registry
from stonegate.fleet.stored_folders import read_schema, store_schema
from stonegate.fleet.targets import resolve_targets
from stonegate.model.labels import Label, parse_label, with_label

ORIGINAL = {
    "name": "shop",
    "created_at": "2025-01-02T03:04:05+00:00",
    "db_user": None,
    "db_password": None,
    "schemas": ["app"],
    "databases": [
        {"id": "7", "database_name": "shop_app_7", "schema_name": "app", "created_at": "2025-02-03T04:05:06+00:00"}
    ],
    "something_new": {"kept": [1, 2]},
}

WRITER = """
import sys
from pathlib import Path
from stonegate.fleet.names import Owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.registry import Registry
registry = Registry(Path(sys.argv[1]))
for number in range(40):
    owner = Owner(platform="shop", schema="app", tenant=f"{sys.argv[2]}{number}")
    registry.record(DatabaseRecord(owner=owner, database=owner.database))
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "data")


def write_original(registry: Registry, document: object = ORIGINAL) -> Path:
    path = registry.directory / "shop" / "platform.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    path.chmod(0o644)
    return path


def test_the_originals_file_is_read_and_kept(registry: Registry) -> None:
    path = write_original(registry)
    record = registry.platform("shop")
    owner = Owner(platform="shop", schema="app", tenant="7")
    assert record.find(owner) == DatabaseRecord(
        owner=owner, database="shop_app_7", created_at="2025-02-03T04:05:06+00:00"
    )
    registry.record(DatabaseRecord(owner=Owner(platform="shop", tenant="old"), database="shop_old"))
    registry.record(DatabaseRecord(owner=v2_owner("shop", "app", "8"), database="shop_app_8"))
    written = json.loads(path.read_text())
    assert written["something_new"] == {"kept": [1, 2]} and written["created_at"] == ORIGINAL["created_at"]
    assert [entry["database_name"] for entry in written["databases"]] == ["shop_app_7", "shop_app_8"]
    assert {each.database for each in registry.platform("shop").databases} == {"shop_app_7", "shop_app_8", "shop_old"}
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    registry.forget("shop", "shop_app_7")
    assert [entry["id"] for entry in json.loads(path.read_text())["databases"]] == ["8"]


def test_a_data_directory_that_is_open_is_closed_unless_it_is_somebody_elses(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    (place / "lost+found").mkdir()
    registry = Registry(place)
    registry.register("shop")
    assert place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o750)  # somebody opens it again
    registry.register("tools")
    assert place.stat().st_mode & 0o777 == 0o700
    other = tmp_path / "etc"
    other.mkdir()
    (other / "passwd").touch()
    other.chmod(0o755)
    with pytest.raises(DataDirUnusable, match="holds other things") as refusal:
        Registry(other).register("shop")
    assert other.stat().st_mode & 0o777 == 0o755 and [each.name for each in other.iterdir()] == ["passwd"]
    assert f"chmod 700 {other}" in (refusal.value.hint or "")
    other.chmod(0o700)
    Registry(other).register("shop")


@pytest.mark.parametrize(
    "databases",
    [
        {"7": {"database_name": "shop_app_7", "schema_name": "app"}},
        [{"uuid": "7", "database_name": "shop_app_7", "schema_name": "app"}, None, 3, {"id": "9"}],
    ],
)
def test_other_forms_are_read_too(registry: Registry, databases: object) -> None:
    write_original(registry, {"databases": databases, "schemas": {"app": {"x": 1}}})
    record = registry.platform("shop")
    assert [(each.id, each.database) for each in record.databases] == [("7", "shop_app_7")]
    assert [schema.name for schema in record.schemas] == ["app"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xef\xbb\xbf{}", b'{"name": "sh\xffop"}', b"[" * 100_000])
def test_a_broken_file_is_named(registry: Registry, content: bytes) -> None:
    path = write_original(registry)
    path.write_bytes(content)
    with pytest.raises(DataDirUnusable, match=r"platform\.json is no JSON"):
        registry.platforms()


@pytest.mark.parametrize("databases", ["shop_app_7", 1, True])
def test_databases_that_are_no_list_are_not_taken_for_none(registry: Registry, databases: object) -> None:
    path = write_original(registry)
    for document in ({"databases": databases}, {"stonegate": {"databases": databases}}):
        path.write_text(json.dumps(document))
        kept = path.read_bytes()
        with pytest.raises(DataDirUnusable, match=r'databases" in .*platform\.json is no list'):
            registry.platform("shop")
        with pytest.raises(DataDirUnusable):
            registry.record(DatabaseRecord(owner=v2_owner("shop", "app", "8"), database="shop_app_8"))
        assert path.read_bytes() == kept


@pytest.mark.parametrize("emptied", [{"databases": None, "schemas": None}, {"schemas": []}, None])
def test_parts_of_ours_that_somebody_emptied_are_filled_again(
    registry: Registry, tmp_path: Path, emptied: object
) -> None:
    write_original(registry, ORIGINAL | {"stonegate": emptied})
    registry.record(DatabaseRecord(owner=v1_owner("shop", "t"), database="shop_t"))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.sql").write_text("CREATE TABLE a (id int);")
    stored = store_schema(registry, "shop", "app", tmp_path)
    platform = registry.platform("shop")
    assert {each.database for each in platform.databases} == {"shop_app_7", "shop_t"}
    assert [each.digest for each in platform.schemas] == [stored.read.digest]


def test_a_full_disk_leaves_what_was_there(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.register("shop")
    folder = tmp_path / "folder"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "a.sql").write_text("CREATE TABLE a (id int);")
    store_schema(registry, "shop", "app", folder)
    (folder / "tables" / "a.sql").write_text("CREATE TABLE b (id int);")
    kept = {path: path.read_bytes() for path in registry.directory.rglob("*") if path.is_file()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for attempt in (
        lambda: registry.register("other"),
        lambda: registry.record(DatabaseRecord(owner=v2_owner("shop", "app", "8"), database="shop_app_8")),
        lambda: store_schema(registry, "shop", "app", folder),
    ):
        with pytest.raises(DataDirUnusable, match="cannot use /") as refusal:
            attempt()
        assert "make room" in (refusal.value.hint or "")
    assert kept == {path: path.read_bytes() for path in kept}
    assert not list(registry.directory.rglob(".new-*"))
    assert [platform.name for platform in registry.platforms()] == ["shop"]


def test_two_processes_lose_nothing(registry: Registry) -> None:
    registry.register("shop")
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(registry.directory), prefix]) for prefix in ("a", "b")
    ]
    seen = 0
    while any(process.poll() is None for process in started):
        found = len(Registry(registry.directory).platform("shop").databases)
        assert found >= seen
        seen = found
    assert [process.returncode for process in started] == [0, 0]
    assert len(registry.platform("shop").databases) == 80


def test_what_nobody_can_read_in_the_records_is_named(registry: Registry) -> None:
    entry = {"id": "7", "database_name": "shop_app_7", "schema_name": "app"}
    ours = {"databases": [{"id": None, "database_name": "shop_app_7"}, {"database_name": "shop_main"}, 5]}
    write_original(registry, ORIGINAL | {"databases": [entry, {"id": "8"}, "word", entry], "stonegate": ours})
    platform = registry.platform("shop")
    assert [record.database for record in platform.databases] == ["shop_app_7", "shop_main"]
    assert [flaw.removeprefix("platform.json of shop: ") for flaw in platform.flaws] == [
        "databases[1] has no database_name and is left out",
        "databases[2] has no database_name and is left out",
        "databases[3] names shop_app_7 once more and is left out",
        "stonegate.databases[0] names shop_app_7 once more and is left out",
        "stonegate.databases[2] has no database_name and is left out",
    ]


def test_platforms_are_found_however_they_came_and_looked_for_once(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that another process adds, at any moment; names that nobody has do not cost a look at everybody."""
    other = Registry(registry.directory)
    for number in range(3):
        assert registry.find(f"p {number}") is None
        other.register(f"p {number}")
        assert registry.find(f"p {number}") is not None
    home = registry.directory / "by-hand"
    home.mkdir()
    os.utime(registry.directory, ns=(1, 1))  # long ago
    assert registry.find("By Hand!") is None
    (home / "platform.json").write_text('{"name": "By Hand!"}')  # which does not change the directory above
    assert registry.find("By Hand!") is not None
    os.utime(registry.directory, ns=(1, 1))
    assert registry.find("nobody") is None
    with monkeypatch.context() as patched:
        patched.setattr(Registry, "_read", None)
        assert registry.find("nobody") is registry.find("somebody") is None
    other.register("somebody")
    assert registry.find("somebody") is not None


def test_names_that_collide_are_refused(registry: Registry) -> None:
    registry.register("a-b")
    for twin in ("a_b", "A-B", "a b"):
        with pytest.raises(PlatformIsolationViolation):
            registry.register(twin)
    with pytest.raises(PlatformAlreadyRegistered):
        registry.register("a-b")
    registry.register("a")
    registry.record(DatabaseRecord(owner=v1_owner("a", "b_c"), database="a_b_c"))
    with pytest.raises(PlatformIsolationViolation, match="belongs to another platform"):
        registry.require_free(v1_owner("a-b", "c"))
    registry.record(DatabaseRecord(owner=v1_owner("a", None), database="a_main"))
    with pytest.raises(PlatformIsolationViolation, match="main"):
        registry.require_free(v1_owner("a", "main"))
    registry.require_free(v1_owner("a", "null"))
    with pytest.raises(PlatformNotFound):
        registry.platform("zzz")


@given(st.text(max_size=80))
def test_sanitised_names_are_safe_and_stable(text: str) -> None:
    try:
        name = sanitise(text, "tenant")
    except UsageError:
        return
    assert name == sanitise(name, "tenant") and name.isascii() and 0 < len(name) <= 63
    assert name == name.lower() and not name.startswith("_") and not name.endswith("_")


def test_a_name_that_nobody_could_register_now_is_in_nobodys_way(registry: Registry) -> None:
    for number, name in enumerate(("日本", "a\x00b", "x" * 70)):
        (registry.directory / f"p{number}").mkdir(parents=True)
        (registry.directory / f"p{number}/platform.json").write_text(json.dumps({**ORIGINAL, "name": name}))
    assert registry.register("blog").name == "blog"
    assert len(registry.platforms()) == 4


def test_long_names_are_refused() -> None:
    assert Owner(platform="p", tenant="x" * 61).database == "p_" + "x" * 61
    with pytest.raises(UsageError, match="has 64 bytes"):
        Owner(platform="p", tenant="x" * 62).database  # noqa: B018
    with pytest.raises(UsageError, match="no letter or digit"):
        Owner(platform="?!", tenant="x").database  # noqa: B018
    for unwritable in ("a\0b", "a\udcff"):
        with pytest.raises(UsageError, match="is no text"):
            Owner(platform="p", tenant=unwritable).database  # noqa: B018


def test_names_of_stonegates_own_databases_are_nobodys() -> None:
    for owner in (v1_owner("stonegate", "tmp_1"), v2_owner("Stonegate", "ref", "x")):
        with pytest.raises(UsageError, match="is reserved"):
            owner.database  # noqa: B018
    assert v1_owner("stonegate", "tmp").database == "stonegate_tmp"


@given(st.text(), st.none() | st.text(), st.none() | st.text(), st.booleans())
def test_labels_come_back(platform: str, schema: str | None, tenant: str | None, unfinished: bool) -> None:
    label = Label(platform=platform, schema=schema, tenant=tenant, unfinished=unfinished)
    assert parse_label(label.text) == label


@pytest.mark.parametrize("words", ["for the shop\nask Ada", "{not ours}", " "])
def test_what_people_wrote_stays_below_the_label(words: str) -> None:
    mine, theirs = Label(platform="shop"), Label(platform="other", tenant="a")
    comment = with_label(words, mine)
    assert comment == f"{mine.text}\n{words}" and parse_label(comment) == mine
    assert with_label(comment, theirs) == f"{theirs.text}\n{words}"
    assert with_label(theirs.text, mine) == with_label(None, mine) == mine.text


def test_other_comments_are_no_labels() -> None:
    for comment in (None, "", "my database", "{", "[]", '{"platform": "x"}', '{"stonegate": 1}'):
        assert parse_label(comment) is None


def test_readers_see_one_upload_or_the_other(registry: Registry, tmp_path: Path) -> None:
    registry.register("shop")
    folders = []
    for release in range(2):
        folder = tmp_path / f"r{release}"
        for number in range(5):
            place = folder / "tables" / f"t{number}.sql"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"CREATE TABLE t{number} (id int, release{release} int);\n")
        folders.append(folder)
    digests = {store_schema(registry, "shop", "app", folder).read.digest for folder in folders}
    stop = threading.Event()
    found: set[str] = set()

    def read() -> None:
        while not stop.is_set():
            found.add(read_schema(registry, "shop", "app").digest)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(15):
            store_schema(registry, "shop", "app", folders[turn % 2])
    finally:
        stop.set()
        reader.join()
    assert found <= digests and len(digests) == 2
    left = sorted(path.name for path in (registry.directory / "shop").iterdir() if not path.name.startswith("."))
    assert left == ["app", "platform.json"]
    with pytest.raises(PlatformIsolationViolation, match="the stored folder app of platform shop has the database"):
        store_schema(registry, "shop", "App", folders[0])
    with pytest.raises(SchemaNotFound, match="no stored folder other"):
        read_schema(registry, "shop", "other")
    registry.register("bare")
    store_schema(registry, "bare", "app", folders[0])
    shutil.rmtree(registry.home("bare") / "app")
    with pytest.raises(SchemaNotFound, match="is not in the data directory any more") as gone:
        read_schema(registry, "bare", "app")
    assert gone.value.hint == "restore it from a copy, or stonegate platform upload bare --schema app FOLDER"
    (folders[0] / "tables" / "t1.sql").write_text("CREATE TABL broken;")
    with pytest.raises(SourceError):
        store_schema(registry, "shop", "app", folders[0])
    (folders[0] / "tables" / "t1.sql").write_text("CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a;")
    with pytest.raises(DependencyCycle):
        store_schema(registry, "shop", "app", folders[0])
    assert read_schema(registry, "shop", "app").digest in digests


def test_targets_come_from_the_records_alone(registry: Registry) -> None:
    registry.register("a")
    registry.register("ab")
    for platform, schema, tenant in (
        ("a", "s", "x1"),
        ("a", "s", "x10"),
        ("a", "s", "x2"),
        ("a", "t", "y, z"),
        ("a", "q", "y"),
        ("a", None, None),
        ("ab", "s", "x1"),
    ):
        owner = Owner(platform=platform, schema=schema, tenant=tenant)
        registry.record(DatabaseRecord(owner=owner, database=owner.database))

    def names(**chosen: object) -> list[str]:
        targets = resolve_targets(registry, "host=h", "a", **chosen)  # type: ignore[arg-type]
        return [target.database for target in targets]

    assert names(every=True) == ["a_main", "a_q_y", "a_s_x1", "a_s_x2", "a_s_x10", "a_t_y__z"]
    assert names(schema="s") == ["a_s_x1", "a_s_x2", "a_s_x10"]
    assert names(tenant="x?") == ["a_s_x1", "a_s_x2"] and names(tenant="y, x1") == ["a_q_y", "a_s_x1"]
    assert names(tenant="y, z") == names(tenant=("y, z",)) == ["a_t_y__z"]
    assert names() == ["a_main"]
    assert names(tenant="a_s_x1") == names(tenant=("a_s_x1",)) == ["a_s_x1"]
    for wrong in ({"tenant": "x_"}, {"tenant": "nobody"}, {"schema": "none"}, {"tenant": "z*"}):
        with pytest.raises(NotFound):
            names(**wrong)
