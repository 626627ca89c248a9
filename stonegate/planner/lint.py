"""What `stonegate check` says about a folder that parses: names that nobody declares, rows that would be missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stonegate.model.foreign_types import FOREIGN_TYPES
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.source import (
    Effect,
    EffectVerb,
    Folder,
    MigrationStatement,
    Need,
    NeedKind,
    Seeder,
    SourceItem,
    SourceTree,
    Verb,
    every_effect,
)
from stonegate.planner.order.nodes import build_nodes
from stonegate.planner.order.resolve import Makers

#: Trigger functions that PostgreSQL has itself (manual 9.28, 12.4.3).
_OWN_TRIGGERS = frozenset(
    {"suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column"}
)


def lint(tree: SourceTree) -> tuple[str, ...]:
    """All that can be said about a folder without a database."""
    return (*tree.warnings, *check_references(tree), *check_migrations(tree))


def check_references(tree: SourceTree) -> tuple[str, ...]:
    """`file:line: …` for every name that no file of the folder makes.

    Names that an extension or PostgreSQL may bring are left out: those in schemas that the folder does not declare,
    types and functions where extensions are declared, and everything that begins with `pg_`.
    """
    nodes = build_nodes(tree, tree.migrations)
    return tuple(_References(tree, Makers(nodes)).complaints())


class _References:
    def __init__(self, tree: SourceTree, makers: Makers) -> None:
        self._tree = tree
        self._makers = makers
        self._schemas = {"public"} | {
            item.key.name for item in tree.items if item.key.kind is ObjectKind.SCHEMA and item.verb is Verb.CREATE
        }
        created = [key for item in tree.items for key in item.creates]
        self._columns = {key for key in created if key.kind is ObjectKind.COLUMN}
        # A table with parents, LIKE or OF has columns that its own text does not name.
        self._listed = {
            (item.key.schema, item.key.name)
            for item in tree.items
            if item.key.kind is ObjectKind.TABLE and item.verb is Verb.CREATE and not _borrows_columns(item)
        }

    def complaints(self) -> Iterator[str]:
        """In path order."""
        for item in sorted(self._tree.items, key=lambda item: (item.file, item.line)):
            what = item.key if item.verb is Verb.CREATE else f"{item.verb.value} {item.key}"
            of_trigger = item.key.kind is ObjectKind.TRIGGER
            for complaint in dict.fromkeys(self._missing(need, of_trigger=of_trigger) for need in item.needs):
                if complaint is not None:
                    yield f"{item.file}:{item.line}: {what} needs {complaint}"
        for seeder in sorted(self._tree.seeders, key=lambda seeder: (seeder.file, seeder.line)):
            yield from (
                f"{seeder.file}:{seeder.line}: the rows of {seeder.table} need {complaint}"
                for complaint in self._complaints_about_rows(seeder)
            )

    def _complaints_about_rows(self, seeder: Seeder) -> Iterator[str]:
        table = Need(kind=NeedKind.RELATION, schema=seeder.table.schema, name=seeder.table.name)
        if complaint := self._missing(table, of_trigger=False):
            yield complaint
            return
        for column in seeder.columns:
            if complaint := self._missing(replace(table, column=column), of_trigger=False):
                yield complaint

    def _missing(self, need: Need, *, of_trigger: bool) -> str | None:
        if need.soft or (need.schema or "public") not in self._schemas or need.name.startswith("pg_"):
            return None
        if self._makers.is_made(need) or self._makers.in_migrations(need):
            return self._missing_column(need)
        name = need.qualified
        match need.kind:
            case NeedKind.RELATION if need.column and self._makers.is_made(replace(need, kind=NeedKind.TYPE)):
                return None  # an attribute of a composite type, which COMMENT ON COLUMN means as well
            case NeedKind.RELATION if Folder.TABLES in self._tree.folders and not self._is_own(need):
                return f"{name}, which no file declares"
            case NeedKind.TYPE if need.schema is None and need.name in FOREIGN_TYPES:
                return f"type {name}, which PostgreSQL calls {FOREIGN_TYPES[need.name]}"
            case NeedKind.TYPE if not self._tree.extensions and Folder.TYPES in self._tree.folders:
                return f"type {name}, which no file declares"
            case NeedKind.ROUTINE if of_trigger and need.name not in _OWN_TRIGGERS:
                declared = Folder.FUNCTIONS in self._tree.folders and not self._tree.extensions
                return f"function {name}, which no file declares" if declared else None
            case _:
                return None

    def _missing_column(self, need: Need) -> str | None:
        _, schema, name = self._makers.spot(need)
        if need.column is None or (schema, name) not in self._listed:
            return None
        column = ObjectKey(ObjectKind.COLUMN, schema, name, None, need.column)
        return None if column in self._columns else f"column {column.label}, which {name} does not have"

    def _is_own(self, need: Need) -> bool:
        """Indexes and sequences that PostgreSQL names by itself: users_pkey, users_id_seq."""
        return need.name.endswith(("_pkey", "_key", "_idx", "_seq", "_excl"))


def _borrows_columns(item: SourceItem) -> bool:
    return any(need.kind is NeedKind.RELATION and not need.deferrable and not need.column for need in item.needs)


def check_migrations(tree: SourceTree) -> tuple[str, ...]:
    """`file:line: …` for what migrations make that databases which start from `tables/` will lack (behaviour, §4)."""
    if Folder.TABLES not in tree.folders:
        return ()
    return tuple(_lost_on_fresh(tree))


def _lost_on_fresh(tree: SourceTree) -> Iterator[str]:
    declared = {item.key.qualified for item in tree.items if item.verb is Verb.CREATE}
    seeded = {seeder.table for seeder in tree.seeders}
    steps = tuple(every_effect(tree.migrations))
    moves = [(place, effect) for place, (_, _, effect) in enumerate(steps) if effect.verb in _MOVES]
    for position, (migration, statement, effect) in enumerate(steps):
        if migration.run_on_fresh or effect.key.kind is not ObjectKind.TABLE:
            continue
        final = _final_name(effect.key.qualified, (move for place, move in moves if place > position))
        if final is None:
            continue
        place = f"{migration.file}:{statement.line}"
        if effect.verb is EffectVerb.CREATE and final not in declared and not _is_temporary(statement):
            yield f"{place}: creates table {final}, which tables/ does not declare: fresh databases will lack it"
        elif _inserts(statement, effect) and final in declared and final not in seeded:
            yield f"{place}: inserts into {final}, which no seeder fills: fresh databases will lack these rows"


_MOVES = frozenset({EffectVerb.DROP, EffectVerb.RENAME, EffectVerb.SET_SCHEMA})


def _final_name(name: QualifiedName, later: Iterable[Effect]) -> QualifiedName | None:
    """What later migrations make of a table's name; None if they drop it."""
    for effect in later:
        if effect.key.kind is not ObjectKind.TABLE or effect.key.qualified != name:
            continue
        match effect.verb:
            case EffectVerb.DROP:
                return None
            case EffectVerb.RENAME if effect.to:
                name = QualifiedName(name.schema, effect.to)
            case EffectVerb.SET_SCHEMA if effect.to:
                name = QualifiedName(effect.to, name.name)
            case _:
                pass
    return name


def _inserts(statement: MigrationStatement, effect: Effect) -> bool:
    """Whether the statement brings rows of its own; one that copies other tables finds nothing on a fresh database."""
    if effect.verb is not EffectVerb.WRITE_ROWS or statement.sql[:6].lower() != "insert":
        return False
    read = {need.qualified for need in statement.needs if need.kind is NeedKind.RELATION}
    return read <= {effect.key.qualified}


def _is_temporary(statement: MigrationStatement) -> bool:
    words = statement.sql[:40].lower().replace("local ", "").replace("global ", "").split()
    return len(words) > 1 and words[1] in ("temp", "temporary")
