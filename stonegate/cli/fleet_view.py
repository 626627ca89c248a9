"""A fleet apply as it is watched: a live table on a terminal, one plain line per finished database anywhere else."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stonegate.cli.output import stderr
from stonegate.cli.render.lines import printable
from stonegate.cli.watching import describe_stage
from stonegate.model.report import ApplyReport, Status

if TYPE_CHECKING:
    from stonegate.database.progress import Progress
    from stonegate.fleet.fanout import FleetEvent, OnEvent

_STYLES = {
    Status.APPLIED: "green",
    Status.UNCHANGED: "dim",
    Status.DRY_RUN: "cyan",
    Status.BLOCKED: "yellow",
    Status.FAILED: "bold red",
}
_RECENT = 5
_COLUMNS: tuple[JustifyMethod, ...] = ("left", "left", "right", "right")
_MARGIN = 6  # lines of the screen that are not the table's


@contextlib.contextmanager
def watching_fleet(total: int) -> Iterator[OnEvent]:
    """A callback for the events of a fleet of `total` databases; what it shows goes to standard error."""
    console = stderr()
    if console.is_terminal and not console.is_dumb_terminal:
        view = FleetView(total, console)
        with Live(get_renderable=view.render, console=console, refresh_per_second=8, transient=True):
            yield view.take
        console.print(view.footer())
        return
    lines = _Lines(total, console)
    yield lines.take


class _Lines:
    """One line per finished database."""

    def __init__(self, total: int, console: Console) -> None:
        self.total = total
        self.console = console
        self.done = 0

    def take(self, event: FleetEvent) -> None:
        if event.report is None:
            return
        self.done += 1
        width = len(str(self.total))
        number = f"[{self.done:>{width}}/{self.total}]"
        self.console.print(Text.assemble((number, "dim"), " ", report_line(event.report)))


def report_line(report: ApplyReport) -> Text:
    """`shop_anna applied, 3 steps, 0.12 s`."""
    parts = [report.status.value]
    if steps := sum(report.counts.values()):
        parts.append(f"{steps} step" + ("s" if steps != 1 else ""))
    if report.duration_ms:
        parts.append(f"{report.duration_ms / 1000:.2f} s")
    line = Text.assemble((printable(report.database), "bold"), " ", (", ".join(parts), _STYLES[report.status]))
    if report.error is not None:
        line.append(f": {printable(report.error.message)}")
        if report.error.cause:
            line.append(f" ({printable(report.error.cause.splitlines()[0])})", style="dim")
    return line


class FleetView:
    """The live table: what runs, what failed, what was finished last, and how far it all is."""

    def __init__(self, total: int, console: Console) -> None:
        self.total = total
        self.console = console
        self.started = time.monotonic()
        self.counts: Counter[Status] = Counter()
        self.running: dict[str, tuple[float, Progress | None]] = {}
        self.failed: list[ApplyReport] = []
        self.recent: deque[ApplyReport] = deque(maxlen=_RECENT)

    def take(self, event: FleetEvent) -> None:
        """Note an event."""
        name = event.target.database
        if event.report is None:
            begun = self.running.get(name, (time.monotonic(), None))[0]
            self.running[name] = (begun, event.progress)
            return
        self.running.pop(name, None)
        self.counts[event.report.status] += 1
        if event.report.error is not None:
            self.failed.append(event.report)
        elif event.report.status is not Status.UNCHANGED:
            self.recent.append(event.report)

    def render(self) -> RenderableType:
        """The table as it is now, no longer than the screen."""
        table = Table.grid(padding=(0, 2))
        for justify in _COLUMNS:
            table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        room = max(self.console.height - _MARGIN - len(self.running), 1)
        for report in self.failed[-room:]:
            self._add(table, report)
        for report in list(self.recent)[-max(room - len(self.failed), 0) :] if room > len(self.failed) else ():
            self._add(table, report)
        now = time.monotonic()
        for name, (begun, progress) in list(self.running.items()):
            stage = "starting" if progress is None else describe_stage(progress)
            steps = f"{progress.index}/{progress.total}" if progress is not None and progress.total else ""
            table.add_row(Text(printable(name)), Text(printable(stage), style="cyan"), steps, f"{now - begun:.1f} s")
        return Group(table, ProgressBar(total=self.total, completed=self.done, width=40), self.footer())

    @property
    def done(self) -> int:
        """How many are finished."""
        return sum(self.counts.values())

    def footer(self) -> Text:
        """`142/200 · 31.2/s · 2 s left · 138 unchanged · 4 applied`."""
        elapsed = max(time.monotonic() - self.started, 0.001)
        rate = self.done / elapsed
        parts = [f"{self.done}/{self.total}", f"{rate:.1f}/s"]
        if self.done < self.total and rate:
            parts.append(f"{(self.total - self.done) / rate:.0f} s left")
        else:
            parts.append(f"{elapsed:.1f} s")
        line = Text(" · ".join(parts), style="bold")
        for status, number in sorted(self.counts.items()):
            line.append_text(Text.assemble(" · ", (f"{number} {status.value.replace('_', ' ')}", _STYLES[status])))
        return line

    def _add(self, table: Table, report: ApplyReport) -> None:
        state = report.status.value if report.error is None else f"{report.status.value}: {report.error.message}"
        steps = sum(report.counts.values())
        table.add_row(
            Text(printable(report.database)),
            Text(printable(state), style=_STYLES[report.status]),
            str(steps) if steps else "",
            f"{report.duration_ms / 1000:.1f} s",
        )
