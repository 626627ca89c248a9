"""Statements after the commit that were interrupted: what is done is not done again, what is left is finished (§6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from stonegate.model.plan import PlanOptions
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.convergence import plan_in_full
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import assert_settled, refused, rows, run
from tests.servers import Database

TABLE = "CREATE TABLE users (id int PRIMARY KEY, code text, n int);"
INDEXED = TABLE + "\nCREATE INDEX users_code ON users (code);"
PARTS = "CREATE TABLE parts (k int) PARTITION BY LIST (k);\n"
CRASH = (
    "CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'crash'; END$$",
    "CREATE TRIGGER crash BEFORE INSERT ON _stonescriptdb_gateway_migrations EXECUTE FUNCTION public.crash()",
)
INDEXES = "SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indisvalid"


def folder(tmp_path: Path, table: str, migration: str) -> LazySource:
    return write(tmp_path, {"tables/all.sql": table, "migrations/1.sql": migration})


@pytest.mark.parametrize(
    ("before", "after", "migration", "query", "expected"),
    [
        (TABLE, TABLE, "-- stonegate: no-transaction\nUPDATE users SET n = n + 1;", "SELECT n FROM users", 1),
        (
            TABLE,
            TABLE,
            "-- stonegate: no-transaction\nVACUUM users;\nINSERT INTO users VALUES (2);",
            "SELECT count(*) FROM users",
            2,
        ),
        (
            TABLE,
            TABLE + "CREATE TABLE late (id int);",
            "-- stonegate: no-transaction\nCREATE TABLE late (id int);",
            "SELECT count(*) FROM late",
            0,
        ),
        (TABLE, INDEXED, "CREATE /* big */ INDEX CONCURRENTLY users_code -- here\nON public.users (code);", INDEXES, 2),
        (
            INDEXED,
            INDEXED + "\nCREATE UNIQUE INDEX ON users (lower(code), n);",
            "CREATE UNIQUE INDEX CONCURRENTLY ON public.users (lower(code), n);",
            INDEXES,
            3,
        ),
        (INDEXED, TABLE, "DROP INDEX CONCURRENTLY users_code;", INDEXES, 1),
        (INDEXED, TABLE, "DROP INDEX CONCURRENTLY users_code;\nVACUUM users;", INDEXES, 1),
        (
            TABLE + PARTS + "CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);",
            TABLE + PARTS + "CREATE TABLE part (k int);",
            "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY;",
            "SELECT count(*) FROM pg_inherits",
            0,
        ),
    ],
    ids=[
        "update",
        "insert",
        "create table",
        "create index",
        "unnamed index",
        "drop index",
        "drop index and more",
        "detach",
    ],
)
def test_a_crash_before_the_record_repeats_nothing(
    database: Database, tmp_path: Path, before: str, after: str, migration: str, query: str, expected: int
) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": before}))
    run(url, "INSERT INTO users VALUES (1, 'a', 0)", *CRASH)
    source = folder(tmp_path, after, migration)
    assert apply(url, source).status is Status.FAILED
    run(url, "DROP FUNCTION public.crash CASCADE")
    assert applied(url, source).status is Status.APPLIED
    assert rows(url, query) == [(expected,)]
    assert apply(url, source).status is Status.UNCHANGED
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def test_an_index_that_was_there_before_is_no_twin(database: Database, tmp_path: Path) -> None:
    """The first statement of the file was done, the second one had only begun."""
    url = database.url
    table = TABLE + "\nCREATE INDEX ON users (code);\nCREATE INDEX ON users (code, n);"
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    statements = "CREATE INDEX CONCURRENTLY ON users (code);\nCREATE INDEX CONCURRENTLY ON users (code, n);"
    source = folder(tmp_path, table, statements)
    run(url, *CRASH)
    assert apply(url, source).status is Status.FAILED
    run(url, "DROP FUNCTION public.crash CASCADE", "DROP INDEX users_code_n_idx")
    applied(url, source)
    assert rows(url, INDEXES) == [(3,)]


def test_what_was_interrupted_is_finished(database: Database, tmp_path: Path) -> None:
    """An index that was to go is left invalid, as by a crash in the middle."""
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": INDEXED}))
    source = folder(tmp_path, TABLE, "DROP INDEX CONCURRENTLY users_code;")
    run(url, *CRASH)
    assert apply(url, source).status is Status.FAILED
    run(url, "DROP FUNCTION public.crash CASCADE", "CREATE INDEX users_code ON users (code)")
    run(url, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_code'::regclass")
    applied(url, source)
    assert rows(url, INDEXES) == [(1,)] and rows(url, "SELECT to_regclass('users_code')") == [(None,)]


@pytest.mark.parametrize(
    ("after", "migration", "named"),
    [
        (TABLE, "DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;", "users"),
        (INDEXED, "CREATE INDEX CONCURRENTLY users_code ON users (code DESC);", "users_code"),
        (INDEXED, "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_code ON users (code DESC);", "users_code"),
    ],
)
def test_what_they_leave_otherwise_than_declared_is_told(
    database: Database,
    tmp_path: Path,
    after: str,
    migration: str,
    named: str,
) -> None:
    """Nothing of it can be rolled back, but no later apply takes the database for unchanged either."""
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    source = folder(tmp_path, after, f"-- stonegate: no-transaction\n{migration}")
    told = refused(apply(url, source), "verification_failed", 5)
    assert "after the statements that followed the commit" in told and named in told
    assert rows(url, "SELECT migration_file FROM _stonescriptdb_gateway_migrations") == [("1.sql",)]
    assert named in refused(apply(url, source), "drift", 5)
    applied(url, source, plan=PlanOptions(allow_drift=True))
    assert_settled(database, tmp_path / "postgresql")


def test_a_file_that_was_corrected_goes_on_where_it_failed(database: Database, tmp_path: Path) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    run(url, "INSERT INTO users VALUES (1, 'a', 0), (2, 'a', 0)")
    table = INDEXED + "\nCREATE {}INDEX users_n ON users (n);"
    migration = "SET work_mem = '8MB';\nCREATE INDEX CONCURRENTLY users_code ON users (code);\n"
    migration += "CREATE {}INDEX CONCURRENTLY users_n ON users (n);"
    for _ in range(2):
        report = apply(url, folder(tmp_path, table.format("UNIQUE "), migration.format("UNIQUE ")))
        assert report.error is not None and report.error.sqlstate == "23505"
    built = rows(url, "SELECT 'users_code'::regclass::oid")
    corrected = folder(tmp_path, table.format(""), migration.format(""))
    applied(url, corrected)
    assert rows(url, "SELECT 'users_code'::regclass::oid") == built and rows(url, INDEXES) == [(3,)]
    assert apply(url, corrected).status is Status.UNCHANGED


@pytest.mark.parametrize(
    "of", ["(code)", "(n, code)", "(lower(code), n)", "(code) INCLUDE (n)", "(code) WHERE users.n > 0 AND n < id"]
)
def test_a_declared_index_without_a_name_is_left_to_its_migration(database: Database, tmp_path: Path, of: str) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    source = folder(
        tmp_path, TABLE + f"CREATE INDEX ON users {of};", f"CREATE INDEX CONCURRENTLY ON public.users {of};"
    )
    report = applied(url, source)
    assert [step.step.id for step in report.steps] == ["run migration 1.sql"]
    assert rows(url, INDEXES) == [(2,)]
    assert apply(url, source).status is Status.UNCHANGED


def test_of_several_files_each_is_recorded_when_it_is_done(database: Database, tmp_path: Path) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    run(url, "INSERT INTO users VALUES (1, 'a', 0)")
    late = "-- stonegate: no-transaction\nUPDATE users SET n = n + 1;\n"
    files = {"tables/all.sql": TABLE, "migrations/1.sql": f"{late}VACUUM users;", "migrations/3.sql": late}
    recorded = "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY 1"
    assert apply(url, write(tmp_path, files | {"migrations/2.sql": f"{late}VACUUM nobody;"})).status is Status.FAILED
    assert (rows(url, recorded), rows(url, "SELECT n FROM users")) == ([("1.sql",)], [(2,)])
    source = write(tmp_path, files | {"migrations/2.sql": f"{late}VACUUM users;"})
    applied(url, source)
    assert (rows(url, recorded), rows(url, "SELECT n FROM users")) == ([("1.sql",), ("2.sql",), ("3.sql",)], [(3,)])
    assert apply(url, source).status is Status.UNCHANGED


def test_a_file_that_was_begun_is_not_forgotten(database: Database, tmp_path: Path) -> None:
    """Under another name it would begin anew, and without a file nothing would finish it."""
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    run(url, "INSERT INTO users VALUES (1, 'a', 0)")
    migration = "-- stonegate: no-transaction\nUPDATE users SET n = n + 1;\nUPDATE users SET n = {};"
    assert apply(url, folder(tmp_path, TABLE, migration.format("n / 0"))).status is Status.FAILED
    for gone in ({}, {"migrations/1_again.sql": migration.format("n + 1")}):
        told = refused(apply(url, write(tmp_path, {"tables/all.sql": TABLE, **gone})), "changed_migration", 5)
        assert "1 of its statements" in told and "--allow changed_migration:1.sql" in told
    assert rows(url, "SELECT n FROM users") == [(1,)]
    applied(url, folder(tmp_path, TABLE, migration.format("n + 1")))
    assert rows(url, "SELECT n FROM users") == [(2,)]


def test_a_file_that_was_begun_may_be_left_at_that(database: Database, tmp_path: Path) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    source = folder(tmp_path, TABLE, "-- stonegate: no-transaction\nUPDATE users SET n = 1;\nVACUUM nobody;")
    assert apply(url, source).status is Status.FAILED
    without = write(tmp_path, {"tables/all.sql": TABLE})
    applied(url, without, plan=allowing("changed_migration:1.sql"))
    assert apply(url, without).status is Status.UNCHANGED


def test_a_connection_that_is_lost_behind_the_commit_is_told_as_that(database: Database, tmp_path: Path) -> None:
    url = database.url
    applied(url, write(tmp_path, {"tables/all.sql": TABLE}))
    ending = "-- stonegate: no-transaction\nSELECT pg_terminate_backend(pg_backend_pid()); VACUUM users;"
    report = apply(url, folder(tmp_path, TABLE + "CREATE TABLE other (id int);", ending))
    assert report.error is not None and "the transaction was committed before" in report.error.message
    assert rows(url, "SELECT to_regclass('other')::text") == [("other",)]
