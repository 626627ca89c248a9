"""Scripts that fail, are refused, are no transaction, or go on after the commit."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from stonegate.cli.render.plan_sql import render_script
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.survey import empty_plan
from stonegate.database.server.locks import apply_key
from stonegate.source.lazy import LazySource
from tests.database.folders import allowing, applied, write
from tests.evolution.scripts import (
    CHANGES,
    DEPLOYED,
    FIRST,
    ONE_TRANSACTION,
    RECORDS,
    SECOND,
    assert_only_verified,
    run_script,
    script_of,
)
from tests.evolution.support import plan, rows, run
from tests.servers import Database, psql

# --- where it fails -------------------------------------------------------------------------------------------------

TRACKED = "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_stonescriptdb%'"


@pytest.mark.parametrize("options", [ONE_TRANSACTION, ("-1",)], ids=["stops", "goes on"])
def test_a_script_that_fails_leaves_nothing(any_database: Database, tmp_path: Path, options: tuple[str, ...]) -> None:
    url = any_database.url
    files = FIRST | {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"}
    source = write(tmp_path, files)
    script = script_of(any_database, source)
    run(url, "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT 1'")
    assert "already exists" in run_script(any_database, script, *options, fails=options == ONE_TRANSACTION)
    assert rows(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    run(url, "DROP FUNCTION f")
    applied(url, source)
    before = rows(url, RECORDS), rows(url, CHANGES), rows(url, DEPLOYED)
    more = write(tmp_path, files | {"migrations/2.sql": "UPDATE t SET a = a * 100;\nSELECT 1 / (a - 100) FROM t;"})
    script = script_of(any_database, more)
    assert "division by zero" in run_script(any_database, script, *options, fails=options == ONE_TRANSACTION)
    assert (rows(url, RECORDS), rows(url, CHANGES), rows(url, DEPLOYED)) == before
    assert rows(url, "SELECT a FROM t") == [(1,)]


def test_statements_that_are_committed_one_by_one_are_not_recorded(any_database: Database, tmp_path: Path) -> None:
    """Some may have failed; psql goes on behind them. They are carried out as ever."""
    url = any_database.url
    applied(url, write(tmp_path, FIRST))
    source = write(tmp_path, SECOND)
    script = script_of(any_database, source)
    before = rows(url, RECORDS), rows(url, CHANGES), rows(url, DEPLOYED)
    said = run_script(any_database, script, "-v", "ON_ERROR_STOP=1")
    assert "WARNING:  nothing is recorded: " in said and "stonegate apply --baseline" in said
    assert (rows(url, RECORDS), rows(url, CHANGES), rows(url, DEPLOYED)) == before
    assert rows(url, "SELECT a, b FROM t") == [(100, 7)]
    applied(url, source, plan=allowing(baseline=True))
    assert rows(url, "SELECT a FROM t") == [(100,)]


def test_nothing_is_recorded_in_an_empty_database_either(any_database: Database, tmp_path: Path) -> None:
    assert "nothing is recorded" in run_script(any_database, script_of(any_database, write(tmp_path, FIRST)), "-q")
    assert rows(any_database.url, TRACKED) == [(0,)]


def test_a_rehearsal_in_a_transaction_of_ones_own_is_undone(any_database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, FIRST)
    script = script_of(any_database, source)
    assert run_script(any_database, f"BEGIN;\n{script}\nROLLBACK;", "-v", "ON_ERROR_STOP=1") == ""
    assert rows(any_database.url, TRACKED) == [(0,)]
    psql(any_database.url, script)  # as one message
    assert_only_verified(any_database, source, tmp_path)


def test_it_is_refused_where_the_database_is_past_it(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    first, fresh = write(tmp_path, FIRST), render_script(empty_plan(write(tmp_path, FIRST), ApplyOptions(), None))
    run_script(any_database, fresh)
    assert "since the plan was made" in run_script(any_database, fresh, fails=True)
    applied(url, first)
    without_seeds = FIRST | {"seeders/t.sql": ""}
    second = write(tmp_path, without_seeds | {"migrations/2.sql": "UPDATE t SET a = a * 100;"})
    third = write(tmp_path, FIRST | {"functions/f.sql": FIRST["functions/f.sql"].replace("SELECT x", "SELECT 1")})
    replacing, migrating = script_of(any_database, third), render_script(plan(any_database.url, second))
    other = script_of(any_database, write(tmp_path, FIRST | {"tables/u.sql": "CREATE TABLE u (a int);"}))
    run_script(any_database, replacing)
    assert "was deployed to since the plan was made" in run_script(any_database, other, fails=True)
    assert "carried out here before" in run_script(any_database, replacing, fails=True)
    applied(url, second)
    assert "were recorded since the plan was made: 2.sql" in run_script(any_database, migrating, fails=True)
    assert rows(url, "SELECT a FROM t") == [(100,)]


def test_it_is_refused_while_an_apply_is_at_work(any_database: Database, tmp_path: Path) -> None:
    key = apply_key(any_database.name)
    script = script_of(any_database, write(tmp_path, FIRST))
    with psycopg.connect(any_database.url, autocommit=True) as conn:
        conn.execute(f"SELECT pg_advisory_lock({key.space}, {key.object})".encode())
        assert "another deployment is at work" in run_script(any_database, script, fails=True)
    assert run_script(any_database, script) == ""


def test_it_waits_for_one_that_is_about_to_end(any_database: Database, tmp_path: Path) -> None:
    key = apply_key(any_database.name)
    script = script_of(any_database, write(tmp_path, FIRST))
    with psycopg.connect(any_database.url, autocommit=True) as conn:
        conn.execute(f"SELECT pg_advisory_lock({key.space}, {key.object})".encode())
        leaving = threading.Timer(0.5, conn.close)
        leaving.start()
        assert run_script(any_database, script) == ""
        leaving.join()


# --- statements after the commit ------------------------------------------------------------------------------------

LATE = {
    "tables/t.sql": "CREATE TABLE t (a int, b int);\nCREATE INDEX t_b ON t (b);",
    "migrations/1.sql": "UPDATE t SET a = a * 10;",
    "migrations/2.sql": "-- stonegate: no-transaction\nUPDATE t SET a = a + 1;\n"
    "CREATE INDEX CONCURRENTLY t_b ON t (b);\nSET work_mem = '5MB';\nUPDATE t SET b = 7 -- last",
}
STATES = "SELECT post_commit FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1"

NAMES = "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY id"


def _before_late(database: Database, tmp_path: Path) -> LazySource:
    applied(database.url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (a int, b int);"}))
    run(database.url, "INSERT INTO t VALUES (1)")
    return write(tmp_path, LATE)


def test_what_follows_the_commit(any_database: Database, tmp_path: Path) -> None:
    source = _before_late(any_database, tmp_path)
    said = run_script(any_database, script_of(any_database, source))
    assert said.strip().endswith("WARNING:  there is no transaction in progress")  # which psql would end itself
    assert rows(any_database.url, "SELECT * FROM t") == [(11, 7)]
    ((states,),) = rows(any_database.url, STATES)
    assert len(states) == 4 and set(states.values()) == {"done"}
    assert_only_verified(any_database, source, tmp_path)
    assert rows(any_database.url, NAMES) == [("1.sql",), ("2.sql",)]


def test_what_follows_a_commit_of_statements_one_by_one(any_database: Database, tmp_path: Path) -> None:
    source = _before_late(any_database, tmp_path)
    said = run_script(any_database, script_of(any_database, source), "-v", "ON_ERROR_STOP=1")
    assert "nothing is recorded" in said
    assert rows(any_database.url, "SELECT * FROM t") == [(11, 7)]
    assert rows(any_database.url, STATES) == [({},)]
    assert rows(any_database.url, NAMES) == []


@pytest.mark.parametrize("options", [ONE_TRANSACTION, ("-1",)], ids=["stops", "goes on"])
def test_what_failed_after_the_commit_is_finished_by_the_next_apply(
    any_database: Database, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """The statement and its note are one transaction. Another script would begin anew, and is refused."""
    source = _before_late(any_database, tmp_path)
    script = script_of(any_database, source)
    run(any_database.url, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'")
    run(any_database.url, "CREATE TRIGGER no BEFORE UPDATE ON t FOR EACH ROW WHEN (new.b = 7) EXECUTE FUNCTION no()")
    run_script(any_database, script, *options, fails=options == ONE_TRANSACTION)
    assert rows(any_database.url, "SELECT * FROM t") == [(11, None)]
    assert rows(any_database.url, NAMES) == [("1.sql",)]
    run(any_database.url, "DROP TRIGGER no ON t", "DROP FUNCTION no")
    assert "may have carried out a part" in run_script(any_database, script_of(any_database, source), fails=True)
    report = applied(any_database.url, source)
    assert [step.step.id for step in report.steps] == ["run migration 2.sql"]
    assert rows(any_database.url, "SELECT * FROM t") == [(11, 7)]
    assert rows(any_database.url, NAMES) == [("1.sql",), ("2.sql",)]


def test_what_waits_for_a_statement_after_the_commit_is_not_excepted_for_good(
    any_database: Database, tmp_path: Path
) -> None:
    applied(any_database.url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (a int);"}))
    source = write(
        tmp_path,
        {
            "tables/t.sql": "CREATE TABLE t (a int, b int);",
            "migrations/1.sql": "-- stonegate: no-transaction\nALTER TABLE t ADD COLUMN b int;",
        },
    )
    excepted = "SELECT excepted FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1"
    assert plan(any_database.url, source).awaited
    run_script(any_database, script_of(any_database, source))
    assert rows(any_database.url, excepted) == [([],)]
    assert_only_verified(any_database, source, tmp_path)
