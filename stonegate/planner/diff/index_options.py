"""Storage parameters in the printed definitions of indexes and of the constraints that stand on one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_WITH = re.compile(r" WITH \(((?:\w+='?[\w.]+'?(?:, )?)+)\)(?=\Z| TABLESPACE | USING INDEX | WHERE | DEFERRABLE)")
#: What holds for later writes alone, or at once; others, and those of extensions' methods, want the index built anew
#: (manual: CREATE INDEX, "Index Storage Parameters").
_IN_PLACE: Final = frozenset(
    {"fillfactor", "deduplicate_items", "fastupdate", "gin_pending_list_limit", "buffering", "autosummarize"}
)


def in_order(definition: str) -> str:
    """The definition with its parameters sorted: ALTER INDEX puts those that it sets behind the others."""
    if " WITH (" not in definition:
        return definition
    return _WITH.sub(lambda found: f" WITH ({', '.join(sorted(found[1].split(', ')))})", definition)


def options_of(definition: str) -> dict[str, str]:
    """The parameters by name, each value as it is printed ('70', off)."""
    found = _WITH.search(definition)
    return dict(option.split("=", 1) for option in found[1].split(", ")) if found is not None else {}


def options_text(definition: str) -> str:
    """The parameters for people."""
    return ", ".join(f"{name}={value}" for name, value in options_of(definition).items()).replace("'", "") or "default"


def without_options(definition: str) -> str:
    """The definition without them."""
    return _WITH.sub("", definition)


def differs_in_options(desired: str, live: str) -> bool:
    """True if two definitions of the same index differ in parameters alone that ALTER INDEX changes in place."""
    changed = changed_options(desired, live)
    return bool(changed) and changed.keys() <= _IN_PLACE and without_options(desired) == without_options(live)


def changed_options(desired: str, live: str) -> Mapping[str, str | None]:
    """What is to be set, in order of names; None for what goes back to its default."""
    wanted, present = options_of(desired), options_of(live)
    names = sorted(wanted.keys() | present.keys())
    return {name: wanted.get(name) for name in names if wanted.get(name) != present.get(name)}
