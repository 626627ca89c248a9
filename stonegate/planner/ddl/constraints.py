"""Constraints and indexes of tables and materialised views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from stonegate.model.catalog import NOT_ENFORCED, NOT_VALID, UNCHECKED, CatalogObject, Constraint, Index, Table, View
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.model.plan import Change
from stonegate.planner.ddl.access import comment_statement
from stonegate.planner.ddl.clauses import Clause, Order, find, part_comment
from stonegate.planner.diff.index_options import changed_options, without_options
from stonegate.planner.diff.matching import shape

_Named = TypeVar("_Named", Constraint, Index)

# --- constraints ----------------------------------------------------------------------------------------------------


def inline_constraint(constraint: Constraint) -> str:
    """`CONSTRAINT name CHECK (…)`, for CREATE TABLE and ADD."""
    return f"CONSTRAINT {quote_ident(constraint.name)} {constraint.definition}"


def is_inline(table: Table, constraint: Constraint) -> bool:
    """True for what CREATE TABLE can hold.

    It would silently validate what is NOT VALID, and make one key of several that have the same columns.
    """
    if constraint.inherited or constraint.kind == "foreign key" or constraint.definition.endswith(NOT_VALID):
        return False
    alike = (part for part in table.constraints if _without_kind(part) == _without_kind(constraint))
    return next(alike) == constraint


def _without_kind(constraint: Constraint) -> str:
    return constraint.definition.removeprefix("PRIMARY KEY ").removeprefix("UNIQUE ")


def add_constraint(table: QualifiedName, constraint: Constraint, index: str | None = None) -> Iterator[Clause]:
    """ADD CONSTRAINT with its comment and the marks of its index; of that `index` if there is one already."""
    match constraint.kind:
        case "foreign key":
            order = Order.ADD_FOREIGN_KEY
        case "primary key":
            order = Order.ADD_PRIMARY_KEY
        case _:
            order = Order.ADD_CONSTRAINT
    text = inline_constraint(constraint) if index is None else _using(constraint, index)
    yield Clause(table=table, clause=f"ADD {text}", order=order)
    yield from constraint_notes(table, constraint)


def _using(key: Constraint, index: str) -> str:
    """The key of an index that is there, which gets its name (manual: ALTER TABLE)."""
    deferring = _deferring(key.definition)
    end = "" if deferring == "NOT DEFERRABLE" else f" {deferring}"
    return f"CONSTRAINT {quote_ident(key.name)} {key.kind.upper()} USING INDEX {quote_ident(index)}{end}"


def constraint_notes(table: QualifiedName, constraint: Constraint) -> Iterator[Clause]:
    """Comment of a new constraint, and the marks of the index behind it."""
    if constraint.clustered and constraint.index is not None:
        yield cluster_on(table, constraint.index)
    if constraint.replica_identity and constraint.index is not None:
        yield identify_by(table, constraint.index)
    if constraint.comment is not None:
        yield part_comment(table.sql, constraint)


def drop_constraint(table: QualifiedName, constraint: Constraint) -> Iterator[Clause]:
    """DROP CONSTRAINT; foreign keys first, since other tables' keys stand on what comes after."""
    order = Order.DROP_FOREIGN_KEY if constraint.kind == "foreign key" else Order.DROP_CONSTRAINT
    yield Clause(table=table, clause=f"DROP CONSTRAINT {quote_ident(constraint.name)}", order=order)


def validation_clauses(table: QualifiedName, desired: Constraint) -> Iterator[Clause]:
    """VALIDATE CONSTRAINT; the way back, which PostgreSQL lacks, drops the constraint and adds it NOT VALID."""
    if not desired.definition.endswith(NOT_VALID):
        yield Clause(table=table, clause=f"VALIDATE CONSTRAINT {quote_ident(desired.name)}", order=Order.VALIDATE)
    else:
        yield from drop_constraint(table, desired)
        yield from add_constraint(table, desired)


