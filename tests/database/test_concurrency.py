"""An apply among other sessions: locks that it waits for, its own end, and a second apply beside it."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from stonegate.database.connect import connect
from stonegate.database.deployment.one_database import apply_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.server.locks import acquire_apply_lock
from stonegate.model.report import Status
from tests.database.folders import USERS, applied, apply, relations, write
from tests.servers import Database

MADE_MEANWHILE = "another session made an object of that name in the same moment: plan again"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SLEEPERS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


# --- locks and timeouts ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_pauses")
def test_a_locked_table_ends_in_a_lock_timeout_that_names_the_blocker(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    wider = write(tmp_path, {"tables/users.sql": USERS.replace("email", "name text, email")})
    with psycopg.connect(database.url) as other:
        other.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        pid = other.info.backend_pid
        report = apply(database.url, wider, lock_timeout_s=0.1)
    assert report.status is Status.FAILED and report.error is not None
    error = report.error
    assert (error.code, error.exit_code, error.sqlstate) == ("lock_timeout", 6, "55P03")
    assert any("ALTER TABLE" in detail for detail in error.details)
    assert any(f"process {pid} " in detail and "users" in detail for detail in error.details)
    assert error.details[-1] == "everything was rolled back"
    assert applied(database.url, wider).status is Status.APPLIED


def test_a_lock_that_is_given_up_in_time_only_delays_the_apply(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    wider = write(tmp_path, {"tables/users.sql": USERS.replace("email", "name text, email")})
    other = psycopg.connect(database.url)
    other.execute("LOCK TABLE users IN ACCESS SHARE MODE")
    timer = threading.Timer(0.6, other.close)
    timer.start()
    report = apply(database.url, wider, lock_timeout_s=0.3)
    timer.join()
    assert report.status is Status.APPLIED, report.error


@pytest.mark.usefixtures("short_pauses")
def test_a_grant_by_somebody_else_in_the_same_moment_only_delays_the_apply(database: Database, tmp_path: Path) -> None:
    function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;"
    applied(database.url, write(tmp_path, {"functions/f.sql": function}))
    granted = write(tmp_path, {"functions/f.sql": f"{function}\nGRANT EXECUTE ON FUNCTION f() TO pg_monitor;"})
    with ThreadPoolExecutor() as threads, psycopg.connect(database.url) as other:
        other.execute("GRANT EXECUTE ON FUNCTION f() TO pg_monitor")
        applying = threads.submit(apply, database.url, granted, lock_timeout_s=60)
        while database.rows(WAITING) == [(0,)]:
            assert not applying.done()
        other.commit()
        report = applying.result()
    assert report.status is Status.APPLIED, report.error


def test_a_statement_timeout_names_the_statement(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"migrations/001.sql": "SELECT 1;\nSELECT pg_sleep(30);\n"})
    report = apply(database.url, source, statement_timeout_s=1)
    assert report.error is not None and report.error.sqlstate == "57014"
    assert report.error.message.startswith("migrations/001.sql:2")
    assert report.error.hint is not None and "--statement-timeout" in report.error.hint


# --- cancellation and company ---------------------------------------------------------------------------------------


def test_a_cancelled_apply_rolls_back_and_frees_its_locks(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"migrations/1.sql": "CREATE TABLE users (id int);\nSELECT pg_sleep(30);"})

    async def start_and_cancel() -> None:
        task = asyncio.create_task(apply_database(database.url, source, ApplyOptions()))
        deadline = time.monotonic() + 20
        while not database.rows(SLEEPERS):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start_and_cancel())
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 20
    while database.rows(others) != [(0,)]:  # a session that was closed needs a moment to leave
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert relations(database) == set()


def test_an_object_that_another_session_makes_meanwhile(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"tables/users.sql": USERS})
    with ThreadPoolExecutor() as threads, psycopg.connect(database.url) as other:
        other.execute("CREATE TABLE users ()")
        applying = threads.submit(apply, database.url, source, lock_timeout_s=60)
        while database.rows(WAITING) == [(0,)]:
            assert not applying.done()
        other.commit()
        error = applying.result().error
    assert error is not None and (error.sqlstate, error.hint) == ("23505", MADE_MEANWHILE)


def test_two_applies_at_once_both_succeed_and_one_does_the_work(database: Database, tmp_path: Path) -> None:
    files = {"migrations/1.sql": "CREATE TABLE users (id int);\nSELECT pg_sleep(0.5);\nINSERT INTO users VALUES (1);"}
    source = write(tmp_path, files)

    async def both() -> list[Status]:
        reports = await asyncio.gather(*(apply_database(database.url, source, ApplyOptions()) for _ in range(2)))
        assert all(report.error is None for report in reports), reports
        return sorted(report.status for report in reports)

    assert asyncio.run(both()) == [Status.APPLIED, Status.UNCHANGED]
    assert database.rows("SELECT count(*) FROM users") == [(1,)]


async def test_who_expects_changes_does_not_wait_for_another_apply_where_there_are_none(
    database: Database, tmp_path: Path
) -> None:
    source, options = write(tmp_path, {"tables/users.sql": USERS}), ApplyOptions(wait_for_lock_s=0.0)
    assert (await apply_database(database.url, source, options, seems_changed=True)).status is Status.APPLIED
    assert (await apply_database(database.url, source, options, seems_changed=True)).status is Status.UNCHANGED
    async with await connect(database.url) as other:
        await acquire_apply_lock(other, timeout_s=10)  # PostgreSQL may still be ending the session before this one
        assert (await apply_database(database.url, source, options, seems_changed=True)).status is Status.UNCHANGED
