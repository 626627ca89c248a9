"""Routines whose bodies still mention what a plan drops, renames or retypes: they would fail when called (§10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from stonegate.model.catalog import Catalog, Routine
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, ConsentToken
from stonegate.model.source import NeedKind, SourceItem, SourceTree, Verb
from stonegate.planner import hazards
from stonegate.planner.consent import Allowed

#: Strings and comments, which mention nothing; dollar-quoted strings inside bodies are looked into (dynamic SQL).
_SILENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleBodies:
    """The changes with their `stale-body` hazards, and the routines that a parsed statement proves stale."""

    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def find_stale_bodies(
    changes: Iterable[Change], desired: Catalog, live: Catalog, tree: SourceTree, allowed: Allowed
) -> StaleBodies:
    """Looks for the names of dropped, renamed and retyped tables and columns in every body that stays.

    A mention that the folder's parsed statements resolve to exactly that column or table blocks (unless allowed by
    `stale_body:routine`), except under a mere change of type; mere words warn.
    """
    bodies = _bodies(desired, live)
    proven = _resolved(tree)
    marked: list[Change] = []
    blocked: dict[ObjectKey, Blocked] = {}
    warnings: list[str] = []
    for change in changes:
        if not _endangers(change):
            marked.append(change)
            continue
        found = tuple(key for key, words in bodies.items() if _names(change.key) <= words)
        sure = tuple(key for key in found if change.key in proven.get(key, ())) if _removes(change) else ()
        for key in sure:
            if not allowed.permits(ConsentToken.STALE_BODY, _short(key)):
                blocked[key] = _refusal(key, change, tree)
        warnings += [f"{key} may mention {change.key}, which {_what(change)}" for key in found if key not in sure]
        if found:
            hazard = hazards.stale_body(str(change.key), ", ".join(_short(key) for key in found))
            change = replace(change, hazards=(*change.hazards, hazard))
        marked.append(change)
    return StaleBodies(
        changes=tuple(marked), blocked=tuple(blocked[key] for key in sorted(blocked)), warnings=tuple(warnings)
    )


def _endangers(change: Change) -> bool:
    if change.restored or change.key.kind not in (ObjectKind.COLUMN, ObjectKind.TABLE):
        return False
    return _removes(change) or change.aspect == "type"


def _removes(change: Change) -> bool:
    return change.action is Action.DROP or change.aspect == "name"


def _what(change: Change) -> str:
    return "is dropped" if change.action is Action.DROP else "is renamed" if change.aspect == "name" else "is retyped"


def _short(key: ObjectKey) -> str:
    """The routine without its arguments, as people name it in a consent."""
    return str(key.qualified)


def _names(key: ObjectKey) -> frozenset[str]:
    return frozenset({key.name} if key.member is None else {key.name, key.member})


def _bodies(desired: Catalog, live: Catalog) -> dict[ObjectKey, frozenset[str]]:
    """The words of every routine body after the plan: declared ones, and unmanaged ones that stay."""
    routines: dict[ObjectKey, Routine] = {routine.key: routine for routine in live.routines}
    routines.update({routine.key: routine for routine in desired.routines})
    return {
        key: words
        for key, routine in sorted(routines.items())
        if routine.body and (words := frozenset(_words(routine.body)))
    }


def _words(body: str) -> Iterator[str]:
    for match in _WORD.finditer(_SILENT.sub(" ", body)):
        word = match.group()
        yield word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def _resolved(tree: SourceTree) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """Tables and columns that the parsed statements of each declared routine name."""
    return {
        item.key: frozenset(_resolve(item))
        for item in tree.items
        if item.verb is Verb.CREATE and item.key.kind is ObjectKind.ROUTINE
    }


def _resolve(item: SourceItem) -> Iterator[ObjectKey]:
    for need in item.needs:
        if need.kind is NeedKind.RELATION:
            table = ObjectKey(ObjectKind.TABLE, need.schema or "public", need.name)
            yield table if need.column is None else table.part(ObjectKind.COLUMN, need.column)


def _refusal(key: ObjectKey, change: Change, tree: SourceTree) -> Blocked:
    place = next((item for item in tree.items if item.key == key), None)
    return Blocked(
        code="migration_blocked",
        object=key.label,
        change_class=ChangeClass.INCOMPATIBLE,
        reason=f"{key} uses {change.key}, which {_what(change)}: it would fail when it is called",
        allow=f"--allow {ConsentToken.STALE_BODY}:{_short(key)}",
        hint="change the routine in the folder so that it does without",
        file=place.file if place is not None else None,
        line=place.line if place is not None else None,
    )
