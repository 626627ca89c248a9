"""Statements about what PostgreSQL or an extension brings: no catalog holds that, so that no comparison finds them."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import SourceItem, SourceTree, Verb

_ABOUT = frozenset({Verb.COMMENT, Verb.GRANT, Verb.REVOKE, Verb.ALTER})
_ALWAYS_SEEN = frozenset({ObjectKind.EXTENSION, ObjectKind.DEFAULT_PRIVILEGES})


def warn_of_unseen(tree: SourceTree, desired: Catalog) -> tuple[str, ...]:
    """What the folder says about objects of others, which only a new database is told (hazard `unmodelled`)."""
    items = [item for item in tree.items if item.verb in _ABOUT]
    if not items:
        return ()
    made = {key for item in tree.items if item.verb is Verb.CREATE for key in (item.key, *item.creates)}
    names = set(_names(desired))
    return tuple(
        f"{item.file}:{item.line}: {key} is PostgreSQL's or an extension's own (unmodelled): what is said of it is "
        "carried out in new databases only; write a migration for those that are there"
        for item in items
        for key in _subjects(item)
        if not _is_seen(key, made, names, desired)
    )


def _subjects(item: SourceItem) -> tuple[ObjectKey, ...]:
    granting = item.granting
    if granting is None or granting.all_of is not None:
        return (item.key,)
    return granting.keys or (item.key,)


def _is_seen(key: ObjectKey, made: set[ObjectKey], names: set[tuple[str, str]], desired: Catalog) -> bool:
    owner = key.owner
    if owner.kind in _ALWAYS_SEEN or key in made or owner in made or owner in desired.objects:
        return True
    if owner.kind is ObjectKind.OTHER:
        return owner.name.startswith("rule ")
    return owner.kind is not ObjectKind.SCHEMA and (owner.schema, owner.name) in names


def _names(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Schema and name of everything that a statement may be about: of what comes with other objects, too."""
    for key in catalog.objects:
        yield key.schema, key.name
    for relation in catalog.relations.values():
        yield from ((relation.schema, index.name) for index in relation.indexes)
        for column in relation.columns:
            if column.identity_name is not None:
                yield column.identity_name.schema, column.identity_name.name
    for table in catalog.tables:
        yield from ((table.schema, constraint.index) for constraint in table.constraints if constraint.index)
    for key in catalog.objects:
        if key.kind is ObjectKind.TYPE:
            yield key.schema, f"_{key.name}"  # its array
    for kind in catalog.ranges:
        yield kind.schema, kind.multirange.rpartition(".")[2].strip('"')
