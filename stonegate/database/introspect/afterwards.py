"""The catalog at the end of an apply that changed routines alone: they are read again, all the rest is known.

Before, the change stamp said that the catalog was as recorded; afterwards its first word says that nothing but routines
has moved, whoever moved them (behaviour, §6).
"""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.introspect.catalog import Reading, digest_routines, read_routines, read_stamped
from stonegate.database.introspect.dependencies import dependencies
from stonegate.database.introspect.stamp import moved_only_routines
from stonegate.errors import VerificationFailed
from stonegate.model.catalog import Access, Catalog, Dependency, Routine
from stonegate.model.names import ObjectKey, ObjectKind

#: By what they were before, as it was to be, and the routines read; None where these do not tell.
_AFTERWARDS: Cache[Catalog | None] = Cache(8)


async def read_afterwards(conn: Session, before: Reading, desired: Catalog, *, is_presumed: bool = False) -> Reading:
    """The catalog after the steps; read in full where more than routines moved.

    Args:
        conn: in the transaction of the apply.
        before: the catalog that the steps began with, and the stamp that proves it.
        desired: what the steps were to lead to.
        is_presumed: nobody has seen yet that only routines had moved when the steps began.

    Raises:
        VerificationFailed: that was presumed, and more has moved, then or since.
        psycopg.Error: as PostgreSQL reports it.
    """
    stamp, digest = await digest_routines(conn)
    if stamp == before.stamp:
        return before
    place = (id(before.catalog), id(desired))
    catalog = _AFTERWARDS.find((*place, digest)) if digest else None
    if catalog is None and moved_only_routines(before.stamp, stamp):
        stamp, digest, routines = await read_routines(conn)
        made = _with_routines(before.catalog, desired, routines)
        catalog = _AFTERWARDS.get((*place, digest), lambda: made, before.catalog, desired) if digest else made
    is_known = moved_only_routines(before.stamp, stamp)
    if is_presumed and not is_known:
        raise VerificationFailed(
            "more than routines was changed since the last deployment; everything was rolled back",
            hint="run the same command again: it reads all of the database first",
            database=conn.info.dbname,
        )
    if catalog is None or not is_known:
        return await read_stamped(conn)
    return Reading(stamp=stamp, catalog=catalog, digest=digest)


def _with_routines(before: Catalog, desired: Catalog, routines: tuple[Routine, ...]) -> Catalog | None:
    """The catalog with these routines; None if one is like neither side's, so that its dependencies are not known.

    A routine with the same text depends on the same things.
    """
    kept: set[ObjectKey] = set()
    made: set[ObjectKey] = set()
    for routine in routines:
        if _is_same(routine, before):
            kept.add(routine.key)
        elif _is_same(routine, desired):
            made.add(routine.key)
        else:
            return None
    edges = (
        *((edge.dependent, edge.on) for edge in before.dependencies if _holds(edge, kept)),
        *((edge.dependent, edge.on) for edge in desired.dependencies if edge.dependent in made),
    )
    after = replace(before, routines=routines, dependencies=dependencies(edges))
    return desired if after == desired else after


def _is_same(routine: Routine, catalog: Catalog) -> bool:
    other = catalog.objects.get(routine.key)
    return isinstance(other, Routine) and replace(other, access=Access()) == replace(routine, access=Access())


def _holds(edge: Dependency, kept: set[ObjectKey]) -> bool:
    return edge.dependent.kind is not ObjectKind.ROUTINE or edge.dependent in kept
