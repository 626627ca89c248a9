"""Looks, read-only, for rows that would make the steps of a plan fail (behaviour, §10 "Preflight of the data")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg.sql import SQL, Composable, Identifier, Literal

from stonegate.database.connect import Session
from stonegate.database.preflight.check import Check, of_duplicates, of_rows, run_check
from stonegate.database.preflight.definitions import first_list, referenced_columns, trusted
from stonegate.database.preflight.exclusions import NO_OVERLAPS, exclusion_check
from stonegate.model.catalog import UNCHECKED, Catalog, Column, Constraint, DomainType, Index, Table, find_part
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change, Plan
from stonegate.model.preflight import Finding

#: pg_input_is_valid exists from PostgreSQL 16 on (manual 9.26).
_HAS_INPUT_CHECK = 160000
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
#: The first number that a type does not hold.
_LIMITS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}


async def read_findings(conn: Session, plan: Plan, live: Catalog) -> tuple[Finding, ...]:
    """The rows of one database that stand against `plan`, in plan order; writes nothing.

    Args:
        conn: a connection to the target, in autocommit.
        plan: a plan for that target; only its changes of existing tables are looked at.
        live: the target's catalog, for keys and column types.

    Raises:
        psycopg.Error: the role may not read a table.
    """
    found: list[Finding] = []
    for step in plan.steps:
        for change in step.changes:
            for check in _checks(change, plan, live):
                finding = await run_check(conn, check)
                if finding is not None:
                    found.append(finding)
    return tuple(found)


def _checks(change: Change, plan: Plan, live: Catalog) -> Iterator[Check]:
    match plan.desired.objects.get(change.key) if plan.desired is not None else None:
        case DomainType() as domain if change.action is Action.ALTER:
            yield from _domain_checks(change, domain, live)
        case Table() as partition if change.action is Action.CREATE:
            yield from _partition_checks(partition, live)
        case _:
            yield from _part_checks(change, plan, live)


def _part_checks(change: Change, plan: Plan, live: Catalog) -> Iterator[Check]:
    """Of a change of a part of a table."""
    table = live.table(change.holder)
    desired = plan.desired.table(change.holder) if plan.desired is not None else None
    if table is None or desired is None:
        return
    label = change.key.label
    match find_part(desired, change.key.kind, change.key.own_name):
        case Column() as column:
            yield from _column_checks(change, table, column, live, label)
        case Constraint() as constraint if change.is_built or change.aspect == "enforced":
            yield from _constraint_checks(constraint, table, live, label)
        case Index() as index if change.is_built:
            yield from _index_checks(index, table, label)
        case _:
            return


def _column_checks(change: Change, table: Table, wanted: Column, live: Catalog, label: str) -> Iterator[Check]:
    column = Identifier(wanted.name)
    if change.action is Action.CREATE:
        if wanted.not_null and not (wanted.default or wanted.identity or wanted.generated):
            yield of_rows(label, "would get no value for a NOT NULL column", table, SQL("true"))
    elif change.aspect == "not_null" and wanted.not_null:
        condition = SQL("t.{} IS NULL").format(column)
        yield of_rows(label, "NULL under SET NOT NULL", table, condition)
    elif change.aspect == "type" and (present := table.column(wanted.name)) is not None:
        misfit = _misfit(column, present.type, wanted.type, live.server)
        yield of_rows(label, f"the value does not fit {wanted.type}", table, misfit)


def _misfit(column: Identifier, old: str, new: str, server: int) -> Composable:
    """Selects values that the cast to the new type refuses, which rounds numbers and takes any of boolean or money.

    Before PostgreSQL 16 only lengths, sizes and texts that are no whole numbers are looked at.
    """
    is_number = old.partition("(")[0] in _NUMBERS
    if old.startswith(("boolean", "money", "bit(")) or (is_number and new == "boolean"):
        return SQL("false")
    if is_number and new in _LIMITS:
        bound = Literal(_LIMITS[new])
        value = SQL("round(t.{}::numeric)").format(column)
        return SQL("NOT ({} >= -{} AND {} < {})").format(value, bound, value, bound)
    if server >= _HAS_INPUT_CHECK:
        return SQL("t.{} IS NOT NULL AND NOT pg_input_is_valid(t.{}::text, {})").format(column, column, Literal(new))
    base, _, modifier = new.partition("(")
    if base in ("character varying", "character") and modifier:
        return SQL("length(rtrim(t.{}::text)) > {}").format(column, Literal(int(modifier.rstrip(")"))))
    if new in _LIMITS:
        bound = Literal(_LIMITS[new])
        return SQL(
            r"t.{} IS NOT NULL AND CASE WHEN t.{}::text ~ '^\s*[-+]?\d+\s*$'"
            " THEN NOT (t.{}::text::numeric >= -{} AND t.{}::text::numeric < {}) ELSE true END"
        ).format(column, column, column, bound, column, bound)
    if base == "numeric" and modifier:
        digits, _, scale = modifier.rstrip(")").partition(",")
        places = int(scale or 0)
        return SQL("(t.{}::text ~ '^-?[0-9.]+$' AND abs(round(t.{}::text::numeric, {})) >= 10::numeric ^ {})").format(
            column, column, Literal(places), Literal(int(digits) - places)
        )
    return SQL("false")


def _constraint_checks(wanted: Constraint, table: Table, live: Catalog, label: str) -> Iterator[Check]:
    match wanted.kind:
        case "unique" | "primary key" if NO_OVERLAPS not in wanted.definition:
            if all(table.column(name) is not None for name in wanted.columns):
                distinct = wanted.kind == "unique" and "NULLS NOT DISTINCT" not in wanted.definition
                keys = [(name, SQL("t.{}").format(Identifier(name))) for name in wanted.columns]
                yield of_duplicates(label, table, keys, distinct=distinct, predicate="true")
        case "check":
            if not wanted.definition.endswith(UNCHECKED):
                expression = wanted.definition.removeprefix("CHECK ").removesuffix(" NO INHERIT")
                condition = SQL("NOT {}").format(trusted(expression))
                only = wanted.definition.endswith(" NO INHERIT")
                yield of_rows(label, f"violates {wanted.definition}", table, condition, only=only)
        case "foreign key":
            yield from _orphans(wanted, table, live, label)
        case "exclusion" | "unique" | "primary key" if (check := exclusion_check(wanted, table, label)) is not None:
            yield check
        case _:
            return


def _domain_checks(change: Change, wanted: DomainType, live: Catalog) -> Iterator[Check]:
    """In the columns of a domain, and of domains over it; inside of other types PostgreSQL forbids such a change."""
    present = live.objects.get(wanted.key)
    if not isinstance(present, DomainType):
        return
    conditions: list[tuple[str, Composable]] = []
    if change.aspect == "not_null" and wanted.not_null:
        conditions.append((f"NULL under NOT NULL of {wanted.key}", SQL("VALUE IS NULL")))
    if change.aspect == "constraints":
        former = {part.definition for part in present.constraints}
        added = (part.definition for part in wanted.constraints if part.definition not in former)
        for definition in (each for each in added if not each.endswith(UNCHECKED)):
            condition = SQL("NOT {}").format(trusted(definition.removeprefix("CHECK ")))
            conditions.append((f"violates {definition} of {wanted.key}", condition))
    concerned = _domains_over(wanted, live)
    for table in live.tables if conditions else ():
        for column in table.columns:
            # A parent's rows are those of its partitions and children too.
            if column.type not in concerned or column.inherited or table.partition_of is not None:
                continue
            label = table.key.part(ObjectKind.COLUMN, column.name).label
            for reason, misfit in conditions:
                # VALUE is the nearest column of that name, whatever the table has.
                query = SQL("(SELECT {} FROM (SELECT t.{}::{} AS value) v)")
                selects = query.format(misfit, Identifier(column.name), trusted(wanted.base))
                yield of_rows(label, reason, table, selects)


def _domains_over(domain: DomainType, live: Catalog) -> set[str]:
    """The domain and those that are made of it, in any number of steps, as columns name them."""
    found = {domain.key.qualified.sql}
    while more := {each.key.qualified.sql for each in live.domains if each.base in found} - found:
        found |= more
    return found


def _partition_checks(wanted: Table, live: Catalog) -> Iterator[Check]:
    """Rows in the default partition that a new one would have to have got."""
    if wanted.partition_of is None or wanted.partition_bound is None:
        return
    parent = live.table(wanted.partition_of.key(ObjectKind.TABLE))
    beside = (table for table in live.tables if table.partition_of == wanted.partition_of)
    rest = next((table for table in beside if table.partition_bound == "DEFAULT"), None)
    if parent is None or parent.partition_key is None or rest is None:
        return
    keys, _ = first_list(parent.partition_key)
    first, others = first_list(wanted.partition_bound)
    if parent.partition_key.startswith("LIST"):
        values = [value for value in first if value != "NULL"]
        conditions = [f"{keys[0]} IN ({', '.join(values)})"] if values else []
        conditions += [f"{keys[0]} IS NULL"] if "NULL" in first else []
        condition = " OR ".join(conditions)
    else:
        last, _ = first_list(others)
        condition = f"{_beyond(keys, first, '>=')} AND {_beyond(keys, last, '<')}"
    reason = f"in {rest.key}, and {wanted.key} shall have them"
    yield of_rows(wanted.key.label, reason, rest, trusted(condition))


#: What a bound means from the first MINVALUE or MAXVALUE in it on, which ends what is compared (manual, CREATE TABLE).
_UNBOUNDED = {(">=", "MINVALUE"): ">=", (">=", "MAXVALUE"): ">", ("<", "MINVALUE"): "<", ("<", "MAXVALUE"): "<="}


def _beyond(keys: Sequence[str], bound: Sequence[str], operator: str) -> str:
    """The comparison of a range's keys with its lower (>=) or upper (<) bound."""
    for length, value in enumerate(bound):
        if (beyond := _UNBOUNDED.get((operator, value))) is not None:
            return f"({', '.join(keys[:length])}) {beyond} ({', '.join(bound[:length])})" if length else "true"
    return f"({', '.join(keys)}) {operator} ({', '.join(bound)})"


