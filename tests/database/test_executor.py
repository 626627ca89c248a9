"""One plan, one database, one transaction: what an apply does to real PostgreSQL."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stonegate.database.executor import transaction, verify
from stonegate.database.progress import Progress, Stage
from stonegate.database.tracking.records import Entry
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, Phase
from stonegate.model.report import Status
from tests.database.folders import COUNT, USERS, allowing, applied, apply, relations, write
from tests.database.rich import extension_of
from tests.servers import Database, MakeDatabase, Server

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


SEEDED = {"tables/users.sql": USERS, "functions/count.sql": COUNT} | {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('sad', 'happy');",
    "seeders/users.sql": "INSERT INTO users VALUES (1, 'a@x'), (2, 'b@x');",
}


def test_what_is_recorded_while_the_catalog_is_put_together_is_what_is_recorded_after_it(
    any_server: Server, make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that may not be trusted wait until all else is done."""
    source, ahead, behind = write(tmp_path, SEEDED), make_database(any_server), make_database(any_server)
    applied(ahead.url, source)
    with monkeypatch.context() as patched:
        patched.setattr(transaction, "is_trusting", lambda conn: False)
        applied(behind.url, source)
    for table, columns in {
        "changelog": "id, change_type, object_name, change_detail",
        "functions": "id, function_name, param_types, body_checksum, identity",
        "tables": "id, table_name, checksum, identity",
        "types": "id, type_name, checksum, identity",
        "deployments": "id, digest, mode, counts, live_checksum, catalog_checksum",
    }.items():
        rows = ahead.rows(f"SELECT {columns} FROM _stonescriptdb_gateway_{table} ORDER BY id")
        assert rows and rows == behind.rows(f"SELECT {columns} FROM _stonescriptdb_gateway_{table} ORDER BY id")
    assert ahead.rows("SELECT change_type FROM _stonescriptdb_gateway_changelog ORDER BY id DESC LIMIT 1") == [
        ("seed_rows",)
    ]


def test_a_failure_to_record_leaves_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Entry("SELECT 1/0 FROM pg_sleep(0.2)", ())
    monkeypatch.setattr(transaction, "plan_entries", lambda *args, **options: (broken,))
    report = apply(database.url, write(tmp_path, SEEDED))
    assert report.error is not None and report.error.cause == "division by zero"
    assert relations(database) == set()


