"""The types and tables of a folder, parsed in front of all else, so that a fresh deployment can begin with them."""

from __future__ import annotations

import re
from collections.abc import Generator

from msgspec.structs import replace

from stonegate.model.source import EARLY_FOLDERS, Beginning
from stonegate.source.files.tree import SourceBytes
from stonegate.source.parse import parse_gradually

#: What a statement makes, well enough for a guess: nothing depends on it but how soon a deployment begins.
_MADE = re.compile(
    r"""\bcreate\s+(?:or\s+replace\s+)?(?:materialized\s+)?
    (?:function|procedure|aggregate|view|table|sequence|type|domain)\s+(?:if\s+not\s+exists\s+)?
    (?:"?\w+"?\s*\.\s*)?"?(\w+)""",
    re.IGNORECASE | re.VERBOSE,
)


def parse_beginning(path: str, read: SourceBytes) -> Generator[None, None, Beginning]:
    """The beginning of a folder, pausing after every file.

    Raises:
        SourceError: something is wrong with it, alone or without the rest.
    """
    first = tuple(file for file in read.files if file.folder in EARLY_FOLDERS)
    later = (
        name.lower() for file in read.files if file.folder not in EARLY_FOLDERS for name in _MADE.findall(file.text)
    )
    tree = yield from parse_gradually(path, replace(read, files=first))
    return Beginning(tree=tree, later=frozenset(later))
