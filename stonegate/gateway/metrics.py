"""Figures for Prometheus: calls and their latency by platform, requests, deployments, pools (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)  # seconds
#: Names of platforms come from requests: beyond this many they are counted together.
MOST_PLATFORMS = 1000


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.deploys: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[str] = Counter()
        self._latency: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def count_request(self, route: str, status: int) -> None:
        """An answer; `route` is the declared path, never what a client typed."""
        self.requests[route, status] += 1

    def count_call(self, platform: str, outcome: str, seconds: float, rows: int) -> None:
        """A call; `outcome` is "ok" or the error's code."""
        if platform not in self._latency and len(self._latency) >= MOST_PLATFORMS:
            platform = "other"
        self.calls[platform, outcome] += 1
        self.rows[platform] += rows
        buckets = self._latency.get(platform)
        if buckets is None:
            buckets = self._latency[platform] = [0] * (len(BUCKETS) + 1)
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[platform] += seconds  # type: ignore[assignment]

    def count_deploy(self, kind: str, status: str) -> None:
        """One database of a deployment; `kind` is the endpoint's."""
        self.deploys[kind, status] += 1

    def render(self, gauges: Mapping[str, float], pools: Mapping[str, tuple[int, int, int]]) -> str:
        """Everything as Prometheus reads it."""
        lines: list[str] = []
        lines += _family(
            "requests_total",
            "counter",
            "answers by route and status",
            (({"route": route, "status": str(status)}, n) for (route, status), n in self.requests.items()),
        )
        lines += _family(
            "calls_total",
            "counter",
            "calls by platform and outcome",
            (({"platform": name, "outcome": what}, n) for (name, what), n in self.calls.items()),
        )
        lines += _family(
            "call_rows_total",
            "counter",
            "rows returned by calls",
            (({"platform": name}, n) for name, n in self.rows.items()),
        )
        lines += self._render_latency()
        lines += _family(
            "deploys_total",
            "counter",
            "deployed databases by kind and outcome",
            (({"kind": kind, "status": status}, n) for (kind, status), n in self.deploys.items()),
        )
        for place, state in enumerate(("open", "idle", "waiting")):
            lines += _family(
                f"pool_{state}",
                "gauge",
                f"connections or calls per database: {state}",
                (({"database": name}, figures[place]) for name, figures in pools.items()),
            )
        for name, value in gauges.items():
            lines += _family(name, "gauge", name.replace("_", " "), [({}, value)])
        return "\n".join(lines) + "\n"

    def _render_latency(self) -> Iterator[str]:
        name = "stonegate_call_seconds"
        yield f"# HELP {name} latency of calls by platform"
        yield f"# TYPE {name} histogram"
        for platform, counts in self._latency.items():
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                yield f"{name}_bucket{_labels({'platform': platform, 'le': bound})} {total}"
            yield f"{name}_sum{_labels({'platform': platform})} {self._seconds[platform]:.6f}"
            yield f"{name}_count{_labels({'platform': platform})} {total}"


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield f"# HELP stonegate_{name} {help}"
    yield f"# TYPE stonegate_{name} {kind}"
    for labels, value in samples:
        yield f"stonegate_{name}{_labels(labels)} {value}"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
