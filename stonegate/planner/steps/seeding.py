"""Seeders: inserted where this deployment creates the table, validated everywhere else (behaviour, §4 "Seeders")."""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Phase, Step
from stonegate.model.source import Seeder


def seed_steps(
    seeders: tuple[Seeder, ...], desired: Catalog | None, created: Container[ObjectKey] | None
) -> tuple[Step, ...]:
    """One step per table, in the given (foreign-key) order: where its last statement stands, which may need most.

    Args:
        seeders: in deployment order.
        desired: for the declared column order of INSERTs without a column list; None on a fresh database, whose tables
            have that order.
        created: tables that this deployment creates; None for all of them.
    """
    by_table: dict[QualifiedName, list[Seeder]] = {}
    for seeder in seeders:
        by_table[seeder.table] = [*by_table.pop(seeder.table, ()), _with_columns(seeder, desired)]
    steps = []
    for name, group in by_table.items():
        table = name.key(ObjectKind.TABLE)
        inserts = created is None or table in created
        action = Action.SEED if inserts else Action.VALIDATE
        key = replace(table, kind=ObjectKind.SEED)
        steps.append(
            Step(
                id=f"{action.value} {key}",
                action=action,
                phase=Phase.SEEDERS,
                key=key,
                file=group[0].file,
                line=group[0].line,
                seeders=tuple(group),
                reason="the table is new" if inserts else "the rows must be there",
            )
        )
    return tuple(steps)


def filled_tables(steps: Iterable[Step], *, seed_missing: bool) -> frozenset[ObjectKey]:
    """The tables that the steps put rows into; with `seed_missing` those too whose rows are looked up."""
    actions = (Action.SEED, Action.VALIDATE) if seed_missing else (Action.SEED,)
    return frozenset(replace(step.key, kind=ObjectKind.TABLE) for step in steps if step.action in actions)


def _with_columns(seeder: Seeder, desired: Catalog | None) -> Seeder:
    if seeder.columns or desired is None:
        return seeder
    table = desired.table(seeder.table.key(ObjectKind.TABLE))
    if table is None:
        return seeder
    names = tuple(column.name for column in table.columns if column.generated is None)
    width = len(seeder.rows[0].values) if seeder.rows else len(names)
    return replace(seeder, columns=names[:width])
