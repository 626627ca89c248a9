"""Folders that are stored: replaced while somebody reads them, found by their names, and not beyond the caps."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from stonegate.errors import PlatformIsolationViolation, SchemaNotFound, SourceError
from stonegate.fleet import stored_folders
from stonegate.fleet.records import Document, StoredSchema, add_schema
from stonegate.fleet.registry import Registry
from stonegate.fleet.stored_folders import read_schema, store_schema, stored_schemas
from stonegate.source.files.archive import Caps
from stonegate.source.files.tree import SourceBytes, pack_tree


def test_a_folder_is_read_with_the_scope_that_it_was_stored_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads while it is replaced might get its other half."""
    registry = Registry(tmp_path / "data")
    registry.register("shop")
    for half in ("main", "tenant"):
        (tmp_path / "folder" / half / "postgresql" / "tables").mkdir(parents=True)
        (tmp_path / "folder" / half / "postgresql" / "tables" / f"{half}.sql").write_text(f"CREATE TABLE {half} ();")
    store_schema(registry, "shop", "app", tmp_path / "folder", scope="main")
    read: list[SourceBytes] = []
    reader = threading.Thread(target=lambda: read.append(read_schema(Registry(registry.directory), "shop", "app")))

    def read_meanwhile(document: Document, schema: StoredSchema) -> None:
        reader.start()
        reader.join(0.2)
        add_schema(document, schema)

    monkeypatch.setattr(stored_folders, "add_schema", read_meanwhile)
    stored = store_schema(registry, "shop", "app", tmp_path / "folder", scope="tenant")
    reader.join()
    assert [each.digest for each in read] == [stored.read.digest]
    assert [file.path for file in read[0].files] == ["tenant/tables/tenant.sql"]


def test_a_folder_is_nobody_elses_by_its_directory(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "data")
    registry.register("shop")
    tables = tmp_path / "folder" / "tables"
    tables.mkdir(parents=True)
    (tables / "t.sql").write_text("CREATE TABLE t ();")
    store_schema(registry, "shop", "my app", tmp_path / "folder")  # in my_app
    home = registry.home("shop")
    for name in ("by-hand", ".new-half"):
        shutil.copytree(home / "my_app", home / name)
    assert [each.name for each in stored_schemas(registry, "shop")] == ["by-hand", "my app"]
    for name in ("my app", "by-hand"):
        assert [file.path for file in read_schema(registry, "shop", name).files] == ["tables/t.sql"]
    for name in ("my_app", "nobody"):
        with pytest.raises(SchemaNotFound, match=f"has no stored folder {name}"):
            read_schema(registry, "shop", name)
    with pytest.raises(PlatformIsolationViolation):
        store_schema(registry, "shop", "my_app", tmp_path / "folder")
    shutil.rmtree(home / "my_app")
    with pytest.raises(SchemaNotFound, match="is not in the data directory any more"):
        read_schema(registry, "shop", "my app")


@pytest.mark.parametrize("caps", [Caps(compressed=10), Caps(inflated=10), Caps(members=1)])
def test_an_archive_beyond_the_caps_is_not_stored(tmp_path: Path, caps: Caps) -> None:
    registry = Registry(tmp_path / "data")
    registry.register("shop")
    tables = tmp_path / "folder" / "tables"
    tables.mkdir(parents=True)
    for name in ("t", "u"):
        (tables / f"{name}.sql").write_text(f"CREATE TABLE {name} ();")
    archive = pack_tree(tmp_path / "folder")
    with pytest.raises(SourceError):
        store_schema(registry, "shop", "app", archive, caps=caps)
    assert stored_schemas(registry, "shop") == ()
    store_schema(registry, "shop", "app", archive, caps=Caps())
    assert [each.name for each in stored_schemas(registry, "shop")] == ["app"]
