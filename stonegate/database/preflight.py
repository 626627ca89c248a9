"""Looks, read-only, for rows that would make the steps of a plan fail (behaviour, §10 "Preflight of the data")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from psycopg import errors
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stonegate.database.connect import Session
from stonegate.model.catalog import UNCHECKED, Catalog, Column, Constraint, DomainType, Index, Table, find_part
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change, Plan
from stonegate.model.preflight import Finding

#: pg_input_is_valid exists from PostgreSQL 16 on (manual 9.26).
_HAS_INPUT_CHECK = 160000
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
#: The first number that a type does not hold.
_LIMITS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
#: What stands before the keys of an index: its names, quoted where they are odd, and the access method.
_BEFORE_KEYS = re.compile(r'^(?:[^"(]|"[^"]*")*\(')


class _Check(Struct, frozen=True, kw_only=True):
    """A condition that selects the offending rows of a table.

    Attributes:
        grouped: for duplicates the keys that must not be equal, as text for people and as SQL.
    """

    label: str
    reason: str
    table: Table
    condition: Composable
    grouped: tuple[tuple[str, Composable], ...] = ()


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
                finding = await _run(conn, check)
                if finding is not None:
                    found.append(finding)
    return tuple(found)


async def _run(conn: Session, check: _Check) -> Finding | None:
    source: Composable = SQL("{}.{}").format(Identifier(check.table.schema), Identifier(check.table.name))
    if check.grouped:
        keys = [(name, Identifier(f"key {number}")) for number, (name, _) in enumerate(check.grouped)]
        source = SQL("(SELECT {}, count(*) AS rows FROM {} t WHERE {} GROUP BY {} HAVING count(*) > 1)").format(
            SQL(", ").join(
                SQL("{} AS {}").format(key, name) for (_, key), (_, name) in zip(check.grouped, keys, strict=True)
            ),
            source,
            check.condition,
            SQL(", ").join(key for _, key in check.grouped),
        )
        query: Composed = SQL("SELECT coalesce(sum(t.rows), 0)::bigint, {} FROM {} t").format(_sample(keys), source)
    else:
        keys = [(name, Identifier(name)) for name in _key_columns(check.table)]
        query = SQL("SELECT count(*), {} FROM {} t WHERE {}").format(_sample(keys), source, check.condition)
    try:
        async with conn.transaction(), conn.cursor() as cursor:
            row = await (await cursor.execute(query)).fetchone()
    except (errors.UndefinedFunction, errors.UndefinedObject):
        return None  # the plan makes what the condition calls: there is nothing to ask with yet
    if row is None or not row[0]:
        return None
    return Finding(object=check.label, reason=check.reason, count=row[0], sample=row[1] or "")


def _sample(keys: Sequence[tuple[str, Identifier]]) -> Composable:
    """The keys of one of the rows, as text."""
    if not keys:
        return SQL("''")
    parts = [SQL("{} || coalesce(t.{}::text, 'NULL')").format(Literal(f"{name} = "), key) for name, key in keys]
    return SQL("min(concat_ws(', ', {}))").format(SQL(", ").join(parts))


def _key_columns(table: Table) -> tuple[str, ...]:
    return next((c.columns for c in table.constraints if c.kind == "primary key"), ())


def _checks(change: Change, plan: Plan, live: Catalog) -> Iterator[_Check]:
    match plan.desired.objects.get(change.key) if plan.desired is not None else None:
        case DomainType() as domain if change.action is Action.ALTER:
            yield from _domain_checks(change, domain, live)
        case Table() as partition if change.action is Action.CREATE:
            yield from _partition_checks(partition, live)
        case _:
            yield from _part_checks(change, plan, live)


def _part_checks(change: Change, plan: Plan, live: Catalog) -> Iterator[_Check]:
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


def _column_checks(change: Change, table: Table, wanted: Column, live: Catalog, label: str) -> Iterator[_Check]:
    column = Identifier(wanted.name)
    if change.action is Action.CREATE:
        if wanted.not_null and not (wanted.default or wanted.identity or wanted.generated):
            yield _Check(
                label=label, reason="would get no value for a NOT NULL column", table=table, condition=SQL("true")
            )
    elif change.aspect == "not_null" and wanted.not_null:
        condition = SQL("t.{} IS NULL").format(column)
        yield _Check(label=label, reason="NULL under SET NOT NULL", table=table, condition=condition)
    elif change.aspect == "type" and (present := table.column(wanted.name)) is not None:
        yield _Check(
            label=label,
            reason=f"the value does not fit {wanted.type}",
            table=table,
            condition=_misfit(column, present.type, wanted.type, live.server),
        )


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


def _constraint_checks(wanted: Constraint, table: Table, live: Catalog, label: str) -> Iterator[_Check]:
    match wanted.kind:
        case "unique" | "primary key":
            if all(table.column(name) is not None for name in wanted.columns):
                distinct = wanted.kind == "unique" and "NULLS NOT DISTINCT" not in wanted.definition
                yield _duplicates(table, [_column(name) for name in wanted.columns], label, distinct)
        case "check":
            if not wanted.definition.endswith(UNCHECKED):
                expression = wanted.definition.removeprefix("CHECK ").removesuffix(" NO INHERIT")
                condition = SQL("NOT {}").format(_text(expression))
                yield _Check(label=label, reason=f"violates {wanted.definition}", table=table, condition=condition)
        case "foreign key":
            yield from _orphans(wanted, table, live, label)
        case _:
            return


def _domain_checks(change: Change, wanted: DomainType, live: Catalog) -> Iterator[_Check]:
    """In the columns of a domain; those of arrays and composites of it, and of domains over it, are not looked at."""
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
            condition = SQL("NOT {}").format(_text(definition.removeprefix("CHECK ")))
            conditions.append((f"violates {definition} of {wanted.key}", condition))
    for table in live.tables if conditions else ():
        for column in table.columns:
            # A parent's rows are those of its partitions and children too.
            if column.type != wanted.key.qualified.sql or column.inherited or table.partition_of is not None:
                continue
            label = table.key.part(ObjectKind.COLUMN, column.name).label
            for reason, misfit in conditions:
                # VALUE is the nearest column of that name, whatever the table has.
                query = SQL("(SELECT {} FROM (SELECT t.{}::{} AS value) v)")
                selects = query.format(misfit, Identifier(column.name), _text(wanted.base))
                yield _Check(label=label, reason=reason, table=table, condition=selects)


def _partition_checks(wanted: Table, live: Catalog) -> Iterator[_Check]:
    """Rows in the default partition that a new one would have to have got."""
    if wanted.partition_of is None or wanted.partition_bound is None:
        return
    parent = live.table(wanted.partition_of.key(ObjectKind.TABLE))
    beside = (table for table in live.tables if table.partition_of == wanted.partition_of)
    rest = next((table for table in beside if table.partition_bound == "DEFAULT"), None)
    if parent is None or parent.partition_key is None or rest is None:
        return
    keys, _ = _first_list(parent.partition_key)
    first, others = _first_list(wanted.partition_bound)
    if parent.partition_key.startswith("LIST"):
        values = [value for value in first if value != "NULL"]
        conditions = [f"{keys[0]} IN ({', '.join(values)})"] if values else []
        conditions += [f"{keys[0]} IS NULL"] if "NULL" in first else []
        condition = " OR ".join(conditions)
    else:
        last, _ = _first_list(others)
        condition = f"{_beyond(keys, first, '>=')} AND {_beyond(keys, last, '<')}"
    reason = f"in {rest.key}, and {wanted.key} shall have them"
    yield _Check(label=wanted.key.label, reason=reason, table=rest, condition=_text(condition))


#: What a bound means from the first MINVALUE or MAXVALUE in it on, which ends what is compared (manual, CREATE TABLE).
_UNBOUNDED = {(">=", "MINVALUE"): ">=", (">=", "MAXVALUE"): ">", ("<", "MINVALUE"): "<", ("<", "MAXVALUE"): "<="}


def _beyond(keys: Sequence[str], bound: Sequence[str], operator: str) -> str:
    """The comparison of a range's keys with its lower (>=) or upper (<) bound."""
    for length, value in enumerate(bound):
        if (beyond := _UNBOUNDED.get((operator, value))) is not None:
            return f"({', '.join(keys[:length])}) {beyond} ({', '.join(bound[:length])})" if length else "true"
    return f"({', '.join(keys)}) {operator} ({', '.join(bound)})"


