"""Changes → steps: what a database that exists already needs, in order, as SQL generated from the desired catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, groupby

from msgspec import Struct, field
from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Accessible,
    Catalog,
    CatalogObject,
    CompositeType,
    DefaultPrivileges,
    DomainType,
    Routine,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Change, Phase, Statement, Step, worst_class
from stonegate.planner import ddl
from stonegate.planner.calling_domains import FORMER, without_former
from stonegate.planner.steps.carry_over import carry_over, find_heirs, keep_parts
from stonegate.planner.steps.operations import Operation, Part, Verb, cut_into_operations, phase_of
from stonegate.planner.steps.ordering.order import put_in_order
from stonegate.planner.steps.places import Place


class Evolution(Struct, frozen=True, kw_only=True):
    """Everything that turning changes into steps needs to know.

    Attributes:
        builder: the role that owns what says nothing about its owner.
        places: where each object is declared.
        declared: what the last deployment declared; None before the first one.
        real: the live catalog before the pending migrations were replayed on it; None if `live` is that.
        rewound: new tables in the form in which the pending migrations meet them.
        filled: tables that get rows of seeders.
        taken: what is dropped in front of the pending migrations to clear their way, as it was (for a part, the
            relation that it is of); `gone`: the keys of that, under the names that it would have after them.
    """

    desired: Catalog
    live: Catalog
    builder: str = ""
    places: Mapping[ObjectKey, Place] = field(default_factory=dict)
    declared: Catalog | None = None
    real: Catalog | None = None
    rewound: tuple[Table, ...] = ()
    filled: frozenset[ObjectKey] = frozenset()
    taken: Mapping[ObjectKey, CatalogObject] = field(default_factory=dict)
    gone: frozenset[ObjectKey] = frozenset()

    @property
    def before(self) -> Catalog:
        """The live catalog before the pending migrations."""
        return self.live if self.real is None else self.real


def evolve(
    changes: Iterable[Change], evolution: Evolution, *, only: Callable[[Operation], bool] | None = None
) -> tuple[Step, ...]:
    """The steps that carry out `changes` (obstacles included, see planner/obstacles/), in execution order.

    Args:
        only: leaves out what is carried out elsewhere.
    """
    changes = tuple(changes)
    if not changes:
        return ()
    chosen = filter(only, cut_into_operations(changes, evolution.desired))
    cut = tuple(each for each in chosen if not each.is_removal or each.key not in evolution.gone)
    operations = put_in_order(cut, evolution.desired, evolution.live, evolution.filled)
    heirs = find_heirs(changes, evolution.live, evolution.taken, evolution.declared)
    then = replace(evolution, live=without_former(evolution.live, changes))
    pieces = [
        (operation, _clauses(operation, evolution if operation.verb is Verb.DROP else then, heirs.get(operation.key)))
        for operation in operations
    ]
    return tuple(_steps([(operation, clauses) for operation, clauses in pieces if clauses], evolution))


Clauses = tuple[ddl.Clause, ...]
Piece = tuple[Operation, Clauses]


def _steps(pieces: list[Piece], evolution: Evolution) -> Iterator[Step]:
    """Neighbours that work on one table become one step; so do the two halves of a recreation."""
    numbered = list(enumerate(pieces))
    # Only runs of combinable clauses may merge: anything else keeps its number as a group of its own.
    for _, group in groupby(numbered, key=lambda item: _group_key(item[0], item[1])):
        members = [piece for _, piece in group]
        yield from _merge_halves(members, evolution)


def _group_key(number: int, piece: Piece) -> object:
    operation, _ = piece
    if operation.is_rename:
        return number  # in the order of the names, whatever else the table is in for
    if operation.key.kind in (ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.INDEX) or (
        operation.verb is Verb.ALTER and operation.key.kind is ObjectKind.TABLE
    ):
        return (operation.table, phase_of(operation))
    if operation.change.action is Action.RECREATE or operation.verb is Verb.ALTER:
        return (operation.key, phase_of(operation))
    return number


def _merge_halves(members: list[Piece], evolution: Evolution) -> Iterator[Step]:
    clauses = tuple(clause for _, found in members for clause in found)
    operations = tuple(operation for operation, _ in members)
    changes = tuple(dict.fromkeys(operation.change for operation in operations))
    first = operations[0]
    alone = len({change.key for change in changes}) == 1
    key = first.key if alone else first.table
    action = changes[0].action if len({change.action for change in changes}) == 1 and alone else Action.ALTER
    place = evolution.places.get(key) or evolution.places.get(key.owner) or evolution.places.get(first.table)
    yield Step(
        id=_identity(operations, changes, key, action),
        action=action,
        phase=_phase(operations),
        key=key,
        file=place.file if place else None,
        line=place.line if place else None,
        body_line=place.body_line if place else None,
        statements=tuple(Statement(sql=sql) for sql in ddl.combine(clauses)),
        changes=changes,
        change_class=worst_class(changes),
        hazards=tuple(dict.fromkeys(hazard for change in changes for hazard in change.hazards)),
        transactional=all(clause.transactional for clause in clauses),
        reason="; ".join(dict.fromkeys(change.reason for change in changes if change.reason)),
        old_definition=_old_definition(key, evolution.live),
    )


def _identity(operations: tuple[Operation, ...], changes: tuple[Change, ...], key: ObjectKey, action: Action) -> str:
    text = f"{action.value} {key}" if len(changes) > 1 else changes[0].identity
    verbs = {operation.verb for operation in operations}
    parts = {operation.part for operation in operations} - {Part.WHOLE}
    if parts:
        return f"{text}: {', '.join(sorted(parts))}"
    if Verb.DROP in verbs and len(verbs) == 1 and any(change.action is not Action.DROP for change in changes):
        return f"{text}: clear the way"
    if len(changes) > 1:
        return f"{text}: {', '.join(sorted({change.key.member or change.aspect or 'whole' for change in changes}))}"
    return text


def _phase(operations: tuple[Operation, ...]) -> Phase:
    phases = [phase_of(operation) for operation in operations]
    return max(phases, key=list(Phase).index)


def _old_definition(key: ObjectKey, live: Catalog) -> str | None:
    found = live.objects.get(key)
    return found.definition if isinstance(found, Routine | View) else None


def _clauses(operation: Operation, evolution: Evolution, heir: Access | None) -> tuple[ddl.Clause, ...]:
    change = operation.change
    match operation.verb:
        case Verb.DROP if change.key.kind is ObjectKind.TYPE and change.aspect in FORMER.values():
            domain = evolution.live.objects.get(change.key)
            return ddl.drop_former(change, domain) if isinstance(domain, DomainType) else ()
        case Verb.DROP if change.aspect in ("default", "former_default"):
            return ddl.drop_default(change.key)
        case Verb.DROP if change.aspect in ("partition", "inherits", "of_type"):
            return tuple(part for part in _alter(change, evolution) if part.order is ddl.Order.DETACH)
        case Verb.DROP:
            return _drop(operation, evolution)
        case Verb.CREATE:
            return _create(operation, evolution, heir)
        case Verb.ALTER if operation.part is Part.ATTACHMENT:
            return tuple(part for part in _alter(change, evolution) if part.order is ddl.Order.ATTACH)
        case Verb.ALTER:
            return _alter(_this_half(operation), evolution)


def _this_half(operation: Operation) -> Change:
    """The change as far as the operation carries it out: a rename may stop at the name between."""
    if not operation.between:
        return operation.change
    if operation.part is Part.ASIDE:
        return replace(operation.change, after=operation.between)
    return replace(operation.change, before=operation.between)


def _drop(operation: Operation, evolution: Evolution) -> tuple[ddl.Clause, ...]:
    key = operation.key
    if key.is_part:
        holder = holder_of(operation.change, evolution.live)
        return ddl.drop_member(operation.change, holder, _context(evolution)) if holder is not None else ()
    return ddl.drop_object(key, evolution.live.objects.get(key), _context(evolution))


def _create(operation: Operation, evolution: Evolution, heir: Access | None) -> tuple[ddl.Clause, ...]:
    change = operation.change
    if change.key.is_part:
        holder = holder_of(change, evolution.desired)
        return _create_member(change, holder, evolution) if holder is not None else ()
    thing = evolution.desired.objects.get(change.key)
    if thing is None:
        return ()
    if operation.part is not Part.WHOLE:
        assert isinstance(thing, Table)
        parts = {
            Part.CALLING: lambda table: ddl.finish_table(table, operation.calling),
            Part.FOREIGN_KEYS: ddl.foreign_key_statements,
            Part.TRIGGERS: ddl.trigger_statements,
            Part.POLICIES: ddl.policy_statements,
        }
        return tuple(ddl.Clause(statement=sql) for sql in parts[operation.part](thing))
    before = evolution.live.objects.get(change.key) or evolution.taken.get(change.key)
    if change.action is Action.REPLACE:
        return ddl.alter(change, thing, before, _context(evolution)) if before is not None else ()
    thing = carry_over(thing, before, heir, evolution.builder, evolution.declared)
    inside: tuple[str, ...] = ()
    if isinstance(thing, Table):
        thing, inside = _sequences_at_birth(thing, [column.name for column in thing.columns], evolution)
    statements = list(_name_freed(change.key, evolution))
    statements += list(ddl.create_statements(thing, evolution.builder, evolution.desired, operation.calling))
    if isinstance(thing, View):
        statements += ddl.trigger_statements(thing)
    if isinstance(thing, Accessible):
        statements += ddl.birth_statements(thing, *_default_privileges(evolution), evolution.builder)
    return tuple(ddl.Clause(statement=sql) for sql in (*statements, *inside))


def _create_member(change: Change, holder: Table | View | CompositeType | DomainType, evolution: Evolution) -> Clauses:
    inside: tuple[str, ...] = ()
    for before in (holder_of(change, evolution.live), evolution.taken.get(change.key)):
        holder = keep_parts(holder, before, evolution.declared)
    if isinstance(holder, Table) and change.key.kind is ObjectKind.COLUMN:
        holder, inside = _sequences_at_birth(holder, [change.key.own_name], evolution)
    made = ddl.create_member(change, holder, _context(evolution))
    return (*made, *(ddl.Clause(statement=sql, order=ddl.Order.PRIVILEGES) for sql in inside))


def _sequences_at_birth(table: Table, columns: Iterable[str], evolution: Evolution) -> tuple[Table, tuple[str, ...]]:
    defaults, declared = _default_privileges(evolution)
    return ddl.sequences_at_birth(table, columns, defaults, declared, evolution.desired, evolution.builder)


def _default_privileges(evolution: Evolution) -> tuple[tuple[DefaultPrivileges, ...], tuple[DefaultPrivileges, ...]]:
    """Those that are in force, the declared ones among them, and these."""
    declared = evolution.desired.default_privileges
    return (*evolution.live.default_privileges, *declared), declared


def _name_freed(key: ObjectKey, known: Evolution) -> Iterator[str]:
    """Renames the sequence inside of an identity column that stays, where a declared sequence needs its name: what it
    is called is PostgreSQL's own affair."""
    if key.kind is not ObjectKind.SEQUENCE:
        return
    inside = [(table, column) for table in known.live.tables for column in table.columns if column.identity]
    used = {column.identity_name.name for _, column in inside if column.identity_name is not None}
    used |= {other.name for other in known.live.objects}
    for table, column in inside:
        wanted = known.desired.table(table.key) if column.identity_name == key.qualified else None
        if wanted is None or wanted.column(column.name) is None:
            continue
        free = next(name for number in count(1) if (name := f"{key.name[:60]}{number}") not in used)
        yield f"ALTER SEQUENCE IF EXISTS {key.qualified.sql} RENAME TO {quote_ident(free)}"


