"""The order of migrations: by path; a file that makes what an earlier one needs moves up (behaviour, §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stonegate.errors import SourceError
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import EffectVerb, Migration, Need, NeedKind

_SPACES = {
    ObjectKind.TABLE: NeedKind.RELATION,
    ObjectKind.VIEW: NeedKind.RELATION,
    ObjectKind.MATERIALIZED_VIEW: NeedKind.RELATION,
    ObjectKind.SEQUENCE: NeedKind.RELATION,
    ObjectKind.TYPE: NeedKind.TYPE,
    ObjectKind.ROUTINE: NeedKind.ROUTINE,
    ObjectKind.SCHEMA: NeedKind.SCHEMA,
}
Name = tuple[NeedKind, str, str]


def order_migrations(migrations: Collection[Migration], declared: Collection[ObjectKey]) -> tuple[Migration, ...]:
    """Path order, except that the single later file which creates a needed object moves up before its user.

    Args:
        declared: objects of the folder's declared state; they exist whenever a migration runs.

    Raises:
        SourceError: the file that makes the object may not move, since a file between them touches the same object.
    """
    left = sorted(migrations, key=lambda migration: migration.name)
    exists = {name for key in declared if (name := _name_of(key)) is not None}
    ordered: list[Migration] = []
    while left:
        migration = _take(left, 0, exists, ())
        left.remove(migration)
        ordered.append(migration)
        exists |= _made(migration)
    return tuple(ordered)


def _take(left: list[Migration], position: int, exists: set[Name], chain: tuple[str, ...]) -> Migration:
    """The migration that must run next so that the one at `position` can run."""
    migration = left[position]
    if migration.name in chain:
        raise SourceError(
            "migrations need each other in a circle: " + " → ".join((*chain, migration.name)),
            file=migration.file,
            line=1,
        )
    for need, line in _needs(migration):
        if need in exists:
            continue
        makers = [number for number, other in enumerate(left) if number != position and need in _made(other)]
        if len(makers) != 1:
            continue  # nobody makes it, or several do: the database decides
        _refuse_to_pass(left, position, makers[0], need, line)
        return _take(left, makers[0], exists, (*chain, migration.name))
    return migration


def _refuse_to_pass(left: list[Migration], position: int, maker: int, need: Name, line: int) -> None:
    touched = _touched(left[maker])
    for between in left[min(position, maker) + 1 : maker]:
        common = touched & _touched(between)
        if common:
            raise SourceError(
                f"needs {need[2]}, which {left[maker].file} creates; that file cannot move up past {between.file}, "
                f"since both touch {min(common)[2]}",
                file=left[position].file,
                line=line,
                hint="rename the files so that their path order is the order in which they can run",
            )


def _name_of(key: ObjectKey) -> Name | None:
    space = _SPACES.get(key.kind)
    return None if space is None else (space, key.schema, key.name)


def _needs(migration: Migration) -> Iterator[tuple[Name, int]]:
    """What must exist before the file runs: names that it needs before it makes them itself."""
    made: set[Name] = set()
    for statement in migration.statements:
        for need in statement.needs:
            name = _need_name(need)
            if not need.soft and name not in made:
                yield name, statement.line
        for effect in statement.effects:
            owner = _name_of(effect.key.owner)
            if effect.verb is EffectVerb.CREATE:
                made |= _with_row_type(_name_of(effect.key))
            elif owner is not None and not effect.if_exists and owner not in made:
                yield owner, statement.line


def _need_name(need: Need) -> Name:
    return (need.kind, "" if need.kind is NeedKind.SCHEMA else need.schema or "public", need.name)


def _with_row_type(name: Name | None) -> set[Name]:
    if name is None:
        return set()
    return {name, (NeedKind.TYPE, name[1], name[2])} if name[0] is NeedKind.RELATION else {name}


def _made(migration: Migration) -> set[Name]:
    """Names that exist after the file and may not before: created, or the new name of a rename."""
    made: set[Name] = set()
    for statement in migration.statements:
        for effect in statement.effects:
            name = _name_of(effect.key)
            if name is None:
                continue
            if effect.verb is EffectVerb.CREATE:
                made |= _with_row_type(name)
            elif effect.verb is EffectVerb.RENAME and effect.key.member is None and effect.to is not None:
                made |= _with_row_type((name[0], name[1], effect.to))
    return made


def _touched(migration: Migration) -> set[Name]:
    """Every named object that the file changes or writes to."""
    found: set[Name] = set()
    for statement in migration.statements:
        for effect in statement.effects:
            name = _name_of(effect.key.owner)
            if name is not None and name[2]:
                found.add(name)
    return found