def alter_foreign_key(table: QualifiedName, foreign_key: Constraint, before: str) -> Clause:
    """ALTER CONSTRAINT, from the definition `before`; it looks at rows where the key is to be enforced now."""
    deferring = [_deferring(definition) for definition in (before, foreign_key.definition)]
    unenforced = [definition.endswith(NOT_ENFORCED) for definition in (before, foreign_key.definition)]
    words = [deferring[1]] if deferring[0] != deferring[1] else []
    words += [NOT_ENFORCED if unenforced[1] else "ENFORCED"] if unenforced[0] != unenforced[1] else []
    clause = f"ALTER CONSTRAINT {quote_ident(foreign_key.name)} {' '.join(words)}"
    return Clause(table=table, clause=clause, order=Order.ADD_FOREIGN_KEY)


def _deferring(definition: str) -> str:
    for ending in UNCHECKED:
        definition = definition.removesuffix(f" {ending}")
    forms = ("DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE")
    return next((form for form in forms if definition.endswith(f" {form}")), "NOT DEFERRABLE")


def rename_constraint(table: Table, before: str, after: str) -> Clause:
    """RENAME CONSTRAINT, which renames the index behind it too. It cannot share an ALTER TABLE."""
    statement = f"ALTER TABLE {table.key.qualified.sql} RENAME CONSTRAINT {quote_ident(before)} TO {quote_ident(after)}"
    return Clause(statement=statement, order=Order.RENAME)


# --- indexes --------------------------------------------------------------------------------------------------------


def create_index(holder: Table | View, index: Index) -> Iterator[Clause]:
    """CREATE INDEX as PostgreSQL prints it, with all marks."""
    yield Clause(statement=index.definition, order=Order.CREATE_SHARE if index.inherited else Order.CREATE_INDEX)
    yield from index_notes(holder, index)


def index_notes(holder: Table | View, index: Index) -> Iterator[Clause]:
    """Marks, statistics and comment of a new index."""
    table = holder.key.qualified
    if index.clustered:
        yield cluster_on(table, index.name)
    if index.replica_identity:
        yield identify_by(table, index.name)
    for number, target in index.statistics:
        yield index_statistics(holder, index, number, target)
    if index.comment is not None:
        yield index_comment(holder, index)


def index_comment(holder: Table | View, index: Index) -> Clause:
    """COMMENT ON INDEX."""
    target = f"INDEX {index_name(holder, index.name)}"
    return Clause(statement=comment_statement(target, index.comment), order=Order.COMMENT)


def index_statistics(holder: Table | View, index: Index, number: int, target: int) -> Clause:
    """The statistics target of one expression column, by its number (manual: ALTER INDEX)."""
    head = f"ALTER INDEX {index_name(holder, index.name)}"
    return Clause(statement=f"{head} ALTER COLUMN {number} SET STATISTICS {target}", order=Order.PART_STATE)


def rename_index(holder: Table | View, before: str, after: str) -> Clause:
    """ALTER INDEX … RENAME TO."""
    statement = f"ALTER INDEX {index_name(holder, before)} RENAME TO {quote_ident(after)}"
    return Clause(statement=statement, order=Order.RENAME)


def index_name(holder: Table | View, name: str) -> str:
    """An index is in the schema of its table."""
    return QualifiedName(holder.schema, name).sql


# --- marks of indexes -----------------------------------------------------------------------------------------------


def cluster_on(table: QualifiedName, index: str) -> Clause:
    """CLUSTER ON: marks the index for the next CLUSTER."""
    return Clause(table=table, clause=f"CLUSTER ON {quote_ident(index)}", order=Order.INDEX_MARK)


def identify_by(table: QualifiedName, index: str) -> Clause:
    """REPLICA IDENTITY USING INDEX."""
    return Clause(table=table, clause=f"REPLICA IDENTITY USING INDEX {quote_ident(index)}", order=Order.INDEX_MARK)


def clustered_clauses(holder: Table | View, part: Constraint | Index) -> Iterator[Clause]:
    """CLUSTER ON the index, or no index if the desired table has none marked."""
    table = holder.key.qualified
    name = part.index if isinstance(part, Constraint) else part.name
    if part.clustered and name is not None:
        yield cluster_on(table, name)
    elif not any(other.clustered for other in holder.indexed):
        yield Clause(table=table, clause="SET WITHOUT CLUSTER", order=Order.INDEX_MARK)


def identity_clauses(holder: Table | View, part: Constraint | Index) -> Iterator[Clause]:
    """REPLICA IDENTITY USING INDEX; another kind of identity is the table's own aspect."""
    name = part.index if isinstance(part, Constraint) else part.name
    if part.replica_identity and name is not None:
        yield identify_by(holder.key.qualified, name)


