"""Routines that would fail when called, because a column or table that they use goes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import plan, refused, rows
from tests.servers import Database

TABLE = "CREATE TABLE users (id int PRIMARY KEY, name text, legacy text);"
SHORTER = "CREATE TABLE users (id int PRIMARY KEY, name text);"
READS = """CREATE FUNCTION old_codes() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT u.legacy FROM users u;
END $$;"""
MENTIONS = """CREATE FUNCTION describe() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'users had a legacy column';
END $$;"""
BEFORE = {"tables/users.sql": TABLE, "functions/old_codes.sql": READS, "functions/describe.sql": MENTIONS}
DROP = ("drop_column:users.legacy",)


def test_a_use_blocks_and_a_mention_warns(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, BEFORE))
    after = write(tmp_path, BEFORE | {"tables/users.sql": SHORTER})
    said = refused(apply(database.url, after, plan=allowing(*DROP)), "migration_blocked", 4)
    assert "--allow stale_body:old_codes" in said and "describe" not in said
    made = plan(database.url, after, plan=allowing(*DROP, "stale_body:old_codes"))
    assert not made.blocked
    warned = [hazard.message for step in made.steps for hazard in step.hazards if hazard.code == "stale-body"]
    assert len(warned) == 1 and "describe" in warned[0] and "old_codes" in warned[0]
    applied(database.url, after, plan=allowing(*DROP, "stale_body:old_codes"))
    assert rows(database.url, "SELECT describe()") == [("users had a legacy column",)]


def test_a_routine_that_is_changed_or_removed_with_it_is_not_stale(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, BEFORE))
    files = {"tables/users.sql": SHORTER, "functions/old_codes.sql": READS.replace("u.legacy", "u.name")}
    applied(database.url, write(tmp_path, files), plan=allowing(*DROP))
    assert rows(database.url, "SELECT count(*) FROM old_codes()") == [(0,)]


@pytest.mark.parametrize(
    ("migration", "declared", "stale"),
    [
        ("ALTER TABLE users RENAME COLUMN legacy TO code", TABLE.replace("legacy", "code"), True),
        ("ALTER TABLE users RENAME TO people", TABLE.replace("users", "people"), True),
        ("ALTER TABLE users RENAME COLUMN name TO title", TABLE.replace("name", "title"), False),
    ],
)
def test_renames(database: Database, tmp_path: Path, migration: str, declared: str, stale: bool) -> None:
    applied(database.url, write(tmp_path, BEFORE))
    after = write(tmp_path, BEFORE | {"tables/users.sql": declared, "migrations/1.sql": migration + ";"})
    report = apply(database.url, after)
    if stale:
        assert "--allow stale_body:old_codes" in refused(report, "migration_blocked", 4)
        applied(database.url, after, plan=allowing("stale_body:old_codes"))
    else:
        assert report.error is None


def test_a_view_that_takes_the_name_serves_the_routine(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, BEFORE))
    files = BEFORE | {
        "tables/users.sql": TABLE.replace("users", "people"),
        "views/users.sql": "CREATE VIEW users AS SELECT * FROM people;",
        "migrations/1.sql": "ALTER TABLE users RENAME TO people;",
    }
    applied(database.url, write(tmp_path, files))
    assert rows(database.url, "SELECT count(*) FROM old_codes()") == [(0,)]
