"""Sequences: owned ones compare by the column that owns them, never by name (behaviour, §5)."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.catalog import Access, Catalog, Column, Sequence, SequenceOptions
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.classify.classes import Circumstances
from stonegate.planner.diff.access import compare_access, compare_comment, compare_privileges
from stonegate.planner.diff.findings import Findings, Note, Unmanaged
from stonegate.planner.diff.naming import is_given_sequence
from stonegate.planner.diff.sides import Sides

_BOUNDS = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


def compare_sequences(sides: Sides) -> Findings:
    """All sequences but those inside identity columns."""
    pairs, missing, surplus = _pair(sides)
    for desired, live in pairs:
        if desired != live:
            yield from _compare(sides, desired, live)
    # The column of one that is new would take another one for it, which has its name until it gets its own.
    left = {live.key for desired, live in pairs if is_renamed(desired, live, sides.desired)}
    for sequence in missing:
        if sequence.key in left or not _comes_with_column(sides, sequence):
            after = sequence_text(sequence.options)
            yield sides.change(Action.CREATE, sequence.key, f"{sequence.key} is new", after=after)
    for sequence in surplus:
        yield from _surplus(sides, sequence)


def _pair(sides: Sides) -> tuple[list[tuple[Sequence, Sequence]], list[Sequence], list[Sequence]]:
    """By owner first (by name among several of one owner), then by name.

    A sequence that gives its column the default is another one than one which the column merely owns.
    """
    left = {sequence.key: sequence for sequence in sides.live.sequences}
    by_owner: dict[object, list[Sequence]] = {}
    for sequence in left.values():
        if sequence.owned_by is not None:
            place = (sequence.owned_by, _is_serial(sides.live, sequence))
            by_owner.setdefault(place, []).append(sequence)
    pairs: list[tuple[Sequence, Sequence]] = []
    unpaired: list[Sequence] = []
    for sequence in sides.desired.sequences:
        candidates = by_owner.get((sequence.owned_by, _is_serial(sides.desired, sequence)), [])
        found = next(
            (other for other in candidates if other.key == sequence.key), candidates[0] if candidates else None
        )
        if found is None:
            unpaired.append(sequence)
        else:
            candidates.remove(found)
            pairs.append((sequence, left.pop(found.key)))
    missing: list[Sequence] = []
    for sequence in unpaired:
        namesake = left.get(sequence.key)
        if namesake is None or (sequence.owned_by is not None and _makes_way(sides, sequence, namesake)):
            missing.append(sequence)
        else:
            pairs.append((sequence, left.pop(namesake.key)))
    return pairs, missing, list(left.values())


def _makes_way(sides: Sides, desired: Sequence, live: Sequence) -> bool:
    """True for a sequence that goes with its column, or because that gets one inside, whatever else it owns; a column
    that is there already takes the one of its name over instead."""
    replaced = live.owned_by == desired.owned_by and _column_fate(sides, live) == "replaced"
    takes_over = desired.owning_column is not None and sides.live.table_column(desired.owning_column) is not None
    return replaced or (_is_dropped(sides, live) and not takes_over)


def _is_dropped(sides: Sides, live: Sequence) -> bool:
    """True for a sequence whose column goes, and takes it along: another column's of its name is another one.

    It stays where something else goes on using it, and gets its new owner before the old one goes.
    """
    key = live.owning_column
    if key is None or _has_other_users(live, sides):
        return False
    table, column = sides.live.table(key.owner), sides.live.table_column(key)
    if table is None or column is None:
        return False
    wanted = sides.desired.table(table.key)
    if wanted is None:
        return sides.was_declared(table.key)
    return wanted.column(column.name) is None and sides.removes_column(table, column)


def _has_other_users(sequence: Sequence, sides: Sides) -> bool:
    """True if something besides the column that owns the sequence uses it, and stays."""
    users = (key for key in sides.live.dependents.get(sequence.key, ()) if key != sequence.owning_column)
    return any(key in sides.desired.objects or sides.desired.table_column(key) is not None for key in users)


def is_renamed(desired: Sequence, live: Sequence, declared: Catalog) -> bool:
    """True if an owned sequence has to get its declared name: somebody chose it, or something besides its column calls
    it by that.

    Args:
        declared: the catalog of the desired one.
    """
    column = desired.owning_column
    if desired.name == live.name or desired.schema != live.schema or column is None:
        return False
    others = any(user != column for user in declared.dependents.get(desired.key, ()))
    return others or is_given_sequence(desired.name, column.member or "")


def _former_column(sides: Sides, live: Sequence) -> str:
    """The column that the sequence belonged to when it was last declared, or "" where it had none."""
    last = sides.last_declared(live.key)
    column = last.owning_column if isinstance(last, Sequence) else None
    return (column.member if column is not None else None) or ""


def _compare(sides: Sides, desired: Sequence, live: Sequence) -> Findings:
    key = desired.key
    if is_renamed(desired, live, sides.desired):
        reason = f"{live.key} is called {desired.name} in the folder"
        yield sides.change(Action.ALTER, key, reason, aspect="new_name", before=live.name, after=desired.name)
    elif desired.name != live.name and is_given_sequence(live.name, _former_column(sides, live)):
        yield Note(f"{live.key} would be called {desired.name} in a new database")
    if desired.options != live.options:
        before, after = sequence_text(live.options), sequence_text(desired.options)
        yield sides.change(Action.ALTER, key, f"{key} has other options", aspect="options", before=before, after=after)
    if desired.owned_by != live.owned_by and not _is_taken_over(sides, desired, live):
        former, wanted = _owner(live), _owner(desired)
        reason = f"{key} belongs to {former or 'no column'} instead of {wanted or 'none'}"
        yield sides.change(Action.ALTER, key, reason, aspect="owned_by", before=former, after=wanted)
    if desired.unlogged != live.unlogged and not _follows_table(sides, desired, live):
        words = {True: "unlogged", False: "logged"}
        yield sides.change(
            Action.ALTER,
            key,
            f"{key} is {words[live.unlogged]} instead of {words[desired.unlogged]}",
            aspect="unlogged",
            before=words[live.unlogged],
            after=words[desired.unlogged],
        )
    if desired.owned_by is None:
        yield from compare_access(sides, key, desired.access, live.access)
    else:
        # The owner of an owned sequence is the owner of its table (manual: ALTER SEQUENCE).
        yield from compare_comment(sides, key, desired.access.comment, live.access.comment)
        yield from compare_privileges(sides, key, desired.access, live.access, sides.last_access(key))


def _is_taken_over(sides: Sides, desired: Sequence, live: Sequence) -> bool:
    """True for a sequence of no column that one takes over together with the default that it gets (`ddl.values`)."""
    key = desired.owning_column
    if key is None or live.owned_by is not None or not _is_serial(sides.desired, desired):
        return False
    column, present = sides.desired.table_column(key), sides.live.table_column(key)
    return column is not None and present is not None and column.default != present.default


def _is_serial(catalog: Catalog, sequence: Sequence) -> bool:
    """True if the column that owns the sequence takes its default from it."""
    column = catalog.table_column(sequence.owning_column) if sequence.owning_column is not None else None
    return column is not None and column.owned_sequence == sequence.key.qualified


def _owner(sequence: Sequence) -> str | None:
    return sequence.owning_column.label if sequence.owning_column is not None else None


def _follows_table(sides: Sides, desired: Sequence, live: Sequence) -> bool:
    """SET LOGGED and SET UNLOGGED of a table reach the sequences that its columns own."""
    if desired.owning_column is None:
        return False
    key = desired.owning_column.owner
    wanted, present = sides.desired.table(key), sides.live.table(key)
    return (
        wanted is not None
        and present is not None
        and (wanted.unlogged, present.unlogged) == (desired.unlogged, live.unlogged)
    )


def _comes_with_column(sides: Sides, sequence: Sequence) -> bool:
    """True for the sequence that a new serial column brings, if nobody wants more of it than `serial` gives.

    Where a column is no identity column any more, its new sequence cannot come before the identity's is gone.
    """
    key = sequence.owning_column
    if key is None or not _is_serial(sides.desired, sequence):
        return False
    table, column = sides.desired.table(key.owner), sides.desired.table_column(key)
    if table is None or column is None:
        return False
    present = sides.live.table_column(key)
    return (present is not None and bool(present.identity)) or (
        sequence.access == Access(owner=table.access.owner)
        and sequence.options == serial_options(column)
        and sequence.unlogged == table.unlogged
    )


def serial_options(column: Column) -> SequenceOptions:
    """What `serial` of the column's type chooses."""
    return usual_options(column.type if column.type in _BOUNDS else "bigint")


