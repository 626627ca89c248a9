"""The script of `plan --format sql`, run by psql: what it does, and what it records of that."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql

from stonegate.cli.app import main
from stonegate.cli.render.plan_sql import left_to_apply, render_script
from stonegate.model.plan import Action, Mode
from stonegate.model.report import Status
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource
from tests.database.folders import allowing, applied, apply, write
from tests.database.test_tracking import ORIGINAL
from tests.evolution.scripts import (
    CHANGES,
    DEPLOYED,
    FIRST,
    RECORDS,
    SECOND,
    assert_only_verified,
    run_script,
    script_of,
)
from tests.evolution.support import assert_settled, plan, refused, rows, run, worked
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import Database, MakeDatabase, MakePrivateServer, psql

GOLDEN = Path(__file__).parents[1] / "golden"

# --- what it does ---------------------------------------------------------------------------------------------------


def test_a_routine_comes_before_the_view_that_it_reads(database: Database, tmp_path: Path) -> None:
    def release(kind: str) -> LazySource:
        routine = f"CREATE FUNCTION f(t {kind}) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM v WHERE id = t';"
        column = f"id {'serial' if kind == 'int' else 'bigserial'} PRIMARY KEY"
        table = {"tables/t.sql": f"CREATE TABLE t ({column});", "functions/f.sql": routine}
        return write(tmp_path, table | {"views/v.sql": "CREATE VIEW v AS SELECT id FROM t;"})

    applied(database.url, release("int"))
    psql(database.url, render_script(plan(database.url, release("bigint"))))
    assert rows(database.url, "SELECT f(1::bigint)") == [(0,)]


def test_what_a_migration_sets_is_its_own_affair(database: Database, tmp_path: Path) -> None:
    """As in the apply; what came after it was made in its schema, and by its role."""
    role = "named_by_migrations"
    clash = "duplicate_object OR unique_violation"  # unique_violation: another worker, in the same moment
    run(database.url, f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN {clash} THEN END $$")
    run(database.url, f"GRANT CREATE, USAGE ON SCHEMA public TO {role}", f"CREATE SCHEMA other AUTHORIZATION {role}")
    first = {"tables/t.sql": "CREATE TABLE t (a int);", "functions/f.sql": "", "migrations/1.sql": "SELECT 1;"}
    applied(database.url, write(tmp_path, first))
    files = first | {
        "migrations/2.sql": f"SET ROLE {role};\nSET LOCAL search_path = other;\nCREATE TABLE mine (a int);",
        "migrations/3.sql": f"SET SESSION AUTHORIZATION {role};\nCREATE TABLE mine (a int);",
        "functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    }
    source = write(tmp_path, files)
    assert run_script(database, script_of(database, source)) == ""
    made = "SELECT oid::regclass::text, relowner::regrole::text FROM pg_class WHERE relname = 'mine' ORDER BY 1"
    assert rows(database.url, made) == [("mine", role), ("other.mine", role)]
    assert rows(database.url, "SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'public.f'::regproc") == [
        ("postgres",)
    ]
    assert applied(database.url, source).status is Status.UNCHANGED


# --- what it records ------------------------------------------------------------------------------------------------


def test_a_fresh_database_and_its_next_release(
    any_database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    url = any_database.url
    by_apply = make_database(any_database.server)
    source = write(tmp_path, FIRST)
    assert run_script(any_database, script_of(any_database, source)) == ""
    applied(by_apply.url, source)
    for query in (RECORDS, CHANGES):
        assert rows(url, query) == rows(by_apply.url, query)
    assert rows(url, "SELECT a, legacy FROM t") == [(1, 'it\'s \\ "here"')]
    source = write(tmp_path, SECOND)
    assert run_script(any_database, script_of(any_database, source)) == ""
    applied(by_apply.url, source)
    for query in (RECORDS, CHANGES, "SELECT a, b FROM t"):
        assert rows(url, query) == rows(by_apply.url, query)
    assert rows(url, DEPLOYED) == [("fresh by script", False, False), ("change by script", False, True)]
    assert_only_verified(any_database, source, tmp_path)


@OLDEST_AND_NEWEST
def test_only_routines_that_change_are_recorded_anew(
    any_database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    url, by_apply = any_database.url, make_database(any_database.server)
    bodies = {
        f"f{number}": f"CREATE FUNCTION f{number}() RETURNS int LANGUAGE sql AS 'SELECT 1';" for number in range(30)
    }
    texts = bodies | {"odd": "CREATE FUNCTION odd(x int) RETURNS int LANGUAGE sql AS 'SELECT x';"}
    texts["twin"] = "CREATE SCHEMA s; CREATE FUNCTION s.odd(x int) RETURNS int LANGUAGE sql AS 'SELECT x';"

    def release(texts: dict[str, str]) -> LazySource:
        return write(tmp_path, {f"functions/{name}.sql": text for name, text in texts.items()})

    for database in (any_database, by_apply):
        applied(database.url, release(texts))
    texts["f1"] = texts["f1"].replace("SELECT 1", "SELECT 2")
    texts["f2"] = texts["f2"].replace("f2()", "f2(a text)")
    del texts["f3"], texts["odd"]  # whose twin is called by its name alone from now on
    texts["new"] = "CREATE FUNCTION new() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    texts["moved"] = texts.pop("f4")
    source = release(texts)
    script = script_of(any_database, source)
    assert "functions/f1.sql" in script and not any(f"functions/f{number}.sql" in script for number in range(5, 10))
    assert run_script(any_database, script) == ""
    applied(by_apply.url, source)
    assert rows(url, RECORDS) == rows(by_apply.url, RECORDS)
    assert_only_verified(any_database, source, tmp_path)
    texts["view"] = "CREATE VIEW v AS SELECT 1 AS a;"
    script = script_of(any_database, release(texts))
    assert "INSERT INTO public._stonescriptdb_gateway_functions" not in script
    assert run_script(any_database, script) == ""
    assert rows(url, RECORDS) == rows(by_apply.url, RECORDS)


@pytest.mark.parametrize("rights", ["LOGIN", "LOGIN CREATEDB"])
def test_a_script_is_made_by_who_lacks_the_rights_for_what_it_does(
    private_server: MakePrivateServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rights: str,
) -> None:
    """It is for somebody else to run; what it leaves in an empty database is not known then."""
    server = private_server()
    run(server.url(), f"CREATE ROLE writer {rights}", "CREATE DATABASE scripted OWNER writer")
    if "CREATEDB" not in rights:
        run(server.url(), "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    write(tmp_path, {"extensions/pageinspect.txt": "", "tables/t.sql": "CREATE TABLE t (a int);"})
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "-d", server.url("scripted", "writer"), "--format", "sql"]) == 0
    database = Database(server=server.server, name="scripted")
    assert run_script(database, capsys.readouterr().out) == ""
    assert rows(database.url, DEPLOYED) == [("fresh by script", False, False)]


@OLDEST_AND_NEWEST
def test_a_script_for_an_empty_database_records_what_it_declares(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that the next release knows of it, without an apply in between."""
    url = any_database.url
    write(tmp_path, FIRST)
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "-d", url, "--format", "sql"]) == 0
    assert run_script(any_database, capsys.readouterr().out) == ""
    assert rows(url, DEPLOYED) == [("fresh by script", False, True)]
    without = {key: text for key, text in FIRST.items() if key != "views/v.sql"} | {"views/w.sql": ""}
    without["tables/t.sql"] = "CREATE TABLE t (a int PRIMARY KEY, m mood);"
    source = write(tmp_path, without)
    assert main(["plan", "-d", url]) == 4 and "--allow drop_column:t.legacy" in capsys.readouterr().out
    allowed = ["--allow", "drop_column", "--allow", "missing_seed", "--seed-missing"]
    assert main(["plan", "-d", url, "--format", "sql", *allowed]) == 0
    printed = capsys.readouterr()
    assert "--allow missing_seed" in printed.err and "constants" not in printed.err
    assert run_script(any_database, printed.out) == ""
    assert rows(url, "SELECT count(*) FROM pg_views WHERE schemaname = 'public'") == [(0,)]
    assert_only_verified(any_database, source, tmp_path)


