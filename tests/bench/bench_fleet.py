"""Many databases at a time, beside the least that anybody could do: connecting, sending the batch, cloning.

The server keeps fsync on. Process start is excluded: everything is measured inside of one process.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from stonegate.fleet.fanout import FanoutOptions, apply_fleet
from stonegate.fleet.numbering import Numbering
from stonegate.fleet.registry import Registry
from stonegate.fleet.targets import Target, resolve_targets
from stonegate.fleet.tenants import create_tenants
from stonegate.model.report import FleetReport
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource
from tests.bench.rows import Row
from tests.bench.servers import bench_server
from tests.platforms import write_platform

DATABASES = 100
WIDTH = 8
CLONES = 12
TURNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A platform with its tenants."""

    registry: Registry
    server: str
    folder: Path

    @property
    def source(self) -> LazySource:
        """The folder as it stands."""
        return LazySource.of_bytes("bench", read_tree(self.folder))

    @property
    def targets(self) -> tuple[Target, ...]:
        """All of them."""
        return resolve_targets(self.registry, self.server, "bench", every=True)

    def create(self, count: int, prefix: str, concurrency: int) -> float:
        """Make tenants; milliseconds for each."""
        owners = Numbering(self.registry, "bench", "app", prefix, count, if_missing=False).owners
        begin = time.perf_counter()
        work = create_tenants(self.registry, self.server, self.source, owners, concurrency=concurrency)
        reports = asyncio.run(work)
        taken = (time.perf_counter() - begin) * 1000 / count
        assert all(report.status == "created" for report in reports), reports[0]
        return taken

    def apply(self, targets: tuple[Target, ...] | None = None) -> tuple[float, FleetReport]:
        """Apply the folder to all; milliseconds, reading and parsing the folder included."""
        begin = time.perf_counter()
        fan = FanoutOptions(concurrency=WIDTH)
        report = asyncio.run(apply_fleet(targets or self.targets, self.source, fan=fan))
        assert not report.failed, report.failed[0]
        return (time.perf_counter() - begin) * 1000, report


def rows() -> Iterator[Row]:
    """The goals of the fleet."""
    with (
        bench_server(max_locks_per_transaction="64") as server,
        tempfile.TemporaryDirectory() as place,
    ):
        directory = Path(place)
        folder = write_platform(directory, tables=30, functions=76)
        bench = Bench(registry=Registry(directory / "data"), server=server.tcp_url(), folder=folder)
        bench.registry.register("bench")
        yield from creation(bench)
        bench.create(DATABASES - len(bench.targets), "more", 4)
        yield from unchanged(bench)
        yield from changed(bench)


def creation(bench: Bench) -> Iterator[Row]:
    """`tenant create` beside a bare CREATE DATABASE from the same template."""
    bench.create(1, "first", 1)
    ours, bare = [], []
    with clones(bench) as clone:
        for turn in range(TURNS):
            bare.append(clone(turn))
            ours.append(bench.create(CLONES, f"t{turn}x", 1))
        four = bench.create(CLONES, "four", 4)
    baseline = statistics.median(bare)
    yield Row(
        subject="tenant create, one after the other",
        value=statistics.median(ours),
        baseline="a bare CREATE DATABASE … TEMPLATE",
        baseline_value=baseline,
        goal=1.5,
        note="30 tables, 76 functions, 20 declared rows; per tenant",
    )
    yield Row(
        subject="tenant create --count, four at a time",
        value=four,
        baseline="a bare CREATE DATABASE … TEMPLATE",
        baseline_value=baseline,
        goal=1.5,
        note="per tenant",
    )


@contextmanager
def clones(bench: Bench) -> Iterator[Callable[[int], float]]:
    """Makes bare clones in one session, and tells the milliseconds for each.

    They are dropped in the end: a file system that has just deleted thousands of files is slow to create others, which
    ours would have to.
    """
    with psycopg.connect(bench.server, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'stonegate_ref_')")
        template = sql.Identifier(found.fetchall()[0][0])
        made: list[sql.Identifier] = []

        def clone(turn: int) -> float:
            names = [sql.Identifier(f"bare_{turn}_{number}") for number in range(CLONES)]
            begin = time.perf_counter()
            for name in names:
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
            taken = (time.perf_counter() - begin) * 1000 / CLONES
            made.extend(names)
            return taken

        yield clone
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE {}").format(name))


def unchanged(bench: Bench) -> Iterator[Row]:
    """An apply that finds nothing to do, beside connecting to each database."""

    async def look(target: Target) -> None:
        async with await psycopg.AsyncConnection.connect(target.conninfo, autocommit=True) as connection:
            await connection.execute("SELECT 1")

    bench.apply()
    ours, bare = [], []
    for _ in range(TURNS):
        bare.append(everywhere(bench.targets, look))
        taken, report = bench.apply()
        assert {result.status.value for result in report.results} == {"unchanged"}
        ours.append(taken)
    yield Row(
        subject=f"unchanged apply, {len(bench.targets)} databases",
        value=statistics.median(ours),
        baseline="connect and SELECT 1",
        baseline_value=statistics.median(bare),
        goal=4,
        note=f"{WIDTH} at a time",
    )


def changed(bench: Bench) -> Iterator[Row]:
    """All functions changed, beside the same statements sent by hand."""
    ours, bare = [], []
    for turn in range(2):
        rework(bench.folder, turn * 2)
        taken, report = bench.apply()
        assert all(result.counts["replace"] == 76 for result in report.results), report.results[0].counts
        ours.append(taken)
    rework(bench.folder, 99)
    batch = ";\n".join(path.read_text() for path in sorted((bench.folder / "functions").rglob("*.pssql")))

    async def send(target: Target) -> None:
        async with await psycopg.AsyncConnection.connect(target.conninfo, autocommit=True) as connection:
            await connection.execute(f"BEGIN; {batch}; COMMIT".encode())

    for _ in range(2):
        bare.append(everywhere(bench.targets, send))
    yield Row(
        subject=f"76 changed functions, {len(bench.targets)} databases",
        value=min(ours),
        baseline="the same batch sent by hand",
        baseline_value=min(bare),
        goal=3,
        note=f"{WIDTH} at a time; ours plans, verifies and records",
    )
    bench.apply()


def rework(folder: Path, number: int) -> None:
    """Change the body of every function."""
    for path in (folder / "functions").rglob("*.pssql"):
        text = path.read_text()
        head, begin, rest = text.partition("BEGIN\n")
        lines = [line for line in rest.splitlines(keepends=True) if "reworked_" not in line]
        path.write_text(f"{head}{begin}    PERFORM {number} AS reworked_;\n{''.join(lines)}")


def everywhere(targets: tuple[Target, ...], action: Callable[[Target], Awaitable[None]]) -> float:
    """Milliseconds for an action in every database, as many at a time as ours."""

    async def run() -> None:
        waiting = iter(targets)

        async def work() -> None:
            for target in waiting:
                await action(target)

        async with asyncio.TaskGroup() as group:
            for _ in range(WIDTH):
                group.create_task(work())

    begin = time.perf_counter()
    asyncio.run(run())
    return (time.perf_counter() - begin) * 1000
