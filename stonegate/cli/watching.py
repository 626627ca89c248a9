"""An apply as it is watched on a terminal: one line that says what is being done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stonegate.cli.output import progress

if TYPE_CHECKING:
    from stonegate.database.progress import OnProgress, Progress

_STAGES = {
    "connect": "connecting",
    "lock": "waiting for another apply",
    "introspect": "reading the database",
    "reference": "building the reference database",
    "plan": "planning",
    "prelude": "committing what the rest needs",
    "steps": "applying",
    "verify": "verifying",
    "record": "recording",
    "commit": "committing",
    "post_commit": "after the commit",
}


@contextlib.contextmanager
def watching(message: str) -> Iterator[OnProgress]:
    """A callback that keeps the line up to date; gone when the block ends."""
    with progress(message) as say:

        def on_progress(event: Progress) -> None:
            say(describe(event))

        yield on_progress


def describe_stage(event: Progress) -> str:
    """`applying, table users`."""
    text = _STAGES[event.stage.value]
    return f"{text}, {event.object}" if event.object else text


def describe(event: Progress) -> str:
    """`todos: applying 12/45, table users`."""
    text = f"{event.database}: {_STAGES[event.stage.value]}" if event.database else _STAGES[event.stage.value]
    if event.total:
        text += f" {event.index}/{event.total}"
    return f"{text}, {event.object}" if event.object else text
