"""A database that the original deployed and people changed by hand: adopted in place, nothing lost, nothing forced."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from stonegate.database.deployment.one_database import apply_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Mode
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.convergence import catalog_of, plan_in_full, snapshot
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.original import OWN_COLUMNS, checksum, deploy_by_original, raw_checksum
from tests.evolution.support import assert_settled, changes, plan, refused, rows, run, worked
from tests.servers import Database, MakeDatabase, Server

USERS = """CREATE TABLE users (
    id SERIAL PRIMARY KEY,
    email VARCHAR(100) NOT NULL,
    name VARCHAR(40) NOT NULL,
    role user_role NOT NULL DEFAULT 'guest',
    points INT NOT NULL DEFAULT 0
);"""
ORDERS = """CREATE TABLE orders (
    id SERIAL PRIMARY KEY,
    user_id INT NOT NULL REFERENCES users(id),
    total NUMERIC(10,2) NOT NULL DEFAULT 0
);"""
FILES = {
    "types/user_role.pssql": "CREATE TYPE user_role AS ENUM ('guest', 'admin');",
    "tables/users.pssql": USERS,
    "tables/orders.pssql": ORDERS,
    "migrations/001_points.pssql": "-- Points\nUPDATE users SET points = 1 WHERE points = 0;",
    "migrations/002_names.sql": "UPDATE users SET name = upper(name);",
    "functions/count_users.pssql": """-- How many there are
CREATE OR REPLACE FUNCTION count_users(p_role user_role) RETURNS BIGINT AS $$
BEGIN
    RETURN (SELECT count(*) FROM users WHERE role = p_role); -- all of them
END;
$$ LANGUAGE plpgsql;""",
    "functions/user_name.pssql": """CREATE FUNCTION user_name(p_id INT, p_fallback VARCHAR(40) DEFAULT 'Nobody')
RETURNS TEXT AS $$
BEGIN
    RETURN coalesce((SELECT name FROM users WHERE id = p_id), p_fallback);
END;
$$ LANGUAGE plpgsql;""",
    "functions/greeting.pssql": """CREATE OR REPLACE FUNCTION greeting() RETURNS TEXT AS $$
BEGIN
    RETURN 'Hello';
END;
$$ LANGUAGE plpgsql;""",
}
FUNCTIONS = {
    "count_users": (["USER_ROLE"], "BIGINT"),
    "user_name": (["INT", "VARCHAR(40)"], "TEXT"),
    "greeting": ([], "TEXT"),
}
BY_HAND = (
    "INSERT INTO users (email, name, points) VALUES ('a@x.org', 'Ann', 0), ('b@x.org', 'Bob', 7)",
    "INSERT INTO orders (user_id, total) VALUES (1, 9.50)",
    "ALTER TABLE users ADD COLUMN legacy TEXT DEFAULT 'kept'",
    "CREATE INDEX users_hand_idx ON users (lower(email))",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE TRIGGER users_hand BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    "ALTER TABLE users ALTER COLUMN email DROP NOT NULL",
    "ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(80)",
    "CREATE OR REPLACE FUNCTION greeting() RETURNS TEXT AS $$ BEGIN RETURN 'Patched'; END $$ LANGUAGE plpgsql",
    "CREATE TABLE reports (id INT, body TEXT)",
    "INSERT INTO reports VALUES (1, 'kept')",
)
UNMANAGED = {
    "column users.legacy",
    "index users_hand_idx",
    "routine touch()",
    "table reports",
    "trigger users.users_hand",
}
ADDED = FILES | {"tables/users.pssql": USERS.replace("points INT", "phone TEXT,\n    points INT")}


@pytest.fixture(scope="module")
def template(any_server: Server, make_template: MakeDatabase) -> Database:
    """What the original left, and what people did to it since."""
    database = make_template(any_server)
    deploy_by_original(database.url, FILES, FUNCTIONS, skipped=("migrations/002_names.sql",))
    run(database.url, *BY_HAND)
    return database


@pytest.fixture
def legacy(template: Database, make_database: MakeDatabase) -> Database:
    """One of the test's own."""
    return make_database(template.server, template)


