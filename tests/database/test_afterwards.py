"""What an unmoved change stamp spares an apply to read, and that it misses nothing by that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stonegate.database.connect import connect
from stonegate.database.introspect import catalog
from stonegate.database.introspect.catalog import Reading, read_catalog
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.database.tracking.kept_catalogs import checksum_of
from stonegate.model.report import ApplyReport, Status
from stonegate.source.lazy import LazySource
from tests.database.folders import ROLES, applied, apply, write
from tests.evolution.support import plan, refused, rows, run, worked
from tests.servers import Database

HELLO = "CREATE FUNCTION hello() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '{}'; END $$;"
OTHER = "CREATE FUNCTION other(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';"
FILES = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'ok');",
    "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, mood mood, name text);",
    "views/moods.sql": "CREATE VIEW moods AS SELECT id, feel(mood) AS feels FROM users;",
    "functions/hello.sql": HELLO.format("one"),
    "functions/other.sql": OTHER,
    "functions/feel.sql": "CREATE FUNCTION feel(m mood) RETURNS text LANGUAGE sql RETURN m::text;",
    "functions/atomic.sql": "CREATE FUNCTION atomic() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM users; END;",
}
CHANGED = FILES | {"functions/hello.sql": HELLO.format("two")}
ROUTINES = FILES | {
    "functions/hello.sql": HELLO.format("three") + "\nCOMMENT ON FUNCTION hello() IS 'greets';\n"
    "GRANT EXECUTE ON FUNCTION hello() TO pg_monitor;",
    "functions/other.sql": "CREATE FUNCTION other(n int, OUT a mood, OUT b int) LANGUAGE sql\n"
    "AS $$ SELECT 'ok'::mood, 1 $$;",
    "functions/atomic.sql": "CREATE FUNCTION atomic() RETURNS bigint\n"
    "BEGIN ATOMIC SELECT sum(id) FROM users WHERE name <> ''; END;\n"
    "CREATE FUNCTION twice(a users) RETURNS mood LANGUAGE sql AS 'SELECT a.mood';\n"
    "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);",
}
#: An event trigger that spoils every function made, in a session that did not forbid it.
SPOILER = """CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TAG = 'CREATE FUNCTION' THEN {} END IF;
END $$"""


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The full readings of a catalog as they happen, by database."""
    seen: list[str] = []
    real = catalog._read

    async def count(conn: psycopg.AsyncConnection[object], **options: Any) -> Reading:
        seen.append(conn.info.dbname)
        return await real(conn, **options)

    monkeypatch.setattr(catalog, "_read", count)
    yield seen


@pytest.fixture
def deployed(any_database: Database, tmp_path: Path) -> Database:
    """A database as the folder declares it."""
    applied(any_database.url, write(tmp_path, FILES))
    return any_database


def meanwhile(stage: Stage, url: str, statement: str) -> OnProgress:
    """Somebody who does something by hand when the apply gets to a stage, once."""
    left = [statement]

    def act(progress: Progress) -> None:
        if progress.stage is stage and left:
            run(url, left.pop())

    return act


def spoil(url: str, root: Path, harm: str) -> None:
    """From now on every CREATE FUNCTION does harm; known as an object of nobody by an apply that changes nothing."""
    run(url, SPOILER.format(harm), "CREATE EVENT TRIGGER spoiler ON ddl_command_end EXECUTE FUNCTION spoil()")
    applied(url, write(root, FILES | {"functions/hello.sql": "-- the same\n" + HELLO.format("one")}))


def live_checksums(url: str) -> tuple[str, str]:
    """The checksum of the live catalog as recorded, and as it is."""

    async def read() -> str:
        async with await connect(url) as conn:
            return checksum_of(await read_catalog(conn))

    ((recorded,),) = rows(url, "SELECT live_checksum FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1")
    return recorded, asyncio.run(read())


# --- what is spared -------------------------------------------------------------------------------------------------


