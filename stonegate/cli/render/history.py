"""What was done to a database, one line for each step or each apply."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stonegate.cli.render.names import DONE_OUTCOMES, NOTHING_CHANGED, Part, count_parts, enumerate_outcomes
from stonegate.model.names import MEMBER_KINDS, ObjectKind
from stonegate.model.plan import Action

if TYPE_CHECKING:
    from stonegate.database.tracking.history import DeploymentEntry, DoneStep, HistoryEntry

DEPLOYMENT_HEADER = ("when", "mode", "folder", "plan", "did", "took", "by")
HISTORY_HEADER = ("when", "what", "object", "consent", "took", "by")
#: The changelog's words for kinds, beside their own names.
_KINDS = {kind.value.replace(" ", "_"): kind for kind in ObjectKind} | {
    "function": ObjectKind.ROUTINE,
    "rows": ObjectKind.SEED,
}
_ACTIONS = {action.value: action for action in Action}
_IDENTITY = re.compile(rf"([a-z]+) (?:({'|'.join(sorted(ObjectKind, key=len, reverse=True))}) )?(.*)", re.DOTALL)
#: Of an ALTER, behind the label: names that PostgreSQL prints without quotes are followed by brackets, dots or nothing.
_ASPECT = re.compile(r" [a-z_]+$")
_MEMBER = re.compile(r'\.(?:"(?:[^"]|"")*"|[^".]+)$')


def history_row(entry: HistoryEntry) -> tuple[str, ...]:
    """A step, below HISTORY_HEADER."""
    consents = entry.detail.get("consents") or (["yes"] if entry.forced else [])
    changes = entry.detail.get("changes") or [entry.object_name]
    # Several parts of a table; what a migration lost.
    says_more = len(changes) > 1 or entry.object_name not in changes[0]
    part = entry.detail.get("part") or (", ".join(changes) if says_more else "")
    return (
        f"{entry.executed_at.astimezone():%Y-%m-%d %H:%M:%S}",
        _say(entry.change_type),
        f"{entry.object_name}: {part.replace(f' {entry.object_name}.', ' ')}" if part else entry.object_name,
        ", ".join(map(str, consents)),
        "" if entry.duration_ms is None else f"{entry.duration_ms:.0f} ms",
        entry.executed_by or "",
    )


def _say(change_type: str) -> str:
    """What was done in the words of plans; the original, which reads these rows too, knows no routines."""
    action, _, kind = change_type.partition("_")
    is_routine = action in _ACTIONS and _KINDS.get(kind) is ObjectKind.ROUTINE
    return f"{action} {ObjectKind.ROUTINE.value}" if is_routine else change_type.replace("_", " ")


def deployment_row(entry: DeploymentEntry, steps: Sequence[DoneStep]) -> tuple[str, ...]:
    """An apply, below DEPLOYMENT_HEADER: what became of how many objects, as its report said."""
    return (
        f"{entry.deployed_at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.mode,
        entry.fingerprint[:12],
        entry.plan_checksum[:12],
        enumerate_outcomes(count_done(steps), DONE_OUTCOMES) or NOTHING_CHANGED,
        f"{entry.duration_ms:.0f} ms",
        entry.executed_by,
    )


def count_done(steps: Iterable[DoneStep]) -> dict[Action, Counter[str]]:
    """As `count_objects` of the steps that were recorded."""
    return count_parts(part for step in steps for part in _parts(step))


def _parts(step: DoneStep) -> Iterator[Part]:
    word, _, kind = step.change_type.partition("_")
    if word not in _ACTIONS or kind not in _KINDS:
        return  # the original's, or what says where a clone came from
    parts = [part for part in map(_read_change, step.changes) if part is not None]
    if _ACTIONS[word] is Action.ALTER and len({(part.kind, part.label) for part in parts}) > 1:
        yield from parts
    else:
        yield _part(_ACTIONS[word], _KINDS[kind], step.object_name)


def _read_change(identity: str) -> Part | None:
    """The part of "alter column users.email type"."""
    found = _IDENTITY.fullmatch(identity)
    if found is None or found[1] not in _ACTIONS:
        return None
    action, label = _ACTIONS[found[1]], found[3]
    # The name of another kind of object begins with the kind.
    return _part(
        action, ObjectKind(found[2] or ObjectKind.OTHER), _ASPECT.sub("", label) if action is Action.ALTER else label
    )


def _part(action: Action, kind: ObjectKind, label: str) -> Part:
    return Part(action, kind, label, _MEMBER.sub("", label) if kind in MEMBER_KINDS else None)
