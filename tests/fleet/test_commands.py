"""The fleet from the command line: exit codes, what is printed, and what the databases are afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from stonegate.fleet.names import Owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.tenants import create_tenants
from tests.fleet.shell import Shell, shell

__all__ = ["shell"]


def _create_four_tenants(shell: Shell, tmp_path: Path) -> None:
    """`anna` and `berta` by a list, two more by number; who is there already is no mistake if that was said."""
    name = shell.fleet.name
    ids = tmp_path / "ids"
    ids.write_bytes("\ufeffanna  # the first\r\n# nobody\r\nberta\r\n\r\n anna\r\n".encode())
    place = ("--platform", name, "--schema", "app")
    shell.done("tenant", "create", *place, "--from-file", str(ids))
    (tmp_path / "latin").write_bytes(b"anna\ncaf\xe9\n")
    assert "no UTF-8 in line 2" in shell.run("tenant", "create", *place, "--from-file", str(tmp_path / "latin")).stderr
    again = shell.run("tenant", "create", *place, "--from-file", "-", "--if-missing", stdin="anna\nberta\n")
    assert again.stdout == "2 there already\n"  # cron shall not tell them all every time
    made = shell.json(
        "tenant", "create", *place, "--from-file", str(ids), "--count", "2", "--prefix", "x", "--if-missing"
    )
    assert [one["status"] for one in made] == ["exists", "exists", "created", "created"]
    shell.done("tenant", "create", "anna", *place, code=2)
    assert len(shell.json("tenant", "list", "--platform", name)) == 4


@pytest.mark.slow
def test_a_platform_from_registration_to_the_second_release(shell: Shell, tmp_path: Path) -> None:
    fleet = shell.fleet
    name, folder = fleet.name, str(fleet.folder)
    assert "registered, with the role" in shell.done("platform", "register", name, "--db-user", f"{name}role")
    shell.done("platform", "register", name, code=2)
    assert shell.json("platform", "list")[0]["db_user"] == f"{name}role"
    shell.done("platform", "upload", name, folder, "--schema", "app")
    assert shell.json("platform", "schemas", name)[0]["name"] == "app"
    _create_four_tenants(shell, tmp_path)

    report = tmp_path / "report.json"
    everything = ("--platform", name, "--all")
    shell.done("apply", folder, *everything, "--report", str(report))
    assert {one["status"] for one in json.loads(report.read_text())} == {"unchanged"}
    fleet.write(
        "tables/notes.pssql", "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT '', n int);"
    )
    plan = shell.json("plan", folder, *everything)
    assert plan["summary"] == "4 identical" and len(plan["groups"]) == 1
    assert "preflight" not in shell.done("plan", folder, *everything, "--exit-code", code=1)
    looked = shell.done("plan", folder, *everything, "--preflight")
    assert looked.endswith("4 identical\npreflight: no row stands in the way\n")
    result = shell.run("apply", folder, *everything)
    assert result.returncode == 0 and "4 databases: 4 applied" in result.stdout, result
    assert result.stderr.count("applied") == 4
    assert "4 databases: 4 unchanged" in shell.done("apply", folder, "--platform", name, "--tenant", "*")
    shell.done("apply", folder, "--platform", name, "--tenant", "anna,x?")
    assert "no tenant nobody" in shell.run("apply", folder, "--platform", name, "--tenant", "nobody").stderr

    database = f"{name}_app_anna"
    fleet.rows(database, "ALTER TABLE notes DROP COLUMN n")
    drifted = shell.json("status", *everything, code=5)["databases"]
    assert [len(one["drift"]) for one in drifted] == [1, 0, 0, 0]
    assert "1 drifted" in shell.done("status", *everything, code=5)
    assert f"3 identical, 1 differs: {database}" in shell.done("plan", folder, *everything, code=5)
    planned = {json.dumps(shell.json("plan", folder, *everything, code=5)) for _ in range(5)}
    assert len(planned) == 1  # whichever was read first
    assert f"3 as declared, 1 differs: {database}" in shell.done("diff", folder, *everything, code=5)
    shell.done("apply", folder, "--platform", name, "--tenant", "anna", "--allow-drift")

    shell.done("platform", "rotate", name)
    shell.done("apply", folder, *everything)
    refused = shell.run("tenant", "drop", "x*", "--platform", name)
    assert refused.returncode == 2, refused
    assert f"2 databases would be dropped with all data: {name}_app_x1, {name}_app_x2\n" in refused.stderr
    shell.done("tenant", "drop", "x*", "--platform", name, "--yes")
    shell.done("tenant", "drop", "x1", "--platform", name, "--yes", code=2)
    gone = shell.done("tenant", "drop", "x1", "--platform", name, "--yes", "--if-exists")
    assert gone == "none of them is there\n"
    assert len(shell.json("platform", "databases", name)) == 2


def test_rows_in_the_way_are_named_before_anything_is_touched(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name)
    shell.done("platform", "upload", fleet.name, str(fleet.folder), "--schema", "app")
    place = ("--platform", fleet.name, "--schema", "app")
    shell.done("tenant", "create", "a", "b", "c", *place)
    fleet.rows(f"{fleet.name}_app_b", "INSERT INTO notes (body) VALUES ('first')")
    fleet.write(
        "tables/notes.pssql", "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT '' UNIQUE);"
    )
    plan = shell.json("plan", str(fleet.folder), *place, "--preflight", code=4)
    assert plan["summary"] == "3 identical"
    assert list(plan["groups"][0]["preflight"]) == [f"{fleet.name}_app_b"]
    comment = shell.done("plan", str(fleet.folder), *place, "--preflight", "--format", "markdown", code=4)
    assert f"#### 3 databases: `{fleet.name}_app_a`" in comment and f"- {fleet.name}_app_b: notes." in comment
    for one_only in (("--format", "sql"), ("--out", "plan.json")):
        refused = shell.run("plan", str(fleet.folder), *place, *one_only)
        assert (refused.returncode, refused.stdout) == (2, "") and "--tenant ID" in refused.stderr
    result = shell.run("apply", str(fleet.folder), *place)
    assert result.returncode == 7
    assert "2 applied, 1 failed" in result.stdout and f"{fleet.name}_app_b" in result.stderr


def test_where_no_folder_is_the_stored_one_of_the_schema_is_meant_for_one_tenant_as_for_all(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name)
    upload = ("platform", "upload", fleet.name, str(fleet.folder), "--schema", "app")
    shell.done(*upload)
    shell.done("tenant", "create", "a", "b", "--platform", fleet.name, "--schema", "app")
    fleet.write("functions/other.pssql", "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    shell.done(*upload)
    one = ("--platform", fleet.name, "--tenant", "a")
    shell.done("plan", *one, "--exit-code", code=1)
    assert "routine other()" in shell.done("diff", *one)
    shell.done("apply", *one)
    assert fleet.rows(f"{fleet.name}_app_a", "SELECT other()") == [(1,)]
    assert shell.json("plan", *one)["steps"] == []
    assert "1 unchanged" in shell.done("apply", "--platform", fleet.name, "--tenant", "a,a*")
    assert "no such folder: elsewhere" in shell.run("apply", "elsewhere", *one).stderr


def test_a_baseline_of_all_takes_over_those_that_have_no_records(shell: Shell) -> None:
    """In the others it recorded migrations that had not run there as executed."""
    fleet = shell.fleet
    name, folder = fleet.name, str(fleet.folder)
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, folder, "--schema", "app")
    shell.done("tenant", "create", "a", "b", "--platform", name, "--schema", "app")
    tracking = "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND starts_with(relname, '_stonescriptdb')"
    for (table,) in fleet.rows(f"{name}_app_b", tracking):
        fleet.rows(f"{name}_app_b", f"DROP TABLE {table}")
    fleet.write("migrations/900_more.pssql", "INSERT INTO notes (body) VALUES ('more');")
    everything = (folder, "--platform", name, "--all", "--baseline")
    assert "--baseline for this database alone" in " ".join(shell.done("plan", *everything, code=4).split())
    result = shell.run("apply", *everything)
    assert result.returncode == 7 and "1 applied, 1 blocked" in result.stdout, result
    assert f"{name}_app_a" in result.stderr and "without --baseline it runs" in " ".join(result.stderr.split())
    assert "1 applied, 1 unchanged" in shell.done("apply", *everything[:-1])
    counted = [fleet.rows(f"{name}_app_{tenant}", "SELECT count(*) FROM notes WHERE body = 'more'") for tenant in "ab"]
    assert counted == [[(1,)], [(0,)]]
    fleet.write("migrations/901_by_hand.pssql", "UPDATE notes SET body = '';")
    shell.done("apply", folder, "--platform", name, "--tenant", "a", "--baseline")
    assert fleet.rows(f"{name}_app_a", "SELECT count(*) FROM notes WHERE body = ''") == [(0,)]


def test_an_apply_whose_report_cannot_be_written_touches_nothing(shell: Shell, tmp_path: Path) -> None:
    fleet = shell.fleet
    fleet.registry.register(fleet.name)
    owner = Owner(platform=fleet.name, schema="app", tenant="a")
    asyncio.run(create_tenants(fleet.registry, fleet.url, fleet.source, [owner]))
    fleet.write("functions/other.pssql", "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    everything = ("apply", str(fleet.folder), "--platform", fleet.name, "--all", "--report")
    assert "cannot write" in shell.run(*everything, str(tmp_path / "nowhere" / "report.json")).stderr
    assert fleet.rows(owner.database, "SELECT to_regproc('other')") == [(None,)]
    fleet.write("functions/other.pssql", "CREATE FUNCTION (")
    report = tmp_path / "report.json"
    report.write_text("of an earlier run")
    shell.done(*everything, str(report), code=3)
    assert json.loads(report.read_text())["error"]["code"] == "syntax_error"
    report.write_text("of an earlier run")
    shell.done(*everything, str(report), "--tenant", "nobody", code=2)
    assert json.loads(report.read_text())["error"]["exit_code"] == 2


def test_what_all_databases_have_in_common_is_said_once(shell: Shell) -> None:
    fleet = shell.fleet
    fleet.registry.register(fleet.name)
    for tenant in ("t1", "t2", "t10"):
        owner = Owner(platform=fleet.name, schema="app", tenant=tenant)
        fleet.registry.record(DatabaseRecord(owner=owner, database=owner.database))
    result = shell.run("status", "--platform", fleet.name, "--all")
    assert result.returncode == 7 and result.stderr.count("error:") == 1, result.stderr
    names = ", ".join(f"{fleet.name}_app_{tenant}" for tenant in ("t1", "t2", "t10"))
    assert f"  in {names}\n" in result.stderr and result.stdout == ""


def test_an_id_in_several_schemas_is_dropped_in_one(shell: Shell) -> None:
    """All of its databases were, with --yes without a word; and the platform's own could not be told from them."""
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name)
    for schema in ("app", "shop"):
        shell.done("platform", "upload", fleet.name, str(fleet.folder), "--schema", schema)
        shell.done("tenant", "create", "main", "t", "--platform", fleet.name, "--schema", schema)
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_main")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_main")
    drop = ("tenant", "drop", "--platform", fleet.name, "--yes")
    refused = shell.run(*drop, "t")
    assert refused.returncode == 2 and f"t has 2 databases: {fleet.name}_app_t, {fleet.name}_shop_t" in refused.stderr
    assert "--schema NAME" in refused.stderr
    assert len(shell.json("tenant", "list", "--platform", fleet.name)) == 5
    shell.done(*drop, "t", "--schema", "app")
    ambiguous = shell.run("status", "--platform", fleet.name, "--tenant", "main").stderr
    assert "--tenant and the name of the database" in " ".join(ambiguous.split())
    shell.done("status", "--platform", fleet.name, "--tenant", f"{fleet.name}_main")
    shell.done(*drop, f"{fleet.name}_main", "t")
    left = [one["database"] for one in shell.json("tenant", "list", "--platform", fleet.name)]
    assert left == [f"{fleet.name}_app_main", f"{fleet.name}_shop_main"]
    shell.done(*drop, "main*")