def test_changed_routines_are_planned_and_verified_without_reading_the_catalog(
    deployed: Database, tmp_path: Path, readings: list[str]
) -> None:
    report = applied(deployed.url, write(tmp_path, CHANGED))
    assert report.verified and report.counts == {"replace": 1}
    assert deployed.name not in readings
    assert rows(deployed.url, "SELECT hello()") == [("two",)]
    assert applied(deployed.url, write(tmp_path, CHANGED)).status is Status.UNCHANGED


def test_what_is_known_afterwards_is_what_is_there(deployed: Database, tmp_path: Path, readings: list[str]) -> None:
    report = applied(deployed.url, write(tmp_path, ROUTINES))
    assert report.verified and set(report.counts) == {"create", "replace", "recreate", "alter"}
    assert deployed.name not in readings
    recorded, real = live_checksums(deployed.url)
    assert recorded == real
    applied(deployed.url, write(tmp_path, FILES))
    assert readings.count(deployed.name) == 1  # this test's own
    recorded, real = live_checksums(deployed.url)
    assert recorded == real


def test_objects_of_nobody_are_read_once(deployed: Database, tmp_path: Path, readings: list[str]) -> None:
    run(deployed.url, "CREATE INDEX by_hand ON users (name)", "GRANT EXECUTE ON FUNCTION other(int) TO pg_monitor")
    applied(deployed.url, write(tmp_path, CHANGED))
    assert deployed.name in readings
    readings.clear()
    applied(deployed.url, write(tmp_path, FILES))
    assert deployed.name not in readings
    recorded, real = live_checksums(deployed.url)
    assert recorded == real


def test_other_steps_read_everything_again(deployed: Database, tmp_path: Path, readings: list[str]) -> None:
    wider = CHANGED | {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, mood mood, name text, age int);"}
    applied(deployed.url, write(tmp_path, wider))
    assert readings.count(deployed.name) == 1
    recorded, real = live_checksums(deployed.url)
    assert recorded == real


# --- what is not missed ---------------------------------------------------------------------------------------------


def test_a_moved_stamp_has_everything_read(deployed: Database, tmp_path: Path, readings: list[str]) -> None:
    run(deployed.url, "ALTER TABLE users ALTER name SET NOT NULL")
    told = refused(apply(deployed.url, write(tmp_path, CHANGED)), "drift", 5)
    assert "users.name" in told
    assert deployed.name in readings


@pytest.mark.parametrize(
    "harm",
    ["ALTER FUNCTION hello() SECURITY DEFINER;", "ALTER FUNCTION other(int) IMMUTABLE;", "DROP FUNCTION other(int);"],
)
def test_a_routine_that_does_not_end_as_declared_is_rolled_back(deployed: Database, tmp_path: Path, harm: str) -> None:
    spoil(deployed.url, tmp_path, harm)
    report = apply(deployed.url, write(tmp_path, CHANGED))
    told = refused(report, "verification_failed", 5)
    assert "hello" in told or "other" in told
    assert rows(deployed.url, "SELECT hello(), other(1)") == [("one", 1)]


def test_what_a_step_does_beside_its_routine_is_seen(deployed: Database, tmp_path: Path, readings: list[str]) -> None:
    harm = "ALTER TABLE users ALTER name SET DEFAULT 'x';"
    spoil(deployed.url, tmp_path, harm)
    readings.clear()
    told = refused(apply(deployed.url, write(tmp_path, CHANGED)), "verification_failed", 5)
    assert "users.name" in told
    assert readings.count(deployed.name) == 1
    assert rows(deployed.url, "SELECT hello()") == [("one",)]


def test_what_somebody_does_to_another_routine_meanwhile_is_seen(deployed: Database, tmp_path: Path) -> None:
    by_hand = OTHER.replace("SELECT 1", "SELECT 2").replace("CREATE", "CREATE OR REPLACE")
    report = apply(deployed.url, write(tmp_path, CHANGED), on_progress=meanwhile(Stage.VERIFY, deployed.url, by_hand))
    assert report.verified and report.counts == {"replace": 2}  # as if it had been there before
    assert rows(deployed.url, "SELECT hello(), other(1)") == [("two", 1)]


