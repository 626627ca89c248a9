"""What the folder does not manage: whole kinds whose directory is absent, and objects that nobody declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass, Hazard
from stonegate.model.source import Folder, SourceTree, Verb
from stonegate.planner.classify import hazards
from stonegate.planner.classify.classes import DROP_TOKENS
from stonegate.planner.consent import Allowed

_FOLDERS: dict[Folder, tuple[ObjectKind, ...]] = {
    Folder.TYPES: (ObjectKind.TYPE,),
    Folder.TABLES: (ObjectKind.TABLE, ObjectKind.SEQUENCE),
    Folder.VIEWS: (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW),
    Folder.FUNCTIONS: (ObjectKind.ROUTINE,),
    Folder.TRIGGERS: (ObjectKind.TRIGGER,),
}

#: What stands in the records of a kind beside itself.
_PARTS = {
    ObjectKind.TYPE: (ObjectKind.ATTRIBUTE,),
    ObjectKind.TABLE: (ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.INDEX, ObjectKind.POLICY),
}

_TOKENS = {
    **DROP_TOKENS,
    ObjectKind.INDEX: ConsentToken.DROP_INDEX,
    ObjectKind.VIEW: ConsentToken.DROP_VIEW,
    ObjectKind.MATERIALIZED_VIEW: ConsentToken.DROP_VIEW,
    ObjectKind.TRIGGER: ConsentToken.DROP_TRIGGER,
    ObjectKind.ROUTINE: ConsentToken.DROP_ROUTINE,
    ObjectKind.TYPE: ConsentToken.DROP_TYPE,
}


def kept_kinds(tree: SourceTree, outside: tuple[ObjectKind, ...] = ()) -> tuple[ObjectKind, ...]:
    """Kinds that the folder does not manage: their directory is absent and no statement elsewhere declares one.

    Args:
        outside: `kinds_outside` of the last deployment. There was no directory to take away then, so that what is
            missing now was taken out of a file of another one.
    """
    return tuple(sorted(_without_directory(tree) - _declared(tree) - set(outside)))


def kinds_outside(tree: SourceTree) -> tuple[ObjectKind, ...]:
    """Kinds that the folder declares in other directories, having none for them: all in one file, for example."""
    return tuple(sorted(_without_directory(tree) & _declared(tree)))


def _without_directory(tree: SourceTree) -> set[ObjectKind]:
    return {kind for folder, kinds in _FOLDERS.items() if folder not in tree.folders for kind in kinds}


def _declared(tree: SourceTree) -> set[ObjectKind]:
    return {item.key.kind for item in tree.items if item.verb is Verb.CREATE}


def kept_exceptions(excepted: Iterable[str], kept: Iterable[ObjectKind]) -> Iterator[str]:
    """Differences that stay tolerated, since this folder says nothing of what differs."""
    words = "|".join(word for kind in kept for word in (kind, *_PARTS.get(kind, ())))
    return (mark for mark in excepted if words and re.match(rf"(?:[a-z]+ )?(?:{words}) ", mark))


def named_drops(unmanaged: Iterable[ObjectKey], allowed: Allowed, live: Catalog) -> Iterator[Change]:
    """Unmanaged objects that the user named in a consent: the only way to drop them (behaviour, §4 "Tables")."""
    for key in unmanaged:
        token = _TOKENS.get(key.kind)
        if token is not None and allowed.names(token, key.label):
            yield Change(
                action=Action.DROP,
                key=key,
                table=live.index_holders.get(key),
                change_class=ChangeClass.DATALOSS,
                token=token,
                hazards=tuple(_hazards(key)),
                reason=f"{key} is unmanaged, and a consent names it",
            )


def _hazards(key: ObjectKey) -> Iterator[Hazard]:
    match key.kind:
        case ObjectKind.TABLE | ObjectKind.COLUMN | ObjectKind.SEQUENCE | ObjectKind.ATTRIBUTE:
            yield hazards.deletes_data(str(key))
        case ObjectKind.INDEX:
            yield hazards.drops_index(str(key))
        case ObjectKind.TRIGGER:
            yield hazards.drops_trigger(str(key))
        case _:
            pass
