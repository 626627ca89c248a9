"""Items completed by what only shows when all files are known: routines named alone, members of schemas, repeats."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from stonegate.model.names import RELATION_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import SourceItem, Verb
from stonegate.source.syntax.references import Needs

_REPLACEABLE = frozenset({ObjectKind.VIEW, ObjectKind.ROUTINE, ObjectKind.TRIGGER})
_CREATE_OR_REPLACE = re.compile(r"\s*create\s+or\s+replace\b", re.IGNORECASE)


def complete_items(items: Iterable[SourceItem], warnings: list[str]) -> list[SourceItem]:
    """The items with what needs the whole folder: `f` without arguments means the only `f`, GRANT … ON ALL … IN SCHEMA
    needs all objects of that schema, a schema that several files create `IF NOT EXISTS` counts once, and so does what a
    file creates and later on replaces: pg_dump writes a view that groups by a primary key before and after that key."""
    items = list(items)
    routines: defaultdict[tuple[str, str], list[ObjectKey]] = defaultdict(list)
    members: defaultdict[str, list[ObjectKey]] = defaultdict(list)
    for item in items:
        if item.verb is Verb.CREATE:
            members[item.key.schema].append(item.key)
            if item.key.kind is ObjectKind.ROUTINE:
                routines[item.key.schema, item.key.name].append(item.key)
    kept: list[SourceItem] = []
    replaceable: dict[tuple[str, ObjectKey], SourceItem] = {}
    schemas: dict[ObjectKey, SourceItem] = {}
    for item in items:
        if item.key.kind is ObjectKind.ROUTINE and item.key.arguments is None:
            item = _resolved(item, routines[item.key.schema, item.key.name])
        elif item.key.kind is ObjectKind.SCHEMA and item.verb in (Verb.GRANT, Verb.REVOKE):
            item = _with_members(item, members)
        elif item.key.kind is ObjectKind.SCHEMA and item.verb is Verb.CREATE:
            first = schemas.setdefault(item.key, item)
            if first is not item and " if not exists " in f" {' '.join(item.sql.lower().split())} ":
                warnings.append(f"{item.file}:{item.line}: {item.key} is created in {first.file}:{first.line} already")
                continue
        elif item.key.kind in _REPLACEABLE and item.verb is Verb.CREATE:
            former = replaceable.get((item.file, item.key))
            if former is not None and _CREATE_OR_REPLACE.match(item.sql):
                kept.remove(former)
                warnings.append(f"{item.file}:{item.line}: {item.key} replaces that of line {former.line}")
            replaceable[item.file, item.key] = item
        kept.append(item)
    return kept


def _resolved(item: SourceItem, candidates: list[ObjectKey]) -> SourceItem:
    if len(candidates) != 1:
        return item
    return replace(item, key=candidates[0], target=None if item.target is None else candidates[0])


def _with_members(item: SourceItem, members: Mapping[str, list[ObjectKey]]) -> SourceItem:
    """GRANT … ON ALL TABLES IN SCHEMA s takes the objects that exist by then: all declared ones must precede it."""
    granting = item.granting
    if granting is None or granting.all_of is None:
        return item
    needs = Needs()
    for need in item.needs:
        needs.add(need)
    for key in (member for schema in granting.keys for member in members.get(schema.name, ())):
        if granting.all_of is ObjectKind.ROUTINE and key.kind is ObjectKind.ROUTINE:
            needs.routine(key.schema, key.name)
        elif granting.all_of is not ObjectKind.ROUTINE and key.kind in RELATION_KINDS:
            needs.relation(key.schema, key.name)
    return replace(item, needs=needs.sorted())
