"""Declared rows in an apply: missing ones block, are excused, inserted or warned of, and never half of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stonegate.database.deployment.one_database import apply_plan, plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.json_form import to_json
from stonegate.model.plan import Plan
from stonegate.model.report import Status
from tests.database.folders import COUNT, ROLES, allowing, applied, apply, write
from tests.servers import Database


def test_missing_rows_block_until_they_are_excused_and_are_remembered(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, ROLES))
    database.rows("DELETE FROM roles WHERE id = 2")
    changed = write(tmp_path, ROLES | {"functions/count.sql": COUNT.replace("users", "roles")})
    report = apply(database.url, changed)
    assert report.error is not None and (report.error.code, report.error.exit_code) == ("missing_seed", 5)
    assert report.error.details == ("roles id = 2",)
    assert report.error.hint is not None and "--seed-missing" in report.error.hint
    assert report.error.hint.endswith("--allow missing_seed:roles")
    assert database.rows("SELECT count(*) FROM pg_proc WHERE proname = 'count_roles'") == [(0,)]
    excused = applied(database.url, changed, plan=allowing("missing_seed:roles"))
    assert any("roles id = 2" in warning for warning in excused.warnings)
    told = "SELECT change_type, object_name, forced, change_detail -> %s FROM _stonescriptdb_gateway_changelog WHERE %s"
    assert database.rows(told % ("'consents'", "forced")) == [("validate_rows", "roles", True, ["missing_seed:roles"])]
    again = COUNT.replace("users", "roles").replace("BEGIN", "BEGIN PERFORM 1;")
    applied(database.url, write(tmp_path / "hotfix", {"functions/count.sql": again}))  # it says nothing of rows
    later = write(tmp_path, ROLES | {"functions/count.sql": again.replace("1", "2")})
    assert applied(database.url, later).status is Status.APPLIED
    asked = applied(database.url, later, plan=allowing(seed_missing=True))
    assert [(seed.found, seed.inserted) for seed in asked.seeds] == [(1, 1)]
    seeded = "change_type = 'seed_rows' ORDER BY id DESC LIMIT 1"
    assert database.rows(told % ("'rows'", seeded)) == [("seed_rows", "roles", False, 1)]
    assert len(database.rows(told % ("'rows'", "change_type LIKE '%_rows'"))) == 3


def test_what_would_excuse_missing_rows_can_be_typed(database: Database, tmp_path: Path) -> None:
    files = {
        "tables/t.sql": 'CREATE TABLE "My roles" (id int); CREATE TABLE t (id int);',
        "seeders/t.sql": 'INSERT INTO "My roles" VALUES (1); INSERT INTO t VALUES (1);',
    }
    applied(database.url, write(tmp_path, files))
    changed = write(tmp_path, files | {"views/v.sql": "CREATE VIEW v AS SELECT 1 AS a;"})
    for table, said in (('"My roles"', """--allow 'missing_seed:"My roles"'"""), ("t", "--allow missing_seed")):
        database.rows(f"DELETE FROM {table}")
        error = apply(database.url, changed).error
        assert error is not None and (error.hint or "").endswith(said), error.hint


def test_missing_rows_are_inserted_on_demand_even_into_an_unchanged_database(
    database: Database, tmp_path: Path
) -> None:
    source = write(tmp_path, ROLES)
    applied(database.url, source)
    database.rows("DELETE FROM roles WHERE id = 2")
    report = applied(database.url, source, plan=allowing(seed_missing=True))
    assert [(seed.table, seed.found, seed.inserted) for seed in report.seeds] == [("roles", 1, 1)]
    assert database.rows("SELECT name FROM roles WHERE id = 2") == [("user",)]


def test_rows_of_new_tables_point_to_missing_rows_and_the_reverse(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, ROLES))
    database.rows("DELETE FROM roles WHERE id = 2")
    changed = write(
        tmp_path,
        ROLES
        | {
            "tables/members.sql": "CREATE TABLE members (id int PRIMARY KEY, role int REFERENCES roles);",
            "seeders/members.sql": "INSERT INTO members VALUES (7, 2);",
            "tables/teams.sql": "CREATE TABLE teams (id int PRIMARY KEY);",
            "tables/roles.sql": "CREATE TABLE roles (id int PRIMARY KEY, name text, team int REFERENCES teams);",
            "seeders/teams.sql": "INSERT INTO teams VALUES (5);",
            "seeders/roles.sql": "INSERT INTO roles (id, name) VALUES (1, 'admin');\n"
            "INSERT INTO roles VALUES (2, 'user', 5);",
        },
    )
    report = apply(database.url, changed)
    assert report.error is not None and report.error.details == ("roles id = 2",)
    asked = applied(database.url, changed, plan=allowing(seed_missing=True))
    assert [(seed.table, seed.inserted) for seed in asked.seeds] == [("teams", 1), ("roles", 1), ("members", 1)]
    assert database.rows("SELECT role, team FROM members JOIN roles ON roles.id = role") == [(2, 5)]


def test_a_saved_plan_inserts_missing_rows_where_that_was_asked_for(database: Database, tmp_path: Path) -> None:
    """And a key of the same plan that leads to them comes after them."""
    files = ROLES | {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, role int);"}
    applied(database.url, write(tmp_path, files))
    database.rows("INSERT INTO users VALUES (1, 2)")
    database.rows("DELETE FROM roles WHERE id = 2")
    changed = write(
        tmp_path, files | {"tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, role int REFERENCES roles);"}
    )
    wanted = ApplyOptions(plan=allowing(seed_missing=True))
    made = Plan.load(to_json({"plan": asyncio.run(plan_database(database.url, changed, wanted))}))
    rehearsed = asyncio.run(apply_plan(database.url, made, ApplyOptions(dry_run=True)))
    assert rehearsed.error is None and database.rows("SELECT id FROM roles") == [(1,)]
    report = asyncio.run(apply_plan(database.url, made))
    assert report.error is None and report.verified
    assert [step.step.id for step in report.steps][-1] == "create constraint users.users_role_fkey"
    assert database.rows("SELECT id FROM roles ORDER BY 1") == [(1,), (2,)]


def test_missing_rows_only_warn_when_a_container_starts(database: Database, tmp_path: Path) -> None:
    """Of a query as many rows are expected as are missing of it, and one in any case."""
    days = {
        "tables/days.sql": "CREATE TABLE days (id int PRIMARY KEY);",
        "seeders/days.sql": "INSERT INTO days VALUES (9);\n"
        "INSERT INTO days (id) SELECT generate_series(1, 5);\nINSERT INTO days (id) SELECT 8;",
    }
    first = applied(database.url, write(tmp_path, ROLES | days))
    assert {seed.table: (seed.expected, seed.inserted) for seed in first.seeds} == {"roles": (2, 2), "days": (7, 7)}
    database.rows("DELETE FROM roles WHERE id = 2")
    database.rows("DELETE FROM days WHERE id < 5")
    changed = write(tmp_path, ROLES | days | {"functions/count.sql": COUNT.replace("users", "roles")})
    report = applied(database.url, changed, missing_seeds="warn")
    assert any("roles id = 2" in warning for warning in report.warnings)
    assert {seed.table: (seed.expected, seed.found) for seed in report.seeds} == {"roles": (2, 1), "days": (6, 2)}
    assert database.rows("SELECT missing_seeds FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1") == [
        ([],)
    ]
