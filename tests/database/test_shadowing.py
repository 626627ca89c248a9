"""Operators and functions that somebody made in `public`, and that fit better than the server's own (CVE-2018-1058).

Whoever may create there must not have a superuser run them by waiting for a deployment.
"""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path

import pytest

from stonegate.database.deployment.one_database import apply_plan, plan_database, plan_with_findings
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.status import diff_database, status_database
from stonegate.model.report import Status
from tests.database.folders import ROLES, allowing, applied, write
from tests.evolution.scripts import run_script, script_of
from tests.servers import Database, MakeDatabase, Server

TYPES = ("oid", "int2", "int4", "int8", "name", "text", '"char"', "bool", "numeric", "regclass", "regtype", "jsonb")
TYPES += ("text[]", "name[]", "xid", "varchar")
OPERATORS = ("=", "<>", ">=", ">", "<", "||", "+", "-", "*", "&", "@?", "@>", "->", "->>")
#: Those of the server take any type, or another one that the arguments would have to be cast to.
CALLS = ("count({})", "json_agg({})", "to_regclass({})", "unnest({})", "max({})", "concat({})", "row_to_json({})")
CALLS += ("format({}, text)", "string_agg({}, text)", "coalesce_all({})", "array_agg({})", "bool_or({})")
FIRST = ROLES | {
    "tables/counted.sql": "CREATE TABLE counted (id serial PRIMARY KEY);",
    "seeders/counted.sql": "INSERT INTO counted VALUES (7);",
    "tables/users.sql": "CREATE TABLE users (id int, email text); CREATE POLICY p ON users USING (id IS NOT NULL);",
    "functions/f.sql": "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a'::text $$;",
}
SECOND = FIRST | {
    "tables/users.sql": "CREATE TABLE users (id int NOT NULL, email text, note text);",
    "functions/f.sql": "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'b'::text $$;",
    "migrations/001.sql": "UPDATE users SET email = 'none' WHERE email IS NULL;",
    "migrations/002.sql": "-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY ON users (email);",
}

ROUTINE = FIRST | {"functions/f.sql": "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'c'::text $$;"}
ROUTINES = ROUTINE | {"functions/g.sql": "CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $$ SELECT 'a'::text $$;"}
#: What the original's tracking tables have instead of text.
VARCHAR = {
    "migrations": ("migration_file", "checksum"),
    "types": ("type_name", "type_kind", "checksum", "source_file"),
    "tables": ("table_name", "checksum", "source_file"),
    "functions": ("function_name", "body_checksum", "source_file"),
    "changelog": ("change_type", "object_name"),
}


def set_traps(database: Database) -> None:
    """For all pairs of the types the operators that the server lacks; those with a trap's name say what ran them."""
    body = "RETURNS {} LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped by %', pg_catalog.current_query(); END $$"
    known = set(
        database.rows(
            "SELECT oprname::text, oprleft::regtype::text, oprright::regtype::text FROM pg_operator"
            " WHERE oprnamespace = 'pg_catalog'::regnamespace"
        )
    )
    spelled = dict(database.rows("SELECT t, t::regtype::text FROM unnest(%s::text[]) AS t", list(TYPES)))
    made: list[str] = []
    for number, (left, right) in enumerate(product(TYPES, TYPES)):
        made.append(f"CREATE FUNCTION public.trap{number}({left}, {right}) {body.format('bool')};")
        made += (
            f"CREATE OPERATOR public.{operator} (FUNCTION = public.trap{number}, LEFTARG = {left}, RIGHTARG = {right});"
            for operator in OPERATORS
            if (operator, spelled[left], spelled[right]) not in known
        )
    for call, argument in product(CALLS, (*TYPES, "json", "record")):
        if not database.rows("SELECT to_regprocedure(%s) IS NOT NULL", f"pg_catalog.{call.format(argument)}")[0][0]:
            made.append(f"CREATE FUNCTION public.{call.format(argument)} {body.format('text')};")
    database.rows("".join(made))


@pytest.fixture(scope="module")
def trapped(server: Server, make_template: MakeDatabase) -> Database:
    """A database with the traps, to be cloned."""
    database = make_template(server)
    set_traps(database)
    return database


@pytest.mark.parametrize("path", ["public", "public, pg_catalog"])
def test_nobody_steps_in(trapped: Database, make_database: MakeDatabase, tmp_path: Path, path: str) -> None:
    database = make_database(trapped.server, trapped)
    database.rows(f'ALTER DATABASE "{database.name}" SET search_path = {path}')
    first = write(tmp_path, FIRST)
    applied(database.url, first)
    assert applied(database.url, first).status is Status.UNCHANGED
    second = write(tmp_path, SECOND)
    options = ApplyOptions()
    consents = allowing("set_not_null", "drop_column", "drop_policy")
    consented = ApplyOptions(plan=consents)
    assert asyncio.run(plan_database(database.url, second, options)).blocked
    asyncio.run(plan_with_findings(database.url, second, options))
    plan = asyncio.run(plan_database(database.url, second, consented))
    assert asyncio.run(apply_plan(database.url, plan, consented)).error is None
    asyncio.run(diff_database(database.url, second))
    asyncio.run(status_database(database.url))
    applied(database.url, write(tmp_path, FIRST), plan=consents, skip_verification=True)
    for files in (ROUTINE, ROUTINES, ROUTINE):  # planned before all but routines is looked at
        assert applied(database.url, write(tmp_path, files)).verified


def test_nobody_steps_in_where_the_original_made_the_tables(
    trapped: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    database = make_database(trapped.server, trapped)
    typed = {"types/mood.sql": "CREATE TYPE mood AS ENUM ('ok');"}
    applied(database.url, write(tmp_path, FIRST | typed))
    for table, columns in VARCHAR.items():
        changes = ", ".join(f"ALTER {column} TYPE varchar(255)" for column in columns)
        database.rows(f"ALTER TABLE _stonescriptdb_gateway_{table} {changes}")
    consents = allowing("set_not_null", "drop_column", "drop_policy")
    for files in (SECOND | typed, FIRST | typed, ROUTINE | typed, ROUTINES | typed, ROUTINE | typed):
        assert applied(database.url, write(tmp_path, files), plan=consents).verified


@pytest.mark.parametrize("original", [False, True], ids=["stonegate", "original"])
def test_nobody_steps_in_where_a_script_runs(
    trapped: Database, make_database: MakeDatabase, tmp_path: Path, original: bool
) -> None:
    """A superuser's as a rule."""
    database = make_database(trapped.server, trapped)
    consents = allowing("set_not_null", "drop_column", "drop_policy")
    for files in (FIRST, SECOND, ROUTINES, SECOND):
        run_script(database, script_of(database, write(tmp_path, files), plan=consents))
        if original and files is FIRST:
            for table, columns in VARCHAR.items():
                changes = ", ".join(f"ALTER {column} TYPE varchar(255)" for column in columns)
                database.rows(f"ALTER TABLE _stonescriptdb_gateway_{table} {changes}")
    assert applied(database.url, write(tmp_path, SECOND)).status is Status.UNCHANGED