def _duplicates(
    table: Table, keys: Sequence[tuple[str, Composable]], label: str, distinct: bool, predicate: str = "true"
) -> _Check:
    present = [SQL("{} IS NOT NULL").format(key) for _, key in keys] if distinct else []
    return _Check(
        label=label,
        reason=f"share their {', '.join(name for name, _ in keys)} under a unique key",
        table=table,
        condition=SQL(" AND ").join([_text(predicate), *present]),
        grouped=tuple(keys),
    )


def _column(name: str) -> tuple[str, Composable]:
    return name, SQL("t.{}").format(Identifier(name))


def _orphans(wanted: Constraint, table: Table, live: Catalog, label: str) -> Iterator[_Check]:
    if wanted.references is None or wanted.definition.endswith(UNCHECKED):
        return
    target = live.table(wanted.references.key(ObjectKind.TABLE))
    referenced = _referenced_columns(wanted)
    if target is None or any(table.column(name) is None for name in wanted.columns):
        return
    pairs = zip(wanted.columns, referenced, strict=False)
    match = SQL(" AND ").join(SQL("r.{} = t.{}").format(Identifier(theirs), Identifier(ours)) for ours, theirs in pairs)
    present = SQL(" AND ").join(SQL("t.{} IS NOT NULL").format(Identifier(name)) for name in wanted.columns)
    condition = SQL("{} AND NOT EXISTS (SELECT FROM {}.{} r WHERE {})").format(
        present, Identifier(target.schema), Identifier(target.name), match
    )
    yield _Check(label=label, reason=f"refer to no row of {wanted.references}", table=table, condition=condition)


