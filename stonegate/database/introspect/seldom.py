"""What few databases have is asked for only where the first rows say that this one does.

A fresh session takes a third of a millisecond to plan a statement on a catalog that it has not seen, whatever comes of
it: a dozen such statements are a fifth of what reading a small database takes.
"""

from __future__ import annotations

from typing import Final

from stonegate.database.introspect.rows import PG_CLASS, PG_POLICY, PG_REWRITE, PG_TRIGGER, DependencyRow, Rows

_HEAP: Final = 2  # the oid of the usual access method of tables (pg_am.dat)


def wanted_behind(read: Rows) -> tuple[str, ...]:
    """The statements, by the names of their fields, that may return a row where others returned `read`."""
    types, relations = {one.kind for one in read.types}, {one.kind for one in read.relations}
    # Whatever belongs to a table has a dependency on it.
    dependents = {one.cls for one in read.dependencies}
    methods = {one.access_method for one in read.relations if one.ours} - {0, _HEAP}
    has_ranges = "r" in types
    collations = {one.collation for one in read.columns} | {one.collation for one in read.types}
    (settings,) = read.settings
    reasons = {
        "default_privileges": settings.has_default_privileges,
        "database_settings": settings.has_settings,
        "find_others": settings.has_others,
        "enum_labels": "e" in types,
        "ranges": has_ranges,
        "collations": has_ranges or bool(collations - {None}),
        "access_methods": bool(methods) or settings.access_method != "heap",
        "tablespaces": any(one.tablespace for one in read.relations),
        "foreign_tables": "f" in relations,
        "inheritance": any(map(_may_be_a_childs, read.dependencies)),
        "triggers": PG_TRIGGER in dependents,
        "policies": PG_POLICY in dependents,
        "rules": PG_REWRITE in dependents,
    }
    return tuple(name for name, has_reason in reasons.items() if has_reason)


def _may_be_a_childs(one: DependencyRow) -> bool:
    """A whole relation depends on a whole one; internally only a TOAST table does on its own."""
    return one.cls == one.on_class == PG_CLASS and one.number == one.on_number == 0 and one.kind != "i"
