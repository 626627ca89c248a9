"""Triggers, policies and routines (behaviour, §4 "Routines"; manual: CREATE FUNCTION, "Notes")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import TypeVar

from stonegate.model.catalog import Parameter, Policy, Routine, Table, Trigger, View
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action
from stonegate.model.tokens import same_body
from stonegate.planner.classify.contract import breaking_changes
from stonegate.planner.diff.access import compare_access, compare_comment, remarks_on_carried_rights
from stonegate.planner.diff.findings import Findings, Unmanaged
from stonegate.planner.diff.sides import Sides
from stonegate.planner.diff.star import in_live_order

_Part = TypeVar("_Part", Trigger, Policy)

# --- triggers and policies ------------------------------------------------------------------------------------------


def compare_triggers(sides: Sides, desired: Table | View, live: Table | View) -> Findings:
    """The triggers of one table or view."""
    last = sides.last_declared(desired.key)
    known = last.triggers if isinstance(last, Table | View) else ()
    text = attrgetter("definition")
    yield from _compare_parts(sides, desired, ObjectKind.TRIGGER, desired.triggers, live.triggers, known, text)
    present = {trigger.name: trigger for trigger in live.triggers}
    for trigger in desired.triggers:
        if trigger.name in present:
            yield from _compare_state(
                sides, _part(desired, ObjectKind.TRIGGER, trigger.name), trigger, present[trigger.name]
            )


def compare_policies(sides: Sides, desired: Table, live: Table) -> Findings:
    """The row-level security policies of one table."""
    last = sides.last_table(desired.key)
    known = last.policies if last is not None else ()
    yield from _compare_parts(sides, desired, ObjectKind.POLICY, desired.policies, live.policies, known, _policy_text)


def _compare_parts(
    sides: Sides,
    holder: Table | View,
    kind: ObjectKind,
    desired: Iterable[_Part],
    live: Iterable[_Part],
    known: Iterable[_Part],
    text: Callable[[_Part], str],
) -> Findings:
    """Triggers or policies by name; `known` are those that the last deployment declared."""
    wanted, present = ({part.name: part for part in parts} for parts in (desired, live))
    for name, part in wanted.items():
        key, after = _part(holder, kind, name), text(part)
        if name not in present:
            yield sides.change(Action.CREATE, key, f"{key} is new", after=after)
            continue
        before = text(present[name])
        if not same_text(after, before):
            yield sides.change(Action.RECREATE, key, f"{key} has another definition", before=before, after=after)
        yield from compare_comment(sides, key, part.comment, present[name].comment)
    names = {part.name for part in known} if sides.kept.isdisjoint({kind, holder.key.kind}) else ()
    for name, part in present.items():
        key = _part(holder, kind, name)
        if name in names and name not in wanted:
            before = text(part)
            heir = next((new for new in wanted if new not in present and same_text(text(wanted[new]), before)), None)
            hint = _rename_hint(key, heir) if heir is not None else None
            yield sides.change(Action.DROP, key, f"{key} is no longer declared", before=before, hint=hint)
        elif name not in wanted:
            yield Unmanaged(key)


def _rename_hint(key: ObjectKey, name: str) -> str:
    """For a policy; the text of a trigger has its name in it, and dropping one needs no consent."""
    old, new = quote_ident(key.own_name), quote_ident(name)
    return f"a rename? write: ALTER POLICY {old} ON {key.owner.label} RENAME TO {new}"


def _part(holder: Table | View, kind: ObjectKind, name: str) -> ObjectKey:
    return ObjectKey(kind, holder.schema, holder.name, None, name)


_STATES = {"O": "enabled", "D": "disabled", "R": "enabled for replicas", "A": "always enabled"}


def _compare_state(sides: Sides, key: ObjectKey, desired: Trigger, live: Trigger) -> Findings:
    if desired.enabled != live.enabled:
        before, after = _STATES.get(live.enabled, live.enabled), _STATES.get(desired.enabled, desired.enabled)
        reason = f"{key} is {before} instead of {after}"
        yield sides.change(Action.ALTER, key, reason, aspect="enabled", before=before, after=after)


def _policy_text(policy: Policy) -> str:
    """Everything about the policy but its name and comment."""
    text = f"{'permissive' if policy.permissive else 'restrictive'} for {policy.command} to {', '.join(policy.roles)}"
    if policy.using is not None:
        text += f" using {policy.using}"
    return text if policy.check is None else f"{text} with check {policy.check}"


# --- routines -------------------------------------------------------------------------------------------------------


def compare_routines(sides: Sides) -> Findings:
    """All functions, procedures and aggregates, by name and input types."""
    live = {routine.key: routine for routine in sides.live.routines}
    desired = {routine.key: routine for routine in sides.desired.routines}
    gone = _by_name(routine for key, routine in live.items() if key not in desired)
    added = _by_name(routine for key, routine in desired.items() if key not in live)
    for key, routine in desired.items():
        present = live.get(key)
        if present is None:
            yield sides.change(Action.CREATE, key, _why_new(routine, gone), after=routine.head)
        elif routine != present:
            yield from _compare_routine(sides, routine, present)
    for routine in (routine for namesakes in gone.values() for routine in namesakes):
        yield from _surplus_routine(sides, routine, added)
    yield from _carried_rights(sides, gone, added)


_ByName = dict[tuple[str, str], list[Routine]]


def _by_name(routines: Iterable[Routine]) -> _ByName:
    found: _ByName = {}
    for routine in routines:
        found.setdefault((routine.schema, routine.name), []).append(routine)
    return found


def _only_namesake(routine: Routine, others: _ByName) -> Routine | None:
    """The one that takes its place (or whose place it takes): the only other of its name."""
    found = others.get((routine.schema, routine.name), [])
    return found[0] if len(found) == 1 else None


def _why_new(routine: Routine, gone: _ByName) -> str:
    former = _only_namesake(routine, gone)
    if former is None:
        return f"{routine.key} is new"
    return f"{routine.key} takes the place of {former.key.label}: its input types changed"


def _carried_rights(sides: Sides, gone: _ByName, added: _ByName) -> Findings:
    """What is said of the rights that come with a routine's place (see `find_heirs` in planner/steps/carry_over.py)."""
    for name, namesakes in gone.items():
        dropped = [routine for routine in namesakes if sides.was_declared(routine.key)]
        heirs = added.get(name, [])
        if len(dropped) == len(heirs) == 1:
            last = sides.last_declared(dropped[0].key)
            former = last.access if isinstance(last, Routine) else None
            yield from remarks_on_carried_rights(sides, heirs[0].key, heirs[0].access, dropped[0].access, former)


