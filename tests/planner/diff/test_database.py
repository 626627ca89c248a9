"""The diff on catalogs that PostgreSQL made: decisions it agrees with, and histories that end in the same state."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from stonegate.model.catalog import Catalog
from stonegate.model.plan import Action, ChangeClass
from stonegate.planner.diff import Diff, differences
from tests.convergence import catalog_of
from tests.planner.calls import counted_calls
from tests.servers import Database, MakeDatabase, Server

EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner"


class Pair:
    """Two empty databases on one server: what is declared, and what is there."""

    def __init__(self, desired: Database, live: Database) -> None:
        self.desired, self.live = desired, live

    def diff(self, desired: str, live: str, *, adopted: bool = False) -> Diff:
        """Runs the two scripts in fresh schemas and compares."""
        for database, script in ((self.desired, desired), (self.live, live)):
            database.rows(f"{EMPTY}; {script}")
        wanted, present = catalog_of(self.desired.url), catalog_of(self.live.url)
        return differences(wanted, present, declared=None if adopted else present, builder="postgres")


@pytest.fixture
def pair(any_server: Server, make_database: MakeDatabase) -> Iterator[Pair]:
    yield Pair(make_database(any_server), make_database(any_server))


#: Bodies of one function `f` with the input type integer, in all the ways in which they can differ.
FUNCTIONS = (
    "FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT COST 5 AS 'SELECT 2'",
    "FUNCTION f(a integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET jit = off AS 'BEGIN RETURN 1; END'",
    "FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(b integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer DEFAULT 2) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "FUNCTION f(a integer) RETURNS SETOF integer LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer) RETURNS TABLE (x integer, y text) LANGUAGE sql AS $$SELECT 1, ''$$",
    "FUNCTION f(a integer) RETURNS TABLE (x integer, z text) LANGUAGE sql AS $$SELECT 1, ''$$",
    "FUNCTION f(a integer) RETURNS TABLE (x integer, y text, z text) LANGUAGE sql AS $$SELECT 1, '', ''$$",
    "FUNCTION f(a integer, OUT x integer, OUT y text) LANGUAGE sql AS $$SELECT 1, ''$$",
    "FUNCTION f(a integer, OUT x integer, OUT y integer) LANGUAGE sql AS $$SELECT 1, 2$$",
    "FUNCTION f(INOUT a integer) LANGUAGE sql AS 'SELECT 1'",
    "FUNCTION f(a integer) RETURNS integer LANGUAGE sql RETURN a + 1",
    "PROCEDURE f(a integer) LANGUAGE sql AS 'SELECT 1'",
    "PROCEDURE f(b integer) LANGUAGE sql AS 'SELECT 1'",
    "PROCEDURE f(INOUT a integer) LANGUAGE sql AS 'SELECT 1'",
)
VIEWS = (
    "SELECT id FROM t",
    "SELECT id FROM t WHERE id > 1",
    "SELECT id, a FROM t",
    "SELECT a, id FROM t",
    "SELECT id, a, b FROM t",
    "SELECT id::bigint AS id FROM t",
    "SELECT id AS x FROM t",
    'SELECT id, b COLLATE "C" AS b FROM t',
    "SELECT id, b FROM t",
)


def _decisions(
    database: Database, definitions: tuple[str, ...], before: str = ""
) -> Iterator[tuple[str, str, Action, bool]]:
    """(live, desired, what the diff decides, whether CREATE OR REPLACE works) for every two of the definitions."""
    catalogs: dict[str, Catalog] = {}
    accepted: dict[tuple[str, str], bool] = {}
    with psycopg.connect(database.url, autocommit=True) as session:
        for live in definitions:
            session.execute(f"{EMPTY}; {before}; CREATE {live}")  # type: ignore[arg-type]
            catalogs[live] = catalog_of(database.url)
            for desired in definitions:
                accepted[live, desired] = _is_accepted(session, f"CREATE OR REPLACE {desired}")
    for (live, desired), works in accepted.items():
        if live != desired:
            wanted, present = catalogs[desired], catalogs[live]
            [change] = differences(wanted, present, declared=present, builder="postgres").changes
            yield live, desired, change.action, works


def _is_accepted(session: psycopg.Connection, statement: str) -> bool:
    try:
        with session.transaction(force_rollback=True):
            session.execute(statement)  # type: ignore[arg-type]
    except psycopg.errors.Error:
        return False
    return True


def test_create_or_replace_function_is_planned_only_where_postgresql_accepts_it(any_database: Database) -> None:
    refused, timid = [], []
    for live, desired, action, works in _decisions(any_database, FUNCTIONS):
        if action is Action.REPLACE and not works:
            refused.append((live, desired))
        elif action is not Action.REPLACE and works:
            timid.append((live, desired))
    assert refused == []
    # An INOUT parameter without a change of the result type could be replaced: callers see another name for the result.
    assert all("INOUT" in live or "INOUT" in desired for live, desired in timid)


def test_create_or_replace_view_is_planned_only_where_postgresql_accepts_it(any_database: Database) -> None:
    views = tuple(f"VIEW v AS {query}" for query in VIEWS)
    decisions = _decisions(any_database, views, "CREATE TABLE t (id integer, a integer, b text)")
    assert [found for found in decisions if (found[2] is Action.REPLACE) != found[3]] == []


#: (a history, the same state built at once): nothing to do.
HISTORIES = {
    "columns": (
        "CREATE TABLE t (a integer, c text); ALTER TABLE t ADD b date DEFAULT now(); ALTER TABLE t ADD PRIMARY KEY (a)",
        "CREATE TABLE t (a int4 PRIMARY KEY, b date DEFAULT now(), c text)",
    ),
    "serial": (
        "CREATE SEQUENCE numbers AS integer; CREATE TABLE t (id integer NOT NULL DEFAULT nextval('numbers'));"
        " ALTER SEQUENCE numbers OWNED BY t.id",
        "CREATE TABLE t (id serial)",
    ),
    "renamed table": (
        "CREATE TABLE old (id serial PRIMARY KEY, mail text UNIQUE CHECK (mail <> ''), o int REFERENCES old);"
        " CREATE INDEX ON old (mail); ALTER TABLE old RENAME TO t; ALTER TABLE t RENAME mail TO email",
        "CREATE TABLE t (id serial PRIMARY KEY, email text UNIQUE CHECK (email <> ''), o int REFERENCES t);"
        " CREATE INDEX ON t (email)",
    ),
    "checks in another order": (
        "CREATE TABLE t (a int, b int, CHECK (a > b), CHECK (a < b + 9))",
        "CREATE TABLE t (a int, b int, CHECK (a < b + 9), CHECK (a > b))",
    ),
    "star": (
        "CREATE TABLE t (a int, c int); ALTER TABLE t ADD b int; CREATE VIEW v AS SELECT x.* FROM t AS x;"
        " CREATE VIEW w AS SELECT *, 1 AS one FROM v",
        "CREATE TABLE t (a int, b int, c int); CREATE VIEW v AS SELECT x.* FROM t AS x;"
        " CREATE VIEW w AS SELECT *, 1 AS one FROM v",
    ),
    "partitions": (
        "CREATE TABLE p (a int, b int) PARTITION BY RANGE (a); CREATE TABLE p1 (a int, b int);"
        " ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (1) TO (9); CREATE INDEX ON p (b)",
        "CREATE TABLE p (a int, b int) PARTITION BY RANGE (a); CREATE INDEX ON p (b);"
        " CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9)",
    ),
    "enum": (
        "CREATE TYPE e AS ENUM ('a', 'c'); ALTER TYPE e ADD VALUE 'b' BEFORE 'c'",
        "CREATE TYPE e AS ENUM ('a', 'b', 'c')",
    ),
    "grants of tools": (
        "CREATE TABLE t (a int); GRANT SELECT ON t TO pg_monitor; CREATE FUNCTION f() RETURNS int LANGUAGE sql"
        " AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION f() TO pg_monitor",
        "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    "body with comments": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN /* old */ RETURN 1; END'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'begin\n  return 1; -- new\nend'",
    ),
}


def test_a_history_that_ends_in_the_declared_state_leaves_nothing_to_do(pair: Pair) -> None:
    found = {
        name: [
            change.identity for adopted in (True, False) for change in pair.diff(*script[::-1], adopted=adopted).changes
        ]
        for name, script in HISTORIES.items()
    }
    assert {name: changes for name, changes in found.items() if changes} == {}


def test_adoption_loses_nothing(pair: Pair) -> None:
    """The database of issue 3: an extra column, index and trigger, a missing NOT NULL, another varchar length."""
    function = "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    desired = f"CREATE TABLE users (id serial PRIMARY KEY, email varchar(40) NOT NULL, name text NOT NULL); {function}"
    live = f"""
        CREATE TABLE users (id serial PRIMARY KEY, email varchar(80) NOT NULL, name text, legacy text);
        CREATE INDEX by_hand ON users (legacy);
        {function};
        CREATE TRIGGER by_hand BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION g();
        CREATE TABLE notes (id serial)
    """
    found = pair.diff(desired, live, adopted=True)
    assert {change.identity: change.change_class for change in found.changes} == {
        "alter column users.email type": ChangeClass.DATALOSS,
        "alter column users.name not_null": ChangeClass.DATALOSS,
    }
    assert [str(key) for key in found.unmanaged] == [
        "column users.legacy",
        "index by_hand",
        "table notes",
        "trigger users.by_hand",
    ]


def test_the_diff_of_a_large_catalog_is_linear(database: Database) -> None:
    """Four times the tables may take four times as long, not sixteen; counted in calls, not in seconds."""
    calls: list[int] = []
    for number in (20, 80):
        database.rows(EMPTY)
        database.rows(
            "DO $$BEGIN FOR i IN 1.." + str(number) + " LOOP EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY,"
            " a text DEFAULT %L, CHECK (a <> %L)); CREATE INDEX ON t%s (a)', i, 'x', 'y', i); END LOOP; END$$"
        )
        live = catalog_of(database.url)
        database.rows(
            "DO $$BEGIN FOR i IN 1.." + str(number) + " LOOP EXECUTE format('ALTER TABLE t%s ADD b int', i);"
            " END LOOP; END$$"
        )
        desired = catalog_of(database.url)
        with counted_calls() as count:
            found = differences(desired, live, declared=live, builder="postgres")
        assert len(found.changes) == number
        calls.append(count.number)
    assert calls[1] < 6 * calls[0]
