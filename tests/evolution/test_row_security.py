"""Row-level security that is forced on the owner, who deploys: it hides rows from what a deployment does with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stonegate.database.deployment.one_database import plan_with_findings
from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.plan import PlanOptions
from tests.convergence import snapshot
from tests.database.folders import allowing, applied, apply, write
from tests.servers import Database

USERS = "CREATE TABLE users (id int PRIMARY KEY, name text);\n"
FORCED = (
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\nALTER TABLE users FORCE ROW LEVEL SECURITY;\n"
    "CREATE POLICY own ON users USING (id < 0);\n"
)
WARNING = "row-level security is forced on users"


#: It owns reference databases as well, and stays as long as the server.
ROLE = (
    "DO $$ BEGIN CREATE ROLE owner_under_policies LOGIN CREATEDB;"
    " EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$"
)


@pytest.fixture
def owner(database: Database) -> str:
    """URL of the database's owner, who is no superuser."""
    database.rows(f'{ROLE}; ALTER DATABASE "{database.name}" OWNER TO owner_under_policies')
    return database.server.url(database.name, user="owner_under_policies")


@pytest.mark.parametrize(
    "files",
    [
        {"migrations/1.sql": "UPDATE users SET name = 'none' WHERE name IS NULL;"},
        {"seeders/users.sql": "INSERT INTO users VALUES (1, 'Ann');"},
        {"tables/users.sql": USERS.replace("text", "text NOT NULL") + FORCED},
    ],
)
def test_it_is_told_that_rows_are_hidden(database: Database, owner: str, tmp_path: Path, files: dict[str, str]) -> None:
    before = {"tables/users.sql": USERS + FORCED}
    applied(owner, write(tmp_path, before))
    database.rows("INSERT INTO users VALUES (1, 'Ann'), (2, NULL)")
    kept = snapshot(database.url)
    source = write(tmp_path, before | files)
    options = ApplyOptions(plan=allowing("set_not_null"))
    made, _ = asyncio.run(plan_with_findings(owner, source, options))
    assert [warning for warning in made.warnings if WARNING in warning]
    report = apply(owner, source, plan=options.plan)
    assert [warning for warning in report.warnings if WARNING in warning]
    assert snapshot(database.url) == kept
    assert not [w for w in apply(database.url, source, plan=options.plan).warnings if WARNING in w]


def test_what_looks_at_no_rows_is_not_concerned(owner: str, tmp_path: Path) -> None:
    applied(owner, write(tmp_path, {"tables/users.sql": USERS + FORCED}))
    report = applied(owner, write(tmp_path, {"tables/users.sql": USERS.replace("text", "text, age int") + FORCED}))
    assert report.warnings == ()


KEY = {"tables/notes.sql": "CREATE TABLE notes (id int PRIMARY KEY, author int REFERENCES users (id));\n"}
SEEDS = {"seeders/users.sql": "INSERT INTO users VALUES (1, 'Ann');"}


@pytest.mark.parametrize(
    ("files", "seed_missing"),
    [
        (KEY, False),
        (SEEDS, False),
        (SEEDS, True),
        ({"migrations/1.sql": "INSERT INTO users VALUES (3, 'Bo');"}, False),
    ],
)
def test_hints_say_that_rows_may_be_hidden(
    database: Database, owner: str, tmp_path: Path, files: dict[str, str], seed_missing: bool
) -> None:
    """No advice to insert or repair rows that are there."""
    bare = KEY["tables/notes.sql"].replace(" REFERENCES users (id)", "")
    before = {"tables/users.sql": USERS + FORCED, "tables/notes.sql": bare}
    applied(owner, write(tmp_path, before))
    database.rows("INSERT INTO users VALUES (1, 'Ann'); INSERT INTO notes VALUES (1, 1)")
    report = apply(owner, write(tmp_path, before | files), plan=PlanOptions(seed_missing=seed_missing))
    assert report.error is not None and report.error.hint is not None
    assert "row-level security is forced on" in report.error.hint and "BYPASSRLS" in report.error.hint
    assert applied(database.url, write(tmp_path, before | files)).error is None
