"""Steps put into the phases of an apply (behaviour, §6): what migrations need, they themselves, the rest, late ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stonegate.model.catalog import Catalog, EnumType, Routine
from stonegate.model.names import ObjectKey, ObjectKind, quote_literal
from stonegate.model.plan import Action, Change, ChangeClass, Phase, Step
from stonegate.model.source import EffectVerb, Migration, NeedKind
from stonegate.planner.evolve import Evolution, evolve
from stonegate.planner.migrations import MigrationPlan

_NEW_OBJECTS = frozenset(
    {ObjectKind.SCHEMA, ObjectKind.EXTENSION, ObjectKind.TYPE, ObjectKind.SEQUENCE, ObjectKind.TABLE}
)


def arrange(
    changes: tuple[Change, ...], evolution: Evolution, migrations: MigrationPlan, seeds: tuple[Step, ...]
) -> tuple[Step, ...]:
    """All steps of the plan in execution order."""
    first, rest = _before_migrations(changes, migrations.pending, evolution.desired)
    early, late = evolve(first, evolution), evolve(rest, evolution)
    inside = tuple(step for step in migrations.steps if step.phase is Phase.MIGRATIONS)
    after_commit = tuple(step for step in migrations.steps if step.phase is Phase.POST_COMMIT)
    texts = _texts_that_use_values((*early, *inside, *late, *seeds), evolution.desired)
    prelude = tuple(_as_prelude(step) for step in (*early, *late) if _is_prelude(step, texts, evolution))
    moved = {step.id for step in prelude}
    body = tuple(step for step in (*early, *inside, *late, *seeds) if step.id not in moved)
    return (*prelude, *body, *after_commit)


def _before_migrations(
    changes: tuple[Change, ...], pending: tuple[Migration, ...], desired: Catalog
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """New extensions, types and tables run before the pending migrations; so do the safe additions that these mention
    and do not make themselves, with all that those need."""
    if not pending:
        return (), changes
    mentioned = _mentioned(pending)
    made = {effect.key for migration in pending for part in migration.statements for effect in part.effects}
    by_key = {change.key: change for change in changes if change.action is Action.CREATE}
    chosen = {
        change.key
        for change in by_key.values()
        if change.change_class is ChangeClass.SAFE
        and change.key not in made
        and (
            change.key.kind in _NEW_OBJECTS or (change.key.kind is ObjectKind.COLUMN and change.key.owner in mentioned)
        )
    }
    needs: dict[ObjectKey, set[ObjectKey]] = {}
    for edge in desired.dependencies:
        for key in {edge.dependent, edge.dependent.owner}:
            needs.setdefault(key, set()).update({edge.on, edge.on.owner})
    worklist = list(chosen)
    while worklist:
        for needed in needs.get(worklist.pop(), ()):
            if needed in by_key and needed not in chosen:
                chosen.add(needed)
                worklist.append(needed)
    labels = {change for change in changes if change.key.kind is ObjectKind.TYPE and change.aspect == "labels"}
    first = tuple(change for change in changes if by_key.get(change.key) is change and change.key in chosen)
    first += tuple(change for change in changes if change in labels and change.change_class is ChangeClass.SAFE)
    return first, tuple(change for change in changes if change not in first)


def _mentioned(pending: Iterable[Migration]) -> frozenset[ObjectKey]:
    """The tables that the migrations name."""
    found: set[ObjectKey] = set()
    for migration in pending:
        for part in migration.statements:
            found |= {effect.key.owner for effect in part.effects if effect.verb is not EffectVerb.NONE}
            found |= {
                ObjectKey(ObjectKind.TABLE, need.schema or "public", need.name)
                for need in part.needs
                if need.kind is NeedKind.RELATION
            }
    return frozenset(found)


# --- new enum values (manual: ALTER TYPE … ADD VALUE) ---------------------------------------------------------------


def _texts_that_use_values(steps: Iterable[Step], desired: Catalog) -> tuple[str, ...]:
    """The SQL that PostgreSQL evaluates while it deploys: everything but late-bound routine bodies."""
    texts: list[str] = []
    for step in steps:
        routine = desired.objects.get(step.key)
        if isinstance(routine, Routine) and routine.language != "sql":
            continue
        texts += [statement.sql for statement in step.statements if not statement.sql.startswith("ALTER TYPE")]
        texts += [seeder.sql for seeder in step.seeders]
    return tuple(texts)


def _is_prelude(step: Step, texts: tuple[str, ...], evolution: Evolution) -> bool:
    """A new enum value cannot be used in the transaction that adds it: then it is added before."""
    if step.kind is not ObjectKind.TYPE or {change.aspect for change in step.changes} != {"labels"}:
        return False
    desired, live = (catalog.objects.get(step.key) for catalog in (evolution.desired, evolution.live))
    if not isinstance(desired, EnumType) or not isinstance(live, EnumType):
        return False
    added = [quote_literal(label) for label in desired.labels if label not in live.labels]
    return any(literal in text for literal in added for text in texts)


def _as_prelude(step: Step) -> Step:
    return replace(
        step,
        phase=Phase.PRELUDE,
        transactional=False,
        reason=f"{step.reason}; committed before the rest, which uses the new value",
    )
