"""New values of enums: PostgreSQL lets nobody use one in the transaction that adds it (manual: ALTER TYPE).

So the plan adds the declared ones itself, those of pending migrations too: where the same plan uses one, in the
recorded prelude (behaviour, §6). What a migration renames first cannot be anticipated; then a use is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from msgspec.structs import replace

from stonegate.model.catalog import Catalog, CatalogObject, EnumType, Routine
from stonegate.model.names import ObjectKey, ObjectKind, quote_literal
from stonegate.model.plan import Action, Blocked, Phase, Step
from stonegate.model.source import Effect, EffectVerb, Migration, MigrationStatement
from stonegate.planner.diff.naming import unquote

_NAME = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
#: What a DO block says that adds a value, and fails where it is there already.
_ADDED_IN_BLOCK = re.compile(
    rf"\bALTER\s+TYPE\s+(?:({_NAME})\s*\.\s*)?({_NAME})\s+ADD\s+VALUE\s+(?!IF\b)", re.IGNORECASE
)


def anticipate_values(migrations: Iterable[Migration], live: Catalog, desired: Catalog) -> tuple[Migration, ...]:
    """The migrations without the addition of declared values, which the plan adds before them.

    One that is there already may come from the prelude of an apply that failed afterwards.
    """
    migrations = tuple(migrations)
    moved = moved_enums(migrations, live, live)

    def anticipated(statement: MigrationStatement) -> MigrationStatement:
        if not any(
            is_declared_value(effect, live, desired) and effect.key not in moved for effect in statement.effects
        ):
            return statement
        (effect,) = statement.effects
        value = quote_literal(effect.to or "")
        sql = f"ALTER TYPE {effect.key.qualified.sql} ADD VALUE IF NOT EXISTS {value}"
        return replace(statement, sql=sql, effects=(replace(effect, verb=EffectVerb.NONE),))

    return tuple(
        replace(migration, statements=tuple(map(anticipated, migration.statements))) for migration in migrations
    )


def moved_enums(migrations: Iterable[Migration], before: Catalog, after: Catalog) -> frozenset[ObjectKey]:
    """Types that are called otherwise before the migrations, have a value that is, or get one in a block.

    Args:
        before, after: the catalog before and after these migrations, for what goes along with its schema.
    """
    migrations = tuple(migrations)
    found = {*_filled_in_blocks(migrations), *(enum.key for enum in after.enums if enum.key not in before.objects)}
    for effect in (effect for migration in migrations for effect in migration.effects):
        if effect.verb is EffectVerb.RENAME_VALUE:
            found.add(effect.key)
        elif effect.key.kind is ObjectKind.TYPE and effect.moved is not None:
            found |= {effect.key, effect.moved}
    return frozenset(found)


def _filled_in_blocks(migrations: Iterable[Migration]) -> Iterator[ObjectKey]:
    for part in (part for migration in migrations for part in migration.statements):
        if any(effect.verb is EffectVerb.OPAQUE for effect in part.effects):
            for schema, name in _ADDED_IN_BLOCK.findall(part.sql):
                yield ObjectKey(ObjectKind.TYPE, _folded(schema) or "public", _folded(name))


def _folded(identifier: str) -> str:
    return unquote(identifier) if identifier.startswith('"') else identifier.lower()


def is_declared_value(effect: Effect, live: Catalog, desired: Catalog) -> bool:
    """True if a migration's effect is to add a value which the folder declares to an enum that is there."""
    present, wanted = live.objects.get(effect.key), desired.objects.get(effect.key)
    if effect.verb is not EffectVerb.ADD_VALUE or not isinstance(present, EnumType) or not isinstance(wanted, EnumType):
        return False
    return effect.to in wanted.labels


def changed_labels(effect: Effect, live: EnumType, desired: CatalogObject | None) -> tuple[str, ...]:
    """The labels after a value was added, at the place where the folder has it, or renamed."""
    new = effect.to or ""
    if effect.verb is EffectVerb.RENAME_VALUE:
        return tuple(new if label == effect.old else label for label in live.labels)
    order = desired.labels if isinstance(desired, EnumType) else ()
    labels = tuple(dict.fromkeys((*live.labels, new)))
    return tuple(label for label in order if label in labels) if set(labels) <= set(order) else labels


# --- the prelude ----------------------------------------------------------------------------------------------------


