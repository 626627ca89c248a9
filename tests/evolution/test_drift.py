"""What people change by hand: routines and views are deployed again, everything else blocks until it is allowed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.database.status import diff_database, read_standing, status_database
from stonegate.database.tracking.kept_catalogs import checksum_of, compress, restore
from stonegate.model.report import Status
from tests.convergence import catalog_of, plan_in_full
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import changes, plan, refused, rows, run, worked
from tests.servers import Database, MakeDatabase, Server

FILES = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'ok');\nCREATE TYPE pair AS (a int, b int);\n"
    "CREATE DOMAIN short AS text CHECK (length(VALUE) < 10);",
    "tables/users.sql": """CREATE TABLE users (
    id int PRIMARY KEY, name text NOT NULL, age int CHECK (age > 0), visits int, code varchar(20) DEFAULT 'x');
CREATE INDEX users_name_idx ON users (name);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users USING (age > 1);
COMMENT ON COLUMN users.name IS 'declared';
GRANT SELECT ON users TO pg_monitor;""",
    "views/adults.sql": "CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;",
    "functions/touch.sql": "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;",
    "functions/hello.sql": "CREATE FUNCTION hello() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'hello'; END $$;\n"
    "ALTER FUNCTION hello() OWNER TO pg_monitor;",
    "triggers/touched.sql": "CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();",
}
NEXT = FILES | {"tables/notes.sql": "CREATE TABLE notes (id int);"}
BLOCKING = {
    "column users.visits type": "ALTER TABLE users ALTER visits TYPE bigint",
    "column users.name not_null": "ALTER TABLE users ALTER name DROP NOT NULL",
    "column users.code default": "ALTER TABLE users ALTER code SET DEFAULT 'y'",
    "column users.code": "ALTER TABLE users DROP COLUMN code",
    "constraint users.users_age_check": "ALTER TABLE users DROP CONSTRAINT users_age_check",
    "index users_name_idx": "DROP INDEX users_name_idx",
    "policy users.own": "DROP POLICY own ON users; CREATE POLICY own ON users USING (true)",
    "table users row_security": "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
    "trigger users.touched": "DROP TRIGGER touched ON users",
    "trigger users.touched enabled": "ALTER TABLE users DISABLE TRIGGER touched",
    "type mood": "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "attribute pair.b": "ALTER TYPE pair ALTER ATTRIBUTE b TYPE bigint",
    "type short": "ALTER DOMAIN short DROP CONSTRAINT short_check",
}


@pytest.fixture(scope="module")
def template(any_server: Server, make_template: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database as the folder declares it."""
    database = make_template(any_server)
    applied(database.url, write(tmp_path_factory.mktemp("template"), FILES))
    return database


@pytest.fixture
def deployed(template: Database, make_database: MakeDatabase, tmp_path: Path) -> Database:
    """One of the test's own, beside the folder."""
    write(tmp_path, FILES)
    return make_database(template.server, template)


