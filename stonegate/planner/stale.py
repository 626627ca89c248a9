"""Routines that would fail when called, since a statement of theirs uses what the plan drops or renames (§10).

The hazard `stale-body` of the diff warns of every body that mentions a name; what stands here was parsed, and blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, ConsentToken
from stonegate.model.source import NeedKind, SourceItem, SourceTree, Verb
from stonegate.planner.consent import Allowed


def refuse_stale_bodies(changes: Iterable[Change], tree: SourceTree, allowed: Allowed) -> tuple[Blocked, ...]:
    """One refusal per declared routine that uses a dropped or renamed table or column, unless allowed by name."""
    gone = {change.key: change for change in changes if _removes(change)}
    if not gone:
        return ()
    return tuple(
        _refusal(item, gone[key])
        for item in tree.items
        if item.verb is Verb.CREATE and item.key.kind is ObjectKind.ROUTINE
        for key in sorted(set(_used(item)) & gone.keys())[:1]
        if not allowed.permits(ConsentToken.STALE_BODY, _short(item.key))
    )


def _removes(change: Change) -> bool:
    dropped = change.action is Action.DROP or change.aspect == "name"
    return dropped and not change.restored and change.key.kind in (ObjectKind.COLUMN, ObjectKind.TABLE)


def _used(item: SourceItem) -> Iterator[ObjectKey]:
    """Tables and columns that the parsed statements of the routine name."""
    for need in item.needs:
        if need.kind is NeedKind.RELATION:
            table = ObjectKey(ObjectKind.TABLE, need.schema or "public", need.name)
            yield table if need.column is None else table.part(ObjectKind.COLUMN, need.column)


def _short(key: ObjectKey) -> str:
    """The routine without its arguments, as people name it in a consent."""
    return str(key.qualified)


def _refusal(item: SourceItem, change: Change) -> Blocked:
    what = "is dropped" if change.action is Action.DROP else "is renamed"
    return Blocked(
        code="migration_blocked",
        object=item.key.label,
        change_class=ChangeClass.INCOMPATIBLE,
        reason=f"{item.key} uses {change.key}, which {what}: it would fail when it is called",
        allow=f"--allow {ConsentToken.STALE_BODY}:{_short(item.key)}",
        hint="change the routine in the folder so that it does without",
        file=item.file,
        line=item.line,
    )
