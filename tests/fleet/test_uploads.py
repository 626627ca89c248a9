"""Folders that are replaced while somebody reads them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stonegate.fleet import stored_folders
from stonegate.fleet.records import Document, StoredSchema, add_schema
from stonegate.fleet.registry import Registry
from stonegate.fleet.stored_folders import read_schema, store_schema
from stonegate.source.files.tree import SourceBytes


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