SEEDED = {
    "types/code.sql": "CREATE DOMAIN code AS varchar(9);",
    "tables/all.sql": """CREATE TABLE parents (id code PRIMARY KEY, note text);
        CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY (START 9) PRIMARY KEY,
            parent code REFERENCES parents, n numeric(6,2) DEFAULT 7, at date,
            UNIQUE (parent, at));
        CREATE TABLE loose (a int, b text);""",
    "seeders/all.sql": """INSERT INTO parents VALUES ('a', 'it''s'), ('b'::code, 'two -- words' -- said
        );
        INSERT INTO t (id, parent, n, at) VALUES (1, 'a', DEFAULT, '2026-01-01'), (5, 'b', 2.5, '2026-01-02'),
            (20, 'b', 1, NULL);
        INSERT INTO t (parent, at) VALUES ('a', '2026-03-01') ON CONFLICT DO NOTHING;
        INSERT INTO loose VALUES (1, 'x');""",
}


@OLDEST_AND_NEWEST
def test_missing_rows_are_inserted_by_their_keys(
    any_database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    url, by_apply = any_database.url, make_database(any_database.server)
    source = write(tmp_path, SEEDED)
    for database in (any_database, by_apply):
        applied(database.url, source)
        run(database.url, "DELETE FROM t WHERE id IN (5, 20) OR at = '2026-03-01'", "UPDATE t SET n = 3")
        run(database.url, "DELETE FROM parents WHERE id = 'b'", "ALTER TABLE t ALTER id RESTART WITH 3")
    changed = write(tmp_path, SEEDED | {"views/v.sql": "CREATE VIEW v AS SELECT 1 AS one;"})
    options = allowing(seed_missing=True)
    script = script_of(any_database, changed, plan=options)
    assert "seeders/all.sql:6 is left to stonegate apply --seed-missing" in script
    assert run_script(any_database, script) == ""
    applied(by_apply.url, changed, plan=options)
    for query in (
        "SELECT * FROM parents ORDER BY id",
        "SELECT parent, n, at FROM t ORDER BY 1, 2, 3",
        "SELECT id FROM t WHERE id IN (1, 5, 20) ORDER BY 1",
        RECORDS,
    ):
        assert rows(url, query) == rows(by_apply.url, query)
    run(url, "INSERT INTO t (parent) VALUES ('a')")
    assert rows(url, "SELECT max(id) FROM t") == [(21,)]
    assert_only_verified(any_database, changed, tmp_path)
    run(url, "DELETE FROM loose")
    (warning,) = left_to_apply(plan(url, write(tmp_path, SEEDED), plan=options))
    assert "of loose," in warning


def test_pending_migrations_of_an_existing_database(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    applied(url, write(tmp_path, FIRST))
    second = write(tmp_path, SECOND)
    script = script_of(any_database, second)
    assert script == script_of(any_database, second)
    assert run_script(any_database, script) == ""
    assert rows(url, "SELECT a FROM t") == [(100,)]
    assert rows(url, "SELECT migration_file, baselined FROM _stonescriptdb_gateway_migrations ORDER BY 1") == [
        ("1.sql", True),
        ("2.sql", False),
    ]
    # The next release comes by an apply: nobody takes what the script did for changes made by hand.
    third = SECOND | {
        "tables/t.sql": "CREATE TABLE t (a int PRIMARY KEY, m mood, b bigint DEFAULT 8);",
        "migrations/3.sql": "UPDATE t SET a = a + 3;",
    }
    del third["views/v.sql"]
    source = write(tmp_path, third | {"views/w.sql": "CREATE VIEW w AS SELECT a FROM t;"})
    assert "drop_column:t.legacy" in refused(apply(url, source), "migration_blocked", 4)
    made = plan(url, source, plan=allowing("drop_column:t.legacy"))
    assert worked(made) == ["run migration 3.sql", "alter table t: b, legacy", "create view w", "drop view v"]
    applied(url, source, plan=allowing("drop_column:t.legacy"))
    assert rows(url, "SELECT a FROM t") == [(103,)]


def test_an_apply_behind_a_script_only_verifies(any_database: Database, tmp_path: Path) -> None:
    for files in (FIRST, SECOND):
        source = write(tmp_path, files)
        assert run_script(any_database, script_of(any_database, source)) == ""
        assert_only_verified(any_database, source, tmp_path)
    assert rows(any_database.url, "SELECT a FROM t") == [(100,)]


def test_tables_that_the_original_made(any_database: Database, tmp_path: Path) -> None:
    """With varchar columns, its own limits and none of ours."""
    url = any_database.url
    run(url, ORIGINAL, "DELETE FROM _stonescriptdb_gateway_functions WHERE function_name <> 'add'")
    run(url, "CREATE TABLE users (id int)", "INSERT INTO users VALUES (1)")
    run(url, "CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b'")
    files = {
        "tables/users.pssql": "CREATE TABLE users (id int, name text);",
        "functions/add.pssql": "CREATE FUNCTION add(a INT, b INT) RETURNS INT LANGUAGE sql AS 'SELECT b + a';",
        "migrations/001.pssql": "SELECT 1 / 0;",
        "migrations/002.pssql": "UPDATE users SET id = id * 10;",
    }
    source = write(tmp_path, files)
    run(
        url,
        "UPDATE _stonescriptdb_gateway_migrations SET checksum = '" + source.tree().migrations[0].raw_checksum + "'",
    )
    assert run_script(any_database, script_of(any_database, source)) == ""
    assert rows(url, "SELECT * FROM users") == [(10, None)]
    assert rows(url, "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY id") == [
        ("001.pssql",),
        ("002.pssql",),
    ]
    assert rows(url, DEPLOYED) == [("adoption by script", False, True)]
    assert_only_verified(any_database, source, tmp_path)


BEYOND = "\U0001f600"


@pytest.mark.parametrize("conforming", ["on", "off"])
def test_whatever_names_and_strings_are_in_the_folder(
    any_database: Database, make_database: MakeDatabase, tmp_path: Path, conforming: str
) -> None:
    name = 'O\'Brien \\ ""x"" $rows$ $stonegate$ %(rows)s :name é' + BEYOND
    table = f"CREATE TABLE \"{name}\" (id int PRIMARY KEY, t text DEFAULT 'a\\bc');"
    body = "BEGIN RETURN 'it''s \\n $rows$ {records} %(plan_checksum)s :''x'' ' || $stonegate$q$stonegate$; END"
    files = {
        "tables/a.sql": table,
        "functions/o'f %s $stonegate$.sql": f"CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $${body}$$;",
        "migrations/1 it's \\ %(rows)s $rows$.sql": f"UPDATE \"{name}\" SET t = 'x\\''y';",
        "seeders/a.sql": f"INSERT INTO \"{name}\" VALUES (1, 'back\\slash');",
    }
    by_apply = make_database(any_database.server)
    run(any_database.url, f'ALTER DATABASE "{any_database.name}" SET standard_conforming_strings = {conforming}')
    first = {path: text for path, text in files.items() if not path.startswith("migrations")}
    for each in (first, files):
        source = write(tmp_path, each)
        assert run_script(any_database, script_of(any_database, source)) == ""
        applied(by_apply.url, source)
    run(any_database.url, f'ALTER DATABASE "{any_database.name}" RESET standard_conforming_strings')
    content = f"SELECT id, t, f(), pg_get_functiondef('f'::regproc) FROM \"{name}\""
    for query in (RECORDS, CHANGES, content):
        assert rows(any_database.url, query) == rows(by_apply.url, query)
    assert_only_verified(any_database, source, tmp_path)


def test_values_that_a_commit_comes_before(any_database: Database, tmp_path: Path) -> None:
    """A new label that the same release uses; the rest is a transaction of its own, whoever runs the script."""
    applied(any_database.url, write(tmp_path, FIRST))
    files = FIRST | {
        "types/mood.sql": "CREATE TYPE mood AS ENUM ('good', 'bad', 'new');",
        "migrations/2.sql": "UPDATE t SET m = 'new';",
    }
    source = write(tmp_path, files)
    script = script_of(any_database, source)
    assert "\nCOMMIT;\nBEGIN;\n" in script
    said = run_script(any_database, script, "-v", "ON_ERROR_STOP=1")
    assert "nothing is recorded" not in said
    assert rows(any_database.url, "SELECT m FROM t") == [("new",)]
    assert_only_verified(any_database, source, tmp_path)


def test_a_baseline(any_database: Database, tmp_path: Path) -> None:
    """Migrations are recorded, as by the apply, and what is there is compared by the next one."""
    run(any_database.url, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    files = {"tables/t.sql": "CREATE TABLE t (a int);", "migrations/1.sql": "UPDATE t SET a = 2;"}
    source = write(tmp_path, files)
    assert run_script(any_database, script_of(any_database, source, plan=allowing(baseline=True))) == ""
    assert rows(any_database.url, "SELECT a FROM t") == [(1,)]
    assert_only_verified(any_database, source, tmp_path)


def test_an_unchanged_database_has_nothing_to_record(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, FIRST)
    applied(database.url, source)
    assert run_script(database, script_of(database, source)) == ""
    assert len(rows(database.url, DEPLOYED)) == 1


def test_what_shows_only_behind_its_migrations_is_left_to_the_next_apply(
    any_database: Database,
) -> None:
    """Nobody has changed that by hand: what a script did is unverified, and the same goes for all that differs."""
    case = GOLDEN / "migration" / "renames_table_and_another_takes_its_name"
    before, after = (LazySource.of_bytes("postgresql", read_tree(case / side)) for side in ("before", "after"))
    applied(any_database.url, before)
    run(any_database.url, (case / "rows.sql").read_text())
    run_script(any_database, script_of(any_database, after))
    made = plan(any_database.url, after)
    assert worked(made) and any("script, which no apply has verified" in warning for warning in made.warnings)
    report = applied(any_database.url, after)
    assert report.verified and not any(step.step.action is Action.RUN for step in report.steps)
    assert_settled(any_database, case / "after")
    assert plan(any_database.url, after).mode is Mode.UNCHANGED


def test_what_its_migrations_took_away_is_not_made_anew(any_database: Database, tmp_path: Path) -> None:
    """As in the apply, which would have been rolled back: the table would be empty."""
    files = {"tables/t.sql": "CREATE TABLE t (a int);", "tables/u.sql": "CREATE TABLE u (a int);"}
    applied(any_database.url, write(tmp_path, files))
    source = write(tmp_path, files | {"migrations/1.sql": "DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$;"})
    assert run_script(any_database, script_of(any_database, source)) == ""
    told = "table t was dropped by the script that deployed last, or since"
    assert told in refused(apply(any_database.url, source), "drift", 5)
    applied(any_database.url, source, plan=allowing(allow_drift=True))
    assert_settled(any_database, tmp_path / "postgresql")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_name_is_no_statement(database: Database, tmp_path: Path, end: str) -> None:
    """Whoever may create a view would have the script's reader run what it is called."""
    applied(database.url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (a int, b int);"}))
    name = f"v{end}SELECT nextval('public.ran'); --\x1b[2J"
    view = sql.SQL("CREATE VIEW {} AS SELECT b FROM t").format(sql.Identifier(name)).as_string()
    psql(database.url, f"CREATE SEQUENCE ran; {view}")
    source = write(tmp_path, {"tables/t.sql": "CREATE TABLE t (a int);"})
    script = script_of(database, source, plan=allowing("drop_column"))
    assert "-- BLOCKED: " in script and "nextval" in script and "\x1b" not in script
    run_script(database, script, fails=True)
    assert psql(database.url, "SELECT is_called FROM ran") == [(False,)]