def _alter(change: Change, evolution: Evolution) -> tuple[ddl.Clause, ...]:
    desired = _thing_of(change, evolution.desired)
    live = _thing_of(change, evolution.live)
    if change.key.kind is ObjectKind.COLUMN and change.action is Action.CREATE:
        return _create_member(change, desired, evolution) if isinstance(desired, Table) else ()
    if desired is None:
        return ()
    if isinstance(desired, DomainType):  # whose checks are made anew by an ALTER
        desired = keep_parts(desired, live, evolution.declared)
    inside: tuple[str, ...] = ()
    if isinstance(desired, Table) and isinstance(live, Table) and _gets_sequence(change, desired, live, evolution):
        desired, inside = _sequences_at_birth(desired, [change.key.own_name], evolution)
    altered = ddl.alter(change, desired, live if live is not None else desired, _context(evolution))
    return (*altered, *(ddl.Clause(statement=sql, order=ddl.Order.PRIVILEGES) for sql in inside))


def _gets_sequence(change: Change, desired: Table, live: Table, evolution: Evolution) -> bool:
    """True if a column that had none becomes serial, or an identity column, with a sequence that nobody had before;
    those of other ones keep their rights."""
    if change.key.kind is not ObjectKind.COLUMN or change.aspect not in ("identity", "default"):
        return False
    after, before = (table.column(change.key.own_name) for table in (desired, live))
    if after is None or before is None or before.owned_sequence is not None or before.identity:
        return False
    if after.owned_sequence is not None:
        return after.owned_sequence.key(ObjectKind.SEQUENCE) not in evolution.live.objects
    return bool(after.identity)


def _context(evolution: Evolution) -> ddl.DdlContext:
    return ddl.DdlContext(
        desired=evolution.desired, live=evolution.live, builder=evolution.builder, declared=evolution.declared
    )


def holder_of(change: Change, catalog: Catalog) -> Table | View | CompositeType | DomainType | None:
    """The relation or type whose member the change concerns."""
    name = change.holder.qualified
    found = catalog.relations.get(name) or catalog.objects.get(name.key(ObjectKind.TYPE))
    return found if isinstance(found, Table | View | CompositeType | DomainType) else None


def _thing_of(change: Change, catalog: Catalog) -> CatalogObject | None:
    if change.key.is_part:
        return holder_of(change, catalog)
    return catalog.objects.get(change.key)
