"""Run the benchmarks and print one table of ratios; nothing is asserted, a figure is for people to judge.

    python -m tests.bench.run [NAME…] [--json FILE]

Every module `tests/bench/bench_NAME.py` has a function `rows()` that measures and yields `Row`s.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import math
import os
import pkgutil
import platform
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stonegate.collector import look_seldom_for_cycles
from tests import bench
from tests.bench.rows import Row

PREFIX = "bench_"


def find_benchmarks() -> list[str]:
    """The names of all benchmarks, sorted."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return sorted(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def measure(name: str, console: Console) -> Iterator[Row]:
    """The rows of one benchmark; one that breaks is reported with its traceback and ends there."""
    try:
        yield from importlib.import_module(f"tests.bench.{PREFIX}{name}").rows()
    except Exception:
        console.print(f"[red]{name} broke:[/red]")
        console.print(traceback.format_exc(), markup=False, highlight=False)
        yield Row(subject="broke, see above", value=float("nan"))


def render_rows(measured: list[tuple[str, Row]]) -> Table:
    """The table of ratios."""
    table = Table(title=f"stonegate on {os.cpu_count()} cores, Python {platform.python_version()}")
    table.add_column("benchmark")
    table.add_column("measured")
    for heading in ("value", "baseline", "ratio", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("compared with, notes")
    for name, row in measured:
        beside = "" if row.baseline_value is None else format_value(row.baseline_value, row.unit)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
        remarks = "; ".join(part for part in (row.baseline, row.note) if part)
        table.add_row(name, row.subject, format_value(row.value, row.unit), beside, ratio, format_goal(row), remarks)
    return table


def format_value(value: float, unit: str) -> str:
    """Three digits that matter; a dash for a figure that was not measured."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def format_goal(row: Row) -> str:
    """The goal, green when it is reached and yellow when not."""
    if row.goal is None:
        return ""
    goal = f"{row.goal:g} ×" if row.ratio is not None else format_value(row.goal, row.unit)
    return f"[{'green' if row.reached else 'yellow'}]{'≤' if row.better == 'lower' else '≥'} {goal}[/]"


def main() -> int:
    """Measure what was asked for, print the table, and return 1 if a benchmark broke."""
    available = find_benchmarks()
    parser = argparse.ArgumentParser(description="Measure stonegate beside baselines of the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(available)}; all without one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(available))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(available)}")
    look_seldom_for_cycles()  # as every process of the command line does
    progress, measured = Console(stderr=True), []
    for name in asked.names or available:
        with progress.status(f"measuring {name}"):
            for row in measure(name, progress):
                measured.append((name, row))
                progress.print(f"{name}: {row.subject}: {format_value(row.value, row.unit)}", style="dim", markup=False)
    if asked.json:
        rows = [{"benchmark": name, "ratio": row.ratio, **dataclasses.asdict(row)} for name, row in measured]
        asked.json.write_text(json.dumps(rows, indent=2) + "\n")
    console = Console() if sys.stdout.isatty() else Console(width=180)
    console.print(render_rows(measured))
    return int(any(math.isnan(row.value) for _, row in measured))


if __name__ == "__main__":
    sys.exit(main())