def users_column(url: str, name: str) -> tuple[str, bool]:
    """The type and nullability of a column of users."""
    query = f"""SELECT format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
                 WHERE attrelid = 'users'::regclass AND attname = '{name}' AND NOT attisdropped"""
    kind, not_null = rows(url, query)[0]
    return str(kind), bool(not_null)


def hand_made(url: str) -> list[int]:
    """How many of the unmanaged objects are there: column, index, trigger, function, table."""
    queries = (
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'legacy'",
        "SELECT count(*) FROM pg_class WHERE relname = 'users_hand_idx'",
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'users_hand'",
        "SELECT count(*) FROM pg_proc WHERE proname = 'touch'",
        "SELECT count(*) FROM pg_class WHERE relname = 'reports'",
    )
    return [rows(url, query)[0][0] for query in queries]


def source(tmp_path: Path, files: dict[str, str]) -> LazySource:
    return write(tmp_path, files)


def test_the_plan_of_an_adoption(legacy: Database, tmp_path: Path) -> None:
    made = plan(legacy.url, source(tmp_path, FILES))
    assert made.mode is Mode.ADOPTION and not made.blocked
    assert worked(made) == ["run migration 002_names.sql", "replace routine greeting()"]
    warned = [warning for warning in made.warnings if "first stonegate deployment" in warning]
    assert len(warned) == 2
    assert any("users.email" in warning for warning in warned) and any("users.name" in warning for warning in warned)
    assert set(made.unmanaged) == UNMANAGED
    assert sum(key.kind is ObjectKind.ROUTINE for key in made.skipped) == 2


