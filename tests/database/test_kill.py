"""Killed at any moment, the objects of the database are as before or complete, and the next apply just works (§6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from msgspec.structs import replace

from stonegate.database.conninfo import with_database
from stonegate.model.catalog import Catalog
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.convergence import catalog_of
from tests.database.folders import applied, apply, write
from tests.database.kill_driver import begun_apply
from tests.servers import Database, MakeDatabase, MakePrivateServer, Server, psql

OLD = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad');",
    "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, email text, age int);",
    "views/all_users.sql": "CREATE VIEW all_users AS SELECT id, email FROM users;",
    "functions/one.sql": "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "functions/gone.sql": "CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 0';",
    "functions/touch.sql": "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;",
    "triggers/touch.sql": "",
    "migrations/001.sql": "SELECT 1;",
}
NEW = OLD | {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
    "types/pair.sql": "CREATE TYPE pair AS (a int, b int);",
    "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, age bigint,\n"
    "mood mood DEFAULT 'happy', role int DEFAULT 2 REFERENCES roles);\nCREATE INDEX users_email ON users (email);",
    "tables/roles.sql": "CREATE TABLE roles (id int PRIMARY KEY, name text, CHECK (id > 0));",
    "migrations/002.sql": "UPDATE users SET email = 'filled' WHERE email IS NULL;\n"
    "-- stonegate: allow set_not_null users.email\nALTER TABLE users ALTER email SET NOT NULL;",
    "migrations/003.sql": "-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
    "views/all_users.sql": "CREATE VIEW all_users AS SELECT id, email, age FROM users;",
    "functions/one.sql": "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 11';",
    "triggers/touch.sql": "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();",
    "seeders/roles.sql": "INSERT INTO roles VALUES (1, 'admin'), (2, 'user');",
}
del NEW["functions/gone.sql"]

BEFORE_COMMIT = (
    "connect", "introspect", "reference", "plan", "prelude", "steps/types", "steps/tables", "steps/migrations",
    "steps/changes", "steps/views", "steps/routines", "steps/triggers", "steps/orphans", "steps/seeders",
    "steps/closing keys", "record", "verify", "commit",
)  # fmt: skip
AFTER_COMMIT = "post_commit"
#: Where a crash of the server, too, may leave something else than at the places between.
CRASHES = ("prelude", "steps/types", "steps/changes", "steps/seeders", "record", "verify", "commit", AFTER_COMMIT)


def without_prelude(found: Catalog) -> Catalog:
    """The catalog but for the labels of enums: a new one that the plan uses is committed before (§6)."""
    return replace(found, enums=tuple(replace(enum, labels=()) for enum in found.enums))


@contextmanager
def stopped_apply(url: str, folder: Path, place: str) -> Iterator[BaseProcess]:
    """An apply that stands still at that place."""
    with begun_apply(url, folder, place) as (process, ear):
        said = ear.recv()
        assert said == f"at {place}", said
        yield process


def wait_until_alone(url: str, name: str) -> None:
    """The sessions of a killed process have noticed and are gone."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 20
    while psql(url, query, (name,)) != [(0,)]:
        assert time.monotonic() < deadline, "a session of the killed apply is still there"
        time.sleep(0.02)


def wait_for_sleepers(url: str) -> list[int]:
    """The processes that sleep for somebody in that database, or in any if it is the maintenance database."""
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND current_database() IN ('postgres', datname)
        """
    deadline = time.monotonic() + 45
    while not (found := psql(url, query)):
        assert time.monotonic() < deadline, "nobody sleeps"
        time.sleep(0.02)
    return [pid for (pid,) in found]


def finish(url: str, source: LazySource) -> None:
    """The next apply does the rest, and nothing of the rows is lost."""
    report = applied(url, source)
    assert report.status in (Status.APPLIED, Status.UNCHANGED) and (report.verified or report.steps == ())
    assert applied(url, source).status is Status.UNCHANGED
    assert psql(url, "SELECT id, email, age FROM users ORDER BY id") == [(1, "a", 30), (2, "filled", None)]
    assert psql(url, "SELECT id FROM roles ORDER BY id") == [(1,), (2,)]
    assert psql(url, "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY 1") == [
        ("001.sql",), ("002.sql",), ("003.sql",),
    ]  # fmt: skip
    assert psql(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_email'::regclass") == [(True,)]


def deploy_old(url: str, root: Path) -> Catalog:
    applied(url, write(root, OLD))
    psql(url, "INSERT INTO users VALUES (1, 'a', 30), (2, NULL, NULL)")
    return catalog_of(url)


@pytest.fixture(scope="module")
def complete(server: Server, make_template: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What an undisturbed apply of OLD and then NEW leads to."""
    url, root = make_template(server).url, tmp_path_factory.mktemp("complete")
    deploy_old(url, root)
    finish(url, write(root, NEW))
    return catalog_of(url)


