"""Commands on a real PostgreSQL: plan and apply, and the exit code of every end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import psycopg
import pytest

from stonegate.database.introspect.catalog import read_catalog
from stonegate.model.catalog import Catalog
from tests.cli.conftest import EXAMPLES, NOTES, Run, WriteFolder
from tests.servers import Database, MakeDatabase, Server, psql

REPORT_KEYS = {"status", "database", "plan_checksum", "counts", "steps", "duration_ms"}


# --- apply ----------------------------------------------------------------------------------------------------------


def test_apply_then_unchanged(run: Run, notes: Path, database: Database) -> None:
    first = run("apply", "-d", database.url)
    assert (first.code, first.err) == (0, "")
    assert "1 table, 1 routine created; 1 table filled" in first.out and "verified" in first.out
    assert database.rows("SELECT title FROM notes ORDER BY id") == [("it's here",), ("NULL",)]
    second = run("apply", "-d", database.url)
    assert second.code == 0 and "unchanged, nothing to do" in second.out


def test_apply_lists_once_what_goes_and_comes_back(run: Run, url: str) -> None:
    assert run("apply", str(EXAMPLES / "clinic/history/v1/postgresql"), "-d", url).code == 0
    result = run("apply", str(EXAMPLES / "clinic/postgresql"), "-d", url)
    assert result.code == 0, result.err
    assert result.out.count("routine list_patients(") == 1


def test_the_readme_shows_what_is_printed(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    folder = shutil.copytree(EXAMPLES / "todos/postgresql", "postgresql")
    assert run("apply", "-d", database.url).code == 0
    for name, before, after in (
        ("types/todo_status.pssql", "'done'", "'waiting', 'done'"),
        ("tables/todos.pssql", "    import_ref TEXT,\n", ""),
        ("tables/todos.pssql", "BETWEEN 1 AND 5)\n", "BETWEEN 1 AND 5),\n    due_on DATE\n"),
        ("functions/search_todos.pssql", "position(lower(p_word) IN lower(t.title)) > 0", "t.title ILIKE p_word"),
    ):
        path = Path(folder, name)
        path.write_text(path.read_text().replace(before, after))
    shown = _without_figures((EXAMPLES.parent / "README.md").read_text(encoding="utf-8"))
    for command in ("plan", "apply --allow drop_column:todos.import_ref"):
        printed = run(*command.split(), "-d", database.url).out.replace(database.name, "shop")
        assert f"```\n$ stonegate {command}\n{_without_figures(printed)}```\n" in shown


def _without_figures(text: str) -> str:
    """The text without checksums and durations."""
    return re.sub(r"\b[0-9a-f]{12,16}\b|(?:\d+ ms|\d+\.\d s)(?=\))", "…", text)


def test_apply_json_is_one_document(run: Run, notes: Path, database: Database) -> None:
    result = run("apply", "-d", database.url, "--format", "json", "--report", "report.json")
    document = result.json
    assert document.keys() >= REPORT_KEYS and "error" not in document and result.err == ""
    assert document["status"] == "applied" and document["database"] == database.name
    assert document["counts"] == {"create": 2, "seed": 1}
    assert document["steps"][0]["object"] == "public.notes"
    assert json.loads(Path("report.json").read_text()) == document
    assert run("apply", "-d", database.url, "--format", "json").json["status"] == "unchanged"


def test_apply_creates_a_missing_database_and_plan_does_not(run: Run, notes: Path, database: Database) -> None:
    name = f"{database.name}_new"
    url = database.server.url(name)
    try:
        planned = run("plan", "-d", url)
        assert planned.code == 0 and "does not exist" in planned.out
        number = run("plan", "-d", url, "--format", "json").json["checksum"]
        assert run("diff", "-d", url).code == 6
        dry = run("apply", "-d", url, "--dry-run", "--format", "json").json
        assert (dry["status"], dry["plan_checksum"]) == ("dry_run", number)
        assert psql(database.server.admin_url, "SELECT FROM pg_database WHERE datname = %s", (name,)) == []
        applied = run("apply", "-d", url)
        assert applied.code == 0 and "the database is new" in applied.out
        assert f"plan {number[:16]}" in planned.out and f"plan {number[:16]}" in applied.out
    finally:
        psql(database.server.admin_url, f'DROP DATABASE IF EXISTS "{name}"')


def test_plan_and_apply_tell_one_number_also_where_the_session_is_warned_of(
    run: Run, write_folder: WriteFolder, database: Database
) -> None:
    write_folder(NOTES)
    assert run("apply", "-d", database.url).code == 0
    write_folder(NOTES | {"tables/more.sql": "CREATE TABLE more (id int);"})
    role = f"{database.name}_owner"
    own = "ALTER TABLE _stonescriptdb_gateway_deployments OWNER TO"
    psql(database.url, f"CREATE ROLE {role}; ALTER DATABASE {database.name} OWNER TO {role}; {own} {role}")
    try:
        planned = run("plan", "-d", database.url, "--format", "json").json
        assert any("new objects will belong" in text for text in planned["warnings"])
        applied = run("apply", "-d", database.url, "--format", "json").json
        assert applied["plan_checksum"] == planned["checksum"]
    finally:
        psql(
            database.url, f"ALTER DATABASE {database.name} OWNER TO CURRENT_USER; {own} CURRENT_USER; DROP ROLE {role}"
        )


def test_dry_run_changes_nothing(run: Run, notes: Path, database: Database) -> None:
    result = run("apply", "-d", database.url, "--dry-run")
    assert result.code == 0 and "dry run, everything was rolled back" in result.out
    assert database.rows("SELECT to_regclass('notes')") == [(None,)]


def test_a_failing_statement_is_told_with_its_place(run: Run, write_folder: WriteFolder, database: Database) -> None:
    write_folder(
        NOTES | {"seeders/notes.pssql": "INSERT INTO notes (id, title) VALUES\n    (1, 'a'),\n    (2, NULL);\n"}
    )
    result = run("apply", "-d", database.url)
    assert (result.code, result.out) == (6, "")
    assert "seeders/notes.pssql:3" in result.err and "cause: null value" in result.err and "hint: " in result.err
    assert database.rows("SELECT to_regclass('notes')") == [(None,)]
    document = run("apply", "-d", database.url, "--format", "json").json
    assert document["status"] == "failed" and document["error"]["sqlstate"] == "23502"


def test_an_unknown_extension_is_refused_before_anything(
    run: Run, write_folder: WriteFolder, database: Database
) -> None:
    write_folder(NOTES | {"extensions/pg_trgn.sql": "-- version: 1.0\n"})
    result = run("apply", "-d", database.url)
    assert result.code == 3 and "pg_trgn" in result.err and "pg_trgm" in result.err
    assert database.rows("SELECT to_regclass('notes')") == [(None,)]


@pytest.mark.usefixtures("short_pauses")
def test_a_locked_table(run: Run, write_folder: WriteFolder, deployed: str) -> None:
    write_folder(
        NOTES | {"tables/notes.pssql": NOTES["tables/notes.pssql"].replace("legacy text", "legacy text,\n n int")}
    )
    with psycopg.connect(deployed) as holder:
        holder.execute("LOCK TABLE notes IN ACCESS SHARE MODE")
        result = run("apply", "-d", deployed, "--lock-timeout", "50ms")
    assert result.code == 6 and "lock" in result.err and "--lock-timeout" in result.err


def test_a_role_without_rights(run: Run, notes: Path, database: Database) -> None:
    role = f"{database.name}_nobody"
    psql(database.url, f'CREATE ROLE "{role}" LOGIN')
    try:
        result = run("apply", "-d", database.server.url(database.name, role))
        assert result.code == 6 and "permission denied" in result.err and "hint:" in result.err
        assert run("apply", "-d", database.url).code == 0
        for command in (("status",), ("history",), ("history", "--deployments"), ("diff",), ("plan",)):
            result = run(*command, "-d", database.server.url(database.name, role))
            assert result.code == 6 and "permission denied" in result.err and "unexpected" not in result.err, command
    finally:
        psql(database.url, f'DROP ROLE "{role}"')


def test_a_database_without_the_schema_public(run: Run, notes: Path, database: Database) -> None:
    psql(database.url, "DROP SCHEMA public")
    result = run("apply", "-d", database.url)
    assert result.code == 6 and "hint: CREATE SCHEMA public" in result.err
    assert database.rows("SELECT count(*) FROM pg_class WHERE relname = 'notes'") == [(0,)]


# --- scripts --------------------------------------------------------------------------------------------------------


async def _catalog(url: str) -> Catalog:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        return await read_catalog(conn)


# Two columns are fed by one sequence that neither of them owns, another one gives texts.
FED = {
    "tables/t.sql": "CREATE SEQUENCE fed; CREATE TABLE t (id int DEFAULT nextval('fed'), "
    "twin int DEFAULT nextval('fed'), code text DEFAULT 'x' || nextval('fed'));",
    "seeders/t.sql": "INSERT INTO t VALUES (7, 9, 'a'), (8, 3, 'b');",
}


@pytest.mark.parametrize("example", ["todos", "clinic", "fed"])
async def test_the_script_builds_the_same_database(
    capsys: pytest.CaptureFixture[str],
    example: str,
    server: Server,
    make_database: MakeDatabase,
    write_folder: WriteFolder,
) -> None:
    import asyncio

    from stonegate.cli.app import main

    folder = str(write_folder(FED) if example == "fed" else EXAMPLES / example / "postgresql")
    by_script, by_apply = make_database(server), make_database(server)
    assert await asyncio.to_thread(main, ["plan", folder, "--format", "sql"]) == 0
    with psycopg.connect(by_script.url) as conn:
        conn.execute(capsys.readouterr().out.encode())
    assert await asyncio.to_thread(main, ["apply", folder, "-d", by_apply.url]) == 0
    assert await _catalog(by_script.url) == await _catalog(by_apply.url)
    tables = by_apply.rows(
        "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname !~ '^_stonescriptdb'"
    )
    for (name,) in tables:
        count = f'SELECT count(*) FROM "{name}"'
        assert by_script.rows(count) == by_apply.rows(count), name
    sequences = (
        "SELECT nextval(c.oid::regclass) FROM pg_class AS c WHERE relkind = 'S' AND relname !~ '^_stone' "
        "ORDER BY relname"
    )
    assert by_script.rows(sequences) == by_apply.rows(sequences)
    changes = "SELECT change_type, object_name FROM _stonescriptdb_gateway_changelog ORDER BY id"
    assert by_script.rows(changes) == by_apply.rows(changes)
    assert await asyncio.to_thread(main, ["apply", folder, "-d", by_script.url]) == 0
    assert by_script.rows(changes) == by_apply.rows(changes)
