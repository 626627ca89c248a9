"""Which hazards a change has, from what the two catalogs say about the object and its surroundings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    NOT_ENFORCED,
    NOT_VALID,
    UNCHECKED,
    WITH_INDEX,
    Catalog,
    Column,
    Constraint,
    Index,
    Table,
)
from stonegate.model.names import CODE_KINDS, ObjectKey, ObjectKind, QualifiedName, in_list, quote_ident
from stonegate.model.plan import Action, Change, Hazard
from stonegate.planner.classify import hazards
from stonegate.planner.classify.classes import Circumstances

if TYPE_CHECKING:
    from stonegate.planner.diff.sides import Sides

_MOST_NAMED = 5
_DEFAULT = "DEFAULT"  # the bound of a default partition


class Scene(Struct, frozen=True, kw_only=True):
    """What surrounds a change.

    Attributes:
        facts: what its class depends on.
        column: the desired column that it makes or makes anew.
        breaking: what callers notice.
        rewrites: it writes the table anew.
    """

    sides: Sides
    facts: Circumstances
    column: Column | None = None
    breaking: tuple[str, ...] = ()
    rewrites: bool = False


def find_hazards(change: Change, scene: Scene) -> Change:
    """The change with its hazards, in the order of the README."""
    order = list(hazards.HAZARDS)
    found = sorted(dict.fromkeys(_hazards(change, scene)), key=lambda hazard: order.index(hazard.code))
    return replace(change, hazards=tuple(found))


def _hazards(change: Change, scene: Scene) -> Iterator[Hazard]:
    key = change.key
    match key.kind:
        case ObjectKind.TABLE:
            yield from _of_table(change, scene)
        case ObjectKind.COLUMN:
            yield from _of_column(change, scene)
        case ObjectKind.ATTRIBUTE | ObjectKind.SEQUENCE if change.action is Action.DROP and not scene.facts.replaced:
            yield hazards.deletes_data(str(key))
        case ObjectKind.ATTRIBUTE if change.aspect == "type":
            yield from _narrowing(change, scene)
        case ObjectKind.CONSTRAINT:
            yield from _of_constraint(change)
        case ObjectKind.INDEX:
            yield from _of_index(change)
        case ObjectKind.TRIGGER if change.action is Action.DROP:
            yield hazards.drops_trigger(str(key))
        case ObjectKind.VIEW | ObjectKind.MATERIALIZED_VIEW:
            yield from _of_view(change, scene)
        case ObjectKind.ROUTINE:
            yield from _of_routine(change, scene)
        case ObjectKind.TYPE if scene.facts.checks_rows or (change.aspect == "not_null" and change.after is not None):
            yield hazards.validates_rows(f"every table that uses {key}")
        case ObjectKind.OTHER if scene.facts.impossible:
            yield hazards.unmodelled(str(key.label))
        case ObjectKind.OTHER if change.aspect in ("parts", "options"):
            yield from _of_stored_values(change, scene)
        case _:
            pass


def _of_table(change: Change, scene: Scene) -> Iterator[Hazard]:
    table = str(change.key)
    if change.action is Action.DROP:
        yield hazards.deletes_data(table)
        yield from _stale_bodies(change.key, None, scene)
    if scene.rewrites:
        yield hazards.rewrites_table(table, change.aspect.replace("_", " "))
    if change.action is Action.CREATE:
        yield from _of_newcomer(scene.sides.desired.table(change.key), scene)
    if change.aspect == "partition":
        if change.before is not None:
            yield hazards.access_exclusive_lock(table, "its parent too, while it is detached")
        if change.after is not None:
            yield hazards.validates_rows(table, "they must belong to the partition")
        yield from _of_newcomer(scene.sides.desired.table(change.key), scene)
    if change.aspect == "inherits" and change.after is not None:
        yield hazards.validates_rows(table, "its checks must be those of the parent")


def _of_newcomer(partition: Table | None, scene: Scene) -> Iterator[Hazard]:
    """The look through the default partition for rows of a new one, or of one with new bounds (manual: CREATE TABLE,
    PARTITION OF)."""
    if partition is None or partition.partition_of is None or partition.partition_bound == _DEFAULT:
        return
    place = partition.partition_of, _DEFAULT
    for other in scene.sides.live.children.get(partition.partition_of.key(ObjectKind.TABLE), ()):
        wanted = scene.sides.desired.table(other.key)
        stays = not scene.sides.was_declared(other.key) if wanted is None else _place(wanted) == place
        if _place(other) == place and other.key != partition.key and stays:
            yield hazards.access_exclusive_lock(str(other.key), "it is searched for rows of the new partition")
            yield hazards.validates_rows(str(other.key), f"none may belong to {partition.key}")


def _place(partition: Table) -> tuple[QualifiedName | None, str | None]:
    return partition.partition_of, partition.partition_bound


def _of_column(change: Change, scene: Scene) -> Iterator[Hazard]:
    key = change.key
    match change.action:
        case Action.DROP:
            yield hazards.deletes_data(str(key))
            yield from _dependents(key, scene)
            yield from _stale_bodies(key, key.member, scene)
        case Action.CREATE if scene.column is not None and _is_checked(scene.column.type, scene.sides.desired):
            yield hazards.rewrites_table(str(key.owner), f"{key.member} has to pass the checks of {scene.column.type}")
        case Action.CREATE if scene.column is not None and _fills_by_rewriting(scene.column, scene.sides.desired):
            yield hazards.rewrites_table(str(key.owner), f"each row gets a value of its own in {key.member}")
        case Action.RECREATE:
            if scene.facts.loses_values:
                yield hazards.deletes_data(str(key), "its values are computed from now on")
            if scene.column is not None and scene.column.generated_kind == "stored":
                yield hazards.rewrites_table(str(key.owner), f"{key.member} is computed for each row")
            yield from _dependents(key, scene)
        case Action.ALTER if change.aspect == "type":
            yield from _narrowing(change, scene)
            if scene.rewrites:
                yield hazards.rewrites_table(str(key.owner), f"{key.member} becomes {change.after}")
            elif _sorts_otherwise(change) and _is_indexed(key, scene.sides.live):
                yield hazards.access_exclusive_lock(str(key.owner), f"its indexes of {key.member} are built again")
            yield from _dependents(key, scene)
            yield from _stale_bodies(key, key.member, scene)
        case Action.ALTER if change.aspect == "generated" and change.after is not None:
            if scene.rewrites:
                yield hazards.rewrites_table(str(key.owner), f"{key.member} is computed anew for each row")
        case Action.ALTER if change.aspect == "not_null" and validates(change.before, change.after):
            yield hazards.validates_rows(str(key.owner), f"{key.member} may not be null")
        case _:
            pass


def _sorts_otherwise(change: Change) -> bool:
    """True for another collation, after which PostgreSQL keeps no index (tablecmds.c, TryReuseIndex)."""
    before, after = ((text or "").partition(" COLLATE ")[2] for text in (change.before, change.after))
    return before != after


def _is_indexed(column: ObjectKey, live: Catalog) -> bool:
    table = live.table(column.owner)
    if table is None:
        return False
    indexed = (*(each.columns for each in table.indexes), *(each.columns for each in table.constraints if each.index))
    return any(column.member in columns for columns in indexed)


def validates(before: str | None, after: str | None) -> bool:
    """True if a change of NOT NULL (with its options) makes PostgreSQL look at every row."""
    return after is not None and NOT_VALID not in after and (before is None or NOT_VALID in before)


def _narrowing(change: Change, scene: Scene) -> Iterator[Hazard]:
    verdict = scene.facts.verdict
    if verdict is not None and change.token is not None:
        yield hazards.narrows_type(str(change.key), change.before or "", change.after or "", verdict.reason)


def _of_constraint(change: Change) -> Iterator[Hazard]:
    table = str(change.key.owner)
    if change.aspect == "name":
        yield hazards.renames(str(change.key), f"{change.before} becomes {change.after}")
    if change.aspect in ("validated", "enforced") and not (change.after or "").endswith(NOT_ENFORCED):
        yield hazards.validates_rows(table)
    made = change.after or "" if change.is_built else ""
    if made.startswith(WITH_INDEX):
        yield hazards.access_exclusive_lock(table, "the index is built")
    if made and not made.endswith(UNCHECKED):
        yield hazards.validates_rows(table)


def _of_index(change: Change) -> Iterator[Hazard]:
    table = str(change.table) if change.table is not None else "the table"
    if change.action is Action.DROP:
        yield hazards.drops_index(str(change.key))
    if change.action in (Action.CREATE, Action.RECREATE):
        yield hazards.share_lock(table)
        if (change.after or "").startswith("CREATE UNIQUE INDEX"):
            yield hazards.validates_rows(table, "none may have the values of another")


def _of_view(change: Change, scene: Scene) -> Iterator[Hazard]:
    if scene.rewrites:
        yield hazards.rewrites_table(str(change.key), change.aspect.replace("_", " "))
    if change.action is Action.DROP:
        yield hazards.breaks_callers(str(change.key), "it is removed", who="readers")
    if change.action is Action.RECREATE:
        yield from _dependents(change.key, scene)
    if scene.breaking:
        yield hazards.breaks_callers(str(change.key), "; ".join(scene.breaking), who="readers")


def _of_routine(change: Change, scene: Scene) -> Iterator[Hazard]:
    if scene.breaking:
        yield hazards.breaks_callers(str(change.key), "; ".join(scene.breaking))
    if change.action is Action.RECREATE:
        yield from _dependents(change.key, scene)
    if change.action in (Action.REPLACE, Action.RECREATE):
        yield from _of_stored_values(change, scene)


def _of_stored_values(change: Change, scene: Scene) -> Iterator[Hazard]:
    live = scene.sides.live
    users = live.dependents.get(change.key, ()) if change.aspect == "options" else ()  # those of a dictionary
    through = (user for user in users if user.kind is ObjectKind.OTHER)
    stored = tuple(dict.fromkeys(each for key in (change.key, *through) for each in _stored_uses(key, live)))
    if stored:
        yield hazards.stale_stored_values(str(change.key), in_list(stored, _MOST_NAMED))


def _stored_uses(key: ObjectKey, live: Catalog) -> Iterator[str]:
    """Indexes, stored generated columns and checks that use the routine or text search object; those that
    partitions and children have from above are told by that."""
    users = live.dependents.get(key, ())
    for user in users:
        match live.part(user):
            case Column(generated_kind="stored"):
                table = live.table(user.owner)
                above = () if table is None else (name.key(ObjectKind.TABLE) for name in table.parents)
                if not any(parent.part(ObjectKind.COLUMN, user.own_name) in users for parent in above):
                    yield str(user)
            case Constraint(inherited=True) | Index(inherited=True):
                continue
            case _ if user.kind in (ObjectKind.INDEX, ObjectKind.CONSTRAINT):
                yield str(user)
            case _:
                continue


_RECREATED = CODE_KINDS | {ObjectKind.TRIGGER, ObjectKind.POLICY}


def _dependents(key: ObjectKey, scene: Scene) -> Iterator[Hazard]:
    """Only what PostgreSQL refuses to touch in place: indexes and constraints follow their column by themselves. What
    the folder does not declare goes, if it may."""
    sides = scene.sides
    users = (user for user in sides.live.dependents.get(key, ()) if user.kind in _RECREATED)
    found = tuple(str(user) for user in users if sides.desired.has(user))
    if found:
        yield hazards.recreates_dependents(str(key), in_list(found, _MOST_NAMED))


# --- bodies that mention an object ----------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W\d][\w$]*")
_RUNS = re.compile(r"[\w$]+")  # of the characters that words are made of


class Mentions:
    """Words of the routine bodies that a deployment leaves behind, for finding what still speaks of a lost object.

    Case does not count: a warning too many is better than one too few.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._bodies = {
            routine.key: routine.body.lower()
            for routine in catalog.routines
            if routine.body and routine.language in ("sql", "plpgsql")
        }
        self._by_word: dict[str, set[ObjectKey]] = {}
        for key, body in self._bodies.items():
            for word in set(_RUNS.findall(body)):
                self._by_word.setdefault(word, set()).add(key)

    def _of_one(self, name: str) -> set[ObjectKey]:
        name = name.lower()
        if _WORD.fullmatch(name):
            return self._by_word.get(name, set())
        quoted = quote_ident(name)
        return {key for key, body in self._bodies.items() if quoted in body}

    def of(self, *names: str) -> tuple[ObjectKey, ...]:
        """Routines whose bodies mention all of the names."""
        return tuple(sorted(set.intersection(*map(self._of_one, names)), key=str)) if names else ()


