"""What comes, changes and goes between two folders: counted in their catalogs and files, not by the diff under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stonegate.model.catalog import Access, Catalog, Table, View


def seen(first: Catalog, second: Catalog) -> set[str]:
    """What differs between two catalogs: "+index", "~column", "-policy" and so on."""
    return _compared(dict(_things(first)), dict(_things(second)))


def seen_in_files(first: dict[str, str], second: dict[str, str]) -> set[str]:
    """The same for what no catalog holds: migrations and seeders."""
    return _compared(_files(first), _files(second))


def _files(files: dict[str, str]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for path, text in files.items():
        folder, name = path.split("/", 1)
        if folder in ("migrations", "seeders") and name != ".keep":
            found[folder.removesuffix("s"), name] = text
    return found


def _compared(first: dict[tuple[str, ...], Any], second: dict[tuple[str, ...], Any]) -> set[str]:
    came = {f"+{key[0]}" for key in second.keys() - first.keys()}
    went = {f"-{key[0]}" for key in first.keys() - second.keys()}
    return came | went | {f"~{key[0]}" for key in first.keys() & second.keys() if first[key] != second[key]}


def _things(catalog: Catalog) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(category, name…) and value of all that the catalog holds."""
    plain = {
        "schema": catalog.schemas,
        "extension": catalog.extensions,
        "enum": catalog.enums,
        "composite": catalog.composites,
        "domain": catalog.domains,
        "range": catalog.ranges,
        "sequence": catalog.sequences,
        "default privilege": catalog.default_privileges,
    }
    for category, objects in plain.items():
        for thing in objects:
            yield (category, str(thing.key)), thing
            yield from _access(str(thing.key), getattr(thing, "access", None))
    for routine in catalog.routines:
        yield (routine.kind, str(routine.key)), routine
        yield from _access(str(routine.key), routine.access)
    for other in catalog.others:
        yield (other.kind, other.identity), other
    for table in catalog.tables:
        yield from _table(table)
    for view in catalog.views:
        category = "materialized view" if view.materialized else "view"
        yield (category, str(view.key)), (view.definition, view.options)
        yield from _access(str(view.key), view.access)
        yield from _indexes(view)


def _table(table: Table) -> Iterator[tuple[tuple[str, ...], Any]]:
    name = str(table.key)
    yield ("table", name), (table.unlogged, table.options, table.kind)
    yield from _access(name, table.access)
    yield from _indexes(table)
    if table.partition_of is not None:
        yield ("partition", name), table.partition_bound
    elif table.inherits:
        yield ("inheritance", name), (table.inherits, [column.name for column in table.columns if column.inherited])
    if table.row_security:
        yield ("row security", name), table.force_row_security
    for column in table.columns:
        yield ("column", name, column.name), column
        yield from _comment(f"{name}.{column.name}", column.comment)
        if column.granted:
            yield ("privilege", name, column.name), column.granted
    for constraint in table.constraints:
        yield (constraint.kind, name, constraint.name), constraint.definition
        yield from _comment(f"{name} {constraint.name}", constraint.comment)
    for policy in table.policies:
        yield ("policy", name, policy.name), policy


def _indexes(relation: Table | View) -> Iterator[tuple[tuple[str, ...], Any]]:
    for index in relation.indexes:
        yield ("index", str(relation.key), index.name), index
        yield from _comment(f"index {index.name}", index.comment)
    for trigger in relation.triggers:
        yield ("trigger", str(relation.key), trigger.name), trigger.definition
        yield from _comment(f"trigger {trigger.name}", trigger.comment)


def _access(name: str, access: Access | None) -> Iterator[tuple[tuple[str, ...], Any]]:
    if access is not None:
        yield from _comment(name, access.comment)
        if access.granted or access.revoked:
            yield ("privilege", name), (access.granted, access.revoked)


def _comment(name: str, comment: str | None) -> Iterator[tuple[tuple[str, ...], Any]]:
    if comment is not None:
        yield ("comment", name), comment
