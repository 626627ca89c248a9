"""The order of migrations: by path; the single later file that makes what an earlier one needs moves up (§3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from msgspec import Struct

from stonegate.errors import SourceError
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Effect, EffectVerb, Migration, Need, NeedKind

_SPACES = {
    ObjectKind.TABLE: NeedKind.RELATION,
    ObjectKind.VIEW: NeedKind.RELATION,
    ObjectKind.MATERIALIZED_VIEW: NeedKind.RELATION,
    ObjectKind.SEQUENCE: NeedKind.RELATION,
    ObjectKind.TYPE: NeedKind.TYPE,
    ObjectKind.ROUTINE: NeedKind.ROUTINE,
    ObjectKind.SCHEMA: NeedKind.SCHEMA,
}


class _Spot(Struct, frozen=True, order=True):
    """An object as migrations speak of it; `column` "" is the object itself."""

    kind: NeedKind
    schema: str
    name: str
    column: str = ""

    @property
    def owner(self) -> _Spot:
        return _Spot(self.kind, self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.name}.{self.column}" if self.column else self.name


class _Event(Struct, frozen=True):
    """A spot comes into being or ends; `lenient`: IF NOT EXISTS, so that it may have existed before."""

    spot: _Spot
    makes: bool
    lenient: bool


class _File(Struct, frozen=True):
    """What one migration needs (with lines) before it makes it itself, what it makes and ends, writes and reads."""

    migration: Migration
    needs: tuple[tuple[_Spot, int], ...]
    events: tuple[_Event, ...]
    writes: frozenset[_Spot]
    reads: frozenset[_Spot]
    opaque: bool  # holds a DO block or a call, whose outcome nobody can read from the text


def order_migrations(migrations: Collection[Migration]) -> tuple[Migration, ...]:
    """Path order, except that the single later file which creates a needed object moves up before its user.

    An object that no migration creates, or that one drops before it is created again, existed before: nothing moves.

    Raises:
        SourceError: the file that makes the object may not move, since a file between them touches the same object;
            several later files create it; or files need each other in a circle.
    """
    queue = _Queue([_file(migration) for migration in sorted(migrations, key=lambda migration: migration.name)])
    return tuple(queue.run())


class _Queue:
    """The files in path order, from which the next one to run is taken."""

    def __init__(self, files: list[_File]) -> None:
        self._files = files
        self._waiting = dict.fromkeys(range(len(files)))
        self._exists: dict[_Spot, bool] = {}
        self._events: defaultdict[_Spot, list[tuple[int, _Event]]] = defaultdict(list)
        for position, file in enumerate(files):
            for event in file.events:
                self._events[event.spot].append((position, event))

    def run(self) -> Iterator[Migration]:
        """All migrations in the order in which they run."""
        while self._waiting:
            position = self._next(next(iter(self._waiting)), ())
            del self._waiting[position]
            file = self._files[position]
            self._exists.update((event.spot, event.makes) for event in file.events)
            yield file.migration

    def _next(self, position: int, chain: tuple[int, ...]) -> int:
        """The file that must run next so that the one at `position` can run."""
        file = self._files[position].migration.file
        if position in chain:
            names = [self._files[each].migration.file for each in chain[chain.index(position) :]]
            raise SourceError(
                f"migrations need each other in a circle: {' → '.join((*names, file))}",
                file=file,
                line=1,
                hint="move what both need into a file of its own, in front of them",
            )
        for spot, line in self._files[position].needs:
            maker = self._maker(position, spot, line)
            if maker is not None:
                return self._next(maker, (*chain, position))
        return position

    def _maker(self, position: int, spot: _Spot, line: int) -> int | None:
        """The later file that must move up since it creates `spot`; None if nothing has to move."""
        if self._exists.get(spot) or spot not in self._events:
            return None
        events = [(other, event) for other, event in self._events[spot] if other in self._waiting]
        if not events or (spot not in self._exists and not events[0][1].makes):
            return None  # it is dropped before anybody creates it, so it existed before
        makers = list(dict.fromkeys(other for other, event in events if event.makes))
        if not makers or makers[0] == position:
            return None
        if len(makers) > 1:
            names = ", ".join(self._files[maker].migration.file for maker in makers)
            raise _immovable(self._files[position], line, f"needs {spot}, which several later files create: {names}")
        maker = makers[0]
        between = [self._files[each] for each in self._waiting if position < each < maker]
        if any(file.opaque for file in between):
            return None  # a program between them may make it as well: the database decides
        obstacle = _obstacle(self._files[maker], between)
        if obstacle is None:
            return maker
        if all(event.lenient for other, event in events if other == maker and event.makes):
            return None  # CREATE … IF NOT EXISTS: it may well have existed before
        raise _immovable(
            self._files[position],
            line,
            f"needs {spot}, which {self._files[maker].migration.file} creates; that file cannot move up past "
            f"{obstacle[0].migration.file}, since both touch {obstacle[1]}",
        )


def _immovable(file: _File, line: int, message: str) -> SourceError:
    return SourceError(
        message,
        file=file.migration.file,
        line=line,
        hint="rename the files so that their path order is the order in which they can run",
    )


def _obstacle(maker: _File, between: list[_File]) -> tuple[_File, _Spot] | None:
    """A file on the way up that touches what the moving file touches, apart from what that one creates."""
    created = {event.spot for event in maker.events if event.makes and not event.spot.column}
    writes, reads = maker.writes - created, maker.reads - created
    for file in between:
        common = (writes & (file.writes | file.reads)) | (reads & file.writes)
        if common:
            return file, min(common)
    return None


# --- what a file says ------------------------------------------------------------------------------------------------


def _file(migration: Migration) -> _File:
    needs: dict[_Spot, int] = {}
    events: list[_Event] = []
    writes: set[_Spot] = set()
    reads: set[_Spot] = set()
    made: set[_Spot] = set()
    for statement in migration.statements:
        for need in statement.needs:
            spot = _spot_of_need(need)
            reads.add(spot.owner)
            if not need.soft and spot not in made and spot.owner not in made:
                needs.setdefault(spot, statement.line)
        for effect in statement.effects:
            owner = _spot(effect.key.owner)
            if owner is not None and owner.name:
                writes.add(owner)
            for event in _events(effect):
                events.append(event)
                if event.makes:
                    made.add(event.spot)
    opaque = any(effect.verb is EffectVerb.OPAQUE for effect in migration.effects)
    return _File(migration, tuple(needs.items()), tuple(events), frozenset(writes), frozenset(reads), opaque)


def _spot_of_need(need: Need) -> _Spot:
    schema = "" if need.kind in (NeedKind.SCHEMA, NeedKind.EXTENSION) else need.schema or "public"
    return _Spot(need.kind, schema, need.name, need.column or "")


def _spot(key: ObjectKey) -> _Spot | None:
    if key.kind is ObjectKind.COLUMN:
        return _Spot(NeedKind.RELATION, key.schema, key.name, key.member or "")
    space = _SPACES.get(key.kind)
    return None if space is None else _Spot(space, key.schema, key.name)


def _events(effect: Effect) -> Iterator[_Event]:
    """What comes into being and what ends; a relation brings a row type of its name."""
    spot = _spot(effect.key)
    if spot is None or not spot.name:
        return
    match effect.verb:
        case EffectVerb.CREATE:
            yield from _both(spot, makes=True, lenient=effect.if_exists)
            for column in effect.columns:
                if (part := _spot(column.key)) is not None:
                    yield _Event(part, True, effect.if_exists)
        case EffectVerb.ADD_COLUMN:
            yield _Event(spot, True, effect.if_exists)
        case EffectVerb.DROP | EffectVerb.DROP_COLUMN:
            yield from _both(spot, makes=False, lenient=effect.if_exists)
        case EffectVerb.RENAME | EffectVerb.SET_SCHEMA:
            yield from _both(spot, makes=False, lenient=effect.if_exists)
            yield from _both(_moved(spot, effect), makes=True, lenient=effect.if_exists)
        case _:
            pass


def _moved(spot: _Spot, effect: Effect) -> _Spot:
    to = effect.to or ""
    if effect.verb is EffectVerb.SET_SCHEMA:
        return _Spot(spot.kind, to, spot.name)
    return _Spot(spot.kind, spot.schema, spot.name, to) if spot.column else _Spot(spot.kind, spot.schema, to)


def _both(spot: _Spot, *, makes: bool, lenient: bool) -> Iterator[_Event]:
    yield _Event(spot, makes, lenient)
    if spot.kind is NeedKind.RELATION and not spot.column:
        yield _Event(_Spot(NeedKind.TYPE, spot.schema, spot.name), makes, lenient)
