"""Changes of a deployed database: what blocks, what somebody did by hand, plans that are saved."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

from tests.cli.conftest import NOTES, Run, WriteFolder, without
from tests.servers import Database, psql


def test_a_dropped_column_is_blocked_until_it_is_allowed(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    write_folder(
        without("tables/notes.pssql", "legacy")
        | {
            "functions/add_note.pssql": NOTES["functions/add_note.pssql"].replace(
                "(title, legacy) VALUES (p_title, p_legacy)", "(title) VALUES (p_title)"
            )
        }
    )
    for command in (("plan",), ("apply",), ("apply", "--yes")):
        result = run(*command, "-d", deployed)
        assert result.code == 4
        assert "--allow drop_column:notes.legacy" in (result.out if command == ("plan",) else result.err)
    document = run("plan", "-d", deployed, "--format", "json").json
    assert [reason["allow"] for reason in document["blocked"]] == ["--allow drop_column:notes.legacy"]
    step = next(step for step in document["steps"] if step["consent"])
    assert step["consent"] == "drop_column:notes.legacy" and step["class"] == "dataloss"
    assert [hazard["code"] for hazard in step["hazards"]] == ["deletes-data"]
    report = run("apply", "-d", deployed, "--format", "json").json
    assert report["status"] == "blocked" and report["error"]["code"] == "migration_blocked" and report["blocked"]
    script = run("plan", "-d", deployed, "--format", "sql")
    assert script.code == 4 and "RAISE EXCEPTION" in script.out
    assert psql(deployed, "SELECT count(legacy) FROM notes") == [(0,)]
    for command in ("plan", "apply"):
        mistyped = run(command, "-d", deployed, "--allow", "drop_column:notes.legcy")
        assert mistyped.code == 4 and "--allow drop_column:notes.legcy matches nothing" in mistyped.out
    allowed = run("apply", "-d", deployed, "--allow", "drop_column:notes.legacy")
    assert allowed.code == 0, allowed.err
    assert "- column notes.legacy" in allowed.out
    forced = run("history", "-d", deployed, "--forced", "--format", "json").json
    assert [entry["object_name"] for entry in forced] == ["notes.legacy"]


def test_the_parts_of_a_table_that_change_are_named(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    table = "CREATE TABLE notes (\n    id bigserial PRIMARY KEY,\n    title text NOT NULL,\n    legacy text,\n"
    columns = (
        "    stars int CHECK (stars > 0),\n    author text\n);\nCOMMENT ON COLUMN notes.title IS 'what it says';\n"
    )
    write_folder(NOTES | {"tables/notes.pssql": table + columns})
    parts = (
        "      ~ column notes.id changes from integer to bigint: every integer is a bigint",
        "      ~ column notes.title gets a comment",
        "      + column notes.stars is new",
        "      + column notes.author is new",
        "      + constraint notes.notes_stars_check is new",
    )
    number = "2 columns, 1 constraint to create; 1 sequence, 2 columns to alter"
    planned, comment = (run("plan", "-d", deployed, "--format", format) for format in ("text", "markdown"))
    assert all(part in planned.out.splitlines() for part in parts), planned.out
    assert number in planned.out and number in comment.out
    assert "  - column notes.author is new\n" in comment.out
    applied = run("apply", "-d", deployed)
    assert all(part in applied.out.splitlines() for part in parts), applied.out
    assert "2 columns, 1 constraint created; 1 sequence, 2 columns altered" in applied.out
    for name in ("notes", "notes.title", "notes.author"):
        history = run("history", "-d", deployed, "--object", name, "--format", "json").json
        assert history[0]["object_name"] == "notes", history
    assert run("history", "-d", deployed, "--object", "title", "--format", "json").json == []
    assert "stand in the order" not in run("plan", "-d", deployed).out  # added as they are declared


def test_what_a_migration_does_unseen_is_decided_at_apply(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    renamed = {name: text.replace("legacy", "former") for name, text in NOTES.items()}
    rename = "ALTER TABLE notes RENAME COLUMN legacy TO former;"
    write_folder(renamed | {"migrations/1.sql": rename})
    assert "decided at apply" not in run("plan", "-d", deployed).out
    assert "looked at again after the migrations ran: " in run("plan", "-d", deployed, "-v").out
    write_folder(renamed | {"migrations/1.sql": f"DO $$ BEGIN EXECUTE '{rename}'; END $$;"})
    assert "decided at apply: a migration has a DO block" in run("plan", "-d", deployed).out
    assert "-- A migration has a DO block" in run("plan", "-d", deployed, "--format", "sql").out


@pytest.mark.parametrize(
    ("consent", "recorded"),
    [
        ("--allow-drift", "drift:notes.title"),
        ("--allow=drift", "drift"),
        ("--allow=drift:notes.title", "drift:notes.title"),
    ],
)
def test_drift_is_shown_and_blocks(run: Run, deployed: str, consent: str, recorded: str) -> None:
    psql(deployed, "ALTER TABLE notes ALTER COLUMN title DROP NOT NULL")
    status = run("status", "-d", deployed)
    assert status.code == 5 and "~ title not null" in status.out
    undone = (
        "notes.title was changed by hand since the last deployment; undoing it: column notes.title becomes NOT NULL"
    )
    assert undone in run("plan", "-d", deployed).out
    diff = run("diff", "-d", deployed, "--format", "json")
    assert diff.code == 5 and [change["object"] for change in diff.json["drift"]] == ["public.notes.title"]
    assert run("plan", "-d", deployed).code == 5
    assert run("apply", "-d", deployed).code == 5
    assert run("plan", "-d", deployed, "--force").code == 5
    assert "allow it: --allow-drift --allow set_not_null:notes.title\n" in run("plan", "-d", deployed).out
    mistyped = run("plan", "-d", deployed, "--allow", "drift:notes.titel")
    assert mistyped.code == 5 and "--allow drift:notes.titel matches nothing" in mistyped.out
    allowed = run("apply", "-d", deployed, consent, "--allow", "set_not_null")
    assert allowed.code == 0, allowed.err
    assert run("status", "-d", deployed).code == 0
    forced = run("history", "-d", deployed, "--forced", "--format", "json").json
    assert [one["detail"]["consents"] for one in forced] == [[recorded, "set_not_null"]]


def test_declared_rows_that_are_looked_up_in_many_tables_are_counted(
    run: Run, write_folder: WriteFolder, url: str
) -> None:
    files = {f"tables/t{number}.sql": f"CREATE TABLE t{number} (id int PRIMARY KEY);" for number in range(9)}
    files |= {f"seeders/t{number}.sql": f"INSERT INTO t{number} VALUES (1), (2);" for number in range(9)}
    write_folder(files)
    assert "\n  + rows of t8 (2)  seeders/t8.sql:1\n" in run("plan", "-d", url).out
    assert run("apply", "-d", url).code == 0
    write_folder(files | {"tables/t0.sql": "CREATE TABLE t0 (id int PRIMARY KEY, name text);"})
    assert "\nseeders\n  · rows of 9 tables, looked up only (--verbose lists them)\n\n" in run("plan", "-d", url).out
    assert "\n  · rows of t8 (2)  seeders/t8.sql:1\n" in run("plan", "-d", url, "--verbose").out


def test_a_failed_deployment_names_the_database_and_what_became_of_it(
    run: Run, write_folder: WriteFolder, deployed: str, database: Database
) -> None:
    write_folder(NOTES | {"migrations/1.sql": "UPDATE notes SET id = 1 / 0;"})
    failed = run("apply", "-d", deployed)
    assert failed.code == 6 and failed.err.startswith(
        "error: migrations/1.sql:1: run migration 1.sql failed\n"
        f"  in {database.name}\n  - everything was rolled back\n  cause: division by zero\n"
    )


def test_the_order_of_columns_is_told_once_and_in_every_diff(run: Run, write_folder: WriteFolder, url: str) -> None:
    kinds = "CREATE TYPE pair AS (a int, b int);"
    write_folder({"tables/t.sql": "CREATE TABLE t (a int, b int);", "types/p.sql": kinds})
    assert run("apply", "-d", url).code == 0
    files = {
        "tables/t.sql": "CREATE TABLE t (a int, c int, b int);",
        "types/p.sql": kinds.replace("a int", "c int, a int"),
    }
    write_folder(files)
    told = (
        "table t: columns stand in the order a, b, c instead of a, c, b",
        "type pair: attributes stand in the order a, b, c instead of c, a, b",
    )
    assert all(f"warning: {each}\n" in run("plan", "-d", url).out for each in told)
    assert run("apply", "-d", url).code == 0
    write_folder(files | {"tables/u.sql": "CREATE TABLE u (a int);"})
    assert "stand in the order" not in run("plan", "-d", url).out
    assert all(f"warning: {each}\n" in run("diff", "-d", url).out for each in told)
    assert "stand in the order" not in run("apply", "-d", url).out
    write_folder(files | {"tables/t.sql": "CREATE TABLE t (c int, a int, b int);"})
    assert "t: columns stand in the order a, b, c instead of c, a, b" in run("plan", "-d", url).out


def test_the_consents_to_all_say_so_only_where_they_are(run: Run, write_folder: WriteFolder, url: str) -> None:
    mood = "CREATE TYPE mood AS ENUM ('bad', 'good');"
    table = "CREATE TABLE t (id int, a int, b int, m mood);"
    write_folder({"types/mood.sql": mood, "tables/t.sql": table})
    assert run("apply", "-d", url).code == 0
    both = "--allow drop_column:t.a --allow drop_column:t.b"
    write_folder({"types/mood.sql": mood, "tables/t.sql": "CREATE TABLE t (id int, m mood);"})
    assert f"  all of it: {both}\n" in run("plan", "-d", url).out
    assert f"All of it:\n\n```\n{both}\n" in run("plan", "-d", url, "--format", "markdown").out
    write_folder({"types/mood.sql": mood.replace("'bad', ", ""), "tables/t.sql": "CREATE TABLE t (id int, m mood);"})
    assert f"  all that can be allowed: {both}\n" in run("plan", "-d", url).out
    assert f"All that can be allowed:\n\n```\n{both}\n" in run("plan", "-d", url, "--format", "markdown").out


def test_what_was_dropped_by_hand_is_named(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    psql(deployed, "ALTER TABLE notes ALTER legacy SET DEFAULT 'x'; ALTER TABLE notes DROP CONSTRAINT notes_pkey")
    made = run("plan", "-d", deployed, "--allow-drift")
    assert made.code == 0 and "constraint notes.notes_pkey was dropped by hand since the last deployment" in made.out
    told = run("status", "-d", deployed).out
    assert "- notes_pkey\n        deployed: PRIMARY KEY (id)\n            live: (none)\n" in told
    assert "~ legacy default\n        deployed: (none)\n            live: 'x'::text\n" in told
    assert "+ notes_pkey  dropped by hand\n        live: (none)\n" in run("diff", "-d", deployed).out
    write_folder(NOTES | {"tables/more.sql": "ALTER TABLE notes ADD CHECK (id > 0);"})
    assert run("diff", "-d", deployed).out.count("table notes\n") == 1


def test_routines_and_views_changed_by_hand_are_named(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    view = "CREATE VIEW titles AS SELECT title FROM notes;"
    write_folder(NOTES | {"views/titles.sql": view, "views/heads.sql": view.replace("titles", "heads")})
    assert run("apply", "-d", deployed).code == 0
    mine = "CREATE OR REPLACE FUNCTION add_note(p_title text, p_legacy text DEFAULT 'none') RETURNS int LANGUAGE sql"
    psql(deployed, f"DROP VIEW titles; ALTER VIEW heads ALTER title SET DEFAULT 'x'; {mine} AS 'SELECT 1'")
    plan, status, diff = (run(command, "-d", deployed).out for command in ("plan", "status", "diff"))
    assert "  + view titles  views/titles.sql:1\n      view titles was dropped by hand since the last deploy" in plan
    assert "routine add_note(text, text) (replace)" in plan and "changed by hand since the last deployment: " in plan
    assert "view titles\n      - dropped\n        deployed:  SELECT title" in status
    assert "view heads\n      ~ title default\n        deployed: (none)\n" in status
    assert "view titles\n  + create  dropped by hand\n        live: (none)\n" in diff
    assert "  ~ replace  changed by hand\n      --- live\n      +++ declared\n" in diff
    assert "      ~ changed\n          --- deployed\n          +++ live\n" in status


def test_what_nobody_declared_is_in_the_way_until_it_is_named(
    run: Run, write_folder: WriteFolder, deployed: str
) -> None:
    psql(deployed, "CREATE VIEW somebodys AS SELECT legacy FROM notes")
    psql(
        deployed,
        "CREATE FUNCTION theirs() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(legacy) FROM notes; END",
    )
    write_folder(
        NOTES | {"tables/notes.pssql": NOTES["tables/notes.pssql"].replace("legacy text", "legacy varchar(9)")}
    )
    refused = run("plan", "-d", deployed, "--force")
    named = shlex.split(" ".join(re.findall(r"--allow ('.+'|\S+)", refused.out.partition("blocked")[2])))
    assert refused.code == 4 and sorted(named) == ["drop_routine:theirs()", "drop_view:somebodys"]
    allowed = [f"--allow={each}" for each in named]
    made = run("plan", "-d", deployed, "--force", *allowed, "--out", "named.json")
    assert made.code == 0 and "- view somebodys" in made.out and "deletes-data" not in made.out
    assert "left alone" not in made.out
    psql(deployed, "CREATE TABLE beside (id int)")
    stale = run("apply", "-d", deployed, "--plan", "named.json").err
    assert "table beside was made meanwhile" in stale and "somebodys" not in stale
    assert run("apply", "-d", deployed, "--force", *allowed).code == 0


def test_a_saved_plan_is_carried_out_once(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    write_folder(NOTES | {"tables/more.pssql": "CREATE TABLE more (id int PRIMARY KEY);"})
    assert run("plan", "-d", deployed, "--out", "plan.json").code == 0
    shutil.rmtree("postgresql")  # the plan holds all that it needs
    assert run("apply", "-d", deployed, "--plan", "plan.json").code == 0
    assert psql(deployed, "SELECT to_regclass('more')::text") == [("more",)]
    again = run("apply", "-d", deployed, "--plan", "plan.json")
    assert again.code == 5 and "another state" in again.err


def test_preflight_names_the_rows(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    text = NOTES["tables/notes.pssql"].replace("legacy text", "legacy text NOT NULL")
    write_folder(NOTES | {"tables/notes.pssql": text})
    allow = ("--allow", "set_not_null")
    assert run("plan", "-d", deployed, *allow).code == 0
    result = run("plan", "-d", deployed, *allow, "--preflight")
    assert result.code == 4 and "notes.legacy: 2 rows" in result.out
    assert run("plan", "-d", deployed, *allow, "--preflight", "--format", "json").json["preflight"][0]["count"] == 2
    comment = run("plan", "-d", deployed, *allow, "--preflight", "--format", "markdown").out
    # A table that follows a list without an empty line would be read as part of it.
    assert re.search(r"#### ⛔ Rows that would make it fail\n\n- .+\n\n\| action", comment)


def test_exit_code_one_means_changes_are_pending(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    assert run("plan", "-d", deployed, "--exit-code").code == 0
    write_folder(NOTES | {"tables/more.pssql": "CREATE TABLE more (id int PRIMARY KEY);"})
    assert run("plan", "-d", deployed, "--exit-code").code == 1


def test_what_is_left_as_it_is_is_named_where_it_is_asked_for(
    run: Run, write_folder: WriteFolder, deployed: str
) -> None:
    write_folder(NOTES | {"tables/more.pssql": "CREATE TABLE more (id int PRIMARY KEY);"})
    assert "as declared already" not in run("plan", "-d", deployed).out
    told = run("plan", "-d", deployed, "--verbose").out.splitlines()
    assert {"as declared already:", "  routine: add_note(text, text)", "  table: notes"} <= set(told)
    psql(deployed, "ALTER TABLE notes ALTER COLUMN title DROP NOT NULL")
    assert "  table: notes\n" not in run("plan", "-d", deployed, "--verbose").out  # blocked as drift
