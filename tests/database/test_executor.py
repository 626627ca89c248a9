"""One plan, one database, one transaction: what an apply does to real PostgreSQL, and what it says when that fails."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import psycopg
import pytest

from stonegate.database.deployment import ApplyOptions, apply_database
from stonegate.database.progress import Progress, Stage
from stonegate.model.plan import Phase
from stonegate.model.report import Status
from tests.database.folders import allowing, applied, apply, write
from tests.servers import Database

USERS = "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);\n"
COUNT = """CREATE FUNCTION count_users() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(*) FROM users);
END
$$;
"""


def relations(database: Database) -> set[str]:
    """Names of all tables that are not tracking tables."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    return {name for (name,) in database.rows(query) if not name.startswith("_stonescriptdb_gateway_")}


# --- fresh ----------------------------------------------------------------------------------------------------------


def test_fresh_apply_deploys_everything_and_the_second_one_is_unchanged(any_database: Database, tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {
            "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
            "tables/users.sql": USERS,
            "functions/count.sql": COUNT,
            "seeders/users.sql": "INSERT INTO users VALUES (1, 'a@x'), (2, 'b''s');",
        },
    )
    report = applied(any_database.url, source)
    assert report.status is Status.APPLIED and report.verified
    assert report.counts == {"create": 3, "seed": 1}
    assert [(seed.table, seed.inserted) for seed in report.seeds] == [("users", 2)]
    assert any_database.rows("SELECT count_users()") == [(2,)]
    again = applied(any_database.url, source)
    assert again.status is Status.UNCHANGED and again.steps == ()


def test_the_changelog_has_one_row_per_object(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS, "functions/count.sql": COUNT}))
    rows = database.rows("SELECT change_type, object_name FROM _stonescriptdb_gateway_changelog ORDER BY id")
    assert rows == [("create_table", "users"), ("create_function", "count_users()")]
    assert database.rows("SELECT count(*) FROM _stonescriptdb_gateway_deployments") == [(1,)]


def test_thousands_of_statements_are_sent_in_order(database: Database, tmp_path: Path) -> None:
    many = "\n".join(f"CREATE TABLE t{n} (id int PRIMARY KEY);" for n in range(350))
    report = applied(database.url, write(tmp_path, {"tables/many.sql": many}))
    assert report.counts == {"create": 350}


def test_progress_tells_stage_phase_and_number(database: Database, tmp_path: Path) -> None:
    events: list[Progress] = []
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}), on_progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == [
        Stage.CONNECT, Stage.INTROSPECT, Stage.PLAN, Stage.STEPS, Stage.RECORD, Stage.VERIFY, Stage.COMMIT,
    ]  # fmt: skip
    step = next(event for event in events if event.stage is Stage.STEPS)
    assert (step.phase, step.index, step.total, step.object) == (Phase.TABLES, 1, 1, "users")


# --- failures: where, why, and nothing changed ----------------------------------------------------------------------


def test_a_failing_statement_is_named_with_file_line_and_cause(database: Database, tmp_path: Path) -> None:
    files = {"tables/users.sql": "-- users\n" + USERS + "CREATE INDEX users_mail ON users (\n  lower(nothing)\n);\n"}
    report = apply(database.url, write(tmp_path, files))
    assert report.status is Status.FAILED and report.error is not None
    error = report.error
    assert (error.code, error.exit_code, error.sqlstate) == ("migration_failed", 6, "42703")
    assert error.message.startswith("tables/users.sql:4")
    assert error.cause == 'column "nothing" does not exist'
    assert relations(database) == set()


def test_a_mistake_in_a_body_is_reported_at_its_line_of_the_file(database: Database, tmp_path: Path) -> None:
    body = "\n\nCREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1;\n  IF THEN\nEND\n$$;\n"
    report = apply(database.url, write(tmp_path, {"functions/broken.sql": body}))
    assert report.error is not None
    assert report.error.code == "function_deploy_failed"
    assert report.error.message.startswith("functions/broken.sql:6")
    assert report.error.cause == 'missing expression at or near "THEN"'


def test_a_mistake_in_an_sql_body_is_reported_at_its_line_of_the_file(database: Database, tmp_path: Path) -> None:
    body = "CREATE FUNCTION broken() RETURNS int LANGUAGE sql AS $$\n\n  SELECT nothing\n$$;\n"
    report = apply(database.url, write(tmp_path, {"functions/broken.sql": body}))
    assert report.error is not None
    assert report.error.message.startswith("functions/broken.sql:3")