def find_prelude(
    steps: Iterable[Step], moved: frozenset[ObjectKey], desired: Catalog, live: Catalog
) -> tuple[Step, ...]:
    """The steps that add values which others use, as steps of the prelude."""
    steps = tuple(steps)
    texts = _texts_that_use_values(steps, desired)
    return tuple(
        _as_prelude(step)
        for step in steps
        if step.key not in moved and _is_used(_added_labels(step, desired, live), texts)
    )


def _added_labels(step: Step, desired: Catalog, live: Catalog) -> tuple[str, ...]:
    """The labels that a step adds to an enum."""
    if step.kind is not ObjectKind.TYPE or {change.aspect for change in step.changes} != {"labels"}:
        return ()
    wanted, present = (catalog.objects.get(step.key) for catalog in (desired, live))
    if not isinstance(wanted, EnumType) or not isinstance(present, EnumType):
        return ()
    return tuple(label for label in wanted.labels if label not in present.labels)


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


def _is_used(labels: Iterable[str], texts: tuple[str, ...]) -> bool:
    return any(written.search(text) for written in map(_as_written, labels) for text in texts)


def _as_written(label: str) -> re.Pattern[str]:
    """The label as a constant, or as an element of the constant of an array or composite value."""
    written = re.escape(label.replace("'", "''"))
    return re.compile(rf"""['"{{(,]{written}['"}}),]""" if label else "''")


def _as_prelude(step: Step) -> Step:
    return replace(
        step,
        phase=Phase.PRELUDE,
        transactional=False,
        reason=f"{step.reason}; committed before the rest, which uses the new value",
    )


# --- what cannot be anticipated -------------------------------------------------------------------------------------


def refuse_values(
    steps: Iterable[Step], pending: tuple[Migration, ...], desired: Catalog, live: Catalog, moved: frozenset[ObjectKey]
) -> tuple[Blocked, ...]:
    """Values that are added inside of the transaction, and that what the folder declares uses there."""
    steps = tuple(steps)
    added = {(step.key, label) for step in steps if step.key in moved for label in _added_labels(step, desired, live)}
    effects = tuple(effect for migration in pending for effect in migration.effects)
    made = {effect.key for effect in effects if effect.verb is EffectVerb.CREATE}
    added |= {
        (effect.key, effect.to)
        for effect in effects
        if effect.verb is EffectVerb.ADD_VALUE and effect.to is not None and effect.key not in made
    }
    blocked = []
    for key, label in sorted(added):
        uses = partial(_is_constant_in, key, label)
        declared = (step for step in steps if step.action is not Action.RUN)
        users = [step for step in declared if any(uses(statement.sql) for statement in step.statements)]
        # What migrations move is previewed as it is declared: there may be no step for what uses a value.
        parts = [part for part, text in _texts_of_tables(desired) if uses(text)] if not users else []
        blocked += [_refusal(key, label, users[0].key, users[0])] if users else []
        blocked += [_refusal(key, label, parts[0], None)] if parts else []
    return tuple(blocked)


def _texts_of_tables(desired: Catalog) -> Iterator[tuple[ObjectKey, str]]:
    """The defaults, checks and indexes of all tables."""
    for table in desired.tables:
        for column in table.columns:
            yield table.key.part(ObjectKind.COLUMN, column.name), column.default or ""
        for constraint in table.constraints:
            yield table.key.part(ObjectKind.CONSTRAINT, constraint.name), constraint.definition
        yield from ((table.key.index(index.name), index.definition) for index in table.indexes)


def _is_constant_in(key: ObjectKey, label: str, text: str) -> bool:
    """True if the value stands there as PostgreSQL shows it, alone or in the constant of an array."""
    name = key.qualified.sql
    in_array = f"::{name}[]" in text and _as_written(label).search(text) is not None
    return in_array or f"{quote_literal(label)}::{name}" in text


def _refusal(key: ObjectKey, label: str, user: ObjectKey, step: Step | None) -> Blocked:
    name = key.qualified
    return Blocked(
        object=key.label,
        reason=f"{user} uses the new value {quote_literal(label)} of {key}: PostgreSQL forbids that in the "
        "transaction that adds it, and a pending migration renames the type or a value before that, or adds the value "
        "in a block",
        hint=f"deploy that migration first; the next release may add the value to {name} and use it",
        file=step.file if step is not None else None,
        line=step.line if step is not None else None,
    )
