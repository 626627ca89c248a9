"""What is told of a database and its past: diff, status, history."""

from __future__ import annotations

from pathlib import Path

import pytest

from stonegate.cli.render.names import DONE_OUTCOMES, count
from stonegate.model.plan import Action
from tests.cli.conftest import NOTES, Run, WriteFolder, without
from tests.servers import Database


def test_a_folder_that_declares_nothing_is_told_as_that(run: Run, write_folder: WriteFolder, url: str) -> None:
    write_folder({"tables/.gitkeep": ""})
    for command in (("plan",), ("plan", "-d", url), ("plan", "-d", url, "--format", "markdown")):
        told = run(*command)
        assert told.code == 0 and "the folder declares nothing yet" in told.out, command
        assert "nothing to do" not in told.out
    assert "unchanged, nothing to do" in run("apply", "-d", url).out, "the database is there"


def test_diff_names_what_nobody_declared(run: Run, deployed: str, database: Database) -> None:
    database.rows("CREATE INDEX by_hand ON notes (id)")
    assert "\nunmanaged, left alone: index by_hand\n" in "\n" + run("diff", "-d", deployed).out


def test_diff_shows_both_sides(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    clean = run("diff", "-d", deployed)
    assert clean.code == 0 and "no difference" in clean.out
    write_folder(
        NOTES
        | {
            "tables/notes.pssql": NOTES["tables/notes.pssql"].replace("legacy text", "legacy varchar(9)"),
            "functions/add_note.pssql": NOTES["functions/add_note.pssql"].replace(
                "(p_title, p_legacy)", "('!', p_legacy)"
            ),
        }
    )
    result = run("diff", "-d", deployed)
    assert result.code == 0
    assert "~ legacy type" in result.out and "live: text" in result.out
    assert "declared: character varying(9)" in result.out and "+     INSERT INTO notes" in result.out.replace(
        "+    I", "+     I"
    )
    changes = run("diff", "-d", deployed, "--format", "json").json["changes"]
    assert {change["object"] for change in changes} == {"public.notes.legacy", "public.add_note(text, text)"}


def test_diff_of_an_empty_database_lists_what_is_missing(run: Run, notes: Path, url: str) -> None:
    result = run("diff", "-d", url)
    assert result.code == 0 and "+ table notes" in result.out and "2 differences" in result.out


def test_status_and_history(run: Run, deployed: str, database: Database) -> None:
    text = run("status", "-d", deployed).out
    for word in (database.name, "PostgreSQL 18", "deployed 2", "1 table", "no drift"):
        assert word in text
    document = run("status", "-d", deployed, "--format", "json").json
    assert document["objects"]["table"] == 1 and document["drift"] == []
    told = run("history", "-d", deployed).out
    assert "create table" in told and "create routine  add_note(text, text)" in told, "as plans call it"
    entries = run("history", "-d", deployed, "--object", "notes", "--format", "json").json
    assert {entry["change_type"] for entry in entries} == {"create_table", "seed_rows"}
    for name in ("add_note", "public.add_note", "add_note(text, text)"):
        assert len(run("history", "-d", deployed, "--object", name, "--format", "json").json) == 1
    assert "nothing was done to note" in run("history", "-d", deployed, "--object", "note").out
    assert "that needed a consent" in run("history", "-d", deployed, "--forced").out
    assert len(run("history", "-d", deployed, "--deployments", "--format", "json").json) == 1
    assert len(run("history", "-d", deployed, "-n", "1", "--format", "json").json) == 1


RELEASES = (
    {
        "types/t.sql": "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TYPE pair AS (x int, y int);",
        "tables/a.sql": """CREATE SCHEMA "Odd one";
            CREATE TABLE "Odd one"."T.t" (id int PRIMARY KEY, "a.b" int, c text);
            CREATE TABLE plain (id int PRIMARY KEY, m mood, p pair, gone int);
            COMMENT ON TABLE plain IS 'said of a new one'; COMMENT ON COLUMN plain.m IS 'likewise';
            CREATE INDEX by_m ON plain (m);
            CREATE STATISTICS s ON m, p FROM plain;""",
        "functions/f.sql": "CREATE FUNCTION f(a int, b text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';",
        "views/v.sql": "CREATE VIEW v AS SELECT m FROM plain;",
        "seeders/plain.sql": "INSERT INTO plain (id) VALUES (1);",
        "migrations/1.sql": "UPDATE plain SET m = 'a';",
    },
    {
        "types/t.sql": "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TYPE pair AS (x int, y int, z int);",
        "tables/a.sql": """CREATE SCHEMA "Odd one";
            CREATE TABLE "Odd one"."T.t" (id int PRIMARY KEY, "a.b" bigint NOT NULL DEFAULT 1, c text, d int);
            CREATE TABLE plain (id int PRIMARY KEY, m mood DEFAULT 'a', p pair, CHECK (id > 0));
            CREATE TABLE more (id int REFERENCES plain); COMMENT ON COLUMN more.id IS 'said of a new one';
            COMMENT ON TABLE plain IS 'changed'; COMMENT ON COLUMN plain.m IS 'likewise';
            CREATE INDEX by_m ON plain (m, id);
            ALTER TABLE plain ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON plain USING (true);
            GRANT SELECT ON plain TO PUBLIC;
            ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;""",
        "functions/f.sql": "CREATE FUNCTION f(a int, b text[]) RETURNS int LANGUAGE sql AS 'SELECT 2';"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';",
        "views/v.sql": "CREATE VIEW v AS SELECT id, m FROM plain;",
        "seeders/plain.sql": "INSERT INTO plain (id) VALUES (1);",
        "migrations/2.sql": "UPDATE plain SET m = 'a'; ANALYZE plain;",
    },
)


def test_deployments_are_told_as_their_applies_did(
    run: Run, write_folder: WriteFolder, url: str, database: Database
) -> None:
    told = []
    for number in (0, 1, 0, 1):
        write_folder(RELEASES[number])
        report = run("apply", "-d", url, "--force", "--format", "text")
        assert report.code == 0, report.err
        (headline,) = (line for line in report.out.splitlines() if line.startswith(f"✓ {database.name}: "))
        told.append(headline.removeprefix(f"✓ {database.name}: ").rpartition(" (")[0])
    assert "2 columns, 1 table, 1 default privileges altered" in told[1] and "1 migration recorded" in told[0]
    applies = run("history", "-d", url, "--deployments", "--format", "json").json
    did = [
        "; ".join(
            ", ".join(count(number, kind) for kind, number in kinds.items()) + " " + DONE_OUTCOMES[Action(action)]
            for action, kinds in each["objects"].items()
        )
        for each in reversed(applies)
    ]
    assert did == told
    wide = run("history", "-d", url, "--deployments").out
    assert "7 create" not in wide and "created" in wide


def test_what_a_failed_deployment_committed_ahead_is_its_own(
    run: Run, write_folder: WriteFolder, url: str, database: Database
) -> None:
    files = {
        "types/mood.sql": "CREATE TYPE mood AS ENUM ('a', 'c');",
        "tables/t.sql": "CREATE TABLE t (id int PRIMARY KEY, m mood);",
    }
    write_folder(files)
    assert run("apply", "-d", url).code == 0
    files["types/mood.sql"] = "CREATE TYPE mood AS ENUM ('a', 'b', 'c');"
    migration = {"migrations/1.sql": "INSERT INTO t VALUES (1, 'b'); SELECT 1 / 0;"}
    write_folder(files | migration)
    assert run("apply", "-d", url).code == 6
    told = " ".join(run("status", "-d", url).out.split())
    assert "unfinished: type mood gets the label 'b'" in told and "the next apply goes on from there" in told
    assert "no drift" in told and "was changed" not in told
    document = run("status", "-d", url, "--format", "json")
    assert document.code == 0 and document.json["unfinished"] == ["alter type mood"]
    database.rows("ALTER TABLE t ALTER m SET DEFAULT 'a'")
    by_hand = run("status", "-d", url, "--format", "json")
    assert by_hand.code == 5 and [change["object"] for change in by_hand.json["drift"]] == ["public.t.m"]
    assert by_hand.json["unfinished"] == ["alter type mood"]
    database.rows("ALTER TABLE t ALTER m DROP DEFAULT")
    write_folder(files | {"migrations/1.sql": "INSERT INTO t VALUES (1, 'b');"})
    assert run("apply", "-d", url).code == 0
    assert "unfinished" not in run("status", "-d", url).out
    database.rows("ALTER TYPE mood ADD VALUE 'd'")
    assert "was changed" in run("status", "-d", url).out


def test_a_baseline_is_told_to_be_recorded(run: Run, write_folder: WriteFolder, url: str, database: Database) -> None:
    write_folder({"tables/a.sql": "CREATE TABLE a (id int);"})
    database.rows("CREATE TABLE a (id int)")
    assert "--baseline" in run("apply", "-d", url).err
    assert "unchanged, and recorded as deployed" in run("apply", "-d", url, "--baseline").out
    assert "unchanged, nothing to do" in run("apply", "-d", url).out


def test_parts_of_a_new_table_are_told_apart(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    tags = "CREATE TABLE tags (note int REFERENCES notes);\nCREATE POLICY all_of_them ON tags USING (true);"
    write_folder(NOTES | {"tables/tags.pssql": tags})
    told = [line.split("  ")[1] for line in run("plan", "-d", deployed).out.splitlines() if "+ table" in line]
    assert told == ["+ table tags", "+ table tags: foreign keys", "+ table tags: policies"]
    for form in ("sql", "markdown"):
        assert "tags: foreign keys" in run("plan", "-d", deployed, "--format", form).out
    assert run("apply", "-d", deployed).code == 0
    assert "tags: policies" in run("history", "-d", deployed).out


def test_the_history_names_the_changes_of_a_step_that_has_several(
    run: Run, write_folder: WriteFolder, deployed: str
) -> None:
    table = NOTES["tables/notes.pssql"].replace("legacy text", "due date, done boolean")
    write_folder(NOTES | {"tables/notes.pssql": table, "functions/add_note.pssql": "-- none"})
    assert run("apply", "-d", deployed, "--force").code == 0
    (told,) = run("history", "-d", deployed, "--forced", "--object", "notes").out.splitlines()[2:]
    assert "notes: drop column legacy, create column due, create column done" in told
    files = NOTES | {"tables/notes.pssql": table.replace(", done boolean", ""), "functions/add_note.pssql": "-- none"}
    write_folder(files | {"migrations/9.sql": "ALTER TABLE notes DROP COLUMN done;"})
    assert run("apply", "-d", deployed, "--force").code == 0
    assert "9.sql: drop column notes.done" in run("history", "-d", deployed, "--forced").out


def test_status_and_history_of_an_empty_database(run: Run, url: str) -> None:
    assert "nothing was deployed here" in run("status", "-d", url).out
    assert "nothing was done here" in run("history", "-d", url).out
    assert run("history", "-d", url, "--format", "json").json == []


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_everything_fits_the_screen(
    run: Run, write_folder: WriteFolder, deployed: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(without("tables/notes.pssql", "legacy"))
    monkeypatch.setenv("COLUMNS", str(width))
    for command in ("plan", "diff", "status", "history", "apply"):
        result = run(command, "-d", deployed)
        lines = (result.out + result.err).splitlines()
        assert lines and max(map(len, lines)) <= width, command
