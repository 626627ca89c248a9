"""The desired state where records tell it, so that no reference database has to be built to learn it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.model.catalog import Access, Catalog, Privilege, Routine, Schema
from stonegate.model.names import ObjectKey, ObjectKind, schema_key
from stonegate.model.plan import Action
from stonegate.model.source import NeedKind, SourceItem, SourceTree, Verb
from stonegate.model.tokens import body_of, same_body, with_body, words_of
from stonegate.model.tracking import DeployedObject, Deployment, TrackingState
from stonegate.planner.migrations.decide import fresh_migrations
from stonegate.planner.order.tree import Ordered
from stonegate.planner.rights import with_declared_rights
from stonegate.source.checksum import checksum, fingerprint

#: Catalogs with other bodies, by the folder that has these, the catalog, and the fingerprint of the folder before.
_DERIVED: Cache[Catalog | None] = Cache(4)

_PUBLIC = schema_key("public")
#: As it is in every new database (src/bin/initdb/initdb.c, "setup_privileges"; pg_namespace.dat).
_NEW_PUBLIC = Schema(
    name="public",
    access=Access(
        owner="pg_database_owner",
        comment="standard public schema",
        granted=(Privilege(grantee="", privilege="USAGE"),),
    ),
)
#: What mentions routines that nothing runs or looks into while it is made.
_STORED = frozenset({ObjectKind.ROUTINE, ObjectKind.VIEW, ObjectKind.TRIGGER, ObjectKind.POLICY})
#: What is run, or looked into, by what reads or calls it.
_READ = frozenset({ObjectKind.ROUTINE, ObjectKind.VIEW})
#: What a variable may be declared as.
_TYPED = frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE})


def recorded_desired(tree: SourceTree, live: Catalog, state: TrackingState, role: str) -> Catalog | None:
    """The catalog that the last deployment recorded, where it is what a reference of this folder would hold.

    The same folder, of the same role, on the same server with the same extensions: then no reference has to be built to
    learn what somebody changed by hand since.
    """
    last = _built_alike(live, state, role)
    return None if last is None or last.fingerprint != tree.fingerprint else last.catalog


def derived_desired(
    tree: SourceTree, ordered: Ordered, live: Catalog, state: TrackingState, role: str
) -> Catalog | None:
    """What a reference of this folder would hold, where it differs from the last one in bodies of routines alone.

    PostgreSQL keeps a body that is a string as it is written, and nothing else depends on it: such a reference is the
    catalog that the last deployment recorded, with these bodies. What they say is yet to be tried, in the database
    itself, which therefore holds what was declared and no more, lest they lean on what was made by hand.
    """
    last = _built_alike(live, state, role)
    if last is None or last.catalog is None:
        return None
    # What the folder revokes shows in what was desired alone.
    held, declared = (with_declared_rights(catalog, tree, role) for catalog in (live, last.catalog))
    if not _holds_the_same(held, declared):
        return None
    derive = partial(_derive, tree, ordered, last, last.catalog, state.routines)
    return _DERIVED.get((id(tree), id(last.catalog), last.fingerprint), derive, tree, last.catalog)


def _built_alike(live: Catalog, state: TrackingState, role: str) -> Deployment | None:
    """The last deployment, if its reference and one that is built now are alike in all that the folder does not say."""
    last = state.last
    if last is None or last.catalog is None or not last.is_comparable:
        return None
    if last.executed_by != role:  # whose everything is that says nothing of its owner
        return None
    is_alike = last.catalog.server == live.server and last.catalog.extensions == live.extensions
    return last if is_alike else None


def _holds_the_same(live: Catalog, declared: Catalog) -> bool:
    """True if the two differ in formatting and comments of bodies at most: such a routine is left as it is."""
    return live is declared or (
        replace(live, routines=()) == replace(declared, routines=())
        and len(live.routines) == len(declared.routines)
        and all(
            replace(one, body=other.body, definition=other.definition) == other
            and same_body(one.language, one.body, other.body)
            for one, other in zip(live.routines, declared.routines, strict=True)
        )
    )


def _derive(
    tree: SourceTree, ordered: Ordered, last: Deployment, declared: Catalog, records: Sequence[DeployedObject]
) -> Catalog | None:
    if tree.unchecked or last.is_mixed or not _is_of_a_new_database(tree, declared):
        return None
    checksums = {row.identity: row.checksum for row in records}
    routines = {routine.key: routine for routine in declared.routines}
    former: list[SourceItem] = []
    changed: set[ObjectKey] = set()
    for item in tree.items:
        if item.verb is Verb.CREATE and (routine := routines.get(item.key)) is not None:
            before, body = checksums.get(item.key.label), body_of(item.sql)
            if before is None or not _differs_in_body(item, body, routine, before):
                return None
            routines[item.key] = _with_body(routine, body)
            if item.checksum != before:
                changed.add(item.key)
                item = replace(item, checksum=before)
        former.append(item)
    if fingerprint(tree.extensions, former, tree.migrations, tree.seeders) != last.fingerprint:
        return None
    if _may_run(tree, ordered, changed) or _mentions_later(ordered, changed):
        return None
    return replace(declared, routines=tuple(routines[routine.key] for routine in declared.routines))


def _is_of_a_new_database(tree: SourceTree, declared: Catalog) -> bool:
    """True if nobody touched `public` before the first deployment: all else would have been found then."""
    return _NEW_PUBLIC in declared.schemas or any(_PUBLIC in (item.key, item.target) for item in tree.items)


def _may_run(tree: SourceTree, ordered: Ordered, changed: Collection[ObjectKey]) -> bool:
    """True if one of these routines may be called while the folder is built, or taken in by what calls it.

    Migrations call what they like. Bounds of partitions and defaults of added columns are evaluated, materialised views
    filled, and what an index or a generated column calls is inlined to see whether it is immutable: such a build
    depends on what bodies do. Operators, casts and domains call unnamed.
    """
    if any(step.action is Action.RUN for step in fresh_migrations(tree, ordered.migrations)):
        return True
    needs = (need for item in tree.items if item.key.kind not in _STORED for need in item.needs)
    reached = set().union(*(words_of(need.name) for need in needs if need.kind is NeedKind.ROUTINE))
    reached.update(*(words_of(item.sql) for item in tree.items if item.key.kind is ObjectKind.MATERIALIZED_VIEW))
    waiting = {item.key: item for item in tree.items if item.verb is Verb.CREATE and item.key.kind in _READ}
    while called := [key for key in waiting if words_of(key.name) <= reached]:
        reached.update(*(words_of(waiting.pop(key).sql) for key in called))
    return any(words_of(key.name) <= reached for key in changed)


def _mentions_later(ordered: Ordered, changed: Collection[ObjectKey]) -> bool:
    """True if one of these routines names a relation or type that a build makes after it, and may so fail for want of.

    A view that calls it stands behind it, and its row type may stand in a declaration of plpgsql.
    """
    said: set[str] = set()
    for node in ordered.nodes:
        item = node.value
        if not isinstance(item, SourceItem) or item.verb is not Verb.CREATE:
            continue
        if item.key in changed:
            said |= words_of(item.sql)
        elif item.key.kind in _TYPED and words_of(item.key.name) <= said:
            return True
    return False


def _differs_in_body(item: SourceItem, body: str | None, routine: Routine, before: str) -> bool:
    """True if the statement was the same but for its body at most, when its checksum was `before`."""
    if body is None:
        return item.checksum == before and not routine.body  # else it is one that the text alone does not tell
    return item.checksum == before or checksum(with_body(item.sql, routine.body)) == before


def _with_body(routine: Routine, body: str | None) -> Routine:
    """The routine as PostgreSQL prints it with that body (pg_get_functiondef, ruleutils.c)."""
    if body is None or routine.language == "c":
        return routine
    tag = "$procedure" if routine.kind == "procedure" else "$function"
    while tag in body:
        tag += "x"
    return replace(routine, body=body, definition=f"{routine.head}\nAS {tag}${body}{tag}$")
