"""What many databases have in common: equal failures and warnings are shown once, with the names that they concern."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from stonegate.cli.render.failure import render_headline, render_reasons, render_warning
from stonegate.cli.render.lines import indented, printable
from stonegate.errors import FleetFailed
from stonegate.model.names import in_list
from stonegate.model.report import ErrorReport

MOST_FAILURES = 50
_MOST_NAMES = 12
_ANY = "…"  # instead of a name, where several are meant


def render_failures(console: Console, failures: Iterable[tuple[str, ErrorReport]]) -> Iterator[Text]:
    """Each kind of failure once.

    Args:
        failures: the name that people know it by, and what went wrong there.
    """
    kinds: dict[tuple[str, ...], list[tuple[str, ErrorReport]]] = {}
    for name, error in failures:
        key = (error.code, _general(error.message, name), error.hint or "", error.sqlstate or "", *error.details)
        kinds.setdefault(key, []).append((name, error))
    # What a run never came to is the consequence of something, and is told last.
    in_order = sorted(kinds.values(), key=lambda members: members[0][1].code == FleetFailed.code)
    for members in in_order[:MOST_FAILURES]:
        yield from _render_kind(console, members)
    if len(kinds) > MOST_FAILURES:
        yield Text(f"… and {len(kinds) - MOST_FAILURES} other failures")


def render_warnings(console: Console, warnings: Iterable[tuple[str, str]]) -> Iterator[Text]:
    """Each warning once.

    Args:
        warnings: the name of a database, and what it is warned of.
    """
    kinds: dict[str, list[str]] = {}
    for name, warning in warnings:
        kinds.setdefault(_general(warning, name), []).append(name)
    for warning, concerned in kinds.items():
        yield from render_warning(console, warning)
        yield from _render_names(console, [enumerate_names(concerned)])


def enumerate_names(names: Sequence[str], *, every: bool = False) -> str:
    """The names; of many the first ones and how many more there are."""
    return in_list(names, len(names) if every else _MOST_NAMES)


def _render_kind(console: Console, members: Sequence[tuple[str, ErrorReport]]) -> Iterator[Text]:
    name, error = members[0]
    if len(members) == 1:
        yield from render_headline(console, error.message)
        if _named(name).search(error.message) is None:
            yield from _render_names(console, [name])
        yield from render_reasons(console, error)
        return
    yield from render_headline(console, _general(error.message, name))
    concerned = [each for each, _ in members]
    # Of those that a run ended before, the next run takes care.
    yield from _render_names(console, [enumerate_names(concerned)] if error.code == FleetFailed.code else concerned)
    causes = {_general(each.cause or "", named) for named, each in members}
    if error.cause is not None:
        own = f"{error.cause} ({name}; each has its own)" if len(causes) > 1 else _general(error.cause, name)
        error = replace(error, cause=own)
    yield from render_reasons(console, error)


def _render_names(console: Console, concerned: Iterable[str]) -> Iterator[Text]:
    yield from indented(console, Text.assemble(("in ", "bold"), printable(", ".join(concerned))), 2, hang=2)


def _general(text: str, name: str) -> str:
    """The text without the name of the one database that it speaks of."""
    return _named(name).sub(_ANY, text) if name else text


def _named(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
