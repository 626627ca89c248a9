"""Where the files of the platforms are: listed, and found by name without looking at each of them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stonegate.fleet.files import LOST_AND_FOUND, is_file, unusable
from stonegate.fleet.names import PLATFORM_FILE
from stonegate.fleet.records import PlatformRecord

_TICK_NS = 1_000_000_000


def list_files(directory: Path) -> Iterator[Path]:
    """The files of all platforms below the data directory.

    Raises:
        DataDirUnusable: it cannot be read.
    """
    try:
        homes = sorted(directory.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(directory, error) from error
    for home in homes:
        if not home.name.startswith(".") and home.name != LOST_AND_FOUND and is_file(home / PLATFORM_FILE):
            yield home / PLATFORM_FILE


class Index:
    """Which platform's file is where, for as long as no directory of a platform comes or goes.

    Whoever asks for names that nobody has makes the gateway look, which must not cost the more, the more others it has.

    Args:
        directory: DATA_DIR.
        read: the platform of a file.

    Attributes:
        files: by the names of their platforms.
    """

    def __init__(self, directory: Path, read: Callable[[Path], PlatformRecord]) -> None:
        began = time.time_ns()
        self._seen = _modified(directory)
        paths = tuple(list_files(directory))
        self.files = {read(path).name: path for path in reversed(paths)}
        homes = {path.parent for path in paths}
        #: Made a moment ago, and without a file yet.
        self._unfinished = tuple(
            home
            for home in directory.glob("[!.]*")
            if home not in homes and home.name != LOST_AND_FOUND and home.is_dir()
        )
        # What came and went in the same tick of the clock has not moved it.
        self._is_settled = began - self._seen > _TICK_NS

    def holds(self, directory: Path) -> bool:
        """Whether it is still true."""
        is_same = self._is_settled and _modified(directory) == self._seen
        return is_same and not any(is_file(home / PLATFORM_FILE) for home in self._unfinished)


def _modified(directory: Path) -> int:
    """When an entry of the directory last came or went, in nanoseconds; 0 for a directory that is not there."""
    try:
        return directory.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise unusable(directory, error) from error
