"""Calls per second and latency of `/call`, beside a bare Starlette handler and what pgbench reaches without HTTP.

One row and 100 rows; 16 clients on one database, 64 clients over 50 databases; one worker and two.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stonegate.fleet.names import v1_owner
from stonegate.fleet.records import DatabaseRecord, now
from stonegate.fleet.registry import Registry
from tests.bench.rows import Row
from tests.gateway.gateway import Gateway, start_gateway
from tests.servers import Server, begin_run, psql

SECONDS = 3.0
START_SECONDS = 20.0
TENANTS = 50
FOLDER = {
    "functions/bench.sql": """
        CREATE FUNCTION one_row(a int) RETURNS TABLE (id int, title text, at timestamptz)
            LANGUAGE sql STABLE AS 'SELECT a, ''title'', now()';
        CREATE FUNCTION many_rows(a int) RETURNS TABLE (id int, title text, at timestamptz)
            LANGUAGE sql STABLE AS 'SELECT i, ''title'', now() FROM generate_series(1, a) AS i';
    """
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is called.

    Args:
        goal: calls per second as a multiple of the bare handler's, one worker each.
    """

    function: str
    rows: int
    goal: float


KINDS = (Kind(function="one_row", rows=1, goal=2.4), Kind(function="many_rows", rows=100, goal=1.6))


class Measured(msgspec.Struct):
    """What the clients saw: calls per second, milliseconds; and what a call cost them (microseconds of processor)."""

    rate: float
    p50: float
    p99: float
    cpu_us: float


def measure(
    url: str, kind: Kind, *, clients: int = 16, tenants: Sequence[str | None] = (None,), seconds: float = SECONDS
) -> Measured:
    """Let clients, in a process of their own, call for some seconds."""
    host, port = url.removeprefix("http://").split(":")
    command = [sys.executable, "-m", "tests.bench.load", host, port, str(seconds), str(clients)]
    requests = json.dumps([render_request(kind, tenant) for tenant in tenants])
    done = subprocess.run(command, input=requests, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=Measured)


def render_request(kind: Kind, tenant: str | None) -> str:
    """The request that a client sends again and again."""
    body = {"platform": "bench", "tenant_id": tenant, "function": kind.function, "params": [kind.rows]}
    text = json.dumps({name: value for name, value in body.items() if value is not None})
    return f"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n{text}"


def pgbench(server: Server, database: str, kind: Kind) -> float:
    """Calls per second of pgbench -M prepared, the limit of this machine."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"SELECT row_to_json(r)::text FROM (SELECT * FROM {kind.function}({kind.rows})) AS r;\n")
        script.flush()
        Path(script.name).chmod(0o644)
        program = server.programs / "pgbench"
        program = program if program.exists() else Path("/usr/lib/postgresql/15/bin/pgbench")
        command = [str(program), "-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", "2", "-f", script.name]
        done = subprocess.run([*command, server.url(database)], capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


@contextlib.contextmanager
def bare_handler(server: Server, port: int, *, workers: int) -> Iterator[str]:
    """The bare handler in processes of its own; its URL."""
    command = [sys.executable, "-m", "uvicorn", "tests.bench.bare_handler:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--workers", str(workers)]
    process = subprocess.Popen(command, env=os.environ | {"BENCH_SERVER": server.admin_url})
    try:
        _wait_until_open(process, port)
        time.sleep(1.5 * workers)  # the port is open before the workers have imported anything
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None and time.monotonic() < deadline, "the bare handler does not start"
        time.sleep(0.05)


def rows() -> Iterator[Row]:
    """Rates and latencies."""
    with begin_run() as run, tempfile.TemporaryDirectory() as home:
        server = run.shared_server(18)
        for workers in (1, 2):
            with start_gateway(Path(home), server.admin_url, GATEWAY_WORKERS=str(workers)) as gateway:
                if workers == 1:
                    gateway.upload("/register", FOLDER, platform="bench").raise_for_status()
                    make_tenants(server, gateway)
                port = int(gateway.url.rpartition(":")[2]) + 1
                with bare_handler(server, port, workers=workers) as bare_url:
                    for kind in KINDS:
                        yield from _compare(server, gateway, bare_url, kind, workers)


def make_tenants(server: Server, gateway: Gateway) -> None:
    """Copies of the database, recorded as if they had been registered."""
    assert gateway.data_dir is not None
    registry = Registry(gateway.data_dir)
    for tenant in _tenants():
        owner = v1_owner("bench", tenant)
        psql(server.admin_url, f'CREATE DATABASE "{owner.database}" TEMPLATE bench_main')
        registry.record(DatabaseRecord(owner=owner, database=owner.database, created_at=now()))


def _tenants() -> list[str]:
    return [f"t{number}" for number in range(TENANTS)]


def _compare(server: Server, gateway: Gateway, bare_url: str, kind: Kind, workers: int) -> Iterator[Row]:
    bare = measure(bare_url, kind)
    one = measure(gateway.url, kind)
    many = measure(gateway.url, kind, clients=64, tenants=_tenants())
    bare_many = measure(bare_url, kind, clients=64, tenants=_tenants())
    what = f"/call, {kind.rows} row(s), {workers} worker(s)"
    limit = f"; pgbench -M prepared {pgbench(server, 'bench_main', kind):,.0f} calls/s" if workers == 1 else ""
    for where, ours, theirs in (("16 clients", one, bare), (f"64 clients, {TENANTS} databases", many, bare_many)):
        yield Row(
            subject=f"{what}, {where}",
            value=ours.rate,
            unit="calls/s",
            baseline="bare Starlette handler, a pool per database",
            baseline_value=theirs.rate,
            goal=kind.goal if workers == 1 else None,
            better="higher",
            note=f"p50 {ours.p50:.2f} ms, bare {theirs.p50:.2f} ms; clients {ours.cpu_us:.0f} µs a call{limit}",
        )
        yield Row(
            subject=f"{what}, {where}: p99",
            value=ours.p99,
            baseline="bare Starlette handler",
            baseline_value=theirs.p99,
            goal=1.0,
        )
        limit = ""
