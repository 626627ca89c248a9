"""Looks, read-only, for rows that would make the steps of a plan fail (behaviour, §10 "Preflight of the data")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from stonegate.model.catalog import Catalog, Constraint, Index, Table
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, Plan
from stonegate.model.preflight import Finding

#: pg_input_is_valid exists from PostgreSQL 16 on (manual 9.26).
_HAS_INPUT_CHECK = 160000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """A condition that selects the offending rows of a table; `grouped` for duplicates."""

    label: str
    reason: str
    table: Table
    condition: Composable
    grouped: tuple[str, ...] = ()


async def read_findings(conn: AsyncConnection, plan: Plan, live: Catalog) -> tuple[Finding, ...]:
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


async def _run(conn: AsyncConnection, check: _Check) -> Finding | None:
    key = _key_columns(check.table) if not check.grouped else check.grouped
    sample: Composable = SQL("''")
    if key:
        parts = [
            SQL("{} || coalesce(t.{}::text, 'NULL')").format(Literal(f"{name} = "), Identifier(name)) for name in key
        ]
        sample = SQL("min(concat_ws(', ', {}))").format(SQL(", ").join(parts))
    source: Composable = SQL("{}.{}").format(Identifier(check.table.schema), Identifier(check.table.name))
    if check.grouped:
        names = SQL(", ").join(Identifier(name) for name in check.grouped)
        source = SQL("(SELECT {} FROM {} t WHERE {} GROUP BY {} HAVING count(*) > 1)").format(
            names, source, check.condition, names
        )
        query: Composed = SQL("SELECT count(*), {} FROM {} t").format(sample, source)
    else:
        query = SQL("SELECT count(*), {} FROM {} t WHERE {}").format(sample, source, check.condition)
    async with conn.cursor() as cursor:
        row = await (await cursor.execute(query)).fetchone()
    if row is None or not row[0]:
        return None
    return Finding(object=check.label, reason=check.reason, count=row[0], sample=row[1] or "")


def _key_columns(table: Table) -> tuple[str, ...]:
    return next((c.columns for c in table.constraints if c.kind == "primary key"), ())


def _checks(change: Change, plan: Plan, live: Catalog) -> Iterator[_Check]:
    table = live.table(change.table or change.key.owner)
    desired = plan.desired.table(change.table or change.key.owner) if plan.desired is not None else None
    if table is None or desired is None:
        return
    label = change.key.label
    match change.key.kind:
        case ObjectKind.COLUMN:
            yield from _column_checks(change, table, desired, live, label)
        case ObjectKind.CONSTRAINT if change.action in (Action.CREATE, Action.RECREATE):
            wanted = next((c for c in desired.constraints if c.name == change.key.member), None)
            if wanted is not None:
                yield from _constraint_checks(wanted, table, live, label)
        case ObjectKind.INDEX if change.action in (Action.CREATE, Action.RECREATE):
            index = next((i for i in desired.indexes if i.name == change.key.name), None)
            if index is not None:
                yield from _index_checks(index, table, label)
        case _:
            return


def _column_checks(change: Change, table: Table, desired: Table, live: Catalog, label: str) -> Iterator[_Check]:
    name = change.key.member or ""
    wanted = desired.column(name)
    if wanted is None:
        return
    column = Identifier(name)
    if change.action is Action.CREATE:
        if wanted.not_null and not (wanted.default or wanted.identity or wanted.generated):
            yield _Check(
                label=label, reason="would get no value for a NOT NULL column", table=table, condition=SQL("true")
            )
    elif change.aspect == "not_null" and wanted.not_null:
        condition = SQL("t.{} IS NULL").format(column)
        yield _Check(label=label, reason="NULL under SET NOT NULL", table=table, condition=condition)
    elif change.aspect == "type":
        yield _Check(
            label=label,
            reason=f"the value does not fit {wanted.type}",
            table=table,
            condition=_misfit(column, wanted.type, live.server),
        )


def _misfit(column: Identifier, new: str, server: int) -> Composable:
    """Selects values that the new type does not take; before PostgreSQL 16 only lengths and sizes are looked at."""
    if server >= _HAS_INPUT_CHECK:
        return SQL("t.{} IS NOT NULL AND NOT pg_input_is_valid(t.{}::text, {})").format(column, column, Literal(new))
    base, _, modifier = new.partition("(")
    if base in ("character varying", "character") and modifier:
        return SQL("length(rtrim(t.{}::text)) > {}").format(column, Literal(int(modifier.rstrip(")"))))
    limits = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
    if new in limits:
        bound = Literal(limits[new])
        return SQL(
            "(t.{}::text ~ '^-?[0-9.]+$' AND NOT (t.{}::text::numeric >= -{} AND t.{}::text::numeric < {}))"
        ).format(column, column, bound, column, bound)
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
                yield _duplicates(table, wanted.columns, label, distinct)
        case "check":
            if "NOT VALID" not in wanted.definition:
                expression = wanted.definition.removeprefix("CHECK ").removesuffix(" NO INHERIT")
                condition = SQL("NOT {}").format(_text(expression))
                yield _Check(label=label, reason=f"violates {wanted.definition}", table=table, condition=condition)
        case "foreign key":
            yield from _orphans(wanted, table, live, label)
        case _:
            return


def _duplicates(table: Table, columns: tuple[str, ...], label: str, distinct: bool) -> _Check:
    present = SQL(" AND ").join(SQL("t.{} IS NOT NULL").format(Identifier(name)) for name in columns)
    return _Check(
        label=label,
        reason=f"share their {', '.join(columns)} under a unique key",
        table=table,
        condition=present if distinct else SQL("true"),
        grouped=columns,
    )


def _orphans(wanted: Constraint, table: Table, live: Catalog, label: str) -> Iterator[_Check]:
    if wanted.references is None or "NOT VALID" in wanted.definition:
        return
    target = live.table(ObjectKey(ObjectKind.TABLE, wanted.references.schema, wanted.references.name))
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
    """Plain unique indexes only: an expression or a predicate cannot be grouped by column names."""
    plain = " WHERE " not in index.definition and "((" not in index.definition
    if index.unique and plain and all(table.column(name) is not None for name in index.columns):
        yield _duplicates(table, index.columns, label, "NULLS NOT DISTINCT" not in index.definition)


def _text(trusted: str) -> SQL:
    """PostgreSQL's own deparse of a declared expression, taken over as it is."""
    return SQL(trusted.replace("{", "{{").replace("}", "}}"))
