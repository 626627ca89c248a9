"""What is seen of a fleet while it is deployed: on terminals of any size, and in a pipe."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from stonegate.cli.fleet_view import FleetLines, FleetView
from stonegate.cli.output import Lines
from stonegate.cli.render.lines import table
from stonegate.cli.tenant_view import Working
from stonegate.database.progress import Progress, Stage
from stonegate.database.tenants.make import Made
from stonegate.fleet.fanout import FleetEvent, State
from stonegate.fleet.names import v1_owner
from stonegate.fleet.outcomes import not_attempted
from stonegate.fleet.targets import Target
from stonegate.fleet.tenants import TenantReport
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Phase, Step
from stonegate.model.report import ApplyReport, ErrorReport, Status, StepReport

TARGETS = [Target(server="host=h", owner=v1_owner("shop", f"t{n}"), database=f"shop_tenant_{n}") for n in range(60)]
BROKEN = ErrorReport(code="x", message="broke [bold]\nagain and again", exit_code=6, http_status=500)
REFUSED = 'connection failed: connection to server at "::1", port 5432 failed: Connection refused\n\tIs it running?'


def fill(view: FleetView) -> None:
    """Of two hundred databases 60 are begun and 50 finished, every ninth with a failure."""
    for target in TARGETS:
        view.take(FleetEvent(target=target, state=State.RUNNING))
    progress = Progress(database=TARGETS[50].database, stage=Stage.STEPS, index=3, total=9, object="table users")
    view.take(FleetEvent(target=TARGETS[50], state=State.RUNNING, progress=progress))
    view.take(FleetEvent(target=TARGETS[51], state=State.WAITING, reason=REFUSED))
    for number, target in enumerate(TARGETS[:50]):
        error = BROKEN if number % 9 == 0 else None
        status = Status.FAILED if error else Status.APPLIED
        report = ApplyReport(status=status, database=target.database, duration_ms=1200, error=error)
        view.take(FleetEvent(target=target, state=State.DONE, report=report))


def draw(width: int, height: int, encoding: str = "utf-8") -> list[str]:
    """The lines on a screen of that size."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    console = Console(file=stream, width=width, height=height, force_terminal=True, no_color=True, legacy_windows=False)
    view = FleetView(200, console)
    fill(view)
    view.tell("interrupted: what is under way is finished")
    with console.capture() as captured:
        console.print(view.render())
    return Text.from_ansi(captured.get()).plain.splitlines()


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (160, 50), (60, 10), (40, 6), (200, 4)])
def test_the_live_table_fits_and_always_says_how_far_it_is(width: int, height: int) -> None:
    lines = draw(width, height)
    assert len(lines) <= height and max(map(cell_len, lines)) <= width
    whole = " ".join(" ".join(lines).split())
    assert "50/200" in whole and "44 applied" in whole and "6 failed" in whole and " left" in whole
    assert "interrupted: what is under way" in whole
    if height >= 24:
        (line,) = (line for line in lines if line.startswith("shop_tenant_50 "))
        assert "applying, table" in line and line.endswith(" s") and " 3/9 " in line
        assert any("waiting for the server: C" in line for line in lines)
        assert sum("broke" in line for line in lines) >= 1


