"""How long the command takes to start: `--version` must not wait for typer, pglast, psycopg or starlette."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.bench.rows import Row, median_ms

PROGRAM = [sys.executable, "-m", "stonegate"]


def rows() -> Iterator[Row]:
    """`stonegate --version` and `stonegate --help`, beside an interpreter that does nothing."""
    bare = median_ms(lambda: subprocess.run([sys.executable, "-c", ""], check=True), times=10)
    for option, goal in (("--version", 150.0), ("--help", None)):
        command = [*PROGRAM, option]
        taken = median_ms(lambda command=command: subprocess.run(command, check=True, capture_output=True), times=10)
        yield Row(subject=f"stonegate {option}", value=taken, goal=goal, note=f"python -c '' takes {bare:.0f} ms")
