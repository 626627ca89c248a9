"""Pairs desired constraints and indexes with live ones: by name and definition, by definition alone, by name alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import NOT_VALID, Constraint, Index, Table, View
from stonegate.model.expressions import flatten
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.planner.diff.index_options import in_order
from stonegate.planner.diff.naming import index_columns, looks_made_up, made_up_name

Part = TypeVar("Part", Constraint, Index)

_ONLY = re.compile(r"\A(CREATE (?:UNIQUE )?INDEX ON )ONLY ")


class Pair(Struct, Generic[Part], frozen=True, kw_only=True):
    """A desired part and the live one that is it; `renamed` if it has to get the desired name."""

    desired: Part
    live: Part
    renamed: bool = False

    @property
    def name(self) -> str:
        """The name that the part has once it is renamed."""
        return self.desired.name if self.renamed else self.live.name


class Matched(Struct, Generic[Part], frozen=True, kw_only=True):
    """The outcome, each list in the order of its side.

    Attributes:
        pairs: same meaning.
        replaced: same name, another meaning.
        missing: desired only.
        surplus: live only.
    """

    pairs: tuple[Pair[Part], ...]
    replaced: tuple[Pair[Part], ...]
    missing: tuple[Part, ...]
    surplus: tuple[Part, ...]

    @property
    def renamed(self) -> bool:
        """True if any part has to get another name."""
        return any(pair.renamed for pair in self.pairs)

    def successor(self, part: Part, owner: str) -> Part | None:
        """The missing part whose name PostgreSQL made up as it did that of a surplus one, before the owner or its
        columns got other names: the two are one that has another meaning.

        Args:
            owner: what the table, view or domain is called now.
        """
        kind, name = _kind(part), generated_name(part, owner)
        alike = [one for one in self.surplus if (_kind(one), generated_name(one, owner)) == (kind, name)]
        if name is None or alike[0] != part:  # two cannot become the same
            return None
        return next((one for one in self.missing if (_kind(one), one.name) == (kind, name)), None)


def match_parts(
    desired: Sequence[Part],
    live: Sequence[Part],
    *,
    owner: str,
    remembered: Collection[str],
    above: Collection[str] = (),
) -> Matched[Part]:
    """Pairs the parts of one table, view or domain.

    Args:
        owner: its name, from which PostgreSQL makes up names.
        above: the names of its parents: a partition's share of a foreign key has the name that its parent's has.
        remembered: names that the last deployment declared: where the folder has dropped an explicit name, the live
            part gets the made-up one; other names next to a made-up one are no difference.
    """
    present = {part.name: part for part in live}
    pairs: dict[str, Pair[Part]] = {}  # by desired name
    for part in desired:
        found = present.get(part.name)
        if found is not None and shape(found) == shape(part):
            pairs[part.name] = Pair(desired=part, live=found)
    taken = {pair.live.name for pair in pairs.values()}
    for part in desired:
        if part.name not in pairs:
            found = _same_shape(part, live, taken)
            if found is not None:
                taken.add(found.name)
                owners = (owner, *above) if part.inherited and _is_foreign_key(part) else (owner,)
                renamed = _gets_name(part, found, owners, remembered) or _settings(part) != _settings(found)
                pairs[part.name] = Pair(desired=part, live=found, renamed=renamed)
    wanted = {part.name for part in desired if part.name not in pairs}
    for name, pair in pairs.items():
        if pair.live.name in wanted:  # another part gets the name that this one has
            pairs[name] = replace(pair, renamed=True)
    _break_up_swaps(pairs, present, remembered)
    taken = {pair.live.name for pair in pairs.values()}
    replaced = {
        part.name: Pair(desired=part, live=present[part.name])
        for part in desired
        if part.name not in pairs and part.name in present and part.name not in taken
    }
    gone = taken | {pair.live.name for pair in replaced.values()}
    return Matched(
        pairs=tuple(pairs[part.name] for part in desired if part.name in pairs),
        replaced=tuple(replaced[part.name] for part in desired if part.name in replaced),
        missing=tuple(part for part in desired if part.name not in pairs and part.name not in replaced),
        surplus=tuple(part for part in live if part.name not in gone),
    )


def counterpart(key: ObjectKey, desired: Table | View, live: Table | View) -> Constraint | Index | None:
    """The declared constraint or index that the live one of that key is under another name, which PostgreSQL made up
    of what the table or its columns were called before."""
    if key.kind is ObjectKind.CONSTRAINT and isinstance(desired, Table) and isinstance(live, Table):
        keys = match_parts(desired.constraints, live.constraints, owner=desired.name, remembered=()).pairs
        return next((pair.desired for pair in keys if pair.live.name == key.own_name), None)
    if key.kind is ObjectKind.INDEX:
        indexes = match_parts(desired.indexes, live.indexes, owner=desired.name, remembered=()).pairs
        return next((pair.desired for pair in indexes if pair.live.name == key.own_name), None)
    return None


def _same_shape(part: Part, live: Sequence[Part], taken: Collection[str]) -> Part | None:
    fitting = [other for other in live if other.name not in taken and shape(other) == shape(part)]
    return min(fitting, key=lambda other: (not looks_made_up(other), other.name), default=None)


def shape(part: Constraint | Index) -> str:
    """The meaning of a part: its definition without its name, without NOT VALID and without the ONLY that says that an
    index of a partitioned table has not got all its partitions' yet."""
    if isinstance(part, Index):
        return flatten(in_order(_ONLY.sub(r"\1", part.shape)))
    return flatten(f"{part.kind} {in_order(part.definition.removesuffix(f' {NOT_VALID}'))}")


