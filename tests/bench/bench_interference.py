"""How much a large `/register` slows `/call` down: the latencies of calls with and without it, on the same gateway."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import WARM_UP
from tests.bench.rows import Row
from tests.gateway.gateway import Gateway, pack, start_gateway
from tests.platforms import Platform, render_platform
from tests.servers import begin_run

LARGE = Platform(tables=400, functions=2000)
#: With the start of the clients less than a registration takes, so that every answer that counts came during one.
SECONDS = 1.2
ROUNDS = 5
FOLDER = {
    "functions/bench.sql": "CREATE FUNCTION one_row(a int) RETURNS TABLE (id int, title text, at timestamptz)"
    " LANGUAGE sql STABLE AS 'SELECT a, ''title'', now()';"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What clients saw without a registration and during one, and how many seconds that took."""

    idle: Latency
    busy: Latency
    seconds: float


def measure(gateway: Gateway, clients: int) -> Latency:
    """What clients see that call one after the other, for `SECONDS`."""
    host, port = gateway.url.removeprefix("http://").split(":")
    body = json.dumps({"platform": "bench", "function": "one_row", "params": [1]})
    request = f"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    command = [sys.executable, "-m", "tests.bench.load", host, port, str(SECONDS), str(clients)]
    done = subprocess.run(command, input=json.dumps([request]), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return Latency(p50=told["p50"], p99=told["p99"])


def rows() -> Iterator[Row]:
    """Calls alone and while a folder is registered that no reference database exists for, in turns.

    One round tells little with several clients: their p99 is either a call's own time or a slice of the scheduler.
    """
    with begin_run() as run, tempfile.TemporaryDirectory() as home:
        server = run.shared_server(18)
        with start_gateway(Path(home), server.admin_url) as gateway:
            gateway.upload("/register", FOLDER, platform="bench").raise_for_status()
            for clients in (1, 4):
                yield _row(clients, [_round(gateway, clients, turn) for turn in range(ROUNDS)])


def _row(clients: int, rounds: list[Round]) -> Row:
    ratios = sorted(each.busy.p99 / each.idle.p99 for each in rounds)
    p50 = (statistics.median(each.busy.p50 for each in rounds), statistics.median(each.idle.p50 for each in rounds))
    return Row(
        subject=f"/call p99, {clients} client(s), while {LARGE.tables} tables and {LARGE.functions:,} "
        "functions are registered",
        value=statistics.median(each.busy.p99 for each in rounds),
        baseline="the same without",
        baseline_value=statistics.median(each.idle.p99 for each in rounds),
        goal=3.0,
        note=f"medians of {ROUNDS} rounds, whose ratios were {ratios[0]:.1f}\N{EN DASH}{ratios[-1]:.1f}; the last "
        f"registration took {rounds[-1].seconds:.1f} s; p50 {p50[0]:.2f} ms, without {p50[1]:.2f} ms",
    )


def _round(gateway: Gateway, clients: int, turn: int) -> Round:
    idle = measure(gateway, clients)
    seconds, busy = _while_registering(gateway, clients, turn)
    assert seconds > SECONDS + WARM_UP, "the registration was over too early to tell anything"
    return Round(idle=idle, busy=busy, seconds=seconds)


def _while_registering(gateway: Gateway, clients: int, turn: int) -> tuple[float, Latency]:
    """How long the registration took, and what the clients saw meanwhile."""
    own = {"functions/own.sql": f"CREATE FUNCTION own{clients}() RETURNS int LANGUAGE sql AS 'SELECT {turn}';"}
    archive = pack(dict(render_platform(LARGE)) | own)
    took: list[float] = []

    def register() -> None:
        began = time.perf_counter()
        gateway.upload("/register", archive, platform=f"large{clients}_{turn}").raise_for_status()
        took.append(time.perf_counter() - began)

    registering = threading.Thread(target=register)
    registering.start()
    busy = measure(gateway, clients)
    registering.join()
    assert took, "the registration failed"
    return took[0], busy
