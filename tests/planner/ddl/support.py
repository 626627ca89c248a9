"""What the tests of SQL generation share: catalogs read from real databases, and statements run on them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import pytest
from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.introspect.catalog import read_catalog
from stonegate.errors import StonegateError
from stonegate.model.catalog import Catalog, CatalogObject, CompositeType, Table, View
from stonegate.model.catalog import Sequence as CatalogSequence
from stonegate.model.consent import ConsentToken
from stonegate.model.json_form import to_json
from stonegate.model.names import MEMBER_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner import ddl
from tests.servers import Database, Server, create_database, drop_database, psql

ROLES = ("ddl_reader", "ddl_writer")


def make_roles(server: Server) -> None:
    """The roles that the test schemas mention; another worker may make them at the same time."""
    for role in ROLES:
        psql(
            server.admin_url,
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        )


async def catalog_of(database: Database) -> Catalog:
    """The database's catalog."""
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        return await read_catalog(connection)


def run(database: Database, statements: Iterable[str]) -> None:
    """All statements in one transaction; a failure names the statement."""
    with psycopg.connect(database.url) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                error.add_note(statement)
                raise


def facts(catalog: Catalog, *ignored: str) -> dict[str, Any]:
    """The catalog as plain data by object, for comparisons whose failure can be read."""
    document: dict[str, Any] = json.loads(to_json(catalog))
    found: dict[str, Any] = {}
    for kind, value in document.items():
        if kind in ("server", *ignored):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for thing in value:
                place = ".".join(str(thing[name]) for name in ("schema", "name", "identity") if name in thing)
                name = f"{kind} {place} {thing.get('arguments', thing.get('role', ''))} {thing.get('objects', '')}"
                found[name if kind != "dependencies" else json.dumps(thing)] = thing
        else:
            found[kind] = value
    return found


def key(kind: str, name: str, member: str | None = None, arguments: str | None = None) -> ObjectKey:
    """The key of something in `public`, or in the schema before a dot."""
    schema, _, rest = name.rpartition(".")
    without_schema = kind in ("schema", "extension")
    return ObjectKey(ObjectKind(kind), "" if without_schema else schema or "public", rest, arguments, member)


def change(
    action: str,
    kind: str,
    name: str,
    member: str | None = None,
    aspect: str = "",
    *,
    arguments: str | None = None,
    table: str | None = None,
    before: str | None = None,
    after: str | None = None,
    token: ConsentToken | None = None,
    restored: bool = False,
) -> Change:
    """A change as the diff would find it; `table` for indexes."""
    return Change(
        action=Action(action),
        key=key(kind, name, member, arguments),
        aspect=aspect,
        table=key("table", table) if table else None,
        before=before,
        after=after,
        token=token,
        restored=restored,
    )


def clauses_of(found: Change, desired: Catalog, live: Catalog) -> tuple[ddl.Clause, ...]:
    """What carries out one change, as the planner asks for it."""
    context = ddl.DdlContext(desired=desired, live=live, builder="postgres", declared=live)
    is_member = _is_member(found)
    wanted = _holder(found, desired) if is_member else desired.objects.get(found.key)
    present = _holder(found, live) if is_member else live.objects.get(found.key)
    match found.action:
        case Action.CREATE if is_member:
            return ddl.create_member(found, _relation(wanted), context)
        case Action.DROP if is_member:
            return ddl.drop_member(found, _relation(present), context)
        case Action.CREATE:
            assert wanted is not None
            statements = ddl.create_statements(wanted, builder="postgres", catalog=desired)
            if isinstance(wanted, Table):
                statements += ddl.foreign_key_statements(wanted) + ddl.policy_statements(wanted)
            if isinstance(wanted, Table | View):
                statements += ddl.trigger_statements(wanted)
            return tuple(ddl.Clause(statement=statement) for statement in statements)
        case Action.DROP:
            return ddl.drop_object(found.key, present, context)
        case _:
            assert wanted is not None
            return ddl.alter(found, wanted, present if present is not None else wanted, context)


def _is_member(found: Change) -> bool:
    return found.key.kind in MEMBER_KINDS or found.key.kind is ObjectKind.INDEX


def _holder(found: Change, catalog: Catalog) -> CatalogObject | None:
    place = found.table or found.key.owner
    kinds = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.TYPE)
    keys = (replace(place, kind=kind) for kind in (place.kind, *kinds))
    return next((thing for one in keys if (thing := catalog.objects.get(one)) is not None), None)


def _relation(thing: CatalogObject | None) -> Table | View | CompositeType:
    assert isinstance(thing, Table | View | CompositeType)
    return thing


class Case(Struct, frozen=True):
    """One schema that becomes another. Scripts name no schema: each case gets its own.

    Attributes:
        before, after: scripts that build them.
        changes: the differences.
        rows: a script for the database that is altered.
        expected: queries on it and their rows, after the alteration.
        since: the first major version that knows all of it.
        ignored: texts; a part of the catalog whose name holds one may differ.
        common: a script that both begin with.
    """

    name: str
    before: str
    after: str
    changes: tuple[Change, ...]
    rows: str = ""
    expected: tuple[tuple[str, list[tuple[Any, ...]]], ...] = ()
    since: int = 15
    ignored: tuple[str, ...] = ()
    common: str = ""


