"""What an apply verifies before it commits, and what a dry run tries."""

from __future__ import annotations

from pathlib import Path

import pytest

from stonegate.model.plan import Phase
from stonegate.model.report import Status
from tests.database.folders import ROLES, USERS, applied, apply, relations, write
from tests.servers import Database


def test_a_trigger_that_swallows_seeds_fails_the_verification(database: Database, tmp_path: Path) -> None:
    swallow = (
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM roles; RETURN NULL; END $$;"
    )
    trigger = "CREATE TRIGGER t AFTER INSERT ON roles FOR EACH STATEMENT EXECUTE FUNCTION swallow();"
    source = write(tmp_path, ROLES | {"functions/swallow.sql": swallow, "triggers/t.sql": trigger})
    report = apply(database.url, source)
    assert report.error is not None and report.error.code == "verification_failed"
    assert relations(database) == set()


MEDDLE = "CREATE FUNCTION meddle() RETURNS {} LANGUAGE plpgsql AS $$ BEGIN DROP TABLE IF EXISTS log; RETURN {}; END $$;"
PLAIN = {"tables/log.sql": "CREATE TABLE log (id int);", "tables/a.sql": "CREATE TABLE a (id int, n int);"}
VALUE = PLAIN | {"functions/meddle.sql": MEDDLE.format("int", "1"), "seeders/a.sql": "INSERT INTO a (id) VALUES (1);"}
TRIGGER = PLAIN | {
    "functions/meddle.sql": MEDDLE.format("trigger", "NEW"),
    "triggers/t.sql": "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION meddle();",
    "seeders/a.sql": "INSERT INTO a VALUES (1);",
}


@pytest.mark.parametrize(
    "files",
    [
        TRIGGER,
        TRIGGER
        | {
            "tables/a.sql": "CREATE TABLE a (id int, n int) PARTITION BY LIST (id);\n"
            "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1);",
            "seeders/a.sql": "INSERT INTO a1 VALUES (1);",
        },
        VALUE | {"seeders/a.sql": "INSERT INTO a VALUES (1, meddle());"},
        VALUE | {"seeders/a.sql": "INSERT INTO a SELECT 1, meddle();"},
        VALUE | {"tables/a.sql": "CREATE TABLE a (id int, n int DEFAULT meddle());"},
        VALUE | {"tables/a.sql": "CREATE TABLE a (id int CHECK (meddle() > 0), n int);"},
        VALUE
        | {
            "types/d.sql": "CREATE DOMAIN d AS int CHECK (meddle() > VALUE - 9);",
            "tables/a.sql": "CREATE TABLE a (id d, n int);",
        },
    ],
    ids=["trigger", "partition", "value", "query", "default", "check", "domain"],
)
def test_rows_that_change_the_schema_fail_the_verification(
    any_database: Database, tmp_path: Path, files: dict[str, str]
) -> None:
    report = apply(any_database.url, write(tmp_path, files))
    assert report.error is not None and report.error.code == "verification_failed"
    assert relations(any_database) == set()


def test_rows_that_a_partitions_trigger_writes_are_noticed(database: Database, tmp_path: Path) -> None:
    body = "BEGIN INSERT INTO log VALUES (1); RETURN NEW; END"
    files = {
        "tables/log.sql": "CREATE TABLE log (id int PRIMARY KEY);",
        "tables/a.sql": "CREATE TABLE a (id int) PARTITION BY LIST (id);",
        "tables/a1.sql": "CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1);",
        "functions/w.sql": f"CREATE FUNCTION w() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$;",
        "triggers/t.sql": "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION w();",
        "seeders/1.sql": "INSERT INTO a1 VALUES (1);",
        "seeders/2.sql": "INSERT INTO log VALUES (1), (3);",
    }
    assert applied(database.url, write(tmp_path, files)).status is Status.APPLIED
    assert database.rows("SELECT id FROM log ORDER BY 1") == [(1,), (3,)]


def test_an_event_trigger_that_undoes_a_step_fails_the_verification(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    database.rows(
        "CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM pg_class WHERE relname = 'users_mail') THEN DROP INDEX users_mail; END IF; END $$"
    )
    database.rows(
        "CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION meddle()"
    )
    source = write(tmp_path, {"tables/users.sql": USERS + "CREATE INDEX users_mail ON users (email);"})
    report = apply(database.url, source)
    assert report.error is not None and report.error.code == "verification_failed"
    assert any("users_mail" in detail for detail in report.error.details)
    assert report.error.hint is not None and "--skip-verification" in report.error.hint
    skipped = applied(database.url, source, skip_verification=True)
    assert skipped.status is Status.APPLIED and not skipped.verified


def test_a_dry_run_really_executes_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, ROLES)
    report = applied(database.url, source, dry_run=True)
    assert report.status is Status.DRY_RUN and report.verified and report.counts == {"create": 1, "seed": 1}
    assert database.rows("SELECT count(*) FROM pg_class WHERE relname IN ('roles') OR relname ~ '^_stone'") == [(0,)]
    broken = write(tmp_path, ROLES | {"migrations/1.sql": "-- stonegate: run-on-fresh\nSELECT 1 / 0;"})
    assert apply(database.url, broken, dry_run=True).error is not None


def test_a_dry_run_says_what_it_could_not_rehearse(database: Database, tmp_path: Path) -> None:
    mood = {"types/mood.sql": "CREATE TYPE mood AS ENUM ('sad');", "tables/users.sql": USERS}
    applied(database.url, write(tmp_path, mood))
    happy = {
        "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
        "tables/users.sql": USERS.replace("email", "mood mood DEFAULT 'happy', email"),
        "migrations/1.sql": "-- stonegate: no-transaction\nVACUUM users;",
    }
    source = write(tmp_path, happy)
    report = applied(database.url, source, dry_run=True)
    states = {step.step.id: step.state for step in report.steps}
    assert states["run migration 1.sql"] == "not rehearsed"
    assert any(s.step.phase is Phase.PRELUDE and s.state == "not rehearsed" for s in report.steps)
    assert not report.verified and any("not verified" in warning for warning in report.warnings)
    assert database.rows("SELECT enum_range(NULL::mood)::text") == [("{sad}",)]
    real = applied(database.url, source)
    assert real.status is Status.APPLIED and real.verified
    assert applied(database.url, source).status is Status.UNCHANGED


def test_rows_that_need_a_new_enum_value_are_not_rehearsed_all_others_are(database: Database, tmp_path: Path) -> None:
    base = {"types/mood.sql": "CREATE TYPE mood AS ENUM ('sad');", "tables/users.sql": USERS}
    applied(database.url, write(tmp_path, base))
    more = {
        "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
        "tables/users.sql": USERS,
        "tables/moods.sql": "CREATE TABLE moods (mood mood PRIMARY KEY);",
        "tables/plain.sql": "CREATE TABLE plain (id int PRIMARY KEY);",
        "seeders/moods.sql": "INSERT INTO moods VALUES ('happy');",
        "seeders/plain.sql": "INSERT INTO plain VALUES (1);",
    }
    source = write(tmp_path, more)
    report = applied(database.url, source, dry_run=True)
    states = {step.step.id: step.state for step in report.steps}
    assert states["seed seed moods"] == "not rehearsed" and states["seed seed plain"] == "done"
    assert applied(database.url, source).verified
