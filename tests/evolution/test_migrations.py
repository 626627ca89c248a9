"""Migrations between two releases: previewed, run in order, decided again, resumed after a crash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stonegate.model.plan import Action, Phase
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.convergence import catalog_of, deploy, plan_in_full, snapshot, source_of
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import assert_settled, plan, refused, rows, run, worked
from tests.servers import Database

TABLE = "CREATE TABLE users (id int PRIMARY KEY, name text, code text);"
FIRST = {"tables/users.sql": TABLE}
CLINIC = Path(__file__).parents[2] / "examples" / "clinic"


@pytest.fixture
def deployed(database: Database, tmp_path: Path) -> Database:
    """One table with two rows."""
    applied(database.url, write(tmp_path, FIRST))
    run(database.url, "INSERT INTO users VALUES (1, 'Ann', 'a'), (2, NULL, 'b')")
    return database


def migrated(tmp_path: Path, table: str, *migrations: str) -> LazySource:
    """The folder with these migrations, numbered from 1."""
    files = {f"migrations/{number}.sql": text for number, text in enumerate(migrations, start=1)}
    return write(tmp_path, {"tables/users.sql": table, **files})


def recorded(url: str) -> list[str]:
    return [name for (name,) in rows(url, "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY 1")]


@pytest.mark.parametrize("needs", ["users", "made"], ids=["possible", "needs what the migration makes"])
def test_new_routines_that_call_each_other_come_in_front_of_who_calls_them(
    deployed: Database, tmp_path: Path, needs: str
) -> None:
    """Each calls all before it: there are more ways through them than anybody can go."""
    calls = ["", *(f"PERFORM f{number}();" for number in range(1, 40))]
    files = {
        f"functions/f{number}.sql": f"CREATE FUNCTION f{number}() RETURNS int LANGUAGE plpgsql AS "
        f"$$ BEGIN {' '.join(calls[1:number])} RETURN 1; END $$;"
        for number in range(2, 41)
    }
    first = f"CREATE FUNCTION f1() RETURNS SETOF {needs} LANGUAGE sql AS $$ SELECT * FROM {needs} $$;"
    made = "CREATE TABLE made (id int);"
    files |= FIRST | {"tables/made.sql": made, "functions/f1.sql": first, "migrations/1.sql": f"{made} SELECT f40();"}
    steps = worked(plan(deployed.url, write(tmp_path, files)))
    in_front = steps[: steps.index("run migration 1.sql")]
    assert len(in_front) == (40 if needs == "users" else 0), in_front


def test_the_preview_replays_what_the_text_shows(deployed: Database, tmp_path: Path) -> None:
    table = "CREATE TABLE users (id int PRIMARY KEY, title text NOT NULL DEFAULT '', age bigint);"
    source = migrated(
        tmp_path,
        table,
        "ALTER TABLE users RENAME COLUMN name TO title;\nUPDATE users SET title = '' WHERE title IS NULL;",
        "-- stonegate: allow drop_column users.code\n"
        "ALTER TABLE users DROP COLUMN code;\nALTER TABLE users ADD COLUMN age bigint;",
        "-- stonegate: allow set_not_null users.title\n"
        "ALTER TABLE users ALTER title SET DEFAULT '', ALTER title SET NOT NULL;",
    )
    made = plan(deployed.url, source)
    assert not made.blocked
    assert worked(made) == ["run migration 1.sql", "run migration 2.sql", "run migration 3.sql"]
    report = applied(deployed.url, source)
    assert report.verified
    assert rows(deployed.url, "SELECT id, title FROM users ORDER BY 1") == [(1, "Ann"), (2, "")]
    forced = "SELECT object_name FROM _stonescriptdb_gateway_changelog WHERE forced ORDER BY 1"
    assert rows(deployed.url, forced) == [("2.sql",), ("3.sql",)]


@pytest.mark.parametrize(
    ("migration", "allow"),
    [
        ("ALTER TABLE users DROP COLUMN code", "drop_column:users.code"),
        ("DROP TABLE users", "drop_table:users"),
        ("TRUNCATE users", "delete_rows:users"),
        ("DELETE FROM users", "delete_rows:users"),
        ("DELETE FROM users USING (SELECT 1) AS one", "delete_rows:users"),
        ("DELETE FROM users WHERE id = id", "delete_rows:users"),
        ("MERGE INTO users USING users AS old ON true WHEN MATCHED THEN DELETE", "delete_rows:users"),
        ("ALTER TABLE users ALTER code TYPE text USING NULL", "modify_column_type:users.code"),
        ("ALTER TABLE users ALTER code SET NOT NULL", "set_not_null:users.code"),
        ("ALTER TABLE users ALTER code TYPE varchar(1)", "modify_column_type:users.code"),
    ],
)
def test_an_explicit_loss_needs_consent(deployed: Database, tmp_path: Path, migration: str, allow: str) -> None:
    said = refused(apply(deployed.url, migrated(tmp_path, TABLE, migration + ";")), "migration_blocked", 4)
    assert f"--allow {allow}" in said
    assert rows(deployed.url, "SELECT count(*) FROM users") == [(2,)] and recorded(deployed.url) == []
    word, _, name = allow.partition(":")
    files = migrated(tmp_path, TABLE, f"-- stonegate: allow {word} {name}\n{migration};")
    assert not [blocked for blocked in plan(deployed.url, files).blocked if blocked.file]


def test_a_retyping_that_loses_nothing_needs_no_consent(any_database: Database, tmp_path: Path) -> None:
    """Statements of migrations knew nothing of enums and of domains that check nothing; nobody of domains of arrays."""
    url, shape = any_database.url, "CREATE TABLE t (m {0}, n {1}, c {2}, l {3});"
    types = "CREATE TYPE mood AS ENUM ('a');\nCREATE DOMAIN free AS text;\nCREATE DOMAIN several AS varchar(5)[];"
    before = {"types/all.sql": types, "tables/t.sql": shape.format("mood", "mood[]", "text", "several")}
    applied(url, write(tmp_path, before))
    run(url, "INSERT INTO t VALUES ('a', '{a}', 'free', '{b}')")
    migration = "ALTER TABLE t ALTER m TYPE text, ALTER n TYPE text[], ALTER c TYPE free;"
    after = before | {
        "tables/t.sql": shape.format("text", "text[]", "free", "text[]"),
        "migrations/1.sql": migration,
    }
    assert applied(url, write(tmp_path, after)).verified
    assert rows(url, "SELECT * FROM t") == [("a", ["a"], "free", ["b"])]


def test_rows_that_go_through_a_view_need_consent(deployed: Database, tmp_path: Path) -> None:
    files = {"tables/users.sql": TABLE, "views/people.sql": "CREATE VIEW people AS SELECT * FROM users;"}
    applied(deployed.url, write(tmp_path, files))
    report = apply(deployed.url, write(tmp_path, files | {"migrations/1.sql": "DELETE FROM people;"}))
    assert "--allow delete_rows:people" in refused(report, "migration_blocked", 4)


HOLDING = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('a', 'b');",
    "types/pair.sql": "CREATE TYPE pair AS (a int, b text);",
    "tables/child.sql": "CREATE TABLE child (p int REFERENCES parent, whole parent, q pair, m mood, ms mood[], "
    "d text DEFAULT 'a'::mood);",
    "tables/grandchild.sql": "CREATE TABLE grandchild (c int UNIQUE, p int REFERENCES parent (id));",
    "tables/parent.sql": "CREATE TABLE parent (id int PRIMARY KEY);",
    "tables/heir.sql": "CREATE TABLE heir (own int) INHERITS (parent);",
    "tables/kept.sql": "CREATE SCHEMA s; CREATE TABLE s.kept (id serial PRIMARY KEY);",
}


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("DROP TYPE mood CASCADE;", ["drop_column child.m", "drop_column child.ms"]),
        ("TRUNCATE parent CASCADE;", [f"delete_rows {table}" for table in ("parent", "child", "grandchild")]),
        (
            "DROP TABLE parent CASCADE;",
            ["drop_table parent", "drop_table heir", "drop_column child.whole"],
        ),
        ("DROP SCHEMA s CASCADE;", ["drop_schema s", "drop_table s.kept"]),
        ("ALTER TYPE pair DROP ATTRIBUTE b CASCADE;", ["drop_attribute pair.b"]),
    ],
)
def test_what_a_cascade_takes_along_needs_consent_too(
    database: Database, tmp_path: Path, statement: str, lost: list[str]
) -> None:
    """Also where the folder declares it as before: it comes back, but empty. Foreign keys come back as they were."""
    applied(database.url, write(tmp_path, HOLDING))
    blocked = apply(database.url, write(tmp_path, HOLDING | {"migrations/1.sql": statement}))
    said = refused(blocked, "migration_blocked", 4)
    assert {f"--allow {allow.replace(' ', ':')}" for allow in lost} == set(re.findall(r"--allow [^ )]+", said))
    allows = "".join(f"-- stonegate: allow {allow}\n" for allow in lost)
    report = applied(database.url, write(tmp_path, HOLDING | {"migrations/1.sql": allows + statement}))
    assert report.verified


def test_a_do_block_is_decided_at_apply(deployed: Database, tmp_path: Path) -> None:
    table = TABLE.replace("code text", "code text, age int")
    source = migrated(tmp_path, table, "DO $$ BEGIN IF true THEN ALTER TABLE users ADD COLUMN age int; END IF; END $$;")
    made = plan(deployed.url, source)
    assert made.uncertain == ("*",)
    report = applied(deployed.url, source)
    assert report.verified and [step.step.id for step in report.steps] == ["run migration 1.sql"]


@pytest.mark.parametrize(
    ("hidden", "consent"),
    [("DROP TABLE users", "drop_table:users"), ("ALTER TABLE users DROP COLUMN code", "drop_column:users.code")],
)
def test_what_a_do_block_takes_away_is_not_made_anew_without_consent(
    deployed: Database, tmp_path: Path, hidden: str, consent: str
) -> None:
    source = migrated(tmp_path, TABLE, f"DO $$ BEGIN EXECUTE '{hidden}'; END $$;")
    before = snapshot(deployed.url)
    assert f"--allow {consent}" in refused(apply(deployed.url, source), "migration_blocked", 4)
    assert snapshot(deployed.url) == before and recorded(deployed.url) == []
    applied(deployed.url, source, plan=allowing(consent))
    assert_settled(deployed, tmp_path / "postgresql")


def test_what_the_text_does_not_show_rolls_back(deployed: Database, tmp_path: Path) -> None:
    """An UPDATE fires a trigger that drops a column: the folder still declares it."""
    run(
        deployed.url,
        "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN CREATE TABLE IF NOT EXISTS hidden (id int); EXECUTE 'DROP INDEX users_code_idx'; RETURN NULL; END $$",
    )
    table = TABLE + "\nCREATE INDEX users_code_idx ON users (code);\nCREATE TABLE other (id int);"
    applied(deployed.url, write(tmp_path, {"tables/users.sql": table}))
    run(deployed.url, "CREATE TRIGGER trap AFTER INSERT ON other EXECUTE FUNCTION trap()")
    before = catalog_of(deployed.url)
    said = refused(apply(deployed.url, migrated(tmp_path, table, "INSERT INTO other VALUES (1);")), "plan_changed", 5)
    assert "users_code_idx" in said
    assert catalog_of(deployed.url) == before and recorded(deployed.url) == []


def test_a_fresh_database_baselines_all_but_what_must_run(database: Database, tmp_path: Path) -> None:
    source = migrated(
        tmp_path, TABLE, "INSERT INTO gone VALUES (1);", "-- stonegate: run-on-fresh\nINSERT INTO users VALUES (9);"
    )
    report = applied(database.url, source)
    assert report.plan is not None
    actions = {step.key.name: step.action for step in report.plan.steps if step.phase is Phase.MIGRATIONS}
    assert actions == {"1.sql": Action.BASELINE, "2.sql": Action.RUN}
    assert rows(database.url, "SELECT id FROM users") == [(9,)]
    query = "SELECT baselined FROM _stonescriptdb_gateway_migrations ORDER BY migration_file"
    assert rows(database.url, query) == [(True,), (False,)]


def test_without_tables_all_migrations_run(database: Database, tmp_path: Path) -> None:
    report = applied(
        database.url, write(tmp_path, {"migrations/1.sql": TABLE, "migrations/2.sql": "DROP TABLE users;"})
    )
    assert report.plan is not None and not report.plan.blocked
    assert recorded(database.url) == ["1.sql", "2.sql"]


def test_a_changed_file_blocks_until_its_checksum_is_recorded(deployed: Database, tmp_path: Path) -> None:
    applied(deployed.url, migrated(tmp_path, TABLE, "UPDATE users SET code = 'x' WHERE id = 1;"))
    changed = migrated(tmp_path, TABLE, "UPDATE users SET code = 'y' WHERE id = 1;")
    said = refused(apply(deployed.url, changed), "changed_migration", 5)
    assert "--allow changed_migration:1.sql" in said
    applied(deployed.url, changed, plan=allowing("changed_migration:1.sql"))
    assert rows(deployed.url, "SELECT code FROM users WHERE id = 1") == [("x",)]
    assert apply(deployed.url, changed).error is None
    directive = migrated(tmp_path, TABLE, "-- stonegate: run-on-fresh\nUPDATE users SET code = 'y' WHERE id = 1;")
    assert apply(deployed.url, directive).error is None  # directives do not count


def test_a_file_that_is_gone_is_named(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    applied(url, migrated(tmp_path, TABLE, "UPDATE users SET code = 'x';", "UPDATE users SET code = 'y';"))
    files = {"tables/users.sql": TABLE, "migrations/2.sql": "UPDATE users SET code = 'y';"}
    (warning,) = plan(url, write(tmp_path, files)).warnings
    assert warning == "applied here, but no longer in migrations/: 1.sql"
    report = applied(url, write(tmp_path, files))
    assert warning in report.warnings and recorded(url) == ["1.sql", "2.sql"]
    # A kind whose directory is absent is not managed at all.
    assert plan(url, write(tmp_path, FIRST)).warnings == ()


APPENDS = "UPDATE users SET code = concat(code, '!');"


def codes(url: str) -> set[str]:
    return {str(code)[-2:] for (code,) in rows(url, "SELECT code FROM users")}


def test_a_renamed_file_blocks_until_its_new_name_is_recorded(deployed: Database, tmp_path: Path) -> None:
    url = deployed.url
    applied(url, migrated(tmp_path, TABLE, APPENDS))
    renamed = write(tmp_path, {"tables/users.sql": TABLE, "migrations/7.sql": APPENDS})
    said = refused(apply(url, renamed), "changed_migration", 5)
    assert "applied as 1.sql" in said and "--allow changed_migration:7.sql" in said
    consent = allowing("changed_migration:7.sql")
    (step,) = plan(url, renamed, plan=consent).steps
    assert step.action is Action.BASELINE and "1.sql" in step.reason and step.consents == consent.consents
    applied(url, renamed, plan=consent)
    assert recorded(url) == ["1.sql", "7.sql"] and "!!" not in codes(url)
    applied(url, renamed)
    changed = {"tables/users.sql": TABLE, "migrations/8.sql": f"-- once more\n{APPENDS}"}
    applied(url, write(tmp_path, changed))
    assert codes(url) == {"!!"}


def test_a_file_moved_to_another_directory_does_not_run_again(deployed: Database, tmp_path: Path) -> None:
    applied(deployed.url, migrated(tmp_path, TABLE, APPENDS))
    applied(deployed.url, write(tmp_path, {"tables/users.sql": TABLE, "migrations/2024/1.sql": APPENDS}))
    assert recorded(deployed.url) == ["1.sql", "2024/1.sql"] and "!!" not in codes(deployed.url)


def test_a_baselined_file_may_go(database: Database, tmp_path: Path) -> None:
    applied(database.url, migrated(tmp_path, TABLE, "UPDATE users SET code = 'x';", "UPDATE users SET code = 'y';"))
    files = {"tables/users.sql": TABLE, "migrations/2.sql": "UPDATE users SET code = 'y';"}
    assert plan(database.url, write(tmp_path, files)).warnings == ()


@pytest.mark.parametrize(("first", "second"), [("\n", "\r\n"), ("\r\n", "\n")], ids=["crlf", "lf"])
def test_a_file_whose_line_ends_changed_is_told_as_such(
    deployed: Database, tmp_path: Path, first: str, second: str
) -> None:
    text = "UPDATE users SET code = 'x'\nWHERE id = 1;\n"
    applied(deployed.url, migrated(tmp_path, TABLE, text.replace("\n", first)))
    (blocked,) = plan(deployed.url, migrated(tmp_path, TABLE, text.replace("\n", second))).blocked
    assert blocked.code == "changed_migration" and "line ends" in (blocked.hint or "")
    (edited,) = plan(deployed.url, migrated(tmp_path, TABLE, text.replace("x", "y").replace("\n", second))).blocked
    assert "line ends" not in (edited.hint or "")


def test_a_transaction_of_its_own_is_ignored_with_a_warning(deployed: Database, tmp_path: Path) -> None:
    source = migrated(tmp_path, TABLE, "BEGIN;\nUPDATE users SET code = 'x' WHERE id = 1;\nCOMMIT;", "SELECT 1/0;")
    assert any("1.sql" in warning for warning in plan(deployed.url, source).warnings)
    assert apply(deployed.url, source).status is Status.FAILED
    assert rows(deployed.url, "SELECT code FROM users WHERE id = 1") == [("a",)]  # still one transaction


def test_a_declared_not_null_column_waits_for_its_backfill(deployed: Database, tmp_path: Path) -> None:
    table = TABLE.replace("code text", "code text, slug text NOT NULL")
    source = migrated(tmp_path, table, "UPDATE users SET slug = 'u' || id WHERE slug IS NULL;")
    said = refused(apply(deployed.url, source), "migration_blocked", 4)
    assert "--allow add_not_null_column:users.slug" in said
    consent = allowing("add_not_null_column:users.slug")
    steps = ["create column users.slug", "run migration 1.sql", "alter column users.slug not_null"]
    assert worked(plan(deployed.url, source, plan=consent)) == steps
    applied(deployed.url, source, plan=consent)
    assert rows(deployed.url, "SELECT slug FROM users ORDER BY id") == [("u1",), ("u2",)]
    assert not plan_in_full(deployed.url, tmp_path / "postgresql").has_changes


def test_a_backfill_that_misses_rows_rolls_back(deployed: Database, tmp_path: Path) -> None:
    table = TABLE.replace("code text", "code text, slug text NOT NULL")
    source = migrated(tmp_path, table, "UPDATE users SET slug = 'u' WHERE id = 1;")
    report = apply(deployed.url, source, plan=allowing("add_not_null_column"))
    assert report.error is not None and report.error.sqlstate == "23502"
    assert recorded(deployed.url) == []


# --- after the commit -----------------------------------------------------------------------------------------------

INDEXED = TABLE + "\nCREATE INDEX users_code_idx ON users (code);"
CONCURRENTLY = "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_code_idx ON users (code);"


def post_commit(url: str) -> list[str]:
    query = "SELECT post_commit FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1"
    return sorted(rows(url, query)[0][0].values())


def test_a_concurrent_index_comes_after_the_commit(deployed: Database, tmp_path: Path) -> None:
    source = migrated(tmp_path, INDEXED, CONCURRENTLY)
    made = plan(deployed.url, source)
    assert [(step.id, step.phase) for step in made.steps if step.changes or step.statements] == [
        ("run migration 1.sql", Phase.POST_COMMIT)
    ]
    applied(deployed.url, source)
    assert post_commit(deployed.url) == ["done"] and recorded(deployed.url) == ["1.sql"]
    assert apply(deployed.url, source).status is Status.UNCHANGED
    assert not plan_in_full(deployed.url, tmp_path / "postgresql").has_changes


def test_a_partition_is_detached_concurrently_if_the_migration_does_so(any_database: Database, tmp_path: Path) -> None:
    """Not by the plan itself, whose lock on the parent the migration wants to spare."""
    url = any_database.url
    parts = "CREATE TABLE parts (k int PRIMARY KEY, v text NOT NULL) PARTITION BY LIST (k);\n"
    parts += "CREATE INDEX parts_v ON parts (v);\n"
    part = "CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);"
    applied(url, write(tmp_path, {"tables/parts.sql": parts + part}))
    run(url, "INSERT INTO parts VALUES (1, 'a')")
    part = "CREATE TABLE part (k int PRIMARY KEY, v text NOT NULL, more int);\nCREATE INDEX ON part (v);"
    migration = "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY;"
    source = write(
        tmp_path, {"tables/parts.sql": parts + part.replace(", more int", ""), "migrations/1.sql": migration}
    )
    assert worked(plan(url, source)) == ["run migration 1.sql"]
    report = applied(url, source)
    assert report.verified and rows(url, "SELECT * FROM part") == [(1, "a")]
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    # What else is different is seen.
    applied(url, write(tmp_path, {"tables/parts.sql": parts + part, "migrations/1.sql": migration}))
    assert rows(url, "SELECT * FROM part") == [(1, "a", None)]


def test_a_failed_one_is_found_invalid_and_built_again(deployed: Database, tmp_path: Path) -> None:
    """A unique index over duplicates stays behind invalid, as after a crash in the middle."""
    run(deployed.url, "UPDATE users SET code = 'same'")
    unique = [text.replace("CREATE INDEX", "CREATE UNIQUE INDEX") for text in (INDEXED, CONCURRENTLY)]
    source = migrated(tmp_path, *unique)
    report = apply(deployed.url, source)
    assert report.status is Status.FAILED and report.error is not None
    invalid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_code_idx'::regclass"
    assert rows(deployed.url, invalid) == [(False,)]
    assert post_commit(deployed.url) == ["failed"] and recorded(deployed.url) == []
    run(deployed.url, "UPDATE users SET code = id::text")
    applied(deployed.url, source)
    assert rows(deployed.url, invalid) == [(True,)]
    assert post_commit(deployed.url) == ["done"] and recorded(deployed.url) == ["1.sql"]
    assert not plan_in_full(deployed.url, tmp_path / "postgresql").has_changes


def test_a_crash_between_the_last_statement_and_its_record_repeats_nothing(deployed: Database, tmp_path: Path) -> None:
    """The record is kept from being written, and then the note of the failure too, as a crash would do it."""
    source = migrated(tmp_path, INDEXED, CONCURRENTLY.replace("IF NOT EXISTS ", ""))
    run(
        deployed.url,
        "CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'crash'; END$$",
        "CREATE TRIGGER crash BEFORE INSERT ON _stonescriptdb_gateway_migrations EXECUTE FUNCTION public.crash()",
    )
    assert apply(deployed.url, source).status is Status.FAILED
    assert post_commit(deployed.url) == ["started"] and recorded(deployed.url) == []
    built = rows(deployed.url, "SELECT 'users_code_idx'::regclass::oid")
    run(deployed.url, "DROP FUNCTION public.crash CASCADE")
    applied(deployed.url, source)
    assert rows(deployed.url, "SELECT 'users_code_idx'::regclass::oid") == built
    assert post_commit(deployed.url) == ["done"] and recorded(deployed.url) == ["1.sql"]
    assert apply(deployed.url, source).status is Status.UNCHANGED


# --- the example's history ------------------------------------------------------------------------------------------


def test_the_clinic_grows_from_its_first_release(database: Database) -> None:
    url = database.url
    assert deploy(url, CLINIC / "history" / "v1" / "postgresql").status is Status.APPLIED
    before = snapshot(url)
    source = source_of(CLINIC / "postgresql")
    made = plan(url, source)
    assert not made.blocked, made.blocked
    ran = [step.key.name for step in made.steps if step.action is Action.RUN]
    assert [name[:3] for name in ran] == ["002", "003", "004", "005"]
    report = applied(url, source)
    assert report.verified
    after = snapshot(url)
    for table in ("patients", "doctors", "appointments"):
        assert after.counts[table] >= before.counts[table] > 0
    assert_settled(database, CLINIC / "postgresql")
