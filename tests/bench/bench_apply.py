"""A fresh apply beside the same statements sent as one batch, and an unchanged one beside connecting at all."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg

from stonegate.database.deployment.one_database import apply_database
from stonegate.model.plan import Plan
from stonegate.model.report import Status
from stonegate.planner.build import build_plan
from stonegate.planner.order.tree import order_tree
from stonegate.source.lazy import LazySource
from stonegate.source.parse import load_source
from tests.bench.rows import Row, medians_ms
from tests.bench.servers import bench_server, connect_and_select, logins, make_empty, run_in_loop
from tests.platforms import write_platform
from tests.servers import PrivateServer


def rows() -> Iterator[Row]:
    """Both marks of the core, on one platform of 30 tables and 76 functions."""
    with tempfile.TemporaryDirectory() as directory, bench_server() as server, asyncio.Runner() as runner:
        folder = write_platform(Path(directory))
        yield _fresh(server, folder, runner)
        yield from _unchanged(server, folder, runner)


def _fresh(server: PrivateServer, folder: Path, runner: asyncio.Runner) -> Row:
    tree = load_source(folder)
    plan = build_plan(tree=tree, ordered=order_tree(tree))
    applied, batched = [], []
    for turn in range(12):
        url = make_empty(server, "fresh")
        begin = time.perf_counter()
        report = runner.run(apply_database(url, _source(folder)))
        applied.append((time.perf_counter() - begin) * 1000)
        assert report.status is Status.APPLIED, report.error
        url = make_empty(server, "fresh")
        begin = time.perf_counter()
        _send_batch(url, plan)
        batched.append((time.perf_counter() - begin) * 1000)
        if turn == 0:
            applied.clear()
            batched.clear()
    return Row(
        subject="fresh apply, 30 tables and 76 functions",
        value=statistics.median(applied),
        baseline="one connection, the same statements as one batch in one transaction",
        baseline_value=statistics.median(batched),
        goal=1.5,
    )


def _source(folder: Path) -> LazySource:
    return LazySource.of_folder(folder)


def _send_batch(url: str, plan: Plan) -> None:
    statements = [statement.sql for step in plan.steps for statement in step.statements]
    statements += [seeder.sql for step in plan.steps for seeder in step.seeders]
    with psycopg.connect(url) as conn:
        conn.execute((";\n".join(statements)).encode())


def _unchanged(server: PrivateServer, folder: Path, runner: asyncio.Runner) -> Iterator[Row]:
    made = make_empty(server, "unchanged")
    assert runner.run(apply_database(made, _source(folder))).status is Status.APPLIED

    async def again(url: str) -> None:
        report = await apply_database(url, _source(folder))
        assert report.status is Status.UNCHANGED

    for login, url in logins(server, "unchanged"):
        both = (run_in_loop(partial(action, url), runner) for action in (connect_and_select, again))
        bare, taken = medians_ms(*both, times=100, warm_up=3)
        yield Row(
            subject=f"unchanged apply, folder read and digested again; {login}",
            value=taken,
            baseline="connect and SELECT 1",
            baseline_value=bare,
            goal=4.0,
        )