@pytest.mark.parametrize("place", [*BEFORE_COMMIT, AFTER_COMMIT])
def test_a_killed_process_leaves_all_or_nothing(
    database: Database, tmp_path: Path, complete: Catalog, place: str
) -> None:
    before = deploy_old(database.url, tmp_path)
    # Every place must have its own reference, or the second one would not build any.
    files = (
        NEW
        if place != "reference"
        else NEW | {"functions/other.sql": "CREATE FUNCTION o() RETURNS int LANGUAGE sql AS 'SELECT 3';"}
    )
    source = write(tmp_path, files)
    with stopped_apply(database.url, tmp_path / "postgresql", place) as process:
        process.kill()
        process.join()
    wait_until_alone(database.server.admin_url, database.name)
    found = catalog_of(database.url)
    if place == AFTER_COMMIT:
        assert {table.name for table in found.tables} == {"users", "roles"}
        assert psql(database.url, "SELECT to_regclass('users_email')") == [(None,)]
    else:
        assert without_prelude(found) == without_prelude(before)
    finish(database.url, source)
    if place != "reference":
        assert catalog_of(database.url).fingerprint() == complete.fingerprint()


@pytest.mark.slow
def test_a_killed_server_leaves_all_or_nothing(
    private_server: MakePrivateServer, tmp_path: Path, complete: Catalog
) -> None:
    # With wal_level=minimal PostgreSQL itself forgets, after a crash, the values of a sequence that was made and used
    # in one transaction.
    own = private_server(18, wal_level="replica")
    for number, place in enumerate(CRASHES):
        url = own.url(f"kill_{number}")
        root = tmp_path / str(number)
        before = deploy_old(url, root)
        source = write(root, NEW)
        with stopped_apply(url, root / "postgresql", place):
            own.kill()
        own.start()
        found = catalog_of(url)
        if place != AFTER_COMMIT:
            assert without_prelude(found) == without_prelude(before), place
        finish(url, source)
        assert catalog_of(url).fingerprint() == complete.fingerprint(), place


def test_a_server_that_dies_in_the_middle_is_reported_and_the_next_apply_finishes(
    private_server: MakePrivateServer, tmp_path: Path
) -> None:
    own = private_server(18)
    url = own.url("kill_report")
    psql(own.admin_url, "CREATE DATABASE kill_report")
    psql(own.admin_url, "ALTER DATABASE kill_report SET test.nap = 60")
    nap = "SELECT pg_sleep(current_setting('test.nap')::float8);"
    files = {"migrations/1.sql": f"CREATE TABLE users (id int);\n{nap}\nINSERT INTO users VALUES (1);"}
    source = write(tmp_path, files)

    def kill_when_asleep() -> None:
        wait_for_sleepers(own.admin_url)
        own.kill()

    killer = threading.Thread(target=kill_when_asleep)
    killer.start()
    report = apply(url, source)
    killer.join()
    assert report.status is Status.FAILED and report.error is not None
    assert (report.error.code, report.error.exit_code) == ("connection_failed", 6)
    assert report.error.message.startswith("migrations/1.sql") or "lost" in report.error.message
    own.start()
    psql(own.admin_url, "ALTER DATABASE kill_report SET test.nap = 0")
    assert applied(url, source).status is Status.APPLIED
    assert psql(url, "SELECT id FROM users") == [(1,)]


@pytest.mark.parametrize("place", ["introspect", "steps", "verify", "commit"])
def test_a_first_deploy_that_was_killed_is_a_fresh_database_next_time(
    server: Server, tmp_path: Path, place: str
) -> None:
    name = f"stonegate_kill_first_{place}"  # the cases run beside each other
    url = with_database(server.admin_url, name)
    source = write(tmp_path, NEW)
    try:
        with stopped_apply(url, tmp_path / "postgresql", place) as process:
            process.kill()
            process.join()
        wait_until_alone(server.admin_url, name)
        assert catalog_of(url).tables == ()
        report = applied(url, source)
        assert report.status is Status.APPLIED and report.counts["baseline"] == 3
        assert applied(url, source).status is Status.UNCHANGED
    finally:
        psql(server.admin_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_a_session_that_the_administrator_ends_is_reported(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"migrations/1.sql": "CREATE TABLE users (id int);\nSELECT pg_sleep(60);"})

    def end_it() -> None:
        for pid in wait_for_sleepers(database.url):
            database.rows("SELECT pg_terminate_backend(%s)", pid)

    killer = threading.Thread(target=end_it)
    killer.start()
    report = apply(database.url, source)
    killer.join()
    assert report.error is not None and report.error.code == "connection_failed"
    assert database.rows("SELECT to_regclass('users')") == [(None,)]


def test_a_process_that_is_killed_in_a_long_statement_frees_its_locks(database: Database, tmp_path: Path) -> None:
    long = {"migrations/1.sql": "CREATE TABLE users (id int);\nSELECT pg_sleep(120);"}
    write(tmp_path, long)
    with begun_apply(database.url, tmp_path / "postgresql", "never"):
        wait_for_sleepers(database.url)
    report = applied(database.url, write(tmp_path, {"migrations/1.sql": "CREATE TABLE users (id int);"}))
    assert report.status is Status.APPLIED and report.duration_ms < 60_000