@pytest.mark.parametrize(
    ("terminal", "broken"),
    [({"TERM": "xterm-256color"}, True), ({"TERM": "xterm", "XTERM_VERSION": "XTerm(398)"}, False)],
)
def test_nothing_is_left_on_a_terminal_that_becomes_narrower(
    monkeypatch: pytest.MonkeyPatch, terminal: dict[str, str], broken: bool
) -> None:
    for name in ("TMUX", "XTERM_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in terminal.items():
        monkeypatch.setenv(name, value)
    console = Console(file=io.StringIO(), width=110, height=24, force_terminal=True, legacy_windows=False)
    view = FleetView(200, console)
    fill(view)

    def lines_above() -> int:
        with console.capture() as captured:
            console.print(view.render())
        return captured.get().count("\x1b[1A")

    assert lines_above() == 0
    first = list(view.drawn)
    console.width = 50
    assert lines_above() == (sum(-(-drawn // 50) - 1 for drawn in first) if broken else 0)
    assert lines_above() == 0  # these fit
    console.width = 110
    assert lines_above() == 0


def test_what_is_cut_keeps_its_width_where_the_encoding_lacks_the_ellipsis() -> None:
    assert any("…" in line for line in draw(60, 24))
    lines = draw(60, 24, "ascii")  # there the ellipsis would be written as three dots
    assert any("~" in line for line in lines) and not any("…" in line for line in lines)


def test_in_a_pipe_each_finished_database_has_a_line() -> None:
    key = ObjectKey(ObjectKind.SEED, "public", "lists")
    looked = StepReport(step=Step(id="s", action=Action.VALIDATE, phase=Phase.SEEDERS, key=key), state="done")
    stream = io.StringIO()
    lines = FleetLines(3, Console(file=stream, width=200))
    for target in TARGETS[:2]:
        lines.take(FleetEvent(target=target, state=State.RUNNING))
        lines.take(FleetEvent(target=target, state=State.WAITING, reason=REFUSED))
    for target, status in ((TARGETS[0], Status.DRY_RUN), (TARGETS[1], Status.UNCHANGED)):
        lines.take(
            FleetEvent(
                target=target,
                state=State.DONE,
                report=ApplyReport(status=status, database=target.database, steps=(looked,)),
            )
        )
    ended = not_attempted(TARGETS[2].database, "interrupted")
    lines.take(FleetEvent(target=TARGETS[2], state=State.DONE, report=ended))
    assert stream.getvalue().splitlines() == [
        "waiting for the server: Connection refused",
        "[1/3] shop_tenant_0 dry run, 1 step",
        "[2/3] shop_tenant_1 unchanged",
    ]


def test_long_names_are_told_apart_on_a_narrow_screen() -> None:
    console = Console(file=io.StringIO(), width=40, height=24, force_terminal=True, no_color=True)
    view = FleetView(2, console)
    for number in (115, 116):
        name = f"shop_app_a_tenant_with_a_remarkably_long_name_{number}"
        view.take(FleetEvent(target=replace(TARGETS[0], database=name), state=State.RUNNING))
    with console.capture() as captured:
        console.print(view.render())
    first, second, *_ = Text.from_ansi(captured.get()).plain.splitlines()
    assert first.startswith("sho…name_115  ") and second.startswith("sho…name_116  ")


class Closed(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


class Interrupted(io.StringIO):
    """A pipe into which a signal's handler wants to write as well, in the middle of a line."""

    handler: Callable[[], None] | None = None

    def write(self, text: str) -> int:
        written = super().write(text)
        handler, self.handler = self.handler, None
        if handler is not None:
            handler()
        return written


def test_what_a_handler_says_in_the_middle_of_a_line_stands_behind_it() -> None:
    stream = Interrupted()
    lines = Lines(Console(file=stream))
    stream.handler = lambda: lines(Text("interrupted"))
    lines(Text("one"))
    lines(Text("two"))
    assert stream.getvalue().splitlines() == ["one", "interrupted", "two"]


def test_the_end_of_a_log_is_not_the_end_of_the_work() -> None:
    lines = FleetLines(2, Console(file=Closed(), width=200))
    made = Working(2, lambda message: None, shown=True)
    made.results = made.messages = Lines(Console(file=Closed()))
    for target in TARGETS[:2]:
        report = ApplyReport(status=Status.APPLIED, database=target.database)
        lines.take(FleetEvent(target=target, state=State.DONE, report=report))
        made.take(TenantReport(owner=target.owner, database=target.database, made=Made(created=True)))
    made.tell("interrupted")
    assert (lines.done, made.done) == (2, 2)


def test_a_narrow_screen_leaves_out_what_can_be_spared() -> None:
    def draw_table(width: int) -> list[str]:
        console = Console(file=io.StringIO(), width=width)
        rows = [("shop_tenant_1", "2026-11-25 01:18:41", "shop_owner", "3")]
        header = ("database", "deployed", "by", "drift")
        return [line.plain for line in table(console, header, rows, numeric=(3,), spare=(2, 1))]

    assert draw_table(60)[2] == "shop_tenant_1  2026-11-25 01:18:41  shop_owner      3"
    assert draw_table(50)[2] == "shop_tenant_1  2026-11-25 01:18:41      3"
    assert draw_table(40)[0].split() == ["database", "drift"] and draw_table(40)[2] == "shop_tenant_1      3"


def test_a_block_of_a_row_that_is_too_wide_uses_all_of_the_screen() -> None:
    console = Console(file=io.StringIO(), width=40)
    words = "one two three four five six seven eight nine ten eleven"
    rows = [("shop_tenant_1_of_many", words, "another_name_of_its_own")]
    drawn = [line.plain for line in table(console, ("database", "found", "made by whom"), rows)]
    assert drawn == [
        "database      shop_tenant_1_of_many",
        "found         one two three four five",
        "              six seven eight nine ten",
        "              eleven",
        "made by whom  another_name_of_its_own",
    ]
