"""How objects, places and numbers are spelled in every kind of output."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from stonegate.model.names import MEMBER_KINDS, ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Blocked, Mode, Plan, Step

_IRREGULAR = {
    "index": "indexes",
    "policy": "policies",
    "default privileges": "default privileges",
    "seed": "tables",
    "other": "other objects",
}
_SINGULAR = {"seed": "table", "other": "other object"}
_ALREADY_QUALIFIED = frozenset(
    {ObjectKind.SCHEMA, ObjectKind.EXTENSION, ObjectKind.MIGRATION, ObjectKind.OTHER, ObjectKind.DEFAULT_PRIVILEGES}
)

#: What becomes of objects, as the end of "30 tables …".
OUTCOMES = {
    Action.CREATE: "to create",
    Action.ALTER: "to alter",
    Action.REPLACE: "to replace",
    Action.RECREATE: "to recreate",
    Action.DROP: "to drop",
    Action.RUN: "to run",
    Action.BASELINE: "to record",
    Action.SEED: "to fill",
    Action.VALIDATE: "to validate",
}
DONE_OUTCOMES = {
    Action.CREATE: "created",
    Action.ALTER: "altered",
    Action.REPLACE: "replaced",
    Action.RECREATE: "recreated",
    Action.DROP: "dropped",
    Action.RUN: "run",
    Action.BASELINE: "recorded",
    Action.SEED: "filled",
    Action.VALIDATE: "validated",
}

NOTHING_CHANGED = "nothing was changed"
DECLARES_NOTHING = "the folder declares nothing yet"


def qualified_name(key: ObjectKey) -> str:
    """The name with its schema, always: `public.users`, `public.users.email`, `public.add(integer, integer)`."""
    if key.kind in _ALREADY_QUALIFIED or not key.name:
        return key.label
    text = key.qualified.sql
    if key.kind in MEMBER_KINDS and key.member is not None:
        text += "." + quote_ident(key.member)
    return text if key.arguments is None else f"{text}({key.arguments})"


def spoken(key: ObjectKey) -> str:
    """The kind and the name as people say them: `table users`, `rows of lists`."""
    return f"rows of {key.label}" if key.kind is ObjectKind.SEED else str(key)


def step_name(step: Step) -> str:
    """What the step works on; of a new table that takes several steps, which part of it."""
    return f"{spoken(step.key)}: {step.part}" if step.part else spoken(step.key)


def place(file: str | None, line: int | None) -> str:
    """`file:line` as far as known, else ""."""
    if file is None:
        return ""
    return file if line is None else f"{file}:{line}"


def local_time(moment: str) -> str:
    """A recorded moment (RFC 3339) as it is told here, in local time; as it stands where it is none."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):  # the latter near the end of the calendar
        return moment


def count(number: int, noun: str) -> str:
    """`1 table`, `2 tables`, `3 policies`."""
    if number == 1:
        return f"1 {_SINGULAR.get(noun, noun)}"
    return f"{number} {plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a kind."""
    return _IRREGULAR.get(noun, noun + "s")


class Part(Struct, frozen=True):
    """What is done to one object, and for a part of a table, view or type, the label of that."""

    action: Action
    kind: ObjectKind
    label: str
    holder: str | None = None


def count_objects(steps: Iterable[Step]) -> dict[Action, Counter[str]]:
    """How many objects each action concerns, by kind, in the order of `Action`; some take several steps.

    A step that changes several parts of a table counts as these. What is said about an object that one of the steps
    creates, as its comment or its privileges, is no change of its own.
    """
    return count_parts(part for step in steps for part in _parts(step))


def count_parts(parts: Iterable[Part]) -> dict[Action, Counter[str]]:
    """The same of parts, each of which counts once."""
    parts = dict.fromkeys(parts)
    created = {(part.kind, part.label) for part in parts if part.action is Action.CREATE}
    holders = {label for kind, label in created if kind in _HOLDERS}
    found: dict[Action, Counter[str]] = {action: Counter() for action in Action}
    for part in parts:
        is_said = (part.kind, part.label) in created or part.holder in holders
        if part.action is not Action.ALTER or not is_said:
            found[part.action][part.kind.value] += 1
    return {action: kinds for action, kinds in found.items() if kinds}


_HOLDERS = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE})


def _parts(step: Step) -> Iterable[Part]:
    """What a step does to which objects."""
    pairs = [(step.action, step.key)]
    if step.action is Action.ALTER and len({change.key for change in step.changes}) > 1:
        pairs = [(change.action, change.key) for change in step.changes]
    for action, key in pairs:
        yield Part(action, key.kind, key.label, str(key.qualified) if key.kind in MEMBER_KINDS else None)


def reasons_of(step: Step) -> tuple[tuple[Action, str], ...] | None:
    """What a step that changes several things does, and why; None for any other step."""
    reasons = {change.reason: change.action for change in step.changes if change.reason}
    if len(reasons) < 2 or "; ".join(reasons) != step.reason:
        return None
    return tuple((action, reason) for reason, action in reasons.items())


def sql_of(step: Step) -> str:
    """What the step sends; of declared rows their INSERTs."""
    return step.sql or "\n".join(seeder.sql + ";" for seeder in step.seeders)


def summarise(plan: Plan) -> str:
    """`4 tables, 9 routines to create; 1 migration to record`; or why there is nothing of that kind to say."""
    if plan.has_changes:
        return enumerate_outcomes(count_objects(plan.steps), OUTCOMES)
    if declares_nothing(plan):
        return DECLARES_NOTHING
    return "nothing can be done" if plan.blocked else "nothing to do"


def declares_nothing(plan: Plan) -> bool:
    """True for a first deployment that has no steps."""
    return plan.mode is Mode.FRESH and not plan.steps and not plan.blocked


def enumerate_outcomes(counts: dict[Action, Counter[str]], outcomes: dict[Action, str]) -> str:
    """What happens to how many objects of which kinds, "" for none; validated rows only where nothing else is told."""
    parts = [
        ", ".join(count(number, kind) for kind, number in kinds.items()) + " " + outcomes[action]
        for action, kinds in counts.items()
        if action in outcomes and (action is not Action.VALIDATE or set(counts) <= {Action.VALIDATE, Action.SKIP})
    ]
    return "; ".join(parts)


def shell_consent(allow: str) -> str:
    """`--allow token:object`, also behind `--allow-drift`, as it can be pasted into a shell."""
    drift = "--allow-drift " if allow.startswith("--allow-drift ") else ""
    option, space, value = allow.removeprefix(drift).partition(" ")
    return f"{drift}{option} {shlex.quote(value)}" if space else option


def consents_of(step: Step) -> tuple[str, ...]:
    """The consents that a step needs or uses, as `token:object`."""
    needed = [
        f"{change.token}:{change.key.label}"
        for change in step.changes
        if change.token is not None and change.change_class != "safe"
    ]
    return tuple(dict.fromkeys(needed or map(str, step.consents)))


def what_allows(blocked: Iterable[Blocked]) -> str:
    """What `all_allows` together consents to: not all, where only a migration can do some of it."""
    return "all of it" if all(reason.allow is not None for reason in blocked) else "all that can be allowed"


def all_allows(blocked: Iterable[Blocked]) -> tuple[str, ...]:
    """Every distinct consent that would unblock the plan, as far as consents can, in order."""
    return tuple(dict.fromkeys(shell_consent(reason.allow) for reason in blocked if reason.allow is not None))
