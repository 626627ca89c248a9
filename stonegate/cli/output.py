"""Where results and messages go: results to standard output, all else to standard error, colour only on a terminal."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from io import RawIOBase, TextIOWrapper
from typing import IO, Protocol

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.status import Status
from rich.text import Text

from stonegate.cli.render.failure import render_warning
from stonegate.errors import UsageError

#: Files and pipes have no edge to break a line at.
_ENDLESS = 100_000
_TALL = 100
#: What stands for our signs in an encoding that lacks them (LC_ALL=C, Windows code pages).
_PLAIN = {"✓": "+", "✗": "x", "±": "+-", "»": ">", "·": ".", "…": "...", "→": "->", "─": "-", "│": "|", "–": "-"}

#: True once a command was asked for JSON: then a failure is a JSON document on standard output too.
_wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)


def expect_json(*, wanted: bool) -> bool:
    """Note whether standard output shall be exactly one JSON document, and tell it."""
    _wants_json.set(wanted)
    return wanted


def json_expected() -> bool:
    """True if standard output shall be exactly one JSON document."""
    return _wants_json.get()


def make_writable() -> None:
    """Let standard output and error take any text: a terminal that knows no "±" shall not stop a deployment.

    Streams that the caller closed (`>&-`, some daemons) are replaced by the null device, and those without a buffer
    (PYTHONUNBUFFERED) get one: what the device does not take of one write would be lost without an error.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    codecs.register_error("plain", _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper) and isinstance(stream.buffer, RawIOBase):
            stream = open(stream.fileno(), "w", encoding=stream.encoding, closefd=False)  # noqa: SIM115
            stream.reconfigure(line_buffering=True)
            setattr(sys, name, stream)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def make_console(stream: IO[str]) -> Console:
    """A console on a stream: as wide as its terminal, without colours and line breaks anywhere else.

    COLUMNS sets the width everywhere; NO_COLOR and TERM=dumb switch colours off (https://no-color.org).
    """
    terminal = stream.isatty()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() and int(columns) > 0 else None
    return Console(
        file=stream,
        force_terminal=terminal,
        no_color=bool(os.environ.get("NO_COLOR")) or None,
        width=width if width is not None or terminal else _ENDLESS,
        height=None if terminal else _TALL,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def stdout() -> Console:
    """The console of results."""
    return make_console(sys.stdout)


def stderr() -> Console:
    """The console of progress and messages."""
    return make_console(sys.stderr)


def is_interactive() -> bool:
    """True if a person can be asked: keyboard and screen are both there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show(*lines: Text) -> None:
    """Print results for people; lines fit the screen already.

    Raises:
        BrokenPipeError, UsageError: as `flush_results`.
    """
    with sending():
        print_lines(stdout(), lines)


def print_lines(console: Console, lines: Iterable[Text]) -> None:
    """Print lines in one go: a plan may have thousands, and a pipe needs none of rich's work."""
    if not console.is_terminal:
        console.file.write("".join(f"{line.plain}\n" for line in lines))
    elif whole := list(lines):
        console.print(Text("\n").join(whole), soft_wrap=True)


def warn(warnings: Iterable[str]) -> None:
    """Say on standard error what stands in nobody's way, but should be known."""
    console = stderr()
    for warning in warnings:
        print_lines(console, render_warning(console, warning))


class Lines:
    """Lines that tell of work while it goes on.

    Where nobody can read them any more the work goes on without them: nothing is half done because a log ended.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.are_read = True
        self._waiting: list[Text] = []
        self._is_writing = False

    def __call__(self, *lines: Text) -> None:
        """Print them at once; in a signal's handler, behind the line that the signal interrupted."""
        self._waiting.extend(lines)
        while self._waiting and not self._is_writing:
            self._is_writing = True
            try:
                self._write()
            finally:
                self._is_writing = False

    def _write(self) -> None:
        lines = tuple(self._waiting)
        del self._waiting[: len(lines)]
        if not self.are_read:
            return
        try:
            print_lines(self.console, lines)
            self.console.file.flush()
        except (OSError, SystemExit):  # rich ends the program where a pipe is closed
            self.are_read = False
        except RuntimeError:  # what the signal interrupted was writing to the same stream otherwise
            return


def write(text: str) -> None:
    """Write a result for programs, as it is, ended by a newline.

    Raises:
        BrokenPipeError, UsageError: as `flush_results`.
    """
    with sending():
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    flush_results()


def flush_results() -> None:
    """Send what was written to standard output.

    Raises:
        BrokenPipeError: whoever read it has gone.
        UsageError: it cannot be written, for want of space on the device, say.
    """
    with sending():
        sys.stdout.flush()


@contextlib.contextmanager
def sending() -> Iterator[None]:
    """What is written to standard output in between arrives, or it is said that it does not.

    Raises:
        BrokenPipeError, UsageError: as `flush_results`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_results()
        raise UsageError("cannot write to standard output", cause=error.strerror or str(error)) from error


def abandon_results() -> None:
    """Let the rest of standard output go nowhere; else Python would complain once more when it closes the stream."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_json(document: object) -> None:
    """Write the one JSON document of a command; what fails after it is told on standard error alone."""
    expect_json(wanted=False)
    write(dump_json(document))


def dump_json(document: object) -> str:
    """Indented, deterministic JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def say(message: str) -> None:
    """A message for people, on standard error."""
    stderr().print(Text(message))


class Watcher(Protocol):
    """What is told about the work that goes on."""

    def __call__(self, message: str) -> None: ...


class _Spinner(Struct, frozen=True):
    status: Status

    def __call__(self, message: str) -> None:
        self.status.update(Text(message))


def _ignore(message: str) -> None:
    del message


@contextlib.contextmanager
def progress(message: str) -> Iterator[Watcher]:
    """A line on the terminal that says what is being done, gone when it is done; nothing where there is no terminal."""
    console = stderr()
    if not console.is_terminal or console.is_dumb_terminal:
        yield _ignore
        return
    with console.status(Text(message), spinner="dots") as status:
        yield _Spinner(status)
