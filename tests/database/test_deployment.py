"""One database from folder to report: created, found unchanged, planned, refused when stale, dropped again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stonegate.database.connect import Session, connect
from stonegate.database.conninfo import with_database
from stonegate.database.deployment import one_database, opening
from stonegate.database.deployment.one_database import apply_database, apply_plan
from stonegate.database.status import diff_database, status_database
from stonegate.errors import ConnectionFailed, SourceError, UsageError
from stonegate.model.plan import Action, Mode
from stonegate.model.report import ApplyReport, Status
from tests.conftest import WORKER
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import plan
from tests.servers import Database, MakePrivateServer, PrivateServer, Server, psql

USERS = {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, email text);"}
WIDER = {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, email text, age int);"}
BROKEN = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT x';"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
MISSING = f"stonegate_test_missing_{WORKER}"  # workers share the server


@pytest.fixture
def missing(server: Server) -> Iterator[str]:
    """The URL of a database that does not exist."""
    name = with_database(server.admin_url, MISSING)
    yield name
    psql(server.admin_url, f"DROP DATABASE IF EXISTS {MISSING} WITH (FORCE)")


def names(server: Server | PrivateServer) -> set[str]:
    return {name for (name,) in psql(server.admin_url, "SELECT datname FROM pg_database")}


# --- a missing database ---------------------------------------------------------------------------------------------


def test_a_missing_database_is_created(missing: str, tmp_path: Path) -> None:
    report = applied(missing, write(tmp_path, USERS))
    assert report.status is Status.APPLIED and report.created_database and report.database == MISSING
    assert psql(missing, "SELECT count(*) FROM users") == [(0,)]
    assert applied(missing, write(tmp_path, USERS)).status is Status.UNCHANGED


def test_it_is_dropped_again_when_the_first_deploy_fails(server: Server, missing: str, tmp_path: Path) -> None:
    broken = write(tmp_path, USERS | {"functions/f.sql": BROKEN})
    report = apply(missing, broken)
    assert report.status is Status.FAILED and report.error is not None
    assert report.error.code == "function_deploy_failed"
    assert MISSING not in names(server)


def test_it_is_dropped_again_when_the_first_deploy_is_cancelled(server: Server, missing: str, tmp_path: Path) -> None:
    source = write(tmp_path, {"migrations/1.sql": "SELECT pg_sleep(30);"})

    async def start_and_cancel() -> None:
        task = asyncio.create_task(apply_database(missing, source))
        asleep = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
        while not psql(server.admin_url, asleep, (MISSING,)):
            assert not task.done()
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start_and_cancel())
    assert MISSING not in names(server)


@pytest.mark.parametrize("moment", ["filled", "waiting"])
def test_it_is_not_dropped_once_another_apply_has_it(
    server: Server, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The one that made it fails, while another one is done with it, or waits for its turn."""
    broken = write(tmp_path / "broken", {"functions/f.sql": BROKEN})
    other = write(tmp_path / "other", USERS)
    acquire, ended = one_database.acquire_apply_lock, list[Future[ApplyReport]]()

    async def take_turns(conn: Session, **more: Any) -> None:
        if ended or psql(server.admin_url, OTHERS, (MISSING, conn.info.backend_pid)) != [(0,)]:
            return await acquire(conn, **more)
        if moment == "waiting":
            await acquire(conn, **more)
        ended.append(threads.submit(apply, missing, other))
        if moment == "filled":
            await asyncio.wrap_future(ended[0])
            return await acquire(conn, **more)
        while psql(server.admin_url, OTHERS, (MISSING, conn.info.backend_pid)) == [(0,)]:
            await asyncio.sleep(0.02)
        return None

    monkeypatch.setattr(one_database, "acquire_apply_lock", take_turns)
    with ThreadPoolExecutor() as threads:
        failed = apply(missing, broken)
        report = ended[0].result()
    assert failed.error is not None and report.status is Status.APPLIED
    assert psql(missing, "SELECT count(*) FROM users") == [(0,)]


