"""A saved plan is carried out as it was reviewed, or refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stonegate.database.deployment.one_database import apply_plan
from stonegate.errors import UsageError
from stonegate.model.json_form import to_json
from stonegate.model.plan import Plan
from stonegate.model.report import ApplyReport, Status
from tests.convergence import plan_in_full
from tests.database.folders import allowing, applied, write
from tests.evolution.support import plan, refused, rows, run
from tests.servers import Database

FIRST = {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, name text, legacy text);"}
SECOND = {
    "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, name varchar, age int);",
    "functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;",
    "migrations/1.sql": "UPDATE users SET name = 'x' WHERE name IS NULL;",
    "seeders/users.sql": "INSERT INTO users (id, name) VALUES (1, 'One');",
}


def written(made: Plan) -> bytes:
    """What `apply --plan` reads of a plan's file."""
    return b'{"plan": ' + to_json(made) + b"}"


@pytest.fixture
def saved(any_database: Database, tmp_path: Path) -> Plan:
    """A plan with a consent, through its file."""
    applied(any_database.url, write(tmp_path, FIRST))
    run(any_database.url, "INSERT INTO users (id) VALUES (1)")
    made = plan(any_database.url, write(tmp_path, SECOND), plan=allowing("drop_column:users.legacy"))
    assert not made.blocked
    return Plan.load(written(made))


def carry_out(database: Database, made: Plan) -> ApplyReport:
    return asyncio.run(apply_plan(database.url, made))


def test_it_needs_no_folder(any_database: Database, saved: Plan, tmp_path: Path) -> None:
    report = carry_out(any_database, saved)
    assert report.status is Status.APPLIED, report.error
    assert rows(any_database.url, "SELECT id, name, age, f() FROM users") == [(1, "x", None, 1)]
    assert not plan_in_full(any_database.url, tmp_path / "postgresql").has_changes
    again = refused(carry_out(any_database, saved), "stale_plan", 5)
    assert "1.sql was applied meanwhile" in again


@pytest.mark.parametrize(
    ("by_hand", "named"),
    [
        ("ALTER TABLE users ADD COLUMN age int", "column users.age"),
        ("ALTER TABLE users ALTER name SET DEFAULT 'y'", "users.name"),
        ("CREATE TABLE unmanaged (id int)", "does not manage"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$", "f()"),
        ("INSERT INTO _stonescriptdb_gateway_migrations (migration_file, checksum) VALUES ('1.sql', 'x')", "1.sql"),
    ],
)
def test_a_stale_plan_names_what_moved(any_database: Database, saved: Plan, by_hand: str, named: str) -> None:
    run(any_database.url, by_hand)
    assert named in refused(carry_out(any_database, saved), "stale_plan", 5)
    assert rows(any_database.url, "SELECT legacy FROM users") == [(None,)]


def test_what_a_migration_changes_is_not_what_moved(any_database: Database, tmp_path: Path) -> None:
    """The plan knows it as it is behind the migration: that `full_name` is not there yet was told as a difference."""
    url = any_database.url
    applied(url, write(tmp_path, FIRST))
    renamed = {
        "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, full_name varchar, legacy text);",
        "migrations/1.sql": "ALTER TABLE users RENAME name TO full_name;",
    }
    made = plan(url, write(tmp_path, renamed), plan=allowing("modify_column_type"))
    run(url, "GRANT SELECT ON users TO pg_monitor")
    said = refused(carry_out(any_database, made), "stale_plan", 5)
    assert "does not manage" in said and "full_name" not in said


def test_another_role_than_the_owner_is_refused(any_database: Database, tmp_path: Path) -> None:
    """What the plan makes again would have belonged to that role: it says nothing of an owner that made it."""
    clash = "duplicate_object OR unique_violation"
    role = f"DO $$ BEGIN CREATE ROLE plans_owner LOGIN CREATEDB; EXCEPTION WHEN {clash} THEN END $$"
    run(any_database.url, role, f"ALTER DATABASE {any_database.name} OWNER TO plans_owner")
    owner = any_database.server.url(any_database.name, "plans_owner")
    table = {"tables/t.sql": "CREATE TABLE t (id int, name text);"}
    applied(owner, write(tmp_path, table | {"views/v.sql": "CREATE VIEW v AS SELECT id FROM t;"}))
    made = plan(owner, write(tmp_path, table | {"views/v.sql": "CREATE VIEW v AS SELECT name FROM t;"}))
    with pytest.raises(UsageError, match="made as plans_owner"):
        carry_out(any_database, made)
    assert asyncio.run(apply_plan(owner, made)).status is Status.APPLIED
    assert rows(owner, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'v'") == [("plans_owner",)]


def test_what_nobody_declared_is_named_too(any_database: Database, tmp_path: Path) -> None:
    """Where no migration may have made or dropped it."""
    url = any_database.url
    applied(url, write(tmp_path, FIRST))
    run(url, "CREATE TABLE old (id int)")
    files = {path: text for path, text in SECOND.items() if not path.startswith("migrations/")}
    made = plan(url, write(tmp_path, files), plan=allowing("drop_column:users.legacy"))
    run(url, "DROP TABLE old", "CREATE TABLE made (id int)", "CREATE INDEX found ON users (name)")
    said = refused(carry_out(any_database, made), "stale_plan", 5)
    assert all(
        f"{name} meanwhile" in said for name in ("index found was made", "table made was made", "table old was dropped")
    )


def test_a_deployment_meanwhile_makes_it_stale(any_database: Database, saved: Plan, tmp_path: Path) -> None:
    applied(any_database.url, write(tmp_path, FIRST | {"tables/b.sql": "CREATE TABLE b (id int);"}))
    refused(carry_out(any_database, saved), "stale_plan", 5)


def test_a_plan_with_nothing_to_do_is_stale_too_when_the_database_moved(any_database: Database, tmp_path: Path) -> None:
    applied(any_database.url, write(tmp_path, FIRST))
    made = plan(any_database.url, write(tmp_path, FIRST))
    assert carry_out(any_database, made).status is Status.UNCHANGED
    run(any_database.url, "DROP TABLE users")
    assert "moved since" in refused(carry_out(any_database, made), "stale_plan", 5)


def test_rows_do_not_make_it_stale(any_database: Database, saved: Plan) -> None:
    run(any_database.url, "INSERT INTO users (id) VALUES (2)", "ANALYZE users")
    assert carry_out(any_database, saved).status is Status.APPLIED


@pytest.mark.parametrize(
    ("reviewed", "edited"),
    [("RETURN 1", "RETURN 2"), ("drop_column", "drop_table"), ('"force":false', '"force":true'), ("One", "Two")],
)
def test_an_edited_plan_is_refused(saved: Plan, reviewed: str, edited: str) -> None:
    text = written(saved).decode()
    assert reviewed in text
    with pytest.raises(UsageError, match="checksum"):
        Plan.load(text.replace(reviewed, edited).encode())
