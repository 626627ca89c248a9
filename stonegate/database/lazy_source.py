"""A folder whose parsing waits until somebody needs it: an unchanged database is recognised by the digest alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from stonegate.model.catalog import Catalog
from stonegate.model.source import SourceTree
from stonegate.planner.order import Ordered, order_tree
from stonegate.source.parse import parse_tree
from stonegate.source.tree import SourceBytes

LARGE_FOLDER = 400  # files; about a tenth of a second


class LazySource:
    """The digest at once, the parsed and ordered folder on demand, each made once; any thread may ask for it.

    Args:
        digest: sha256 over the raw bytes, hex.
        path: what the user called the folder.
        parse: makes the tree.
        is_large: parsing takes longer than an event loop should wait.
    """

    def __init__(self, digest: str, path: str, parse: Callable[[], SourceTree], *, is_large: bool = True) -> None:
        self.digest = digest
        self.path = path
        self.is_large = is_large
        self._parse = parse
        self._lock = threading.RLock()
        self._tree: SourceTree | None = None
        self._ordered: Ordered | None = None
        self._references: dict[str, Catalog] = {}
        self._building = asyncio.Lock()

    @classmethod
    def of_bytes(cls, path: str, read: SourceBytes) -> LazySource:
        """From the files as they were read."""
        return cls(
            read.digest,
            path,
            lambda: parse_tree(path, read.files, read.folders, read.warnings, read.digest),
            is_large=len(read.files) > LARGE_FOLDER,
        )

    @classmethod
    def of_tree(cls, tree: SourceTree) -> LazySource:
        """From a folder that was parsed already."""
        source = cls(tree.digest, tree.path, lambda: tree)
        source._tree = tree
        return source

    @property
    def is_ready(self) -> bool:
        """True if asking for the tree and its order costs nothing."""
        return self._ordered is not None

    async def reference(self, key: str, obtain: Callable[[], Awaitable[Catalog]]) -> Catalog:
        """The catalog of the folder's reference database, obtained once per key, however many databases need it.

        Raises:
            StonegateError: what `obtain` raises; the next one who asks tries again.
        """
        if key not in self._references:
            async with self._building:
                if key not in self._references:
                    self._references[key] = await obtain()
        return self._references[key]

    def tree(self) -> SourceTree:
        """The parsed folder.

        Raises:
            SourceError: it is wrong; all broken places at once.
        """
        with self._lock:
            if self._tree is None:
                self._tree = self._parse()
            return self._tree

    def ordered(self) -> Ordered:
        """The parsed folder in deployment order.

        Raises:
            SourceError: as `tree`, and for cycles.
        """
        with self._lock:
            if self._ordered is None:
                self._ordered = order_tree(self.tree())
            return self._ordered