def test_routines_and_views_are_deployed_again_and_the_old_text_is_kept(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    run(
        url,
        "CREATE OR REPLACE FUNCTION hello() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'by hand'; END $$",
        "CREATE OR REPLACE VIEW adults AS SELECT id, name FROM users WHERE age >= 21",
    )
    made = plan_in_full(url, tmp_path / "postgresql")
    assert not made.blocked and changes(made) == {"replace routine hello()", "replace view adults"}
    assert all("by hand" in step.reason for step in made.steps if step.changes)
    report = applied(url, write(tmp_path, FILES))
    assert report.status is Status.APPLIED
    assert rows(url, "SELECT hello()") == [("hello",)]
    assert "18" in rows(url, "SELECT pg_get_viewdef('adults'::regclass)")[0][0]
    log = "SELECT object_name, change_detail->>'old_definition' FROM _stonescriptdb_gateway_changelog"
    old = {name: text for name, text in rows(url, log) if text}
    assert "by hand" in old["hello()"] and "21" in old["adults"]
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


@pytest.mark.parametrize("what", BLOCKING)
def test_other_changes_block_until_allowed(deployed: Database, tmp_path: Path, what: str) -> None:
    url = deployed.url
    run(url, *BLOCKING[what].split("; "))
    catalog = catalog_of(url)
    said = refused(apply(url, write(tmp_path, NEXT)), "drift", 5)
    assert "--allow-drift" in said
    assert catalog_of(url) == catalog
    found = {change.identity for change in asyncio.run(status_database(url)).drift}
    assert any(what in identity for identity in found), found
    shown = {change.identity for change in asyncio.run(diff_database(url, write(tmp_path, FILES))).drift}
    assert shown == found
    if what == "type mood":
        return  # no enum value is ever renamed back without a migration
    applied(url, write(tmp_path, NEXT), plan=allowing(force=True, allow_drift=True))
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def test_drift_that_loses_data_needs_its_consent_too(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    run(url, "ALTER TABLE users ALTER visits TYPE bigint")
    drifted = allowing(allow_drift=True)
    said = refused(apply(url, write(tmp_path, NEXT), plan=drifted), "migration_blocked", 4)
    assert "--allow modify_column_type:users.visits" in said


def test_what_the_new_folder_declares_already_is_no_drift(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    run(
        url,
        "ALTER TABLE users ALTER visits TYPE bigint",
        "CREATE INDEX users_age_idx ON users (age)",
        "ALTER TABLE users ADD COLUMN city text",
        "CREATE OR REPLACE FUNCTION hello() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'new'; END $$",
    )
    table = (
        FILES["tables/users.sql"]
        .replace("visits int", "visits bigint")
        .replace("DEFAULT 'x'", "DEFAULT 'x', city text")
    )
    files = FILES | {
        "tables/users.sql": table + "\nCREATE INDEX users_age_idx ON users (age);",
        "functions/hello.sql": FILES["functions/hello.sql"].replace("'hello'", "'new'"),
    }
    made = plan(url, write(tmp_path, files))
    assert not made.blocked and not made.has_changes, changes(made)
    applied(url, write(tmp_path, files))
    assert asyncio.run(status_database(url)).drift == ()


def test_unmanaged_objects_are_no_drift(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    run(
        url,
        "CREATE TABLE other (id int)",
        "ALTER TABLE users ADD COLUMN mine int",
        "CREATE INDEX mine_idx ON users (mine)",
    )
    report = applied(url, write(tmp_path, NEXT), plan=allowing(force=True))
    assert report.plan is not None and set(report.plan.unmanaged) == {
        "table other",
        "column users.mine",
        "index mine_idx",
    }
    assert asyncio.run(status_database(url)).drift == ()


def test_privileges_comments_and_owner_are_ensured(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    run(
        url,
        "REVOKE SELECT ON users FROM pg_monitor",
        "COMMENT ON COLUMN users.name IS 'by hand'",
        "ALTER FUNCTION hello() OWNER TO CURRENT_USER",
        "ALTER TABLE users OWNER TO CURRENT_USER",
        "GRANT INSERT ON users TO pg_monitor",
    )
    report = applied(url, write(tmp_path, NEXT))
    assert report.plan is not None
    assert changes(report.plan) == {
        "alter column users.name comment",
        "alter routine hello() owner",
        "alter table users privileges",
        "create table notes",
    }
    assert rows(url, "SELECT col_description('users'::regclass, 2)") == [("declared",)]
    assert rows(url, "SELECT has_table_privilege('pg_monitor', 'users', 'SELECT')") == [(True,)]
    owner = "SELECT pg_get_userbyid(proowner)::text FROM pg_proc WHERE proname = 'hello'"
    assert rows(url, owner) == [("pg_monitor",)]
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def _record_as_older_stonegate(url: str) -> None:
    """Let the last deployment be one of a version that read no row-level security.

    Rows of versions that did not know of it lack the mark of how they read.
    """
    (compressed,) = rows(url, "SELECT catalog FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1")[0]
    catalog = restore(None, compressed)
    assert catalog is not None
    older = replace(catalog, tables=tuple(replace(table, row_security=False) for table in catalog.tables))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "UPDATE _stonescriptdb_gateway_deployments SET catalog = %s, catalog_checksum = %s, live_checksum = %s, "
            "introspection = NULL WHERE id = (SELECT max(id) FROM _stonescriptdb_gateway_deployments)",
            (compress(older), checksum_of(older), checksum_of(older)),
        )


def test_an_upgrade_that_reads_more_is_no_drift(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    _record_as_older_stonegate(url)
    same = asyncio.run(status_database(url))
    assert same.drift == () and same.drift_known  # nothing moved: nobody changed anything
    assert worked(plan(url, write(tmp_path, NEXT))) == ["create table notes"]
    run(
        url,
        "CREATE TABLE other (id int)",
        "ALTER TABLE users ALTER visits TYPE bigint",
    )
    moved = asyncio.run(status_database(url))
    assert moved.drift == () and not moved.drift_known
    assert not asyncio.run(read_standing(url)).drift_known
    found = asyncio.run(diff_database(url, write(tmp_path, FILES)))
    assert found.drift == () and changes(found.plan) == {"alter column users.visits type"}
    assert any("not told apart" in warning for warning in found.plan.warnings)
    assert {blocked.code for blocked in found.plan.blocked} == {"migration_blocked"}  # the consent for the type
    report = applied(url, write(tmp_path, NEXT | {"triggers/touched.sql": ""}), plan=allowing(force=True))
    assert report.plan is not None and report.plan.unmanaged == ("table other",)
    assert "drop trigger users.touched" in changes(report.plan)  # what was there is known nevertheless
    run(url, "ALTER TABLE users DISABLE ROW LEVEL SECURITY")
    known = asyncio.run(status_database(url))
    assert known.drift_known and [change.identity for change in known.drift] == ["alter table users row_security"]


def test_comments_and_rights_by_hand_stay_on_what_is_made_anew(deployed: Database, tmp_path: Path) -> None:
    """A comment that the last deployment declared, and the folder no longer does, goes."""
    url = deployed.url
    commented = (
        "FUNCTION hello()",
        "FUNCTION touch()",
        "VIEW adults",
        "COLUMN adults.name",
        "TRIGGER touched ON users",
        "POLICY own ON users",
        "CONSTRAINT users_age_check ON users",
        "INDEX users_name_idx",
        "CONSTRAINT short_check ON DOMAIN short",
    )
    changed = (
        ("types/mood.sql", "< 10", "< 20"),
        ("tables/users.sql", "age > 0", "age > -1"),
        ("tables/users.sql", "ON users (name)", "ON users (name DESC)"),
        ("tables/users.sql", "POLICY own ON users", "POLICY own ON users FOR SELECT"),
        ("tables/users.sql", "COMMENT ON COLUMN users.name IS 'declared';", ""),
        ("views/adults.sql", "SELECT id", "SELECT id::bigint AS id"),
        ("functions/touch.sql", "touch()", "touch(OUT other int)"),
        ("functions/touch.sql", "RETURNS trigger ", ""),
        ("functions/touch.sql", "RETURN NEW;", ""),
        ("functions/hello.sql", "hello()", "hello(whom text)"),
        ("triggers/touched.sql", "touch()", "moment()"),
    )
    files = FILES | {"functions/moment.sql": FILES["functions/touch.sql"].replace("touch", "moment")}
    for name, old, new in changed:
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    run(url, *(f"COMMENT ON {what} IS 'by hand'" for what in commented), "GRANT SELECT (name) ON adults TO pg_monitor")
    applied(url, write(tmp_path, files))
    right = "SELECT has_column_privilege('pg_monitor', 'adults', 'name', 'select')"
    assert rows(url, right) == [(True,)]
    descriptions = "SELECT description FROM pg_description WHERE description IN ('by hand', 'declared')"
    assert rows(url, descriptions) == [("by hand",)] * len(commented)
    files["tables/users.sql"] = files["tables/users.sql"].replace("age int", "age bigint")
    files["migrations/1.sql"] = "ALTER TABLE users ALTER COLUMN age TYPE bigint;"
    report = applied(url, write(tmp_path, files))
    assert {"recreate policy users.own", "recreate view adults"} <= {step.step.id for step in report.steps}
    assert rows(url, right) == [(True,)]
    assert rows(url, descriptions) == [("by hand",)] * len(commented)
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