@pytest.mark.parametrize("stage", [Stage.STEPS, Stage.VERIFY])
def test_what_somebody_does_to_a_table_meanwhile_is_seen(deployed: Database, tmp_path: Path, stage: Stage) -> None:
    by_hand = "ALTER TABLE users ALTER name SET NOT NULL"
    report = apply(deployed.url, write(tmp_path, CHANGED), on_progress=meanwhile(stage, deployed.url, by_hand))
    assert "users.name" in refused(report, "drift", 5)  # as if it had been there before
    assert rows(deployed.url, "SELECT hello()") == [("one",)]


@pytest.mark.parametrize("by_hand", ["ALTER TABLE users ADD by_hand int", "ALTER FUNCTION other(int) IMMUTABLE"])
def test_what_somebody_does_after_the_last_look_moves_the_stamp(
    deployed: Database, tmp_path: Path, by_hand: str
) -> None:
    report = apply(deployed.url, write(tmp_path, CHANGED), on_progress=meanwhile(Stage.COMMIT, deployed.url, by_hand))
    assert report.status is Status.APPLIED
    again = plan(deployed.url, write(tmp_path, CHANGED))
    assert again.mode.value == "change"
    assert worked(again) == (["replace routine other(integer)"] if "FUNCTION" in by_hand else [])


# --- what is done again ---------------------------------------------------------------------------------------------


def attempts(url: str, source: LazySource, **options: Any) -> tuple[ApplyReport, int]:
    """The report of an apply, and how often it began to look at the database."""
    seen: list[Stage] = []
    report = apply(url, source, on_progress=lambda progress: seen.append(progress.stage), **options)
    return report, seen.count(Stage.INTROSPECT)


@pytest.mark.usefixtures("short_pauses")
def test_what_fails_where_nothing_moved_is_not_tried_again(deployed: Database, tmp_path: Path) -> None:
    with psycopg.connect(deployed.url) as other:  # holds the lock until the block ends
        other.execute(HELLO.format("by hand").replace("CREATE", "CREATE OR REPLACE"))
        report, times = attempts(deployed.url, write(tmp_path, CHANGED), lock_timeout_s=0.05)
        other.rollback()
    assert "hello" in refused(report, "lock_timeout", 6)
    assert times == 1
    applied(deployed.url, write(tmp_path, FILES | ROLES))
    run(deployed.url, "DELETE FROM roles")
    report, times = attempts(deployed.url, write(tmp_path, CHANGED | ROLES))
    assert "roles" in refused(report, "missing_seed", 5)
    assert times == 1


def test_what_fails_for_what_moved_unseen_is_planned_with_it(deployed: Database, tmp_path: Path) -> None:
    run(deployed.url, "CREATE VIEW by_hand AS SELECT other(1)")
    fewer = {path: text for path, text in CHANGED.items() if path != "functions/other.sql"}
    report, times = attempts(deployed.url, write(tmp_path, fewer))
    assert "by_hand" in refused(report, "migration_blocked", 4)
    assert times == 2


LOCKING = """CREATE FUNCTION lock_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN LOCK TABLE held; RETURN NULL; END';
CREATE TABLE held ();
CREATE CONSTRAINT TRIGGER locking AFTER INSERT ON _stonescriptdb_gateway_deployments DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION lock_it()"""


@pytest.mark.usefixtures("short_pauses")
def test_a_commit_that_waits_for_a_lock_in_vain_did_not_take_place(deployed: Database, tmp_path: Path) -> None:
    run(deployed.url, LOCKING)
    ((before,),) = rows(deployed.url, "SELECT max(id) FROM _stonescriptdb_gateway_deployments")
    with psycopg.connect(deployed.url) as other:  # holds the lock until the block ends
        other.execute("LOCK TABLE held")
        report = apply(deployed.url, write(tmp_path, CHANGED), lock_timeout_s=0.05)
        other.rollback()
    assert "unknown" not in refused(report, "lock_timeout", 6)
    assert rows(deployed.url, "SELECT hello(), max(id) FROM _stonescriptdb_gateway_deployments") == [("one", before)]
    applied(deployed.url, write(tmp_path, CHANGED))