def _stale_bodies(key: ObjectKey, column: str | None, scene: Scene) -> Iterator[Hazard]:
    found = scene.sides.mentions.of(*((key.name,) if column is None else (key.name, column)))
    if found:
        yield hazards.stale_body(str(key), "by " + in_list(tuple(str(routine) for routine in found), _MOST_NAMED))


# --- added columns --------------------------------------------------------------------------------------------------

#: Functions that PostgreSQL evaluates once for all rows (pg_proc.provolatile is not "v"): what a default calls
#: besides these, casts and operators may give each row another value, and then the table is rewritten.
# fmt: off
_EVALUATED_ONCE = frozenset((
    "now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_schema", "current_database",
    "timezone", "date_trunc", "date_part", "extract", "make_date", "make_time", "make_timestamp", "make_timestamptz",
    "make_interval", "to_char", "to_timestamp", "to_date", "to_number", "lower", "upper", "initcap", "length",
    "concat", "concat_ws", "format", "repeat", "left", "right", "replace", "substring", "trim", "btrim", "ltrim",
    "rtrim", "md5", "sha256", "encode", "decode", "convert_to", "convert_from", "array_fill", "array_append",
    "jsonb_build_object", "jsonb_build_array", "json_build_object", "json_build_array", "to_json", "to_jsonb",
    "coalesce", "greatest", "least", "nullif", "abs", "ceil", "floor", "round", "power", "sqrt", "int4range",
    "int8range", "numrange", "tsrange", "tstzrange", "daterange", "cast",
))
# fmt: on
_CALL = re.compile(r"([\w$\".]+)\(")
_STRING = re.compile(r"'(?:[^']|'')*'")
_TYPE_WORDS = frozenset({"varying", "character", "numeric", "bit", "timestamp", "time", "interval", "row", "array"})


def _fills_by_rewriting(column: Column, desired: Catalog) -> bool:
    """True if ADD COLUMN writes every row: a volatile default, or a stored computed value (manual: ALTER TABLE)."""
    if column.identity or column.generated_kind == "stored":
        return True
    if column.default is None:
        return False
    steady = {
        name
        for routine in desired.routines
        if re.search(r"\b(IMMUTABLE|STABLE)\b", routine.head)
        for name in (routine.key.qualified.sql, str(routine.key.qualified))
    }
    calls = _CALL.findall(_STRING.sub("''", column.default))
    return any(not _is_steady(call, steady) for call in calls)


def _is_checked(type_name: str, desired: Catalog) -> bool:
    """True for a domain with checks or NOT NULL, be they those of the domain below it: each row has to pass them."""
    domains = {domain.key.qualified.sql: domain for domain in desired.domains}
    while (domain := domains.get(type_name)) is not None:
        if domain.constraints or domain.not_null:
            return True
        type_name = domain.base
    return False


def _is_steady(call: str, steady: set[str]) -> bool:
    bare = call.removeprefix("pg_catalog.").lower()
    return call in steady or bare in _EVALUATED_ONCE or bare in _TYPE_WORDS
