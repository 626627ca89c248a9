"""Warnings of changed routines that a migration still runs in their former form: they are replaced behind it (§6)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from stonegate.model.catalog import Catalog
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Change
from stonegate.model.source import (
    ROW_VERBS,
    EffectVerb,
    Migration,
    MigrationStatement,
    NeedKind,
    SourceItem,
    SourceTree,
)
from stonegate.planner.reach import reached

_REPLACED = (Action.REPLACE, Action.RECREATE)
_READING = (NeedKind.ROUTINE, NeedKind.RELATION)
_FIRING = ("O", "A")  # of pg_trigger.tgenabled, in sessions that are no replica's
_WHY = "routines are replaced behind the migrations; one that needs the new form has to CREATE OR REPLACE it first"
_CALL = re.compile(r'([^\W\d][\w$]*)"?\s*\(')


def warn_of_former(
    changes: Iterable[Change], pending: Iterable[Migration], tree: SourceTree, live: Catalog
) -> Iterator[str]:
    """One sentence for each changed routine that a statement reaches: by calls, by views, by rows that it writes.

    What a migration makes itself is its own affair from there on.
    """
    former = {change.key for change in changes if change.key.kind is ObjectKind.ROUTINE and change.action in _REPLACED}
    waiting = tuple(pending)
    if not former or not waiting:
        return
    mentions, run = _mentions(tree, former), _run_for_rows(live)
    for migration in waiting:
        for statement in migration.statements:
            former -= {effect.key for effect in statement.effects if effect.verb is EffectVerb.CREATE}
            starts = _run_by(statement, run)
            names = {*starts, *reached(starts, lambda name: mentions[name])}
            for key in sorted(key for key in former if key.qualified in names):
                yield f"{migration.file}:{statement.line} may run {key} in its former form: {_WHY}"
                former.discard(key)


def _mentions(tree: SourceTree, former: set[ObjectKey]) -> defaultdict[QualifiedName, list[QualifiedName]]:
    """What the declared views and routines mention, by their names; without the changed ones, whose new texts say
    nothing about the former."""
    found: defaultdict[QualifiedName, list[QualifiedName]] = defaultdict(list)
    code = tuple(item for item in tree.items if item.key.kind in CODE_KINDS)
    by_name: defaultdict[str, set[QualifiedName]] = defaultdict(set)
    for item in code:
        by_name[item.key.name.lower()].add(item.key.qualified)
    for item in code:
        if item.key not in former:
            # Bodies that are only parsed when they are called are searched for what looks like a call.
            called = (by_name.get(name.lower(), ()) for name in _CALL.findall(item.sql))
            found[item.key.qualified] += (*_named(item), *(name for names in called for name in names))
    return found


def _named(item: SourceItem | MigrationStatement) -> Iterator[QualifiedName]:
    return (need.qualified for need in item.needs if need.kind in _READING)


def _run_by(statement: MigrationStatement, run: Mapping[QualifiedName, Iterable[QualifiedName]]) -> set[QualifiedName]:
    """What a statement names, and what runs where it writes rows."""
    written = {effect.key.qualified for effect in statement.effects if effect.verb in ROW_VERBS}
    return {*_named(statement), *(routine for name in written for routine in run.get(name, ()))}


def _run_for_rows(live: Catalog) -> Mapping[QualifiedName, Iterable[QualifiedName]]:
    """For each table and view the routines of its triggers, defaults, generated columns, checks and indexes."""
    silent = {
        relation.key.part(ObjectKind.TRIGGER, trigger.name)
        for relation in live.relations.values()
        for trigger in relation.triggers
        if trigger.enabled not in _FIRING
    }
    found: defaultdict[QualifiedName, list[QualifiedName]] = defaultdict(list)
    for edge in live.dependencies:
        part = edge.dependent
        if edge.on.kind is ObjectKind.ROUTINE and part.kind is not ObjectKind.POLICY and part not in silent:
            found[part.qualified].append(edge.on.qualified)
    return found
