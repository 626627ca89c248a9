"""An apply in a process of its own that stops at a given place, so that a test can kill it or its server there.

python -m tests.database.kill_driver URL FOLDER PLACE

PLACE is a stage ("verify") or a stage and a phase ("steps/routines"). At the first event of that place the process says
`at PLACE` and goes no further. If it never comes there it prints the report.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from stonegate.database.deployment import apply_database
from stonegate.database.progress import Progress
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource


def main(url: str, folder: Path, place: str) -> None:
    """Apply, and stop on the way."""

    def stop(progress: Progress) -> None:
        here = progress.stage.value + (f"/{progress.phase.value}" if progress.phase and "/" in place else "")
        if here == place:
            print(f"at {place}", flush=True)
            time.sleep(600)

    source = LazySource.of_bytes(str(folder), read_tree(folder))
    report = asyncio.run(apply_database(url, source, on_progress=stop))
    print(report.status, report.error, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