def _surplus_routine(sides: Sides, routine: Routine, added: _ByName) -> Findings:
    if not sides.was_declared(routine.key):
        yield Unmanaged(routine.key)
        return
    heir = _only_namesake(routine, added)
    why = "is no longer declared" if heir is None else f"gives way to {heir.key.label}: its input types changed"
    yield sides.change(
        Action.DROP,
        routine.key,
        f"{routine.key} {why}",
        before=routine.head,
        breaking=_breaking(heir, routine),
    )


def _breaking(desired: Routine | None, live: Routine) -> tuple[str, ...]:
    """Nobody but a trigger calls a trigger function, and that finds it by name."""
    if desired is not None and desired.returns == live.returns in ("trigger", "event_trigger"):
        return ()
    return breaking_changes(desired, live)


def _compare_routine(sides: Sides, desired: Routine, live: Routine) -> Findings:
    reasons = tuple(_recreation_reasons(desired, live))
    changed = tuple(_changed_parts(sides, desired, live))
    if reasons or changed:
        what = f"is created again: {'; '.join(reasons)}" if reasons else f"has another {' and another '.join(changed)}"
        yield sides.change(
            Action.RECREATE if reasons else Action.REPLACE,
            desired.key,
            f"{desired.key} {what}",
            before=live.definition,
            after=desired.definition,
            breaking=_breaking(desired, live),
        )
    yield from compare_access(sides, desired.key, desired.access, live.access)


def _changed_parts(sides: Sides, desired: Routine, live: Routine) -> Iterator[str]:
    same_head = desired.head == live.head or _is_same_atomic_body(sides, desired, live)
    if not same_head or (desired.language, desired.security_definer) != (live.language, live.security_definer):
        yield "declaration"
    elif desired.parameters != live.parameters:
        yield "parameter list"
    if desired.body != live.body and not same_body(desired.language, desired.body, live.body):
        yield "body"


def _is_same_atomic_body(sides: Sides, desired: Routine, live: Routine) -> bool:
    """BEGIN ATOMIC bodies are part of the head; a `*` in them stands for the columns in live order."""
    if desired.body or live.body:
        return False
    expanded = in_live_order(sides, desired.key, desired.head)
    return expanded == live.head


def _recreation_reasons(desired: Routine, live: Routine) -> Iterator[str]:
    """What CREATE OR REPLACE refuses (manual: CREATE FUNCTION; ProcedureCreate in PostgreSQL's source)."""
    if desired.kind != live.kind:
        yield f"it is a {live.kind}, not a {desired.kind}"
        return
    if desired.kind == "aggregate":
        if desired.head != live.head:
            yield "the aggregate has another definition"
        return
    if (desired.returns, desired.returns_set) != (live.returns, live.returns_set):
        yield f"it returned {live.returns or 'nothing'}, and shall return {desired.returns or 'nothing'}"
    yield from _renamed_parameters(_inputs(desired), _inputs(live))
    if _outputs(desired) != _outputs(live) and desired.returns == live.returns:
        yield "its output parameters changed"
    if len(_with_default(desired)) < len(_with_default(live)):
        yield "a parameter lost its default"
    if [p.mode for p in _inputs(desired)] != [p.mode for p in _inputs(live)]:
        yield "the mode of a parameter changed"


def _inputs(routine: Routine) -> tuple[Parameter, ...]:
    return tuple(parameter for parameter in routine.parameters if parameter.mode in ("in", "inout", "variadic"))


def _outputs(routine: Routine) -> tuple[tuple[str, str], ...]:
    return tuple((p.name, p.type) for p in routine.parameters if p.mode in ("out", "inout", "table"))


def _with_default(routine: Routine) -> tuple[Parameter, ...]:
    return tuple(parameter for parameter in _inputs(routine) if parameter.default is not None)


def _renamed_parameters(desired: tuple[Parameter, ...], live: tuple[Parameter, ...]) -> Iterator[str]:
    """A parameter without a name may get one; any other change of a name is refused."""
    for number, (wanted, present) in enumerate(zip(desired, live, strict=False), start=1):
        if present.name and wanted.name != present.name:
            yield f"parameter {number} was called {present.name}, and shall be called {wanted.name or 'nothing'}"
