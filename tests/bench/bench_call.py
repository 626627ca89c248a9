"""Calls per second and latency of `/call` for one row and 100 rows, beside a bare Starlette handler and pgbench."""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.rows import Row
from tests.gateway.gateway import Gateway, start_gateway
from tests.servers import Server, begin_run

CLIENTS = 16
SECONDS = 4.0
FOLDER = {
    "functions/bench.sql": """
        CREATE FUNCTION one_row(a int) RETURNS TABLE (id int, title text, at timestamptz)
            LANGUAGE sql STABLE AS 'SELECT a, ''title'', now()';
        CREATE FUNCTION many_rows(a int) RETURNS TABLE (id int, title text, at timestamptz)
            LANGUAGE sql STABLE AS 'SELECT i, ''title'', now() FROM generate_series(1, a) AS i';
    """
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the clients saw: calls per second, milliseconds."""

    rate: float
    p50: float
    p99: float


async def ask(url: str, request: bytes, end: float, times: list[float]) -> None:
    """One client on one connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while (began := time.perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        times.append((time.perf_counter() - began) * 1000)
    writer.close()


def measure(url: str, function: str, argument: int, *, clients: int = CLIENTS, seconds: float = SECONDS) -> Measured:
    """Let clients call for some seconds; what happens in the first half second is not counted."""
    body = json.dumps({"platform": "bench", "function": function, "params": [argument]}).encode()
    request = b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def run(length: float) -> list[float]:
        times: list[float] = []
        end = time.perf_counter() + length
        await asyncio.gather(*(ask(url, request, end, times) for _ in range(clients)))
        return times

    asyncio.run(run(0.5))
    times = sorted(asyncio.run(run(seconds)))
    return Measured(rate=len(times) / seconds, p50=statistics.median(times), p99=times[int(len(times) * 0.99)])


def pgbench(server: Server, database: str, function: str, argument: int) -> float:
    """Calls per second of pgbench -M prepared, the limit of this machine."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"SELECT row_to_json(r)::text FROM (SELECT * FROM {function}({argument})) AS r;\n")
        script.flush()
        Path(script.name).chmod(0o644)
        program = server.programs / "pgbench"
        program = program if program.exists() else Path("/usr/lib/postgresql/15/bin/pgbench")
        command = [str(program), "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", "3", "-f", script.name]
        done = subprocess.run([*command, server.url(database)], capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def bare_handler(server: Server, database: str, port: int) -> subprocess.Popen[bytes]:
    """The bare handler in a process of its own."""
    command = [sys.executable, "-m", "uvicorn", "tests.bench.bare_handler:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    return subprocess.Popen(command, env=os.environ | {"BENCH_DATABASE": server.url(database)})


def rows() -> Iterator[Row]:
    """One row and 100 rows at 16 clients."""
    with begin_run() as run, tempfile.TemporaryDirectory() as home:
        server = run.shared_server(18)
        with start_gateway(Path(home), server.admin_url) as gateway:
            gateway.upload("/register", FOLDER, platform="bench").raise_for_status()
            port = int(gateway.url.rpartition(":")[2]) + 1
            bare = bare_handler(server, "bench_main", port)
            try:
                time.sleep(2)
                for function, argument in (("one_row", 1), ("many_rows", 100)):
                    yield from _compare(server, gateway, f"http://127.0.0.1:{port}", function, argument)
            finally:
                bare.terminate()
                bare.wait()


def _compare(server: Server, gateway: Gateway, bare_url: str, function: str, argument: int) -> Iterator[Row]:
    ours = measure(gateway.url, function, argument)
    bare = measure(bare_url, function, argument)
    limit = pgbench(server, "bench_main", function, argument)
    note = f"p50 {ours.p50:.1f} ms, bare {bare.p50:.1f} ms; pgbench -M prepared {limit:,.0f} calls/s"
    yield Row(
        subject=f"/call, {argument} row(s), {CLIENTS} clients",
        value=ours.rate,
        unit="calls/s",
        baseline="bare Starlette handler",
        baseline_value=bare.rate,
        goal=1.0,
        better="higher",
        note=note,
    )
    yield Row(
        subject=f"/call, {argument} row(s), p99",
        value=ours.p99,
        baseline="bare Starlette handler",
        baseline_value=bare.p99,
        goal=1.0,
    )
