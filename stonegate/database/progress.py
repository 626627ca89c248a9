"""What an apply is doing right now, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from stonegate.model.plan import Phase


class Stage(StrEnum):
    """The stations of one apply, in order (behaviour, §6)."""

    CONNECT = "connect"
    LOCK = "lock"
    INTROSPECT = "introspect"
    REFERENCE = "reference"
    PLAN = "plan"
    PRELUDE = "prelude"
    STEPS = "steps"
    VERIFY = "verify"
    RECORD = "record"
    COMMIT = "commit"
    POST_COMMIT = "post_commit"


class Progress(Struct, frozen=True, kw_only=True):
    """One event: it is sent before the work that it names.

    Attributes:
        database: which one.
        stage, phase: where the apply is; `phase` for steps.
        index, total: "step `index` of `total`", 1-based; 0 of 0 where nothing is counted.
        object: the object's label, "" for a stage as a whole.
    """

    database: str
    stage: Stage
    phase: Phase | None = None
    index: int = 0
    total: int = 0
    object: str = ""


OnProgress: TypeAlias = Callable[[Progress], None]