@pytest.mark.parametrize("ends", ["opened", "dropped", "closed"])
def test_one_that_another_apply_has_closed_for_a_moment_is_waited_for(
    server: Server, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """So does whoever made a database and failed, before it drops it again."""
    monkeypatch.setattr(opening, "_CLOSED_SECONDS", 0.5 if ends == "closed" else 60.0)
    tried = threading.Semaphore(0)

    async def enter(*given: Any, **more: Any) -> Session:
        tried.release()
        return await connect(*given, **more)

    monkeypatch.setattr(opening, "connect", enter)
    psql(server.admin_url, f"CREATE DATABASE {MISSING} ALLOW_CONNECTIONS false")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(apply, missing, write(tmp_path, USERS))
        for _ in range(1 if ends == "closed" else 3):  # so it has waited
            assert tried.acquire(timeout=30)
        if ends == "opened":
            psql(server.admin_url, f"ALTER DATABASE {MISSING} ALLOW_CONNECTIONS true")
        if ends == "dropped":
            psql(server.admin_url, f"DROP DATABASE {MISSING}")
        report = waiting.result()
    if ends == "closed":
        assert report.error is not None and "ALLOW_CONNECTIONS true" in (report.error.hint or "")
        assert report.duration_ms >= 500
        return
    assert report.status is Status.APPLIED and report.created_database is (ends == "dropped")


def test_a_plan_says_that_it_is_missing_and_creates_nothing(server: Server, missing: str, tmp_path: Path) -> None:
    made = plan(missing, write(tmp_path, USERS))
    assert made.mode is Mode.FRESH and [step.id for step in made.steps] == ["create table users"]
    assert any("does not exist" in warning for warning in made.warnings)
    assert MISSING not in names(server)
    report = asyncio.run(apply_plan(missing, made))
    assert report.status is Status.APPLIED and report.created_database


def test_a_dry_run_uses_a_temporary_one(private_server: MakePrivateServer, tmp_path: Path) -> None:
    own = private_server()  # on a shared one, other tests' databases come and go
    before = names(own)
    report = applied(own.url(MISSING), write(tmp_path, USERS), dry_run=True)
    assert report.status is Status.DRY_RUN and report.verified and report.database == MISSING
    assert names(own) == before


def test_two_applies_at_once_to_a_missing_database(missing: str, tmp_path: Path) -> None:
    source = write(tmp_path, USERS)

    async def both() -> list[Status]:
        reports = await asyncio.gather(*(apply_database(missing, source) for _ in range(3)))
        assert all(report.error is None for report in reports), [report.error for report in reports]
        return sorted(report.status for report in reports)

    assert asyncio.run(both()) == [Status.APPLIED, Status.UNCHANGED, Status.UNCHANGED]


def test_a_database_that_must_not_be_created_is_an_error(missing: str, tmp_path: Path) -> None:
    report = apply(missing, write(tmp_path, USERS), create_database=False)
    assert report.error is not None and report.error.code == "database_not_found" and report.error.exit_code == 6


# --- unreachable ----------------------------------------------------------------------------------------------------


def test_a_wrong_url_is_a_value_for_apply_and_an_error_for_plan(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    report = apply(url, write(tmp_path, USERS))
    assert report.status is Status.FAILED and report.error is not None
    assert (report.error.code, report.error.exit_code, report.error.http_status) == ("connection_failed", 6, 503)
    with pytest.raises(ConnectionFailed):
        plan(url, write(tmp_path, USERS))
    with pytest.raises(UsageError):
        apply("postgresql://[", write(tmp_path, USERS))


def test_a_role_that_may_not_create_the_database(server: Server, missing: str, tmp_path: Path) -> None:
    psql(server.admin_url, "CREATE ROLE stonegate_pauper LOGIN")
    try:
        report = apply(server.url(MISSING, "stonegate_pauper"), write(tmp_path, USERS))
        assert report.error is not None and report.error.sqlstate == "42501"
        assert report.error.hint is not None and "CREATEDB" in report.error.hint
    finally:
        psql(server.admin_url, "DROP ROLE stonegate_pauper")


# --- unchanged ------------------------------------------------------------------------------------------------------


def test_an_unchanged_database_is_recognised_without_parsing(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, USERS)
    applied(database.url, source)
    again = write(tmp_path, USERS)
    report = applied(database.url, again)
    assert report.status is Status.UNCHANGED and not again.is_ready
    assert report.plan is not None and report.plan.source.fingerprint == source.tree().fingerprint
    assert plan(database.url, again).mode is Mode.UNCHANGED and not again.is_ready


def test_a_folder_that_differs_only_in_comments_deploys_nothing_and_is_remembered(
    database: Database, tmp_path: Path
) -> None:
    applied(database.url, write(tmp_path, USERS))
    commented = write(tmp_path, {"tables/users.sql": "-- people\n" + USERS["tables/users.sql"]})
    assert applied(database.url, commented).status is Status.UNCHANGED
    later = write(tmp_path, {"tables/users.sql": "-- people\n" + USERS["tables/users.sql"]})
    assert applied(database.url, later).status is Status.UNCHANGED and not later.is_ready


def test_a_broken_folder_is_raised(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        apply(database.url, write(tmp_path, {"tables/users.sql": "CREATE TABEL users (id int);"}))
    # The transaction has begun by then, with the tracking tables.
    assert database.rows("SELECT count(*) FROM pg_class WHERE relname ~ '^_stonescript'") == [(0,)]


# --- blocked --------------------------------------------------------------------------------------------------------


def test_what_lacks_consent_is_blocked_with_what_to_type(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, WIDER))
    database.rows("INSERT INTO users VALUES (1, 'a', 30)")
    source = write(tmp_path, USERS)
    report = apply(database.url, source)
    assert report.status is Status.BLOCKED and report.error is not None
    assert (report.error.code, report.error.exit_code) == ("migration_blocked", 4)
    assert report.error.hint == "--allow drop_column:users.age"
    assert database.rows("SELECT age FROM users") == [(30,)]
    done = applied(database.url, source, plan=allowing("drop_column:users.age"))
    assert done.status is Status.APPLIED
    assert database.rows(
        "SELECT object_name, forced FROM _stonescriptdb_gateway_changelog ORDER BY id DESC LIMIT 1"
    ) == [("users.age", True)]


def test_declared_tables_without_tracking_rows_are_no_fresh_database(database: Database, tmp_path: Path) -> None:
    database.rows("CREATE TABLE users (id int PRIMARY KEY, email text)")
    source = write(tmp_path, USERS | {"migrations/1.sql": "SELECT 1 / 0;"})
    report = apply(database.url, source)
    assert report.status is Status.BLOCKED and report.error is not None
    assert report.error.hint is not None and "--baseline" in report.error.hint
    newer = write(tmp_path / "newer", USERS | {"tables/i.sql": "CREATE INDEX i ON users (email);"})
    early = apply(database.url, newer, plan=allowing(baseline=True))
    assert early.status is Status.FAILED and early.error is not None and early.error.hint is not None
    assert "index i is new" in early.error.details[0] and early.error.hint.startswith("take it over with a folder")
    taken = applied(database.url, source, plan=allowing(baseline=True))
    assert taken.counts == {"baseline": 1}
    assert applied(database.url, source).status is Status.UNCHANGED


def test_hand_made_objects_survive_later_deployments(database: Database, tmp_path: Path) -> None:
    database.rows(
        "CREATE TABLE foreign_table (id int); CREATE FUNCTION foreign_f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    applied(
        database.url,
        write(tmp_path, USERS | {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"}),
    )
    database.rows("CREATE TABLE later_table (id int); CREATE INDEX by_hand ON users (email)")
    wider = write(tmp_path, WIDER | {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';"})
    report = applied(database.url, wider, plan=allowing(force=True))
    assert report.counts == {"create": 1, "replace": 1}
    found = database.rows("SELECT to_regclass('foreign_table'), to_regclass('later_table'), to_regclass('by_hand')")
    assert found == [("foreign_table", "later_table", "by_hand")]
    assert database.rows("SELECT foreign_f()") == [(1,)]


# --- saved plans ----------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_carried_out(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, USERS))
    made = plan(database.url, write(tmp_path, WIDER))
    report = asyncio.run(apply_plan(database.url, made))
    assert report.status is Status.APPLIED and report.verified
    assert applied(database.url, write(tmp_path, WIDER)).status is Status.UNCHANGED


def test_a_stale_plan_is_refused_naming_what_moved(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, USERS))
    made = plan(database.url, write(tmp_path, WIDER))
    database.rows("ALTER TABLE users ALTER email SET NOT NULL")
    report = asyncio.run(apply_plan(database.url, made))
    assert report.error is not None and (report.error.code, report.error.exit_code) == ("stale_plan", 5)
    assert any("users.email" in detail for detail in report.error.details)
    assert database.rows(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'age'"
    ) == [(0,)]


def test_a_plan_that_was_carried_out_already_is_stale(database: Database, tmp_path: Path) -> None:
    fresh = plan(database.url, write(tmp_path, USERS))
    assert asyncio.run(apply_plan(database.url, fresh)).status is Status.APPLIED
    again = asyncio.run(apply_plan(database.url, fresh))
    assert again.error is not None and again.error.code == "stale_plan"
    assert any("deployed meanwhile" in detail for detail in again.error.details)


def test_a_plan_for_a_database_that_is_gone_makes_none(server: Server, missing: str, tmp_path: Path) -> None:
    applied(missing, write(tmp_path, USERS))
    made = plan(missing, write(tmp_path, WIDER))
    psql(server.admin_url, f'DROP DATABASE "{MISSING}" WITH (FORCE)')
    report = asyncio.run(apply_plan(missing, made))
    assert report.error is not None and report.error.code == "database_not_found"
    assert MISSING not in names(server)


def test_a_plan_for_another_database_is_a_usage_error(database: Database, tmp_path: Path) -> None:
    made = plan(database.url, write(tmp_path, USERS))
    with pytest.raises(UsageError, match="was made for the database"):
        asyncio.run(apply_plan(with_database(database.url, "other"), made))


# --- diff and status ------------------------------------------------------------------------------------------------


def test_status_and_diff_tell_hand_made_changes(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, USERS)
    applied(database.url, source)
    clean = asyncio.run(status_database(database.url))
    assert not clean.moved and clean.drift == () and clean.deployments[0].digest == source.digest
    assert clean.objects["table"] == 1
    database.rows("ALTER TABLE users ALTER email SET NOT NULL; CREATE TABLE extra (id int)")
    found = asyncio.run(status_database(database.url))
    assert found.moved and [change.key.label for change in found.drift] == ["users.email"]
    diff = asyncio.run(diff_database(database.url, source))
    assert [change.key.label for change in diff.drift] == ["users.email"]
    assert any(blocked.code == "drift" for blocked in diff.plan.blocked)
    assert any("extra" in label for label in diff.plan.unmanaged)
    report = apply(database.url, source)
    assert report.status is Status.BLOCKED and report.error is not None and report.error.code == "drift"
    undone = applied(database.url, source, plan=allowing(allow_drift=True))
    assert [step.step.action for step in undone.steps] == [Action.ALTER]


def test_a_pooler_is_noticed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pooler gives out process ids of its own; libpq's is all that can be pretended here.
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))
    report = applied(database.url, write(tmp_path, USERS))
    assert any("pooler" in warning for warning in report.warnings)
