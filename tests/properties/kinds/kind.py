"""What a kind of object is to the random pairs: several forms of it, and the rows that its tables take."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of thing that can stand in a folder.

    Attributes:
        forms: path → text of each form; any one may become any other, as people change them.
        rows: table → an INSERT that all forms take which have that table; parents first.
        rewritten: "table.column" whose values its migrations change.
        in_order: each form follows from the one before it, as releases do; others may become any other.
        shows: what must be seen to come, to change and to go in a catalog (or among the files) while the kind itself
            comes ("+index"), changes ("~index") and goes ("-index"); see `coverage.py`.
    """

    forms: tuple[dict[str, str], ...]
    rows: dict[str, str] = field(default_factory=dict)
    rewritten: frozenset[str] = frozenset()
    in_order: bool = False
    shows: frozenset[str]


def in_folder(folder: str, name: str, *texts: str) -> tuple[dict[str, str], ...]:
    """Forms that are one file each."""
    return tuple({f"{folder}/kind_{name}.sql": text + "\n"} for text in texts)


def life(category: str) -> frozenset[str]:
    """Coming, changing and going of a category."""
    return frozenset({f"+{category}", f"~{category}", f"-{category}"})