def test_an_extension_that_the_server_lacks_is_refused_before_anything_else(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"extensions/pg_trgn.sql": "", "tables/users.sql": USERS})
    report = apply(database.url, source)
    assert report.error is not None
    assert report.error.code == "extension_not_available" and report.error.exit_code == 3
    assert report.error.hint is not None and "pg_trgm" in report.error.hint
    assert database.rows("SELECT count(*) FROM pg_class WHERE relname ~ '^_stonescript'") == [(0,)]


def test_a_seeder_that_violates_a_check_rolls_everything_back(database: Database, tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {
            "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, age int CHECK (age > 0));",
            "seeders/users.sql": "INSERT INTO users VALUES\n  (1, 5),\n  (2, -5);\n",
        },
    )
    report = apply(database.url, source)
    assert report.status is Status.FAILED and report.error is not None
    assert report.error.code == "migration_failed" and report.error.sqlstate == "23514"
    assert report.error.message.startswith("seeders/users.sql:3")
    assert relations(database) == set()


def test_a_role_without_rights_changes_nothing_and_is_told_why(database: Database, tmp_path: Path) -> None:
    database.rows("CREATE ROLE stonegate_guest LOGIN")
    try:
        url = database.server.url(database.name, "stonegate_guest")
        report = apply(url, write(tmp_path, {"tables/users.sql": USERS}))
        assert report.status is Status.FAILED and report.error is not None
        assert report.error.sqlstate == "42501" and report.error.exit_code == 6
        assert report.error.hint is not None
        assert relations(database) == set()
    finally:
        database.rows("DROP ROLE stonegate_guest")


# --- locks and timeouts ---------------------------------------------------------------------------------------------


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


def test_a_statement_timeout_names_the_statement(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"migrations/001.sql": "SELECT 1;\nSELECT pg_sleep(5);\n"})
    report = apply(database.url, source, statement_timeout_s=0.1)
    assert report.error is not None and report.error.sqlstate == "57014"
    assert report.error.message.startswith("migrations/001.sql:2")
    assert report.error.hint is not None and "--statement-timeout" in report.error.hint


# --- migrations -----------------------------------------------------------------------------------------------------


