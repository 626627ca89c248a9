"""What comparing two catalogs finds: changes, objects that nobody declared, and notes; how these put things."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct

from stonegate.model.names import ObjectKey
from stonegate.model.plan import Change


class Unmanaged(Struct, frozen=True):
    """A live object or member that neither the folder nor an earlier deployment declared."""

    key: ObjectKey


class Note(Struct, frozen=True):
    """Something worth knowing that no statement follows from; `standing` if the last deployment told it already."""

    text: str
    standing: bool = False


Finding = Change | Unmanaged | Note
Findings = Iterator[Finding]
Some = TypeVar("Some")


class Diff(Struct, frozen=True, kw_only=True):
    """The differences between what is declared and what is there, each list sorted.

    Attributes:
        changes: what an apply has to do, classified.
        unmanaged: live objects that nobody declared: listed, never dropped.
        notes: differences that stay, with the reason; `standing`: the same, told by the last deployment already.
    """

    changes: tuple[Change, ...] = ()
    unmanaged: tuple[ObjectKey, ...] = ()
    notes: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()


def build_diff(findings: Findings) -> Diff:
    """Sorts the findings by kind and object."""
    changes: list[Change] = []
    unmanaged: set[ObjectKey] = set()
    notes: set[str] = set()
    standing: set[str] = set()
    for finding in findings:
        match finding:
            case Change():
                changes.append(finding)
            case Unmanaged():
                unmanaged.add(finding.key)
            case Note():
                (standing if finding.standing else notes).add(finding.text)
    return Diff(
        changes=tuple(sorted(changes, key=lambda change: (_place(change.key), change.action.value, change.aspect))),
        unmanaged=tuple(sorted(unmanaged, key=_place)),
        notes=tuple(sorted(notes)),
        standing=tuple(sorted(standing)),
    )


def _place(key: ObjectKey) -> tuple[str, ...]:
    """A sort key: `ObjectKey` itself has parts that may be None."""
    return (key.kind.value, key.schema, key.name, key.arguments or "", key.member or "")


def options_text(options: tuple[str, ...]) -> str | None:
    """Storage parameters, and the like, as a printable text, None for none."""
    return ", ".join(options) or None


def type_text(name: str, collation: str | None) -> str:
    """A type with a collation, if that is not the type's own."""
    return f"{name} COLLATE {collation}" if collation else name


def heirs(
    gone: Iterable[Some], added: Iterable[Some], likeness: Callable[[Some], object]
) -> Iterator[tuple[Some, Some | None]]:
    """What goes, each with the new one that it may have become: the first that is like it and not taken yet."""
    free = list(added)
    for former in gone:
        heir = next((new for new in free if likeness(new) == likeness(former)), None)
        if heir is not None:
            free.remove(heir)
        yield former, heir


def compare_order(
    parts: str, wanted: Iterable[str], present: Collection[str], added: Iterable[str], last: Iterable[str] | None
) -> Findings:
    """The remark that what is there keeps its place, and that what is new comes behind it (behaviour, §5).

    Args:
        added: what is new, in the order in which it comes.
        last: the order that the last deployment declared: while it is that, the remark is not made again and again.
    """
    declared = list(wanted)
    there = [*(name for name in present if name in declared), *added]
    if declared != there:
        text = f"{parts} stand in the order {', '.join(there)} instead of {', '.join(declared)}"
        yield Note(text, standing=last is not None and list(last) == declared)