def type_limits(type_name: str) -> tuple[int, int]:
    """The lowest and the highest value of a sequence of that type."""
    return _BOUNDS.get(type_name, _BOUNDS["bigint"])


def usual_options(type_name: str, increment: int = 1) -> SequenceOptions:
    """What CREATE SEQUENCE chooses by itself (manual: CREATE SEQUENCE)."""
    lowest, highest = type_limits(type_name)
    minimum, maximum = (1, highest) if increment > 0 else (lowest, -1)
    return SequenceOptions(
        type=type_name,
        start=minimum if increment > 0 else maximum,
        increment=increment,
        minimum=minimum,
        maximum=maximum,
        cache=1,
        cycle=False,
    )


def _surplus(sides: Sides, sequence: Sequence) -> Findings:
    """A live sequence that the folder lacks: on its own, or left over by its column."""
    fate = _column_fate(sides, sequence)
    if fate == "goes along":
        return
    former = sides.declared.sequences if sides.declared is not None else ()
    known = any(other.key == sequence.key or (other.owned_by == sequence.owned_by is not None) for other in former)
    managed = known or fate in ("left over", "replaced")
    if not managed or ObjectKind.SEQUENCE in sides.kept:
        yield Unmanaged(sequence.key)
        return
    replaced = fate == "replaced"
    yield sides.change(
        Action.DROP,
        sequence.key,
        f"{sequence.key} gives way to the identity of {_owner(sequence)}"
        if replaced
        else f"{sequence.key} is no longer declared",
        before=sequence_text(sequence.options),
        facts=Circumstances(replaced=replaced),
    )