def _orphans(wanted: Constraint, table: Table, live: Catalog, label: str) -> Iterator[Check]:
    if wanted.references is None or wanted.definition.endswith(UNCHECKED):
        return
    target = live.table(wanted.references.key(ObjectKind.TABLE))
    referenced = referenced_columns(wanted)
    if target is None or any(table.column(name) is None for name in wanted.columns):
        return
    has_period = ", PERIOD " in wanted.definition
    period = referenced[-1].removeprefix("PERIOD ").strip('"') if has_period else None
    pairs = zip(wanted.columns, referenced[:-1] if period else referenced, strict=False)
    match = SQL(" AND ").join(SQL("r.{} = t.{}").format(Identifier(theirs), Identifier(ours)) for ours, theirs in pairs)
    present = SQL(" AND ").join(SQL("t.{} IS NOT NULL").format(Identifier(name)) for name in wanted.columns)
    source = SQL("FROM {}.{} r WHERE {}").format(Identifier(target.schema), Identifier(target.name), match)
    missing = SQL("NOT EXISTS (SELECT {})").format(source)
    if period is not None:  # rows that together cover it will do (PostgreSQL 18)
        spans = SQL("SELECT range_agg(r.{}) {}").format(Identifier(period), source)
        missing = SQL("(t.{} <@ ({})) IS NOT TRUE").format(Identifier(wanted.columns[-1]), spans)
    condition = SQL("{} AND {}").format(present, missing)
    yield of_rows(label, f"refer to no row of {wanted.references}", table, condition, only=True)


def _index_checks(index: Index, table: Table, label: str) -> Iterator[Check]:
    """Unique indexes, also on expressions and with a predicate; without what the table lacks so far."""
    if not index.unique or any(table.column(name) is None for name in index.columns):
        return
    keys, rest = first_list(index.definition)
    _, _, predicate = rest.partition(" WHERE ")
    distinct = "NULLS NOT DISTINCT" not in rest
    named = [(key, trusted(key)) for key in keys]
    yield of_duplicates(label, table, named, distinct=distinct, predicate=predicate or "true")