def replica_identity_clauses(table: Table) -> Iterator[Clause]:
    """REPLICA IDENTITY of the table (manual: ALTER TABLE)."""
    words = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}
    if table.replica_identity in words:
        clause = f"REPLICA IDENTITY {words[table.replica_identity]}"
        yield Clause(table=table.key.qualified, clause=clause, order=Order.INDEX_MARK)
    else:
        for part in table.indexed:
            yield from identity_clauses(table, part)


# --- ALTER ----------------------------------------------------------------------------------------------------------


def alter_constraint(change: Change, desired: Table, live: Table) -> Iterator[Clause]:
    """What gives one aspect of a constraint of a table its desired form."""
    if change.aspect == "name":
        if change.before is not None and change.after is not None:
            yield rename_constraint(live, change.before, change.after)
        return
    name = desired.key.qualified
    constraint = paired(desired.constraints, live.constraints, change.key.own_name, desired)
    match change.aspect:
        case "comment":
            yield part_comment(name.sql, constraint)
        case "validated":
            yield from validation_clauses(name, constraint)
        case "deferrable" | "enforced":
            yield alter_foreign_key(name, constraint, change.before or "")
        case "clustered":
            yield from clustered_clauses(desired, constraint)
        case "replica_identity":
            yield from identity_clauses(desired, constraint)
        case "options" if constraint.index is not None:
            present = find(live.constraints, change.key.own_name, live)
            yield from _set_options(desired, constraint.index, constraint.definition, present.definition)
        case _:
            raise LookupError(f"{change.key}: no way to change its {change.aspect}")


def alter_index(change: Change, desired: Table | View, live: Table | View) -> Iterator[Clause]:
    """What gives one aspect of an index its desired form."""
    if change.aspect == "name":
        if change.before is not None and change.after is not None:
            yield rename_index(live, change.before, change.after)
        return
    index = paired(desired.indexes, live.indexes, change.key.name, desired)
    match change.aspect:
        case "comment":
            yield index_comment(desired, index)
        case "clustered":
            yield from clustered_clauses(desired, index)
        case "replica_identity":
            yield from identity_clauses(desired, index)
        case "options":
            present = find(live.indexes, change.key.name, live)
            yield from _set_options(desired, index.name, index.shape, present.shape)
        case "statistics":
            twin = _twin(live.indexes, index)
            before = dict(twin.statistics) if twin is not None else {}
            wanted = dict.fromkeys(before, -1) | dict(index.statistics)
            for number, target in wanted.items():
                if before.get(number) != target:
                    yield index_statistics(desired, index, number, target)
        case _:
            raise LookupError(f"{change.key}: no way to change its {change.aspect}")


def _set_options(holder: Table | View, name: str, desired: str, live: str) -> Iterator[Clause]:
    """ALTER INDEX … SET and RESET, from one definition to another."""
    changed = changed_options(desired, live)
    wanted = ", ".join(f"{option}={value}" for option, value in changed.items() if value is not None)
    gone = ", ".join(option for option, value in changed.items() if value is None)
    for verb, listed in (("SET", wanted), ("RESET", gone)):
        if listed:
            statement = f"ALTER INDEX {index_name(holder, name)} {verb} ({listed})"
            yield Clause(statement=statement, order=Order.PART_STATE)


def paired(desired: tuple[_Named, ...], live: tuple[_Named, ...], name: str, holder: CatalogObject) -> _Named:
    """The desired part of that name; else the one that is called so in the live database, with that name.

    A live part keeps a name that PostgreSQL made up, although a new database would have chosen another one.
    """
    present = next((part for part in live if part.name == name), None)
    twin = next((part for part in desired if present is not None and shape(part) == shape(present)), None)
    if present is None or twin is None or any(part.name == name for part in desired):
        return find(desired, name, holder)
    if isinstance(present, Constraint):
        return replace(twin, name=name, index=present.index)
    return replace(twin, name=name)


def _twin(live: tuple[_Named, ...], desired: _Named) -> _Named | None:
    """The live part that is, or is about to be, called as the desired one; its storage parameters may change beside."""
    fitting = [part for part in live if without_options(shape(part)) == without_options(shape(desired))]
    return next((part for part in fitting if part.name == desired.name), fitting[0] if fitting else None)