def test_an_administrator_is_told_how_to_deploy_to_the_database_of_a_platform(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name, "--db-user", f"{fleet.name}role")
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_t7")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_t7")
    shell.done("apply", str(fleet.folder), "--platform", fleet.name, "--tenant", "t7", "--yes")
    (fleet.folder / "functions" / "new_one.sql").write_text(
        "CREATE FUNCTION new_one() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    )
    warned = shell.json("plan", str(fleet.folder), "-d", f"{fleet.name}_t7")["warnings"]
    options = ["--platform", fleet.name, "--tenant", "t7"]
    assert any(f"deploy with {' '.join(options)}, or " in text for text in warned), warned
    assert not any("new objects" in text for text in shell.json("plan", str(fleet.folder), *options)["warnings"])


def test_one_folder_is_not_for_databases_of_several(shell: Shell, tmp_path: Path) -> None:
    """It took away in the one what the other one does not declare."""
    name, folder = shell.fleet.name, str(shell.fleet.folder)
    other = tmp_path / "other"
    (other / "functions").mkdir(parents=True)
    (other / "functions" / "f.sql").write_text("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    shell.done("platform", "register", name)
    for schema in ("app", "twin", "other"):
        shell.done("platform", "upload", name, str(other) if schema == "other" else folder, "--schema", schema)
        shell.done("tenant", "create", "a", "--platform", name, "--schema", schema)
    for command in ("plan", "diff", "apply"):
        refused = shell.run(command, folder, "--platform", name, "--all")
        told = " ".join(refused.stderr.split())  # however long the platform's name is
        assert refused.returncode == 2 and "stored folders: app, other, twin" in told
    shell.done("apply", folder, "--platform", name, "--schema", "app")
    shell.done("tenant", "drop", "a", "--platform", name, "--schema", "other", "--yes")
    assert "2 databases: 2 unchanged" in shell.done("apply", folder, "--platform", name, "--all")
