"""Notes about stored folders, which spare the next tenant their parsing; they can be lost without harm."""

from __future__ import annotations

import contextlib
from pathlib import Path

from stonegate import __version__
from stonegate.fleet.files import make_directory, replace_file

MOST_NOTES = 8  # of each platform


def read_note(home: Path, digest: str) -> bytes | None:
    """What was noted about the folder with that digest by this version of stonegate; None if nothing was.

    Args:
        home: the platform's directory.
    """
    try:
        return _path(home, digest).read_bytes()
    except OSError:
        return None


def record_note(home: Path, digest: str, note: bytes) -> None:
    """Keep a note about a folder, in place of the oldest where there are many."""
    path = _path(home, digest)
    make_directory(path.parent)
    replace_file(path, note)
    with contextlib.suppress(FileNotFoundError):  # two at once tidy up
        notes = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in notes[MOST_NOTES:]:
            old.unlink(missing_ok=True)


def _path(home: Path, digest: str) -> Path:
    return home / ".notes" / f"{__version__}-{digest}.json"
