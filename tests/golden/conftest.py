"""Which golden cases run where: all on the newest server, and on 15 and 16 in turn, which keeps the suite short."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest

from tests.golden import test_golden

#: Of these a case runs on one, by its name.
IN_TURN = (15, 16)


def runs_on(folder: Path, major: int) -> bool:
    """True unless it is another server's turn; a case made for certain versions runs on each of them."""
    versions = test_golden.read_case(folder).versions
    if major not in versions or not set(IN_TURN) <= set(versions):
        return major in versions
    return major not in IN_TURN or major == IN_TURN[crc32(test_golden.pytest_ids(folder).encode()) % len(IN_TURN)]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for no tests in the 2,800 directories of the cases, which takes a third of what collecting takes."""
    return True if collection_path.is_dir() and collection_path != test_golden.HERE else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the runs of golden cases that are another server's (`--every-version` leaves out none)."""
    if config.getoption("--every-version"):
        return
    kept, left = [], []
    for item in items:
        call = getattr(item, "callspec", None)
        folder, major = (call.params.get(name) for name in ("folder", "any_server")) if call else (None, None)
        is_golden = isinstance(folder, Path) and isinstance(major, int)
        (left if is_golden and not runs_on(folder, major) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)
