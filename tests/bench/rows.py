"""What a benchmark tells: one row per measurement, beside a baseline that was measured in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement.

    Args:
        subject: what was measured.
        value: how much, in `unit`.
        unit: such as `ms`, `s`, `calls/s` or `MiB`.
        baseline: what it is compared with, or None.
        baseline_value: the same measurement of the baseline, in the same unit and run.
        goal: what is aimed at: a ratio to the baseline, or without a baseline a value in `unit`.
        better: whether lower or higher figures are better.
        note: anything else that a reader of the figure must know.
    """

    subject: str
    value: float
    unit: str = "ms"
    baseline: str | None = None
    baseline_value: float | None = None
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the baseline's."""
        return self.value / self.baseline_value if self.baseline_value else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        figure = self.value if self.ratio is None else self.ratio
        return figure <= self.goal if self.better == "lower" else figure >= self.goal


def median_ms(action: Callable[[], object], *, times: int, warm_up: int = 1) -> float:
    """The median duration of an action in milliseconds; the first runs, which fill caches, don't count."""
    [median] = medians_ms(action, times=times, warm_up=warm_up)
    return median


def medians_ms(*actions: Callable[[], object], times: int, warm_up: int = 1) -> list[float]:
    """As `median_ms` for actions that are compared: taken in turns, they meet the same moods of the machine."""
    durations: list[list[float]] = [[] for _ in actions]
    for turn in range(warm_up + times):
        for action, taken in zip(actions, durations, strict=True):
            begin = time.perf_counter()
            action()
            if turn >= warm_up:
                taken.append((time.perf_counter() - begin) * 1000)
    return [statistics.median(taken) for taken in durations]
