"""What a fleet of a thousand databases takes of this process's memory beside one of a hundred: nothing more.

Real databases, each with 76 functions that change. The server's fsync is off, since nothing here is timed.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from stonegate.fleet.registry import Registry
from tests.bench.bench_fleet import Bench, rework
from tests.bench.rows import Row
from tests.bench.servers import bench_server
from tests.platforms import write_platform

STEPS = (100, 1000)
MOST_AT_ONCE = 4
GOAL = 1.1


def rows() -> Iterator[Row]:
    """The resident size after an apply to so many databases, the results of which are still held."""
    with (
        bench_server(fsync="off", full_page_writes="off", autovacuum="off") as server,
        tempfile.TemporaryDirectory() as place,
    ):
        folder = write_platform(Path(place), tables=2, functions=76)
        bench = Bench(registry=Registry(Path(place) / "data"), server=server.tcp_url(), folder=folder)
        bench.registry.register("bench")
        bench.create(MOST_AT_ONCE, "first", MOST_AT_ONCE)
        rework(folder, 0)
        bench.apply()
        idle, sizes = resident(), []
        for number, step in enumerate(STEPS, start=1):
            bench.create(step - len(bench.targets), f"t{number}x", MOST_AT_ONCE)
            rework(folder, number)
            _, report = bench.apply()
            sizes.append(resident())
            assert sum(result.counts["replace"] for result in report.results) == 76 * len(bench.targets) == 76 * step
            yield Row(
                subject=f"memory after 76 changed functions in {step:,} databases",
                value=sizes[-1],
                unit="MiB",
                baseline=f"after {STEPS[0]} databases" if number > 1 else None,
                baseline_value=sizes[0] if number > 1 else None,
                goal=GOAL if number > 1 else None,
                note=f"{idle:.0f} MiB after {MOST_AT_ONCE} databases",
            )


def resident() -> float:
    """MiB of this process."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20
