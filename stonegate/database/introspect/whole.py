"""What belongs to a database as a whole: schemas, extensions, default privileges, its own search_path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.access_lists import compare_lists
from stonegate.database.introspect.lookup import Lookup, access_of
from stonegate.model.catalog import DefaultPrivileges, Extension, Schema

_SEARCH_PATH: Final = "search_path="
#: An identifier list: "quoted ones" as they are, others folded to lower case.
_NAME: Final = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')


def schemas(lookup: Lookup) -> tuple[Schema, ...]:
    """Those that no extension brought."""
    return tuple(
        Schema(name=one.name, access=access_of(one.owner, one.comment, one.acl, one.usual))
        for one in sorted(lookup.rows.schemas, key=lambda one: one.name)
        if (rows.PG_NAMESPACE, one.oid) not in lookup.members
    )


def extensions(lookup: Lookup) -> tuple[Extension, ...]:
    """All of them."""
    return tuple(
        Extension(name=one.name, version=one.version, schema=one.schema, comment=one.comment)
        for one in sorted(lookup.rows.extensions, key=lambda one: one.name)
    )


def default_privileges(lookup: Lookup) -> tuple[DefaultPrivileges, ...]:
    """ALTER DEFAULT PRIVILEGES."""
    found = []
    for one in sorted(lookup.rows.default_privileges, key=lambda one: (one.role, one.schema, one.objects)):
        granted, revoked = compare_lists(tuple(one.acl), tuple(one.usual or ()), None)
        found.append(
            DefaultPrivileges(role=one.role, schema=one.schema, objects=one.objects, granted=granted, revoked=revoked)
        )
    return tuple(found)


def search_path(lookup: Lookup) -> tuple[str, ...]:
    """The schemas that ALTER DATABASE … SET search_path names."""
    entries = (one.entry for one in lookup.rows.database_settings)
    return tuple(
        name
        for entry in entries
        if entry.startswith(_SEARCH_PATH)
        for name in _identifiers(entry.removeprefix(_SEARCH_PATH))
    )


def _identifiers(text: str) -> Iterator[str]:
    for found in _NAME.finditer(text):
        if found[2] is not None:
            yield found[2].lower()
        elif found[1]:
            yield found[1].replace('""', '"')
