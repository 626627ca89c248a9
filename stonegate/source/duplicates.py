"""Objects that two places declare, which only shows when all files are known."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from stonegate.errors import DuplicateObject
from stonegate.model.names import MEMBER_KINDS, RELATION_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import ExtensionItem, SourceItem

#: Every row type shares the namespace of types.
_ROW_TYPES = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE})


def find_duplicates(items: Iterable[SourceItem], extensions: Iterable[ExtensionItem]) -> list[DuplicateObject]:
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
            known = [note(spot, found) for spot in _namespaces(key)]
            if key == item.key and any(known):
                break  # its columns are there twice as well, which is nothing more to say
    return list(errors.values())


class _Declared(Struct, frozen=True, eq=False):
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
    if key.kind in RELATION_KINDS:
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
        hint="keep one of the two",
    )
