"""Figures for Prometheus: calls and their latency by platform, requests, deployments, pools (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)  # seconds
#: Names of platforms come from requests: beyond this many they are counted together.
MOST_PLATFORMS = 1000

K = TypeVar("K")


class Latency(msgspec.Struct):
    """A histogram: how many calls per bucket (the last one is for those above all bounds), and their seconds."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class Figures(msgspec.Struct, kw_only=True):
    """Counters, which never fall, and what the pools of one worker, or of all of them, hold now.

    Attributes:
        requests: by declared route and status.
        calls: by platform and outcome ("ok" or the error's code).
        deploys: databases, by kind of deployment and outcome.
        exhausted: calls that got no connection in time.
        pools: per database: connections, idle ones, waiting calls.
    """

    requests: dict[tuple[str, int], int] = {}
    calls: dict[tuple[str, str], int] = {}
    rows: dict[str, int] = {}
    latency: dict[str, Latency] = {}
    deploys: dict[tuple[str, str], int] = {}
    exhausted: int = 0
    pools: dict[str, tuple[int, int, int]] = {}

    @property
    def connections(self) -> int:
        """Connections of all pools."""
        return sum(size for size, _, _ in self.pools.values())


class Metrics:
    """Counts for one worker.

    Args:
        figures: where to go on from.
    """

    def __init__(self, figures: Figures | None = None) -> None:
        self.figures = figures or Figures()

    def count_request(self, route: str, status: int) -> None:
        """An answer; `route` is the declared path, never what a client typed."""
        _add(self.figures.requests, (route, status), 1)

    def count_call(self, platform: str, outcome: str, seconds: float, rows: int) -> None:
        """A call; `outcome` is "ok" or the error's code."""
        figures = self.figures
        latency = figures.latency.get(platform)
        if latency is None:
            if len(figures.latency) >= MOST_PLATFORMS:
                platform = "other"
            latency = figures.latency.setdefault(platform, Latency())
        latency.counts[bisect_left(BUCKETS, seconds)] += 1
        latency.seconds += seconds
        _add(figures.calls, (platform, outcome), 1)
        _add(figures.rows, platform, rows)

    def count_deploy(self, kind: str, status: str) -> None:
        """One database of a deployment; `kind` is the endpoint's."""
        _add(self.figures.deploys, (kind, status), 1)


def sum_figures(parts: Iterable[Figures]) -> Figures:
    """What several workers counted together."""
    total = Figures()
    for part in parts:
        for key, value in part.requests.items():
            _add(total.requests, key, value)
        for call, value in part.calls.items():
            _add(total.calls, call, value)
        for platform, value in part.rows.items():
            _add(total.rows, platform, value)
        for deploy, value in part.deploys.items():
            _add(total.deploys, deploy, value)
        for platform, latency in part.latency.items():
            known = total.latency.setdefault(platform, Latency())
            known.counts = [a + b for a, b in zip(known.counts, latency.counts, strict=True)]
            known.seconds += latency.seconds
        for database, (size, idle, waiting) in part.pools.items():
            others = total.pools.get(database, (0, 0, 0))
            total.pools[database] = (others[0] + size, others[1] + idle, others[2] + waiting)
        total.exhausted += part.exhausted
    return total


def render_figures(figures: Figures, gauges: Mapping[str, tuple[str, float]]) -> str:
    """Everything as Prometheus reads it.

    Args:
        gauges: more of them by name, each with its help.
    """
    lines: list[str] = []
    requests = (({"route": route, "status": str(status)}, n) for (route, status), n in figures.requests.items())
    lines += _family("requests_total", "counter", "answers by route and status", requests)
    calls = (({"platform": name, "outcome": what}, n) for (name, what), n in figures.calls.items())
    lines += _family("calls_total", "counter", "calls by platform and outcome", calls)
    rows = (({"platform": name}, n) for name, n in figures.rows.items())
    lines += _family("call_rows_total", "counter", "rows returned by calls", rows)
    lines += _render_latency(figures.latency)
    deploys = (({"kind": kind, "status": status}, n) for (kind, status), n in figures.deploys.items())
    lines += _family("deploys_total", "counter", "deployed databases by kind and outcome", deploys)
    lines += _single("pool_exhausted_total", "counter", "calls that got no connection in time", figures.exhausted)
    for place, (state, help) in enumerate(_POOL_GAUGES.items()):
        of_databases = (({"database": name}, pool[place]) for name, pool in figures.pools.items())
        lines += _family(f"pool_{state}", "gauge", help, of_databases)
    for name, (help, value) in gauges.items():
        lines += _single(name, "gauge", help, value)
    return "\n".join(lines) + "\n"


_POOL_GAUGES = {
    "open": "connections per database",
    "idle": "connections per database that no call uses",
    "waiting": "calls per database that wait for a connection",
}


def _render_latency(by_platform: Mapping[str, Latency]) -> Iterator[str]:
    name = "stonegate_call_seconds"
    yield f"# HELP {name} latency of calls by platform"
    yield f"# TYPE {name} histogram"
    for platform, latency in by_platform.items():
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), latency.counts, strict=True):
            total += count
            yield f"{name}_bucket{_labels({'platform': platform, 'le': bound})} {total}"
        yield f"{name}_sum{_labels({'platform': platform})} {latency.seconds:.6f}"
        yield f"{name}_count{_labels({'platform': platform})} {total}"


def _add(counters: dict[K, int], key: K, more: int) -> None:
    counters[key] = counters.get(key, 0) + more


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield f"# HELP stonegate_{name} {help}"
    yield f"# TYPE stonegate_{name} {kind}"
    for labels, value in samples:
        yield f"stonegate_{name}{_labels(labels)} {value}"


def _single(name: str, kind: str, help: str, value: float) -> Iterator[str]:
    return _family(name, kind, help, [({}, value)])


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
