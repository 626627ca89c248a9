"""Routines that would fail when called, since a statement of theirs uses what the plan drops or renames (§10).

The hazard `stale-body` of the diff warns of every body that mentions a name; what stands here was parsed, and blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from stonegate.model.catalog import Catalog
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change
from stonegate.model.source import NeedKind, SourceItem, SourceTree, Verb
from stonegate.model.tokens import words_of
from stonegate.planner.consent import Allowed

#: The tables and columns that the statements inside of a routine's body certainly use.
BodyUses: TypeAlias = Callable[[SourceItem], frozenset[ObjectKey]]


def uses_nothing(_: SourceItem) -> frozenset[ObjectKey]:
    """For plans that drop nothing."""
    return frozenset()


def refuse_stale_bodies(
    changes: Iterable[Change], tree: SourceTree, allowed: Allowed, desired: Catalog, body_uses: BodyUses
) -> tuple[Blocked, ...]:
    """One refusal per declared routine that uses a dropped or renamed table or column, unless allowed by name.

    Args:
        desired: what takes the name of something renamed serves the routine as well.
        body_uses: asked only about routines that mention the name at all.
    """
    gone = {change.key: change for change in changes if _removes(change) and not _is_declared(change.key, desired)}
    if not gone:
        return ()
    names = {key: words_of(f"{key.name} {key.member or ''}") for key in gone}
    return tuple(
        _refusal(item, gone[key])
        for item in tree.items
        if item.verb is Verb.CREATE and item.key.kind is ObjectKind.ROUTINE
        for key in sorted(_used(item, names, body_uses))[:1]
        if not allowed.permits(ConsentToken.STALE_BODY, _short(item.key))
    )


def _removes(change: Change) -> bool:
    dropped = change.action is Action.DROP or change.aspect == "name"
    return dropped and not change.restored and change.key.kind in (ObjectKind.COLUMN, ObjectKind.TABLE)


def _is_declared(key: ObjectKey, desired: Catalog) -> bool:
    return key.qualified in desired.relations and (key.member is None or desired.column(key) is not None)


def _used(item: SourceItem, gone: Mapping[ObjectKey, frozenset[str]], body_uses: BodyUses) -> set[ObjectKey]:
    """What the routine uses of what goes.

    Args:
        gone: each with the words of its name.
    """
    words = words_of(item.sql)
    mentioned = {key for key, name in gone.items() if name <= words}
    return mentioned & (frozenset(_named(item)) | body_uses(item)) if mentioned else set()


def _named(item: SourceItem) -> Iterator[ObjectKey]:
    """Tables and columns that the statement itself names."""
    for need in item.needs:
        if need.kind is NeedKind.RELATION:
            table = need.qualified.key(ObjectKind.TABLE)
            yield table if need.column is None else table.part(ObjectKind.COLUMN, need.column)


def _short(key: ObjectKey) -> str:
    """The routine without its arguments, as people name it in a consent."""
    return str(key.qualified)


def _refusal(item: SourceItem, change: Change) -> Blocked:
    what = "is dropped" if change.action is Action.DROP else "is renamed"
    return Blocked(
        object=item.key.label,
        reason=f"{item.key} uses {change.key}, which {what}: it would fail when it is called",
        allow=f"--allow {ConsentToken.STALE_BODY}:{_short(item.key)}",
        hint="change the routine in the folder so that it does without",
        file=item.file,
        line=item.line,
    )
