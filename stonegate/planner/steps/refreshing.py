"""Materialised views that a plan makes before the seeders fill what they read: refreshed behind these.

A fresh build would leave them empty otherwise, though the tables have their rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Phase, Statement, Step
from stonegate.model.source import NeedKind, SourceItem, Verb
from stonegate.model.tokens import canonical_form
from stonegate.planner.ddl import refresh_view
from stonegate.planner.order.tree import Ordered
from stonegate.planner.reach import reached

#: What each object takes rows from: views and routines from what they mention, tables from partitions and children.
#: Views are called by the keys of tables, as they are where a column of theirs is mentioned.
Reads = Mapping[ObjectKey, Collection[ObjectKey]]

_READING = frozenset({*VIEW_KINDS, ObjectKind.ROUTINE, ObjectKind.OTHER})


def refresh_steps(
    steps: Iterable[Step], find_reads: Callable[[], Reads], filled: Collection[ObjectKey]
) -> tuple[Step, ...]:
    """One step for each view, in the order in which they are made: what reads another one comes after it.

    Args:
        steps: those before the seeders.
        find_reads: `reads_of_folder` or `reads_of_catalog`; only called where there is such a view.
        filled: tables that get rows.
    """
    made = [step for step in steps if step.kind is ObjectKind.MATERIALIZED_VIEW and _is_populated(step)]
    if not made or not filled:
        return ()
    reads = find_reads()
    return tuple(
        Step(
            id=f"refresh {step.key}",
            action=Action.ALTER,
            phase=Phase.REFRESHES,
            key=step.key,
            file=step.file,
            line=step.line,
            statements=(Statement(sql=refresh_view(step.key.qualified)),),
            reason="refreshed: what it reads gets its rows after it was made",
        )
        for step in made
        if any(key in filled for key in reached((_relation(step.key),), lambda key: reads.get(key, ())))
    )


def _is_populated(step: Step) -> bool:
    """True if the step makes the view with its rows."""
    forms = (canonical_form(statement.sql) for statement in step.statements)
    made = next((form for form in forms if form.startswith("create materialized view")), None)
    return made is not None and not made.endswith("with no data")


def _relation(key: ObjectKey) -> ObjectKey:
    return replace(key, kind=ObjectKind.TABLE) if key.kind in VIEW_KINDS else key


def reads_of_folder(ordered: Ordered) -> Reads:
    """Who reads whom, by the texts."""
    found: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    items = {place: node.value for place, node in enumerate(ordered.nodes) if isinstance(node.value, SourceItem)}
    for needed, dependent in ordered.edges:
        if needed in items and dependent in items and items[dependent].key.kind in _READING:
            found[_relation(items[dependent].key)].add(_relation(items[needed].key.owner))
    for item in items.values():
        if item.verb is Verb.CREATE and item.key.kind is ObjectKind.TABLE:
            for need in item.needs:
                if need.kind is NeedKind.RELATION and not need.deferrable:  # a parent, and no foreign key
                    found[need.qualified.key(ObjectKind.TABLE)].add(item.key)
    made = {item.key: item.sql for item in items.values() if item.verb is Verb.CREATE}
    _note_bodies(found, {key: sql for key, sql in made.items() if key.kind is ObjectKind.ROUTINE}, made)
    return found


def reads_of_catalog(catalog: Catalog) -> Reads:
    """Who reads whom, by what PostgreSQL knows, and by the words in the bodies of routines, which it does not read."""
    found: defaultdict[ObjectKey, set[ObjectKey]] = defaultdict(set)
    for edge in catalog.dependencies:
        if edge.dependent.kind in _READING:
            found[_relation(edge.dependent)].add(_relation(edge.on.owner))
    for parent, children in catalog.children.items():
        found[parent] |= {child.key for child in children}
    _note_bodies(found, {routine.key: routine.body for routine in catalog.routines}, catalog.objects)
    return found


def _note_bodies(
    found: defaultdict[ObjectKey, set[ObjectKey]], bodies: Mapping[ObjectKey, str], keys: Iterable[ObjectKey]
) -> None:
    """Take a routine to read whatever is called like a word in its body."""
    named: defaultdict[str, set[ObjectKey]] = defaultdict(set)
    for key in keys:
        if key.kind in _READING or key.kind is ObjectKind.TABLE:
            named[key.name].add(_relation(key))
    for routine, body in bodies.items():
        for word in frozenset(re.findall(r"\w+", body)):
            found[routine] |= named.get(word, set())