def _column_fate(sides: Sides, sequence: Sequence) -> str:
    """What happens to the column that owns the sequence: it takes the sequence along, or leaves it behind."""
    key = sequence.owning_column
    if key is None:
        return "none"
    wanted, present = sides.desired.table_column(key), sides.live.table_column(key)
    if wanted is None or present is None:
        return "goes along"
    if present.owned_sequence != sequence.key.qualified:
        return "none"
    if wanted.generated is not None:
        return "goes along"  # the column is dropped and added
    return "replaced" if wanted.identity else "left over"


def sequence_text(options: SequenceOptions) -> str:
    """ "bigint start 1 increment 1 minimum 1 maximum 9223372036854775807 cache 1"."""
    text = (
        f"{options.type} start {options.start} increment {options.increment} minimum {options.minimum}"
        f" maximum {options.maximum} cache {options.cache}"
    )
    return f"{text} cycle" if options.cycle else text


def same_identity_options(desired: Column, live: Column) -> bool:
    """True if the sequence inside an identity column is as declared, or becomes so with the column's new type.

    Its own type is none of the difference: LIKE … INCLUDING IDENTITY makes it bigint, whatever the column is of.
    """
    wanted, present = desired.identity_options, live.identity_options
    if wanted is None or present is None:
        return wanted is present
    if desired.type != live.type:
        present = moved_to_type(present, desired.type)
    return replace(wanted, type=present.type) == present


def moved_to_type(options: SequenceOptions, type_name: str) -> SequenceOptions:
    """A sequence after `AS type`, which a new type of its identity column brings: bounds that stand at the limits of
    the type that it had move to those of the new one, all else stays (`init_params` in PostgreSQL's sequence.c)."""
    (lowest, highest), (new_lowest, new_highest) = type_limits(options.type), type_limits(type_name)
    return replace(
        options,
        type=type_name,
        minimum=new_lowest if options.minimum == lowest else options.minimum,
        maximum=new_highest if options.maximum == highest else options.maximum,
    )
