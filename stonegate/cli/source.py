"""The folder of a command: which one, how it is read, and what it says when it has no server to ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from stonegate.cli.output import progress
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.model.source import SourceTree
    from stonegate.planner.order.tree import Ordered
    from stonegate.source.lazy import LazySource

_NAMELESS = "stonegate"


def load_tree(settings: Settings) -> SourceTree:
    """The folder of the settings, read and parsed.

    Raises:
        SourceError: it cannot be read, or something in it is wrong; all broken places at once.
    """
    from stonegate.source.parse import load_source

    with progress(f"reading {settings.folder}"):
        return load_source(settings.folder, settings.scope, caps=settings.archive_caps)


def load_ordered(settings: Settings) -> tuple[SourceTree, Ordered]:
    """The folder, and its deployment order.

    Raises:
        SourceError: also for a cycle.
    """
    from stonegate.planner.order.tree import order_tree

    tree = load_tree(settings)
    return tree, order_tree(tree)


def name_after(folder: Path) -> str:
    """The name of a folder's database on the embedded server: `todos` for `todos/postgresql` and `todos.tar.gz`."""
    path = folder.resolve()
    name = path.parent.name if path.name == "postgresql" else path.name.removesuffix(".gz").removesuffix(".tar")
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:63] or _NAMELESS


def load_lazily(settings: Settings) -> LazySource:
    """The folder of the settings, which is read when somebody asks for its digest, and parsed when for more."""
    from stonegate.source.lazy import LazySource

    return LazySource.of_folder(settings.folder, scope=settings.scope, caps=settings.archive_caps)
