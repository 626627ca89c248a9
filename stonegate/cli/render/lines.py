"""Lines of text with a hanging indent, and tables, that fit a terminal of any width and a pipe that has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

#: Beyond this column a place is not pushed any further to the right.
_FARTHEST_PLACE = 56
#: A column that would have to be narrower than this is not folded.
_NARROWEST_FOLD = 18


def indented(console: Console, text: Text | str, indent: int, *, style: str = "", hang: int = 0) -> Iterator[Text]:
    """The text broken into lines that start at column `indent` (all but the first `hang` further to the right)."""
    whole = Text(text, style=style) if isinstance(text, str) else text
    if indent + whole.cell_len <= console.width and "\n" not in whole.plain and "\t" not in whole.plain:
        yield Text.assemble(" " * indent, whole) if indent else whole
        return
    width = max(console.width - indent - hang, 20)
    paragraphs = whole.split("\n", allow_blank=True)
    lines = (line for paragraph in paragraphs for line in paragraph.wrap(console, width, overflow="fold"))
    for number, line in enumerate(lines):
        line.rstrip()
        yield Text.assemble(" " * (indent + (hang if number else 0)), line)


def placed(console: Console, rows: Sequence[tuple[Text, str]], indent: int) -> Iterator[list[Text]]:
    """Titles with their places (`file:line`) in a column of their own; further left, or below, on a narrow screen."""
    longest = max((title.cell_len for title, where in rows if where), default=0)
    column = min(longest, _FARTHEST_PLACE) + 2
    for title, where in rows:
        room = console.width - indent - title.cell_len - len(where)
        gap = max(min(column - title.cell_len, room), 2)
        if not where:
            yield list(indented(console, title, indent, hang=4))
        elif gap <= room:
            yield [Text.assemble(" " * indent, title, " " * gap, (where, "dim"))]
        else:
            lines = list(indented(console, title, indent, hang=4))
            yield [*lines, *indented(console, where, indent + 4, style="dim")]


def table(
    console: Console,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Sequence[int] = (),
    spare: Sequence[int] = (),
) -> Iterator[Text]:
    """A table with a ruled header. On a screen that is too narrow for it the widest columns are folded, and where that
    is not enough, each row is a block of `name  value` lines.

    Args:
        numeric: indexes of columns that are aligned to the right.
        spare: indexes of columns that are rather left out than folded, the first one first.
    """
    cells = [[_one_line(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(Text(row[i]).cell_len for row in cells)]) for i, name in enumerate(header)]
    left_out = set[int]()
    for index in spare:
        if sum(widths) + 2 * (len(widths) - 1) - sum(widths[each] + 2 for each in left_out) > console.width:
            left_out.add(index)
    if left_out:
        kept = [index for index in range(len(header)) if index not in left_out]
        widths = [widths[index] for index in kept]
        header, cells = [header[index] for index in kept], [[row[index] for index in kept] for row in cells]
        numeric = [place for place, index in enumerate(kept) if index in numeric]
    while sum(widths) + 2 * (len(widths) - 1) > console.width:
        widest = widths.index(max(widths))
        if widths[widest] <= max(_NARROWEST_FOLD, len(header[widest])):
            yield from _blocks(console, header, cells)
            return
        widths[widest] -= 1

    def join(row: Sequence[Text], style: str = "") -> Text:
        line = Text(style=style)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            missing = " " * (width - cell.cell_len)
            line.append("  " if number else "")
            line.append_text(Text.assemble(missing, cell) if number in numeric else Text.assemble(cell, missing))
        line.rstrip()
        return line

    yield join([Text(name) for name in header], "bold")
    yield Text("  ".join("─" * width for width in widths), style="dim")
    for row in cells:
        folded = [_fold(console, cell, width) for cell, width in zip(row, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=Text()):
            yield join(parts)


def _fold(console: Console, cell: str, width: int) -> list[Text]:
    """The lines of a cell; without the blanks that they were broken at."""
    lines = list(Text(cell).wrap(console, width, overflow="fold"))
    for line in lines:
        line.rstrip()
    return lines


def _blocks(console: Console, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Text]:
    name_width = max(map(len, header))
    room = max(console.width - name_width - 2, _NARROWEST_FOLD)
    for number, row in enumerate(rows):
        if number:
            yield Text("")
        for name, cell in zip(header, row, strict=True):
            for place, part in enumerate(_fold(console, cell, room) if cell else ()):
                yield Text.assemble((("" if place else name).ljust(name_width), "bold"), "  ", part)


def _one_line(cell: str) -> str:
    """Line breaks and control characters would tear the table apart, or worse, speak to the terminal."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in cell)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def printable(text: str) -> str:
    """The text without control characters other than tabs and line breaks: names and messages come from anywhere."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else _escape(letter) for letter in text)
