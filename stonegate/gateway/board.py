"""Where the workers of one server tell each other their figures: each writes a file of its own in a private directory.

A scrape reaches any of the workers, and its answer must be true for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from stonegate.gateway.metrics import Figures, sum_figures

#: A worker's figures are known to the others after this time at the latest (seconds).
PUBLISH_SECONDS: Final = 0.25
_DECODER: Final = msgspec.msgpack.Decoder(Figures)


class Board:
    """The figures of all workers.

    Args:
        directory: that all workers share; None for an only worker.
        number: this worker's, None for an only one. Whoever takes the place of a worker that died goes on with its
            counters.
    """

    def __init__(self, directory: Path | None = None, number: int | None = None) -> None:
        self._directory = directory
        self.number = number
        self._written = b""
        self._others: tuple[float, tuple[Figures, ...]] = (-PUBLISH_SECONDS, ())

    def inherit(self) -> Figures:
        """What the worker of this number had counted before it died; nothing at a first start."""
        left = None if self._directory is None else self._read(self._directory / self._name)
        if left is None:
            return Figures()
        left.pools = {}
        return left

    def sum_with_others(self, own: Figures) -> Figures:
        """These figures and what all other workers last told."""
        if self._directory is None:
            return own
        read, others = self._others
        if time.monotonic() - read > PUBLISH_SECONDS:
            paths = (path for path in self._directory.glob("*.figures") if path.name != self._name)
            others = tuple(figures for figures in map(self._read, paths) if figures is not None)
            self._others = (time.monotonic(), others)
        return sum_figures((own, *others))

    def publish(self, figures: Figures) -> None:
        """Tell the others, unless they know."""
        if self._directory is None:
            return
        content = msgspec.msgpack.encode(figures)
        if content == self._written:
            return
        beside = self._directory / f"{self._name}.new"
        beside.write_bytes(content)
        beside.replace(self._directory / self._name)
        self._written = content

    @property
    def _name(self) -> str:
        return f"{self.number}.figures"

    async def keep_publishing(self, read: Callable[[], Figures]) -> None:
        """Tell the others for as long as this is awaited."""
        while self._directory is not None:
            await asyncio.sleep(PUBLISH_SECONDS)
            with contextlib.suppress(OSError):
                self.publish(read())

    def _read(self, path: Path) -> Figures | None:
        try:
            return _DECODER.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
