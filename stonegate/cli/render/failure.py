"""A failure for people and as JSON: what is wrong, where, in whose words, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from stonegate.cli.render.lines import indented, printable
from stonegate.errors import SourceErrors, StonegateError, SyntaxFailure
from stonegate.model.report import ErrorReport

INTERRUPTED: Final = 130  # the exit code, as shells report SIGINT
#: The document of a command that Ctrl-C or SIGTERM ended.
INTERRUPTION: Final[dict[str, Any]] = {
    "error": "interrupted",
    "message": "interrupted: what was under way was rolled back",
    "exit_code": INTERRUPTED,
}
#: Has the whole traceback of a mistake in stonegate printed.
TRACEBACK: Final = "STONEGATE_TRACEBACK"


def unexpected(error: Exception) -> StonegateError:
    """What is told of an exception that nobody foresaw."""
    return StonegateError(
        f"unexpected {type(error).__name__}: {error}".rstrip(": "),
        hint=f"this is a mistake in stonegate; please report it with the output of {TRACEBACK}=1 stonegate …",
    )


def render_failure(console: Console, error: StonegateError) -> Iterator[Text]:
    """The lines of an error; several broken places are listed one by one."""
    if isinstance(error, SourceErrors):
        for each in error.errors:
            yield from render_failure(console, each)
        yield from indented(console, Text(f"{len(error.errors)} errors", style="bold"), 0)
        return
    yield from render_headline(console, error.message)
    if error.place is not None:
        yield from indented(console, Text.assemble(("--> ", "blue"), printable(error.place)), 2)
    if isinstance(error, SyntaxFailure):
        yield from _excerpt(error.excerpt, console.width)
    yield from render_reasons(console, error)


def render_headline(console: Console, message: str) -> Iterator[Text]:
    """What is wrong."""
    yield from indented(console, Text.assemble(("error: ", "bold red"), (printable(message), "bold")), 0, hang=2)


def render_warning(console: Console, warning: str) -> Iterator[Text]:
    """What stands in nobody's way, but should be known."""
    yield from indented(console, Text.assemble(("warning: ", "bold yellow"), printable(warning)), 0, hang=2)


def render_reasons(console: Console, error: StonegateError | ErrorReport) -> Iterator[Text]:
    """What stands below the headline: the details, the cause in PostgreSQL's words, and what to type next."""
    for detail in error.details:
        yield from indented(console, Text.assemble(("- ", "blue"), printable(detail)), 2, hang=2)
    if error.cause is not None:
        yield from indented(console, Text.assemble(("cause: ", "bold"), printable(error.cause)), 2, hang=2)
    if error.hint is not None:
        yield from indented(console, Text.assemble(("hint: ", "bold green"), printable(error.hint)), 2, hang=2)


def _excerpt(excerpt: str, width: int) -> Iterator[Text]:
    """The line and the caret below it; of a line that is too long, the part around the caret."""
    line, _, caret = excerpt.partition("\n")
    before = printable(line[: len(caret) - 1]).expandtabs(4)
    whole = (printable(line[: len(caret) - 1]) + printable(line[len(caret) - 1 :])).expandtabs(4)
    room = max(width - 6, 20)
    start = 0
    if cell_len(whole) > room:
        start = max(len(before) - room // 2, 0)  # some letters are wider
        while cell_len(before[start:]) > room // 2:
            start += 1
    yield Text.assemble(("   | ", "blue"), set_cell_size(whole[start:], min(room, cell_len(whole[start:]))))
    yield Text.assemble(("   | ", "blue"), " " * cell_len(before[start:]), ("^", "bold red"))


def failure_document(error: StonegateError) -> dict[str, Any]:
    """The JSON form: the flat body of the HTTP contract, the place, and each broken place of several."""
    document: dict[str, Any] = dict(error.as_dict())
    place = {"file": error.file, "line": error.line, "column": error.column}
    document |= {key: value for key, value in place.items() if value is not None}
    if error.details:
        document["details"] = list(error.details)
    if isinstance(error, SourceErrors):
        document["errors"] = [failure_document(each) for each in error.errors]
    return document