class Outcome(Struct, frozen=True):
    """What became of a case: the statements, what failed, the catalogs, the rows of its queries and tables."""

    statements: tuple[str, ...]
    error: str
    reached: dict[str, Any]
    desired: dict[str, Any]
    answers: list[list[tuple[Any, ...]]]
    lost_rows: dict[str, int]


def carry_out(cases: Sequence[Case], server: Server) -> dict[str, Outcome]:
    """All cases in two databases: one is altered, the other is the measure."""
    make_roles(server)
    known = {f"case {number:03}": case for number, case in enumerate(cases) if server.major >= case.since}
    altered, fresh = (create_database(server, f"ddl_{os.getpid()}_{cases[0].name[:20]}_{side}") for side in "ab")
    try:
        for schema, case in known.items():
            place = f'CREATE SCHEMA "{schema}"; SET search_path = "{schema}";'
            _build(altered, case, f"{place} {case.common}; {case.before}; {case.rows}")
            _build(fresh, case, f"{place} {case.common}; {case.after}")
        live, desired = (asyncio.run(catalog_of(database)) for database in (altered, fresh))
        runs = {schema: _alter(altered, schema, case, live, desired) for schema, case in known.items()}
        reached = asyncio.run(catalog_of(altered))
        return {
            case.name: replace(
                runs[schema],
                reached=_of_schema(facts(reached), schema, case.ignored),
                desired=_of_schema(facts(desired), schema, case.ignored),
            )
            for schema, case in known.items()
        }
    finally:
        drop_database(altered)
        drop_database(fresh)


def _build(database: Database, case: Case, script: str) -> None:
    try:
        psql(database.url, script)
    except psycopg.Error as error:
        error.add_note(case.name)
        raise


def _alter(database: Database, schema: str, case: Case, live: Catalog, desired: Catalog) -> Outcome:
    changes = [_moved(found, schema) for found in case.changes]
    dropped = [found for found in changes if found.action is Action.DROP and not _is_member(found)]
    kept = [found for found in changes if found not in dropped]
    first = [found for found in dropped if _makes_way(found, desired, live)]
    statements: tuple[str, ...] = ()
    counts = _counts(database, schema, live, desired)
    answers, error = [], ""
    try:
        for part in (first, kept, [found for found in dropped if found not in first]):
            statements += ddl.combine(clause for found in part for clause in clauses_of(found, desired, live))
        run(database, statements)
        place = f'SET search_path = "{schema}";'
        answers = [psql(database.url, f"{place} {query}") for query, _ in case.expected]
    except (psycopg.Error, LookupError, StonegateError) as failure:
        error = "\n".join((f"{type(failure).__name__}: {failure}", *getattr(failure, "__notes__", ())))
    after = _counts(database, schema, live, desired)
    lost = {name: count - after[name] for name, count in counts.items() if after[name] != count}
    return Outcome(statements, error, {}, {}, answers, {} if case.expected else lost)


def _makes_way(found: Change, desired: Catalog, live: Catalog) -> bool:
    thing = live.objects.get(found.key)
    return isinstance(thing, CatalogSequence) and ddl.makes_way(thing, desired, live)


def _moved(found: Change, schema: str) -> Change:
    """The change in the schema of its case."""
    place = found.key if found.key.schema != "public" else replace(found.key, schema=schema)
    table = replace(found.table, schema=schema) if found.table is not None else None
    arguments = place.arguments.replace("public.", f'"{schema}".') if place.arguments else place.arguments
    return replace(found, key=replace(place, arguments=arguments), table=table)


def _of_schema(found: dict[str, Any], schema: str, ignored: tuple[str, ...]) -> dict[str, Any]:
    named = {name: thing for name, thing in found.items() if schema in name}
    return {name: thing for name, thing in named.items() if not any(text in name for text in ignored)}


def assert_converged(case: Case, outcomes: dict[str, Outcome]) -> None:
    """The altered database equals the fresh one, and nothing was lost."""
    if case.name not in outcomes:
        pytest.skip("this version does not know it")
    outcome = outcomes[case.name]
    script = ";\n".join(outcome.statements)
    assert not outcome.error, f"{outcome.error}\n{script}"
    assert outcome.reached == outcome.desired, script
    assert outcome.answers == [rows for _, rows in case.expected], script
    assert not outcome.lost_rows, script


def _counts(database: Database, schema: str, *catalogs: Catalog) -> dict[str, int]:
    """Rows of each table of the schema that is in all catalogs."""
    shared = set.intersection(*({table.key for table in catalog.tables} for catalog in catalogs))
    names = sorted(found.qualified.sql for found in shared if found.schema == schema)
    return {name: psql(database.url, f"SELECT count(*) FROM ONLY {name}")[0][0] for name in names}