def test_nothing_is_lost_and_the_original_runs_on(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    before = snapshot(url)
    report = applied(url, source(tmp_path, FILES))
    assert report.status is Status.APPLIED
    after = snapshot(url)
    assert after.counts == before.counts
    assert after.values["users", "legacy"] == ["kept", "kept"]
    assert after.values["users", "name"] == ["ANN", "BOB"]
    assert after.values["users", "points"] == ["0", "7"]  # 001 ran long ago
    assert hand_made(url) == [1, 1, 1, 1, 1]
    assert users_column(url, "email") == ("character varying(100)", False)
    assert users_column(url, "name") == ("character varying(80)", True)
    assert rows(url, "SELECT greeting()") == [("Hello",)]
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    old = rows(
        url,
        "SELECT change_detail->>'old_definition' FROM _stonescriptdb_gateway_changelog"
        " WHERE object_name LIKE 'greeting%' AND change_type <> 'function_deploy'",
    )
    assert len(old) == 1 and "Patched" in old[0][0]


def test_the_originals_columns_keep_its_form(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    kept = {
        table: rows(url, f"SELECT {columns} FROM _stonescriptdb_gateway_{table} ORDER BY 1, 2, 3")
        for table, columns in OWN_COLUMNS.items()
        if table not in ("changelog", "migrations")
    }
    applied(url, source(tmp_path, FILES))
    for table, before in kept.items():
        now = rows(url, f"SELECT {OWN_COLUMNS[table]} FROM _stonescriptdb_gateway_{table} ORDER BY 1, 2, 3")
        assert [_bare(row) for row in now] == [_bare(row) for row in before], table
    migrations = dict(rows(url, "SELECT migration_file, checksum FROM _stonescriptdb_gateway_migrations"))
    assert migrations == {
        name: raw_checksum(FILES[f"migrations/{name}"]) for name in ("001_points.pssql", "002_names.sql")
    }
    # What the original would write next still finds its constraints and defaults.
    run(
        url,
        "INSERT INTO _stonescriptdb_gateway_functions (function_name, signature, param_types, return_type,"
        " body_checksum, source_file) VALUES ('greeting', 'greeting()', '{}', 'TEXT', 'x', 'greeting.pssql')"
        " ON CONFLICT (function_name, param_types) DO UPDATE SET body_checksum = EXCLUDED.body_checksum",
        "INSERT INTO _stonescriptdb_gateway_changelog (change_type, object_name) VALUES ('x', 'y')",
    )


def _bare(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row with its file path reduced to the base name: ours is the path below the folder."""
    return (*row[:-1], str(row[-1]).rpartition("/")[2])


def test_new_functions_are_recorded_by_the_originals_rule(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    text = """CREATE OR REPLACE FUNCTION add_points(p_id INT, p_by INTEGER DEFAULT 1, OUT total NUMERIC(10,2))
AS $$ /* Adds */ BEGIN
    UPDATE users SET points = points + p_by WHERE id = p_id RETURNING points INTO total; -- 'It''s'
END $$ LANGUAGE plpgsql;"""
    applied(url, source(tmp_path, FILES | {"functions/add_points.pssql": text}))
    query = "SELECT param_types, body_checksum FROM _stonescriptdb_gateway_functions WHERE function_name = 'add_points'"
    assert rows(url, query) == [(["INT", "INTEGER"], checksum(text))]


def test_what_was_left_alone_is_remembered(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    applied(url, source(tmp_path, FILES))
    second = applied(url, source(tmp_path, ADDED))
    assert second.plan is not None and changes(second.plan) == {"create column users.phone"}
    hotfix = {path: text.replace("Hello", "Ho") for path, text in FILES.items() if path[:5] in ("types", "funct")}
    applied(url, source(tmp_path / "hotfix", hotfix))  # it says nothing of tables
    third = FILES | {"functions/greeting.pssql": FILES["functions/greeting.pssql"].replace("Hello", "Hi")}
    third["tables/users.pssql"] = ADDED["tables/users.pssql"]
    report = applied(url, source(tmp_path, third))
    assert report.plan is not None and changes(report.plan) == {"replace routine greeting()"}
    assert users_column(url, "email")[1] is False and users_column(url, "name")[0] == "character varying(80)"

    consents = allowing("set_not_null:users.email", "modify_column_type:users.name")
    report = applied(url, source(tmp_path, third), plan=consents)
    assert report.plan is not None
    assert changes(report.plan) == {"alter column users.email not_null", "alter column users.name type"}
    assert users_column(url, "email") == ("character varying(100)", True)
    assert users_column(url, "name") == ("character varying(40)", True)
    run(url, "ALTER TABLE users ALTER COLUMN email DROP NOT NULL")
    refused(apply(url, source(tmp_path, ADDED)), "drift", 5)  # no longer an exception


@pytest.mark.parametrize("baseline", [False, True])
def test_comments_of_others_stay(legacy: Database, tmp_path: Path, baseline: bool) -> None:
    """As rights do; those that the folder had, and has no more, go."""
    url, said = legacy.url, "COMMENT ON COLUMN orders.total IS 'net';"
    run(url, "COMMENT ON TABLE orders IS 'by hand'", "COMMENT ON FUNCTION greeting() IS 'by hand'", said)
    run(url, "COMMENT ON CONSTRAINT users_pkey ON users IS 'by hand'")
    kept = "SELECT description FROM pg_description WHERE description IN ('by hand', 'net') ORDER BY 1"
    files = FILES | {"tables/orders.pssql": f"{ORDERS}\n{said}"}
    taken = ApplyOptions(plan=allowing(baseline=baseline), skip_verification=True)
    assert asyncio.run(apply_database(url, source(tmp_path, files), taken)).error is None
    assert baseline or not plan_in_full(url, tmp_path / "postgresql").has_changes
    assert rows(url, kept) == [("by hand",)] * 3 + [("net",)]
    applied(url, source(tmp_path, ADDED), plan=allowing(allow_drift=True, force=True))
    assert rows(url, kept) == [("by hand",)] * 3
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def test_a_declared_change_of_what_was_left_alone_is_no_exception(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    applied(url, source(tmp_path, FILES))
    shorter = FILES | {"tables/users.pssql": USERS.replace("name VARCHAR(40)", "name VARCHAR(20)")}
    said = refused(apply(url, source(tmp_path, shorter)), "migration_blocked", 4)
    assert "--allow modify_column_type:users.name" in said and "users.email" not in said
    longer = FILES | {"tables/users.pssql": USERS.replace("name VARCHAR(40)", "name VARCHAR(120)")}
    report = applied(url, source(tmp_path, longer))
    assert report.plan is not None and changes(report.plan) == {"alter column users.name type"}


SHORT = {
    "tables/notes.pssql": "CREATE TABLE notes (id INT PRIMARY KEY, code VARCHAR(40) CONSTRAINT c CHECK (code > 'a'));\n"
    "CREATE INDEX notes_code ON notes (code) WHERE code > 'b';\n"
    "ALTER TABLE notes ADD COLUMN late boolean GENERATED ALWAYS AS (code > 'c') STORED;\n"
    "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;\nCREATE POLICY seen ON notes USING (code > 'd');",
    "views/codes.pssql": "CREATE VIEW codes AS SELECT code, code > 'e' AS late FROM notes;\n"
    "CREATE MATERIALIZED VIEW all_codes AS SELECT code FROM codes;",
    "functions/latest.pssql": "CREATE FUNCTION latest() RETURNS text BEGIN ATOMIC "
    "SELECT max(code) FROM codes WHERE code > 'f'; END;",
}


def test_what_shows_the_type_of_a_column_that_is_left(any_database: Database, tmp_path: Path) -> None:
    """PostgreSQL prints it otherwise as long as the column is otherwise, whoever makes it."""
    url = any_database.url
    table, views, latest = SHORT.values()
    deploy_by_original(url, {"tables/notes.pssql": table.replace("VARCHAR(40)", "TEXT")}, {})
    run(url, views, latest, "INSERT INTO notes VALUES (1, 'x')")
    made = plan(url, source(tmp_path, SHORT))
    assert made.mode is Mode.ADOPTION and worked(made) == [], worked(made)
    applied(url, source(tmp_path, SHORT))
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes

    second = {path: text.replace("'e'", "'ee'").replace("'a'", "'aa'") for path, text in SHORT.items()}
    second["views/short.pssql"] = "CREATE VIEW short AS SELECT code FROM codes WHERE code < 'g';"
    report = applied(url, source(tmp_path, second))
    assert report.plan is not None
    assert changes(report.plan) >= {"create view short", "recreate view codes"}
    again = plan_in_full(url, tmp_path / "postgresql")
    assert not again.has_changes and not again.blocked, worked(again)

    third = {path: re.sub(r"\bcode\b", "mark", text) for path, text in second.items()}
    added = "ALTER TABLE notes ADD COLUMN low boolean GENERATED ALWAYS AS (mark < 'h') STORED;"
    third["tables/notes.pssql"] += f"\n{added}"
    third["migrations/1.pssql"] = f"ALTER TABLE notes RENAME COLUMN code TO mark;\n{added}"
    report = applied(url, source(tmp_path, third))
    assert {done.step.action for done in report.steps} == {Action.RUN}, "what a migration makes is not made again"
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    applied(url, source(tmp_path, third | {"tables/x.sql": "CREATE TABLE x ();"}), plan=allowing(force=True))
    assert_settled(any_database, tmp_path / "postgresql")


@pytest.mark.parametrize("forced_at", ["adoption", "later"])
def test_force_never_drops_what_nobody_declared(legacy: Database, tmp_path: Path, forced_at: str) -> None:
    url = legacy.url
    before = snapshot(url)
    if forced_at == "later":
        applied(url, source(tmp_path, FILES))
    report = applied(
        url, source(tmp_path, FILES | {"tables/orders.pssql": ORDERS + "\n-- same"}), plan=allowing(force=True)
    )
    assert hand_made(url) == [1, 1, 1, 1, 1]
    assert snapshot(url).counts == before.counts
    # --force carries out what stands in the table of §5: the NOT NULL and the shorter type.
    assert users_column(url, "email") == ("character varying(100)", True)
    assert users_column(url, "name") == ("character varying(40)", True)
    assert report.plan is not None
    query = "SELECT object_name FROM _stonescriptdb_gateway_changelog WHERE forced AND change_type <> 'function_deploy'"
    forced = rows(url, query)
    assert forced == [("users",)]


def test_only_a_name_drops_what_nobody_declared(legacy: Database, tmp_path: Path) -> None:
    url = legacy.url
    applied(url, source(tmp_path, FILES))
    general = apply(url, source(tmp_path, FILES), plan=allowing("drop_column", "drop_table"))
    assert general.error is None and hand_made(url) == [1, 1, 1, 1, 1]
    report = applied(url, source(tmp_path, FILES), plan=allowing("drop_column:users.legacy"))
    assert report.plan is not None and changes(report.plan) == {"drop column users.legacy"}
    assert hand_made(url) == [0, 1, 1, 1, 1]
    named = allowing(
        "drop_index:users_hand_idx", "drop_trigger:users.users_hand", "drop_routine:touch()", "drop_table:reports"
    )
    applied(url, source(tmp_path, FILES), plan=named)
    assert hand_made(url) == [0, 0, 0, 0, 0]
    assert not plan_in_full(url, tmp_path / "postgresql").unmanaged


def test_a_named_drop_beside_a_migration(legacy: Database, tmp_path: Path) -> None:
    """002 is still pending: the plan is decided again after it ran, and the drop is not forgotten."""
    applied(legacy.url, source(tmp_path, FILES), plan=allowing("drop_index:users_hand_idx", "drop_column:users.legacy"))
    assert hand_made(legacy.url) == [0, 0, 1, 1, 1]


def test_what_the_original_recorded_is_managed(legacy: Database, tmp_path: Path) -> None:
    """A function removed from the folder in the same release that brings stonegate is an orphan all the same."""
    files = {path: text for path, text in FILES.items() if path != "functions/user_name.pssql"}
    made = plan(legacy.url, source(tmp_path, files))
    assert "drop routine user_name(integer, character varying)" in changes(made)
    without = {path: text for path, text in FILES.items() if path != "tables/orders.pssql"}
    made = plan(legacy.url, source(tmp_path, without))
    assert "drop table orders" not in changes(made) and not made.blocked
    assert any("orders" in warning for warning in made.warnings)


def test_a_changed_file_of_an_applied_migration_blocks(legacy: Database, tmp_path: Path) -> None:
    files = FILES | {"migrations/001_points.pssql": "UPDATE users SET points = 2;"}
    said = refused(apply(legacy.url, source(tmp_path, files)), "changed_migration", 5)
    assert "001_points.pssql" in said


def test_baseline_of_a_database_without_tracking(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    run(url, FILES["types/user_role.pssql"], USERS, ORDERS, *BY_HAND[:4])
    catalog = catalog_of(url)
    folder = source(tmp_path, {path: text for path, text in FILES.items() if not path.startswith("functions/")})
    said = refused(apply(url, folder), "migration_blocked", 4)
    assert "--baseline" in said
    assert catalog_of(url) == catalog
    report = applied(url, folder, plan=allowing(baseline=True))
    assert report.status is Status.APPLIED and report.plan is not None and report.plan.mode is Mode.BASELINE
    baselined = "SELECT migration_file, baselined FROM _stonescriptdb_gateway_migrations ORDER BY 1"
    assert rows(url, baselined) == [("001_points.pssql", True), ("002_names.sql", True)]
    assert rows(url, "SELECT name FROM users ORDER BY 1") == [("Ann",), ("Bob",)]
    assert hand_made(url)[:2] == [1, 1]
    again = plan_in_full(url, tmp_path / "postgresql")
    assert not again.has_changes and not again.blocked
    assert {"column users.legacy", "index users_hand_idx"} <= set(again.unmanaged)
    added = {path: text for path, text in ADDED.items() if not path.startswith("functions/")}
    report = applied(url, source(tmp_path, added))
    assert report.plan is not None and changes(report.plan) == {"create column users.phone"}
