"""Plans of existing databases: unchanged with a warm reference, one changed column in a large one, and how it grows."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stonegate.database.deployment.one_database import apply_database, plan_database
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.bench.rows import Row, median_ms, medians_ms
from tests.bench.servers import bench_server, connect_and_select, logins, make_empty, run_in_loop
from tests.platforms import write_platform
from tests.servers import PrivateServer

SIZES = ((30, 76), (100, 500), (400, 2000))


def rows() -> Iterator[Row]:
    """The marks of schema evolution."""
    settings = {"max_locks_per_transaction": "512"}
    with tempfile.TemporaryDirectory() as directory, bench_server(**settings) as server, asyncio.Runner() as runner:
        taken: list[tuple[int, float]] = []
        for tables, functions in SIZES:
            folder = write_platform(Path(directory) / str(tables), tables=tables, functions=functions)
            url = make_empty(server, f"size_{tables}")
            assert runner.run(apply_database(url, _source(folder))).status is Status.APPLIED
            if tables == SIZES[0][0]:
                yield from _unchanged(server, folder, runner)
            duration, reference = _changed(server, url, folder, runner)
            taken.append((tables, duration))
            yield Row(
                subject=f"plan of one changed column, {tables} tables, {functions:,} functions",
                value=duration,
                goal=2000.0 if tables == SIZES[-1][0] else None,
                note=f"with the reference to build: {reference:,.0f} ms",
            )
        (small, fast), (large, slow) = taken[0], taken[-1]
        yield Row(
            subject=f"growth from {small} to {large} tables: exponent",
            value=math.log(slow / fast) / math.log(large / small),
            unit="",
            note=", ".join(f"{tables}: {duration:,.0f} ms" for tables, duration in taken),
        )


def _source(folder: Path) -> LazySource:
    return LazySource.of_folder(folder)


def _unchanged(server: PrivateServer, folder: Path, runner: asyncio.Runner) -> Iterator[Row]:
    for login, url in logins(server, f"size_{SIZES[0][0]}"):
        bare, taken = medians_ms(
            run_in_loop(partial(connect_and_select, url), runner),
            run_in_loop(lambda url=url: plan_database(url, _source(folder)), runner),
            times=100,
            warm_up=3,
        )
        yield Row(
            subject=f"plan of an unchanged platform, 30 tables, warm reference; {login}",
            value=taken,
            baseline="connect and SELECT 1",
            baseline_value=bare,
            goal=3.0,
        )


def _changed(server: PrivateServer, url: str, folder: Path, runner: asyncio.Runner) -> tuple[float, float]:
    """Milliseconds of the plan with the changed folder's reference at hand, and of the first one, which builds it."""
    file = next(path for path in sorted((folder / "tables").iterdir()) if "price NUMERIC(12,2)" in path.read_text())
    file.write_text(file.read_text().replace("price NUMERIC(12,2)", "price NUMERIC(14,2)"))
    begin = time.perf_counter()
    plan = runner.run(plan_database(url, _source(folder)))
    first = (time.perf_counter() - begin) * 1000
    assert plan.has_changes and not plan.blocked
    again = median_ms(run_in_loop(lambda: plan_database(url, _source(folder)), runner), times=3, warm_up=0)
    return again, first