def _referenced_columns(wanted: Constraint) -> tuple[str, ...]:
    """The column names in `REFERENCES t(a, "B")`, unquoted."""
    _, _, rest = wanted.definition.partition(" REFERENCES ")
    names = rest[rest.index("(") + 1 : rest.index(")")]
    return tuple(name.strip().strip('"').replace('""', '"') for name in names.split(","))


def _index_checks(index: Index, table: Table, label: str) -> Iterator[_Check]:
    """Unique indexes, also on expressions and with a predicate; without what the table lacks so far."""
    if not index.unique or any(table.column(name) is None for name in index.columns):
        return
    keys, rest = _first_list(index.definition)
    _, _, predicate = rest.partition(" WHERE ")
    yield _duplicates(
        table, [(key, _text(key)) for key in keys], label, "NULLS NOT DISTINCT" not in rest, predicate or "true"
    )


def _first_list(definition: str) -> tuple[list[str], str]:
    """The parts of the first list of a definition that PostgreSQL prints (an index's keys, the values of a partition's
    bound), without collation, operator class and order; and the rest."""
    text = _BEFORE_KEYS.sub("", definition, count=1)
    marks = [-1, *(position for position, letter in _outside(text) if letter in ",)")]
    keys = [text[before + 1 : after].strip() for before, after in pairwise(marks)]
    bare = [key[: next((end for end, letter in _outside(key) if letter == " "), None)] for key in keys]
    return bare, text[marks[-1] + 1 :]


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The letters outside of quotes and brackets, with their positions; the last is a bracket that closes nothing."""
    depth, quote = 0, ""
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter  # one that is doubled inside of its own kind ends the text and opens it again
        elif letter == "(":
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif letter == ")":
            yield position, letter
            return
        elif not depth:
            yield position, letter


def _text(trusted: str) -> SQL:
    """PostgreSQL's own deparse of a declared expression, taken over as it is."""
    return SQL(trusted)
