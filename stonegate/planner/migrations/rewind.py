"""New tables in the form that pending migrations expect: the final one without what these still do.

Only migrations that cannot be left out meet such a table (see contained.py): they put rows into it, or change something
else as well. What they do to it is taken back from its declared form, the last effect first; so it is made as it was
before them, they run, and what is missing afterwards is added like any other difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Table
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Blocked
from stonegate.model.source import ROW_VERBS, Effect, EffectVerb, Migration, MigrationStatement, every_effect
from stonegate.planner.migrations.contained import owner_among
from stonegate.planner.migrations.table_parts import adds_constraint


class Rewound(Struct, frozen=True, kw_only=True):
    """The tables to be made in an earlier form, and the statements for which there is none."""

    tables: tuple[Table, ...] = ()
    blocked: tuple[Blocked, ...] = ()


class _Lost(Struct, frozen=True):
    """Something that a statement takes away, and whose form nobody can know any more."""

    what: str


def rewind(migrations: Iterable[Migration], desired: Catalog, new: frozenset[ObjectKey]) -> Rewound:
    """The forms of new tables before `migrations`, for those that these change."""
    tables: dict[ObjectKey, Table] = {}
    blocked: list[Blocked] = []
    filled = {effect.key.owner for _, _, effect in every_effect(migrations) if effect.verb in ROW_VERBS}
    for migration, statement, effect in reversed(tuple(every_effect(migrations))):
        key = owner_among(effect.key, new)
        table = tables.get(key) or desired.table(key)
        if key not in new or effect.if_exists or (key.kind in VIEW_KINDS and effect.verb in ROW_VERBS):
            continue
        former = _Lost("changes") if table is None else _undone(table, effect, statement)
        if isinstance(former, _Lost):
            blocked.append(_impossible(migration, statement.line, key, former, is_filled=key in filled))
        elif former != table:
            tables[key] = former
    return Rewound(tables=tuple(tables[key] for key in sorted(tables)), blocked=tuple(reversed(blocked)))


def _undone(table: Table, effect: Effect, statement: MigrationStatement) -> Table | _Lost:
    """The table as the effect found it."""
    name = effect.key.member or ""
    match effect.verb:
        case EffectVerb.ADD_COLUMN:
            table = _without_mentions(table, name)
            return replace(table, columns=tuple(column for column in table.columns if column.name != name))
        case EffectVerb.SET_NOT_NULL:
            return _altered(table, name, not_null=False, not_null_options=None)
        case EffectVerb.RENAME if effect.key.kind is ObjectKind.COLUMN and effect.to is not None:
            return _altered(_without_mentions(table, effect.to), effect.to, name=name)
        case EffectVerb.ADD_CONSTRAINT:
            return replace(table, constraints=tuple(c for c in table.constraints if not adds_constraint(effect, c)))
        case EffectVerb.ALTER_OTHER if effect.key == table.key:
            made = {other.key.name for other in statement.effects if other.key.kind is ObjectKind.INDEX}
            kept = (index for index in table.indexes if index.name not in made and "" not in made)
            return replace(table, indexes=tuple(kept))
        case EffectVerb.DROP_COLUMN if table.column(name) is None:
            return _Lost(f"drops the column {quote_ident(name)} of")
        case EffectVerb.DROP_CONSTRAINT if all(constraint.name != name for constraint in table.constraints):
            return _Lost(f"drops the constraint {quote_ident(name)} of")
        case EffectVerb.RENAME | EffectVerb.SET_SCHEMA | EffectVerb.ADD_VALUE | EffectVerb.RENAME_VALUE:
            return _Lost("renames a part of")
        case _:
            return table


def _without_mentions(table: Table, column: str) -> Table:
    """The table without the constraints, indexes and generated columns that mention a column."""
    word = re.compile(rf"(?<![\w$]){re.escape(column)}(?![\w$])")
    columns = (other for other in table.columns if other.generated is None or not word.search(other.generated))
    return replace(
        table,
        columns=tuple(columns),
        constraints=tuple(constraint for constraint in table.constraints if column not in constraint.columns),
        indexes=tuple(index for index in table.indexes if column not in index.columns),
    )


def _altered(table: Table, column: str, **changes: Any) -> Table:
    columns = (replace(each, **changes) if each.name == column else each for each in table.columns)
    return replace(table, columns=tuple(columns))


def _impossible(migration: Migration, line: int, key: ObjectKey, lost: _Lost, *, is_filled: bool) -> Blocked:
    hint = f"first deploy the release that made {key} as this migration expects it"
    if not is_filled:  # a migration that fills it runs, and so do all others on it
        hint += f", or write what concerns {key.label} into a migration of its own, which is recorded where it is new"
    return Blocked(
        object=key.label,
        reason=f"{migration.name} {lost.what} {key}, which is new here",
        hint=hint,
        file=migration.file,
        line=line,
    )


def with_rewound(catalog: Catalog, rewound: Iterable[Table]) -> Catalog:
    """The catalog with these tables instead of, or beside, its own, without what comes after the migrations anyway."""
    tables = {table.key: table for table in catalog.tables}
    for table in rewound:
        tables[table.key] = replace(
            table,
            constraints=tuple(c for c in table.constraints if c not in table.foreign_keys),
            triggers=(),
            policies=(),
        )
    return replace(catalog, tables=tuple(tables.values()))