def is_generated_name(part: Constraint | Index, owner: str) -> bool:
    """True if PostgreSQL would have chosen the part's name itself."""
    return part.name == generated_name(part, owner)


def generated_name(part: Constraint | Index, owner: str) -> str | None:
    """What PostgreSQL would call the part by what its table and columns are called now; None if the name that it has
    does not look made up."""
    if isinstance(part, Index):
        return made_up_name(part.name, owner, "index", index_columns(part.definition.partition(" USING ")[2]))
    keyed = part.kind in ("unique", "exclusion")
    columns = index_columns(part.definition) if keyed else part.columns
    return made_up_name(part.name, owner, part.kind, columns)


def is_named_share(part: Constraint | Index, owner: str) -> bool:
    """True if the folder names a partition's share of an index or key; a parent takes in one that is there already.

    Foreign keys and checks have their parent's name everywhere.
    """
    is_share = isinstance(part, Index) or part.kind in ("primary key", "unique", "exclusion")
    return is_share and part.inherited and not is_generated_name(part, owner)


def _kind(part: Constraint | Index) -> str:
    return "index" if isinstance(part, Index) else part.kind


def _is_foreign_key(part: Constraint | Index) -> bool:
    return isinstance(part, Constraint) and part.kind == "foreign key"


def _gets_name(desired: Part, live: Part, owners: Collection[str], remembered: Collection[str]) -> bool:
    if not any(is_generated_name(desired, owner) for owner in owners):
        return True
    return not looks_made_up(live) and live.name in remembered


def _settings(part: Constraint | Index) -> tuple[object, ...]:
    """What else may differ in a pair: statements that change it call the part by its declared name."""
    marks = (part.comment, part.clustered, part.replica_identity)
    return (*marks, part.definition.endswith(NOT_VALID) if isinstance(part, Constraint) else part.statistics)


def _break_up_swaps(pairs: dict[str, Pair[Part]], present: dict[str, Part], remembered: Collection[str]) -> None:
    """A name that another live part has is not free: where that part stays, the two are compared by name instead."""
    while True:
        staying = {pair.live.name for pair in pairs.values()} | {name for name in present if name not in remembered}
        clash = next(
            (name for name, pair in sorted(pairs.items()) if pair.renamed and name in present and name in staying),
            None,
        )
        if clash is None:
            return
        del pairs[clash]
        other = next((name for name, pair in pairs.items() if pair.live.name == clash), None)
        if other is not None:
            del pairs[other]


def remembers(known: Iterable[Part], part: Part, live: Iterable[Part]) -> bool:
    """True if the last deployment declared this live part, by name or, for a made-up one, by meaning."""
    names = {other.name for other in live}
    for former in known:
        if former.name == part.name:
            return True
        if shape(former) == shape(part) and former.name not in names and looks_made_up(former):
            return True
    return False
