"""A fleet apply as it is watched: a live table on a terminal, one plain line per finished database anywhere else."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType
from rich.text import Text

from stonegate.cli.output import Lines, stderr
from stonegate.cli.render.lines import printable
from stonegate.cli.render.names import count
from stonegate.cli.watching import describe_stage
from stonegate.fleet.outcomes import is_not_attempted
from stonegate.model.report import ApplyReport, Status

if TYPE_CHECKING:
    from stonegate.fleet.fanout import FleetEvent

NOT_ATTEMPTED = "not attempted"
#: What became of a database, for people, and its colour; in the order in which it is told.
OUTCOMES = {
    Status.APPLIED.value: "green",
    Status.UNCHANGED.value: "dim",
    "dry run": "cyan",
    Status.DROPPED.value: "yellow",
    Status.BLOCKED.value: "yellow",
    Status.FAILED.value: "bold red",
    NOT_ATTEMPTED: "red",
}
_RECENT = 5
_REMIND = 30.0  # seconds until what is waited for is said again in a pipe
_LATEST = 32  # finished databases whose times make the rate
_ENOUGH = 5  # of them to tell what is left by
_WIDEST = 110
_STEPS, _TIME, _GAPS = 7, 7, 6
_BAR = 40
#: To a line above, and that one away.
_ONE_UP = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))


def _breaks_lines() -> bool:
    """True for terminals that break lines anew when they become narrower: all but a few old ones, which cut them."""
    terminal = os.environ.get("TERM", "")
    is_old = terminal.startswith(("linux", "screen")) or "XTERM_VERSION" in os.environ
    return "TMUX" in os.environ or not is_old


class Watcher(Protocol):
    """Who is told what happens in a fleet, and shows it."""

    def take(self, event: FleetEvent) -> None:
        """Note an event."""

    def tell(self, message: str) -> None:
        """Note what the user is to know about the run as a whole."""


@contextlib.contextmanager
def watching_fleet(total: int) -> Iterator[Watcher]:
    """A watcher of a fleet of `total` databases; what it shows goes to standard error."""
    console = stderr()
    if console.is_terminal and not console.is_dumb_terminal:
        view = FleetView(total, console)
        with Live(get_renderable=view.render, console=console, refresh_per_second=8, transient=True):
            yield view
        return
    yield FleetLines(total, console)


def outcome_of(report: ApplyReport) -> str:
    """One of `OUTCOMES`."""
    return NOT_ATTEMPTED if is_not_attempted(report) else report.status.value.replace("_", " ")


def count_outcomes(counts: Counter[str]) -> Iterator[tuple[str, str]]:
    """`4 applied`, `138 unchanged`, each with its colour."""
    return ((f"{counts[outcome]} {outcome}", style) for outcome, style in OUTCOMES.items() if counts[outcome])


class FleetLines:
    """One line per finished database; none for those whose turn never came, which the summary counts."""

    def __init__(self, total: int, console: Console) -> None:
        self.total = total
        self.lines = Lines(console)
        self.done = 0
        self.told: dict[str, float] = {}  # what is waited for, and when that was said

    def take(self, event: FleetEvent) -> None:
        """Print the line of an event that has one."""
        if event.reason is not None:
            waiting, now = _waiting(event.reason), time.monotonic()
            if now - self.told.get(waiting, -math.inf) > _REMIND:
                self.told[waiting] = now
                self.tell(waiting)
        if event.report is None or is_not_attempted(event.report):
            return
        self.done += 1
        width = len(str(self.total))
        number = f"[{self.done:>{width}}/{self.total}]"
        self.lines(Text.assemble((number, "dim"), " ", report_line(event.report)))

    def tell(self, message: str) -> None:
        """Print it."""
        self.lines(Text(printable(message)))


def report_line(report: ApplyReport) -> Text:
    """`shop_anna applied, 3 steps, 0.12 s`."""
    outcome = outcome_of(report)
    parts = [outcome]
    steps = sum(report.counts.values())
    if steps and report.status is not Status.UNCHANGED:  # which has only looked
        parts.append(count(steps, "step"))
    if report.duration_ms:
        parts.append(f"{report.duration_ms / 1000:.2f} s")
    line = Text.assemble((printable(report.database), "bold"), " ", (", ".join(parts), OUTCOMES[outcome]))
    if report.error is not None:
        line.append(f": {printable(report.error.message)}")
        if report.error.cause:
            line.append(f" ({printable(report.error.cause.splitlines()[0])})", style="dim")
    return line


class FleetView:
    """The live table: what failed, what was finished last, what runs, and how far it all is."""

    def __init__(self, total: int, console: Console) -> None:
        self.total = total
        self.console = console
        self.started = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.running: dict[str, tuple[float, str, str]] = {}  # since when; state and steps
        self.failed: list[ApplyReport] = []
        self.recent: deque[ApplyReport] = deque(maxlen=_RECENT)
        self.finished: deque[float] = deque(maxlen=_LATEST)
        self.longest_name = 0
        self.drawn: list[int] = []  # the widths of the lines on the screen
        self.notice = ""

    def take(self, event: FleetEvent) -> None:
        """Note an event."""
        name = event.target.database
        self.longest_name = max(self.longest_name, cell_len(name))
        if event.report is None:
            begun = self.running.get(name, (time.monotonic(), "", ""))[0]
            self.running[name] = (begun, *_describe(event))
            return
        self.running.pop(name, None)
        self.counts[outcome_of(event.report)] += 1
        self.finished.append(time.monotonic())
        if event.report.error is not None:
            if not is_not_attempted(event.report):
                self.failed.append(event.report)
        elif event.report.status is not Status.UNCHANGED:
            self.recent.append(event.report)

    def tell(self, message: str) -> None:
        """Show it above the bar from now on."""
        self.notice = message

    def render(self) -> RenderableType:
        """The table as it is now, never higher than the screen: the bar and the figures are always there."""
        console, now = self.console, time.monotonic()
        below = [*([Text(self.notice, style="yellow")] if self.notice else []), self.footer()]
        lines = sum(len(text.wrap(console, console.width)) for text in below)
        room = max(console.height - lines - 2, 0)
        running = list(self.running.items())[:room]
        failed = self.failed[-(room - len(running)) :] if room > len(running) else []
        recent = list(self.recent)[-(room - len(running) - len(failed)) :] if room > len(running) + len(failed) else []
        rows = [self._finished_row(report) for report in (*failed, *recent)]
        for name, (begun, state, steps) in running:
            rows.append(self._row(name, state, "cyan", steps, f"{now - begun:.1f} s"))
        # The terminal writes "^C" where the cursor stands: the last line leaves it room.
        bar = max(min(_BAR, console.width - 4), 1)
        broken = [Control(*_ONE_UP * self._broken())]
        self.drawn = [text.cell_len for text in rows]
        self.drawn += [line.cell_len for text in below for line in text.wrap(console, console.width)]
        self.drawn.append(bar)
        return Group(*broken, *rows, *below, ProgressBar(total=self.total, completed=self.done, width=bar))

    def _broken(self) -> int:
        """How many lines more stand on a terminal that has become narrower than were drawn: it breaks the longer ones.

        rich goes back over as many as were drawn.
        """
        width = self.console.width
        return sum(max(drawn - 1, 0) // width for drawn in self.drawn) if _breaks_lines() else 0

    @property
    def done(self) -> int:
        """How many are finished."""
        return sum(self.counts.values())

    def footer(self) -> Text:
        """`142/200 · 31.2/s · 2 s left · 4 applied · 138 unchanged`."""
        now = time.monotonic()
        parts = [f"{self.done}/{self.total}"]
        rate = len(self.finished) / max(now - self._counted_since(), 0.001)
        if self.finished:
            parts.append(f"{rate:.1f}/s")
        if len(self.finished) >= _ENOUGH and self.done < self.total:
            parts.append(f"{(self.total - self.done) / rate:.0f} s left")
        else:
            parts.append(f"{now - self.started:.1f} s")
        line = Text(" · ".join(parts), style="bold")
        for told in count_outcomes(self.counts):
            line.append_text(Text.assemble(" · ", told))
        return line

    def _counted_since(self) -> float:
        """When the databases began that make the rate: at first the run as a whole, then the latest of them."""
        return self.started if len(self.finished) < _LATEST else self.finished[0]

    def _finished_row(self, report: ApplyReport) -> Text:
        outcome = outcome_of(report)
        state = outcome if report.error is None else f"{outcome}: {report.error.message}"
        steps = sum(report.counts.values())
        return self._row(
            report.database, state, OUTCOMES[outcome], str(steps) if steps else "", f"{report.duration_ms / 1000:.1f} s"
        )

    def _row(self, name: str, state: str, style: str, steps: str, took: str) -> Text:
        """One line that fits: names and states are cut, figures never; every row has the same columns."""
        room = max(min(self.console.width, _WIDEST) - _STEPS - _TIME - _GAPS, 16)
        width = min(self.longest_name, room * 3 // 5)
        return Text.assemble(
            (self._fit_name(name, width), "bold"),
            "  ",
            (self._fit(state, room - width), style),
            f"  {steps:>{_STEPS}}  {took:>{_TIME}}",
            no_wrap=True,
            overflow="crop",
        )

    def _fit_name(self, name: str, width: int) -> str:
        """A name that is too long loses its middle: the names of a platform begin alike."""
        name = _on_one_line(name)
        if cell_len(name) <= width:
            return set_cell_size(name, width)
        start = set_cell_size(name, (width - 1) // 3)
        while cell_len(name) > width - 1 - cell_len(start):
            name = name[1:]
        return set_cell_size(f"{start}{self._cut}{name}", width)

    def _fit(self, text: str, width: int) -> str:
        text = _on_one_line(text)
        return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + self._cut

    @property
    def _cut(self) -> str:
        """What stands for what was left out; "..." would need more room."""
        return "…" if self.console.encoding.startswith("utf") else "~"


def _on_one_line(text: str) -> str:
    return printable(text).replace("\n", " ").replace("\t", " ")


def _describe(event: FleetEvent) -> tuple[str, str]:
    """The state of a database that is not finished, and its steps."""
    if event.reason is not None:
        return _waiting(event.reason), ""
    if event.progress is None:
        return "starting", ""
    progress = event.progress
    return describe_stage(progress), f"{progress.index}/{progress.total}" if progress.total else ""


def _waiting(reason: str) -> str:
    """What the server said, without the address that psycopg puts before it."""
    return f"waiting for the server: {reason.splitlines()[0].rpartition(': ')[2].strip()}"
