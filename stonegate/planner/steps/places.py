"""Where the folder declares each object: the file and line that messages and steps point at."""

from __future__ import annotations

from msgspec import Struct

from stonegate.model.names import ObjectKey, extension_key
from stonegate.model.source import SourceTree, Verb


class Place(Struct, frozen=True, kw_only=True):
    """Where the folder declares an object; `body_line` for routines."""

    file: str
    line: int
    body_line: int | None = None


def find_places(tree: SourceTree) -> dict[ObjectKey, Place]:
    """The place of every declared object and of its columns and named constraints."""
    places: dict[ObjectKey, Place] = {}
    for extension in tree.extensions:
        places[extension_key(extension.name)] = Place(file=extension.file, line=extension.line)
    for item in tree.items:
        for key, line in item.lines:
            places.setdefault(key, Place(file=item.file, line=line))
        if item.verb is Verb.CREATE:
            places[item.key] = Place(file=item.file, line=item.line, body_line=item.body_line)
    return places