def test_a_failed_verification_ends_the_recording(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Entry("SELECT pg_sleep(60)", ())
    users = ObjectKey(ObjectKind.TABLE, "public", "users")
    unmet = Change(action=Action.ALTER, key=users, reason="somebody meddled")
    with monkeypatch.context() as patched:
        patched.setattr(transaction, "plan_entries", lambda *args, **options: (endless,))
        patched.setattr(verify, "unmet_changes", lambda *args: (unmet,))
        began = time.monotonic()
        report = apply(database.url, write(tmp_path, SEEDED))
    assert report.error is not None and report.error.details == ("somebody meddled",)
    assert relations(database) == set() and time.monotonic() - began < 30
    assert applied(database.url, write(tmp_path, SEEDED)).verified


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


def test_a_migration_of_a_release_that_was_left_out_is_told_apart(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    files = {"tables/users.sql": USERS, "migrations/002.sql": "UPDATE users SET nickname = name;"}
    failed = apply(database.url, write(tmp_path, files))
    assert failed.error is not None and failed.error.sqlstate == "42703"
    assert "deploy that first" in (failed.error.hint or "")


NOTES = {
    "types/kind.sql": "CREATE TYPE kind AS ENUM ('a', 'b');",
    "tables/notes.sql": "CREATE TABLE notes (id int PRIMARY KEY, n int, k kind);",
    "tables/log.sql": "CREATE TABLE log (entries bigint);",
    "views/short.sql": "CREATE VIEW short AS SELECT id, n FROM notes;",
    "functions/note.sql": "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
    "INSERT INTO log SELECT count(*) FROM notes; RETURN NEW; END $$;",
    "triggers/note.sql": "CREATE TRIGGER note BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION note();",
}
_UNREADABLE = "DO $$ BEGIN IF true THEN ALTER TABLE notes ALTER n TYPE bigint; END IF; END $$;"


@pytest.mark.parametrize(
    ("migration", "hint"),
    [
        (
            "ALTER TABLE notes RENAME TO old;\nUPDATE old SET n = 1;\nALTER TABLE old RENAME TO notes;",
            "note() ran as it was before",
        ),
        (_UNREADABLE, "write DROP VIEW short; above this line; the declared one comes back behind the migrations"),
        ("-- stonegate: no-transaction\n" + _UNREADABLE, "DROP VIEW short; above this line; make it again below"),
        ("DO $$ BEGIN EXECUTE 'DROP FUNCTION note'; END $$;", "write DROP TRIGGER note ON notes; above this line"),
        ("UPDATE notes SET k = 'c';", "deploy that first"),
        ("INSERT INTO notes (id) VALUES (2) ON CONFLICT (n) DO NOTHING;", "write CREATE UNIQUE INDEX"),
        ("CREATE TABLE x (n int CHECK (n > 0));\nALTER TABLE x ALTER n TYPE text;\nDROP TABLE x;", "write DROP INDEX"),
        ("CREATE TABLE by_hand (id int);", "IF NOT EXISTS where it is the same"),
        ("ALTER TABLE notes ADD CONSTRAINT few CHECK (n < 99);", "leave this out where it is the same"),
        ("ALTER TABLE notes ADD CONSTRAINT notes_pkey UNIQUE (n);", "or RENAME CONSTRAINT … TO …"),
        (
            "INSERT INTO notes VALUES (2, 1);\nALTER TABLE notes ADD m int;",
            "write SET CONSTRAINTS ALL IMMEDIATE; above this line",
        ),
        ("ALTER TABLE notes ALTER n DROP EXPRESSION;", "for a form that only a release in between had"),
        ("UPDATE notes SET n = 1 WHERE n + 1;", "correct the statement"),
    ],
)
def test_what_postgresql_refuses_a_migration_for_is_told_with_what_to_write(
    database: Database, tmp_path: Path, migration: str, hint: str
) -> None:
    applied(database.url, write(tmp_path, NOTES))
    database.rows("INSERT INTO notes VALUES (1, 1, 'a')")
    database.rows("CREATE TABLE by_hand (id int)")
    database.rows("ALTER TABLE notes ADD CONSTRAINT few CHECK (n < 99)")
    database.rows("ALTER TABLE notes ADD FOREIGN KEY (n) REFERENCES notes DEFERRABLE INITIALLY DEFERRED")
    failed = apply(database.url, write(tmp_path, NOTES | {"migrations/001.sql": migration}))
    assert failed.error is not None and hint in (failed.error.hint or ""), failed.error


@pytest.mark.parametrize(
    ("before", "after", "fill", "hint"),
    [
        (
            "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE rest PARTITION OF p DEFAULT;",
            "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);",
            "INSERT INTO p VALUES (2)",
            "DETACH PARTITION public.rest; CREATE TABLE … PARTITION OF …;",
        ),
        ("CREATE SEQUENCE s", " MAXVALUE 10;", "SELECT setval('s', 50)", "ALTER SEQUENCE … RESTART WITH"),
    ],
)
def test_rows_and_values_in_the_way_of_new_bounds_are_told_with_what_to_write(
    database: Database, tmp_path: Path, before: str, after: str, fill: str, hint: str
) -> None:
    applied(database.url, write(tmp_path, {"tables/t.sql": before}))
    database.rows(fill)
    failed = apply(database.url, write(tmp_path, {"tables/t.sql": before + after}))
    assert failed.error is not None and hint in (failed.error.hint or ""), failed.error


def test_a_key_that_keeps_a_partition_is_told_with_what_to_write(database: Database, tmp_path: Path) -> None:
    files = {
        "tables/t.sql": "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE rest PARTITION OF p DEFAULT; CREATE TABLE c (p int CONSTRAINT c_p REFERENCES p);"
    }
    applied(database.url, write(tmp_path, files))
    database.rows("INSERT INTO p VALUES (2); INSERT INTO c VALUES (2)")
    migration = "ALTER TABLE p DETACH PARTITION rest;\nALTER TABLE p ATTACH PARTITION rest DEFAULT;"
    failed = apply(database.url, write(tmp_path, files | {"migrations/001.sql": migration}))
    hint = "write ALTER TABLE public.c DROP CONSTRAINT …; above this"
    assert failed.error is not None and hint in (failed.error.hint or ""), failed.error
    following = {"migrations/001.sql": f"ALTER TABLE c DROP CONSTRAINT c_p;\n{migration}"}
    assert applied(database.url, write(tmp_path, files | following)).counts == {"run": 1, "create": 1}


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


# --- extensions -----------------------------------------------------------------------------------------------------


def test_an_extension_in_a_schema_of_its_own_joins_the_search_path(any_database: Database, tmp_path: Path) -> None:
    files = {
        "extensions/vector.sql": "-- schema: ext",
        "tables/items.sql": "CREATE TABLE items (id int PRIMARY KEY, place vector(3));",
    }
    if extension_of(any_database.server.major) != "vector":
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


def test_a_statement_of_megabytes_is_sent_to_its_end(database: Database, tmp_path: Path) -> None:
    body = f"CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '{'x' * 3_000_000}'; END $$;"
    report = apply(database.url, write(tmp_path, {"functions/f.sql": body}))
    assert report.error is None
    assert database.rows("SELECT length(f())") == [(3_000_000,)]
