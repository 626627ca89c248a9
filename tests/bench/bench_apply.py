"""A fresh apply beside the same statements sent as one batch, and an unchanged one beside connecting at all."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg

from stonegate.cli.render.plan_sql import render_script
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

TURNS = 11


def rows() -> Iterator[Row]:
    """Both marks of the core, on one platform of 30 tables and 76 functions."""
    with tempfile.TemporaryDirectory() as directory, bench_server() as server, asyncio.Runner() as runner:
        folder = write_platform(Path(directory))
        yield from _fresh(server, folder, runner)
        yield from _unchanged(server, folder, runner)


def _fresh(server: PrivateServer, folder: Path, runner: asyncio.Runner) -> Iterator[Row]:
    """Beside all statements of a plan, as its script has them (its records are a phase of it: behaviour, §6), and
    beside those of the folder alone.
    """
    tree = load_source(folder)
    plan = build_plan(tree=tree, ordered=order_tree(tree))
    script = render_script(plan)

    def apply(url: str) -> None:
        report = runner.run(apply_database(url, _source(folder)))
        assert report.status is Status.APPLIED, report.error

    ways: tuple[Callable[[str], None], ...] = (apply, partial(_send, _batch_of(plan)), partial(_send, script))
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(TURNS + 1):
        for way, taken in zip(ways, times, strict=True):
            url = make_empty(server, "fresh")
            begin = time.perf_counter()
            way(url)
            taken.append((time.perf_counter() - begin) * 1000)
    applied, batched, scripted = (statistics.median(taken[1:]) for taken in times)
    yield Row(
        subject="fresh apply, 30 tables and 76 functions",
        value=applied,
        baseline="one connection, the same statements as one batch: the script of `plan --format sql`",
        baseline_value=scripted,
        goal=1.5,
    )
    yield Row(
        subject="the same",
        value=applied,
        baseline="one connection, the folder's statements alone as one batch: no tracking tables, no records",
        baseline_value=batched,
        goal=1.5,
    )


def _source(folder: Path) -> LazySource:
    return LazySource.of_folder(folder)


def _batch_of(plan: Plan) -> str:
    statements = [statement.sql for step in plan.steps for statement in step.statements]
    statements += [seeder.sql for step in plan.steps for seeder in step.seeders]
    return ";\n".join(statements)


def _send(batch: str, url: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(batch.encode())


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
