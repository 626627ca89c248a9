"""An apply in a process of its own that stops at a given place, so that a test can kill it or its server there.

PLACE is a stage ("verify") or a stage and a phase ("steps/routines"). At the first event of that place the process says
`at PLACE` and goes no further. If it never comes there it says how the apply ended.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from stonegate.database.deployment.one_database import apply_database
from stonegate.database.progress import Progress
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource

#: Makes processes that have imported everything already, which takes longer than the apply.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


@contextmanager
def begun_apply(url: str, folder: Path, place: str) -> Iterator[tuple[BaseProcess, Connection]]:
    """The process, killed at the end at the latest, and where it says something."""
    ear, mouth = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=apply, args=(url, folder, place, mouth))
    process.start()
    mouth.close()
    try:
        yield process, ear
    finally:
        process.kill()
        process.join()
        process.close()
        ear.close()


def apply(url: str, folder: Path, place: str, mouth: Connection) -> None:
    """Apply, and stop on the way."""

    def stop(progress: Progress) -> None:
        here = progress.stage.value + (f"/{progress.phase.value}" if progress.phase and "/" in place else "")
        if here == place:
            mouth.send(f"at {place}")
            time.sleep(600)

    source = LazySource.of_bytes(str(folder), read_tree(folder))
    report = asyncio.run(apply_database(url, source, on_progress=stop))
    mouth.send(f"{report.status} {report.error}")
