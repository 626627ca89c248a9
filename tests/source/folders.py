"""Folders for tests, from texts by path."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from stonegate.model.source import Folder, SourceFile, SourceItem, SourceTree
from stonegate.source.files.tree import SourceBytes
from stonegate.source.parse import parse_tree


def write_folder(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `root`, which is returned."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def source_files(files: dict[str, str]) -> tuple[SourceFile, ...]:
    """The texts as source files; the first part of a path is its kind."""
    return tuple(
        SourceFile(
            path=path,
            folder=Folder(path.split("/")[0]),
            text=text,
            digest=sha256(text.encode()).hexdigest(),
        )
        for path, text in files.items()
    )


def parse(files: dict[str, str]) -> SourceTree:
    """Parse texts without a folder on disk."""
    sources = source_files(files)
    return parse_tree(
        "test",
        SourceBytes(files=sources, folders=frozenset(file.folder for file in sources), warnings=(), digest="digest"),
    )


def only_item(sql: str, path: str = "tables/a.sql") -> SourceItem:
    """The item of a single statement."""
    (item,) = parse({path: sql}).items
    return item
