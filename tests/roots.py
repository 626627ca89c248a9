"""Where the servers of a test run stand: in memory if there is plenty, else in the temporary directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

from stonegate.database.embedded.account import find_server_account, may_reach

#: A database takes 8 MB and a run has some hundred at a time: with less room than this, they stand on the disk.
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 6 << 30  # bytes


def find_root(*, in_memory: bool = True) -> Path:
    """Memory, where there is plenty and it is wanted; else the temporary directory, which TMPDIR names.

    For root, whose TMPDIR may be closed to others, it is one that the server's account enters.
    """
    account = find_server_account()
    memory = (MEMORY,) if in_memory and "TMPDIR" not in os.environ and _is_roomy(MEMORY) else ()
    candidates = (*memory, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))
    return next(path for path in candidates if may_reach(account, path))


def _is_roomy(directory: Path) -> bool:
    """Whether a file system in memory may grow by what a run needs."""
    try:
        room = shutil.disk_usage(directory).free
    except OSError:
        return False
    return min(room, psutil.virtual_memory().available) >= MEMORY_NEEDED
