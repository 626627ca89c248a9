"""A folder that is read, parsed and ordered when somebody needs it: an unchanged database needs its digest alone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import TypeVar

from stonegate.errors import SourceError
from stonegate.model.catalog import Catalog
from stonegate.model.source import Beginning, Folder, SourceTree
from stonegate.planner.order.tree import Ordered, order_tree
from stonegate.source.beginning import parse_beginning
from stonegate.source.files.archive import Caps
from stonegate.source.files.tree import SourceBytes, read_tree
from stonegate.source.parse import parse_gradually, parse_tree

T = TypeVar("T")

LARGE_FOLDER = 400  # files; about a tenth of a second
SLICE = 0.0002  # seconds of parsing between two looks at what the server said; an answer waits for three of them


class LazySource:
    """The files, the parsed folder and its order on demand, each made once; any thread may ask for it.

    Args:
        path: what the user called the folder.
        read: reads its files.
    """

    def __init__(self, path: str, read: Callable[[], SourceBytes]) -> None:
        self.path = path
        self._read = read
        self._lock = threading.RLock()
        self._bytes: SourceBytes | None = None
        self._tree: SourceTree | None = None
        self._ordered: Ordered | None = None
        self._references: dict[str, Catalog] = {}
        self._building = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._beginning = asyncio.Lock()
        self._begun = False
        self._first: Beginning | None = None

    @classmethod
    def of_folder(cls, path: Path, *, scope: str | None = None, caps: Caps | None = None) -> LazySource:
        """From a folder or archive that has yet to be read; see `tree.read_tree`."""
        return cls(str(path), lambda: read_tree(path, scope=scope, caps=caps))

    @classmethod
    def of_bytes(cls, path: str, read: SourceBytes) -> LazySource:
        """From the files as they were read."""
        source = cls(path, lambda: read)
        source._bytes = read
        return source

    @classmethod
    def of_tree(cls, tree: SourceTree) -> LazySource:
        """From a folder that was parsed already."""
        read = SourceBytes(files=tree.files, folders=tree.folders, warnings=tree.warnings, digest=tree.digest)
        source = cls.of_bytes(tree.path, read)
        source._tree = tree
        return source

    @property
    def digest(self) -> str:
        """sha256 over the raw bytes, hex.

        Raises:
            SourceError: the folder cannot be read.
        """
        return self._files().digest

    def extension_texts(self) -> list[str]:
        """The texts, in lower case, of the files that declare extensions, and of a few that only speak of it.

        Raises:
            SourceError: the folder cannot be read.
        """
        texts = ((file.folder, file.text.lower()) for file in self._files().files)
        return [text for folder, text in texts if folder is Folder.EXTENSIONS or "extension" in text]

    @property
    def is_large(self) -> bool:
        """Parsing takes longer than an event loop should wait."""
        return len(self._files().files) > LARGE_FOLDER

    @property
    def is_read(self) -> bool:
        """True if asking for the digest costs nothing."""
        return self._bytes is not None

    @property
    def is_ready(self) -> bool:
        """True if asking for the tree and its order costs nothing."""
        return self._ordered is not None

    async def read(self) -> None:
        """Let a thread read the files, unless they are there.

        Raises:
            SourceError: the folder cannot be read.
        """
        if self._bytes is None:
            await asyncio.to_thread(self._files)

    async def prepare(self) -> None:
        """Parse the folder and put it in order, while the server's answers are still heard.

        A large folder is parsed in a thread, a small one slice by slice: a thread would hold the interpreter for
        milliseconds whenever an answer waits.

        Raises:
            SourceError: as `ordered`.
        """
        async with self._preparing:
            if self.is_ready:
                return
            if self.is_large:
                await asyncio.to_thread(self.ordered)
                return
            if self._tree is None and (tree := await _in_slices(parse_gradually(self.path, self._files()))):
                self._keep(tree)
            self.ordered()

    async def beginning(self) -> Beginning | None:
        """What a fresh deployment begins with, parsed in front of all else.

        None where that is not worth the trouble, the whole being known already or on its way, and where something is
        wrong with it, which the whole will tell.
        """
        async with self._beginning:
            if self._is_underway():
                return None
            if not self._begun:
                with contextlib.suppress(SourceError):
                    await self.read()
                    self._first = await _in_slices(parse_beginning(self.path, self._files()), self._is_underway)
                self._begun = True
            return self._first

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
                self._tree = parse_tree(self.path, self._files())
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

    def _is_underway(self) -> bool:
        return self._tree is not None or self._preparing.locked()

    def _keep(self, tree: SourceTree) -> None:
        with self._lock:
            if self._tree is None:  # else a thread was faster, and others know that one
                self._tree = tree

    def _files(self) -> SourceBytes:
        with self._lock:
            if self._bytes is None:
                self._bytes = self._read()
            return self._bytes


async def _in_slices(steps: Generator[None, None, T], is_needless: Callable[[], bool] = lambda: False) -> T | None:
    """What the steps end with; None if that became needless meanwhile."""
    with contextlib.closing(steps):
        while not is_needless():
            end = time.monotonic() + SLICE
            try:
                while time.monotonic() < end:
                    next(steps)
            except StopIteration as finished:
                result: T = finished.value
                return result
            await asyncio.sleep(0)
    return None
