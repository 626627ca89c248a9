"""What only shows when all files are known: objects declared twice, and names that needed the others to be complete."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from stonegate.errors import DuplicateObject
from stonegate.model.names import MEMBER_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import ExtensionItem, Need, NeedKind, SourceItem, Verb

#: Kinds that share one namespace per schema: a table and a sequence cannot have the same name (manual, CREATE TABLE).
_RELATIONS = frozenset(
    {ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE, ObjectKind.INDEX}
)
#: Every row type shares the namespace of types.
_ROW_TYPES = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE})

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
            item = _with_members(item, members[item.key.name])
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


def _with_members(item: SourceItem, members: list[ObjectKey]) -> SourceItem:
    """GRANT … ON ALL TABLES IN SCHEMA s takes the objects that exist by then: all declared ones must precede it."""
    words = " ".join(item.sql.upper().split())
    needs: list[Need] = []
    for key in members:
        if key.kind is ObjectKind.ROUTINE:
            if any(f" ALL {word} IN " in words for word in ("FUNCTIONS", "PROCEDURES", "ROUTINES")):
                needs.append(Need(kind=NeedKind.ROUTINE, schema=key.schema, name=key.name))
        elif key.kind in _RELATIONS and (" ALL TABLES IN " in words or " ALL SEQUENCES IN " in words):
            needs.append(Need(kind=NeedKind.RELATION, schema=key.schema, name=key.name))
    return replace(item, needs=tuple(sorted({*item.needs, *needs}, key=_need_order))) if needs else item


def _need_order(need: Need) -> tuple[str, str, str, str]:
    return need.kind, need.schema or "", need.name, need.column or ""


def check_twins(items: Iterable[SourceItem], extensions: Iterable[ExtensionItem]) -> list[DuplicateObject]:
    """One error for every object that two places declare, naming both."""
    errors: dict[tuple[str, int, str], DuplicateObject] = {}
    seen: dict[object, _Declared] = {}

    def note(spot: object, found: _Declared) -> bool:
        first = seen.setdefault(spot, found)
        if first is not found:
            label, file, line = found.describe()
            errors.setdefault((file, line, label), _duplicate(first, found))
        return first is not found

    for extension in extensions:
        note(("extension", extension.name), _Declared(extension, None))
    for item in items:
        for key in item.creates:
            found = _Declared(item, key)
            twins = [note(spot, found) for spot in _namespaces(key)]
            if key == item.key and any(twins):
                break  # its columns are there twice as well, which is nothing more to say
    return list(errors.values())


@dataclass(frozen=True, slots=True, eq=False)
class _Declared:
    """One place that declares an object; `key` is None for an extension."""

    item: SourceItem | ExtensionItem
    key: ObjectKey | None

    def describe(self) -> tuple[str, str, int]:
        """Label, file and line."""
        if isinstance(self.item, ExtensionItem):
            return f"extension {self.item.name}", self.item.file, self.item.line
        line = next((line for key, line in self.item.lines if key == self.key), self.item.line)
        return str(self.key), self.item.file, line


def _namespaces(key: ObjectKey) -> list[object]:
    if key.kind in MEMBER_KINDS:
        return [key]
    spots: list[object] = []
    if key.kind in _RELATIONS:
        spots.append(("relation", key.schema, key.name))
    if key.kind in _ROW_TYPES:
        spots.append(("type", key.schema, key.name))
    return spots or [key]


def _duplicate(first: _Declared, found: _Declared) -> DuplicateObject:
    label, file, line = found.describe()
    first_label, first_file, first_line = first.describe()
    other = "" if first_label == label else f" ({first_label})"
    return DuplicateObject(
        f"{label} is declared in {first_file}:{first_line}{other} already",
        file=file,
        line=line,
        hint="Keep one of the two.",
    )