def test_a_migration_and_its_row_are_one_transaction(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    files = {"tables/users.sql": USERS, "migrations/001.sql": "INSERT INTO users VALUES (7, 'm');\nSELECT 1 / 0;\n"}
    failed = apply(database.url, write(tmp_path, files))
    assert failed.error is not None and failed.error.message.startswith("migrations/001.sql:2")
    assert database.rows("SELECT count(*) FROM users") == [(0,)]
    assert database.rows("SELECT count(*) FROM _stonescriptdb_gateway_migrations") == [(0,)]
    files["migrations/001.sql"] = "INSERT INTO users VALUES (7, 'm');\n"
    assert applied(database.url, write(tmp_path, files)).counts["run"] == 1
    assert database.rows("SELECT migration_file, baselined FROM _stonescriptdb_gateway_migrations") == [
        ("001.sql", False)
    ]


def test_what_a_migration_sets_ends_with_it(database: Database, tmp_path: Path) -> None:
    files = {
        "migrations/001.sql": "CREATE SCHEMA other;\nSET search_path = other;\nSET lock_timeout = '1s';\n",
        "migrations/002.sql": "CREATE TABLE here (id int);\n",
    }
    applied(database.url, write(tmp_path, files))
    assert database.rows("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'here'") == [
        ("public",)
    ]


def test_deferred_constraints_are_deferred_again_for_the_next_migration(database: Database, tmp_path: Path) -> None:
    late = "DEFERRABLE INITIALLY DEFERRED;\n"
    pair = (
        "CREATE TABLE a (id int PRIMARY KEY, b int);\n"
        f"CREATE TABLE b (id int PRIMARY KEY, a int);\nALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a {late}"
        f"ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b {late}"
    )
    files = {
        "migrations/001.sql": pair + "INSERT INTO a VALUES (1, 1);\nINSERT INTO b VALUES (1, 1);\n",
        "migrations/002.sql": "ALTER TABLE a ADD COLUMN note text;\n",
        "migrations/003.sql": "INSERT INTO a VALUES (2, 2);\nINSERT INTO b VALUES (2, 2);\n",
    }
    assert applied(database.url, write(tmp_path, files)).counts == {"run": 3}
    files["migrations/004.sql"] = "INSERT INTO a VALUES (3, 3);\n"
    failed = apply(database.url, write(tmp_path, files))
    assert failed.error is not None and failed.error.sqlstate == "23503"
    assert failed.error.message.startswith("migrations/004.sql")


def test_after_the_migrations_only_what_is_still_needed_is_done(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    files = {
        "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, mail text NOT NULL, age int);",
        "migrations/001.sql": "DO $$ BEGIN EXECUTE 'ALTER TABLE users RENAME COLUMN email TO mail'; END $$;\n",
    }
    database.rows("INSERT INTO users VALUES (1, 'kept')")
    report = apply(database.url, write(tmp_path, files), plan=allowing(force=True))
    assert report.error is None, report.error
    assert database.rows("SELECT id, mail, age FROM users") == [(1, "kept", None)]


# --- after the commit -----------------------------------------------------------------------------------------------

LATE = "-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY users_mail ON users (email);\n"


def test_what_cannot_run_in_a_transaction_follows_the_commit(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    files = {
        "tables/users.sql": USERS + "CREATE INDEX users_mail ON users (email);",
        "migrations/001.sql": LATE,
    }
    source = write(tmp_path, files)
    report = applied(database.url, source)
    assert report.counts.get("run") == 1
    assert database.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_mail'::regclass") == [(True,)]
    assert database.rows("SELECT migration_file FROM _stonescriptdb_gateway_migrations") == [("001.sql",)]
    assert applied(database.url, source).status is Status.UNCHANGED


def test_an_interrupted_concurrent_index_is_dropped_and_built_again(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    database.rows("INSERT INTO users VALUES (1, 'twice'), (2, 'twice')")
    late = LATE.replace("CREATE INDEX", "CREATE UNIQUE INDEX")
    files = {
        "tables/users.sql": USERS + "CREATE UNIQUE INDEX users_mail ON users (email);",
        "migrations/001.sql": "-- stonegate: no-transaction\nCREATE TABLE IF NOT EXISTS note (id int);\n"
        + late.partition("\n")[2],
        "migrations/000.sql": "SELECT 1;",
    }
    source = write(tmp_path, files)
    failed = apply(database.url, source)
    assert failed.status is Status.FAILED and failed.error is not None
    assert failed.error.sqlstate == "23505" and failed.error.message.startswith("migrations/001.sql")
    assert [step.step.key.name for step in failed.steps] == ["000.sql"], "the transaction was committed"
    assert database.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_mail'::regclass") == [(False,)]
    assert database.rows("SELECT migration_file FROM _stonescriptdb_gateway_migrations") == [("000.sql",)]
    database.rows("DELETE FROM users WHERE id = 2; DROP TABLE note")
    assert applied(database.url, source).status is Status.APPLIED
    assert database.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_mail'::regclass") == [(True,)]
    assert "note" not in relations(database), "a statement that was finished is not repeated"
    assert applied(database.url, source).status is Status.UNCHANGED


# --- declared rows --------------------------------------------------------------------------------------------------

ROLES = {
    "tables/roles.sql": "CREATE TABLE roles (id int PRIMARY KEY, name text);",
    "seeders/roles.sql": "INSERT INTO roles VALUES (1, 'admin'), (2, 'user');",
}


def test_missing_rows_block_until_they_are_excused_and_are_remembered(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, ROLES))
    database.rows("DELETE FROM roles WHERE id = 2")
    changed = write(tmp_path, ROLES | {"functions/count.sql": COUNT.replace("users", "roles")})
    report = apply(database.url, changed)
    assert report.error is not None and (report.error.code, report.error.exit_code) == ("missing_seed", 5)
    assert report.error.details == ("roles id = 2",)
    assert report.error.hint is not None and "--seed-missing" in report.error.hint
    assert database.rows("SELECT count(*) FROM pg_proc WHERE proname = 'count_roles'") == [(0,)]
    excused = applied(database.url, changed, plan=allowing("missing_seed:roles"))
    assert any("roles id = 2" in warning for warning in excused.warnings)
    later = write(
        tmp_path, ROLES | {"functions/count.sql": COUNT.replace("users", "roles").replace("BEGIN", "BEGIN PERFORM 1;")}
    )
    assert applied(database.url, later).status is Status.APPLIED
    asked = applied(database.url, later, plan=allowing(seed_missing=True))
    assert [(seed.found, seed.inserted) for seed in asked.seeds] == [(1, 1)]


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


# --- verification and dry run ---------------------------------------------------------------------------------------


def test_a_trigger_that_swallows_seeds_fails_the_verification(database: Database, tmp_path: Path) -> None:
    swallow = (
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM roles; RETURN NULL; END $$;"
    )
    trigger = "CREATE TRIGGER t AFTER INSERT ON roles FOR EACH STATEMENT EXECUTE FUNCTION swallow();"
    source = write(tmp_path, ROLES | {"functions/swallow.sql": swallow, "triggers/t.sql": trigger})
    report = apply(database.url, source)
    assert report.error is not None and report.error.code == "verification_failed"
    assert relations(database) == set()


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


# --- extensions -----------------------------------------------------------------------------------------------------


def test_an_extension_in_a_schema_of_its_own_joins_the_search_path(any_database: Database, tmp_path: Path) -> None:
    files = {
        "extensions/vector.sql": "-- schema: ext",
        "tables/items.sql": "CREATE TABLE items (id int PRIMARY KEY, place vector(3));",
    }
    if any_database.server.major == 15:  # Debian's contrib has no pgvector
        files = {
            "extensions/citext.sql": "-- schema: ext",
            "tables/items.sql": "CREATE TABLE items (id int PRIMARY KEY, place citext);",
        }
    source = write(tmp_path, files)
    assert applied(any_database.url, source).verified
    assert any_database.rows("SHOW search_path") == [("public, ext",)]
    assert applied(any_database.url, source).status is Status.UNCHANGED
    files["functions/one.sql"] = COUNT.replace("users", "items")
    files["tables/items.sql"] = files["tables/items.sql"].replace(");", ", note text);")
    assert applied(any_database.url, write(tmp_path, files)).verified


def test_an_untrusted_extension_is_the_admins(database: Database, tmp_path: Path) -> None:
    database.rows(f"CREATE ROLE plain_owner LOGIN; ALTER DATABASE {database.name} OWNER TO plain_owner")
    try:
        url = database.server.url(database.name, "plain_owner")
        source = write(tmp_path, {"extensions/pageinspect.sql": "", "tables/users.sql": USERS})
        refused = apply(url, source)
        assert refused.error is not None and refused.error.code == "extension_install_failed"
        assert refused.error.hint is not None and "admin" in refused.error.hint
        assert relations(database) == set()
        dry = applied(url, source, admin=database.server.admin_url, dry_run=True)
        assert {step.step.id: step.state for step in dry.steps} == {
            "create extension pageinspect": "not rehearsed",
            "create table users": "done",
        }
        report = applied(url, source, admin=database.server.admin_url)
        assert report.counts == {"create": 2} and report.verified
        query = "SELECT extowner::regrole::text FROM pg_extension WHERE extname = 'pageinspect'"
        assert database.rows(query) == [("postgres",)]
        assert applied(url, source).status is Status.UNCHANGED
    finally:
        database.rows(
            f"ALTER DATABASE {database.name} OWNER TO postgres; DROP OWNED BY plain_owner; DROP ROLE plain_owner"
        )


SLEEPERS = "SELECT pid FROM pg_stat_activity WHERE query ~ 'pg_sleep.30' AND pid <> pg_backend_pid()"


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
    assert database.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ) == [(0,)]
    assert relations(database) == set()


def test_two_applies_at_once_both_succeed_and_one_does_the_work(database: Database, tmp_path: Path) -> None:
    files = {"migrations/1.sql": "CREATE TABLE users (id int);\nSELECT pg_sleep(0.5);\nINSERT INTO users VALUES (1);"}
    source = write(tmp_path, files)

    async def both() -> list[Status]:
        reports = await asyncio.gather(*(apply_database(database.url, source, ApplyOptions()) for _ in range(2)))
        assert all(report.error is None for report in reports), reports
        return sorted(report.status for report in reports)

    assert asyncio.run(both()) == [Status.APPLIED, Status.UNCHANGED]
    assert database.rows("SELECT count(*) FROM users") == [(1,)]
