"""The fleet from the command line: exit codes, what is printed, and what the databases are afterwards."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stonegate.cli.app import main as run_command
from stonegate.database.tenants.labels import label_statement
from stonegate.errors import PlatformIsolationViolation, StonegateError
from stonegate.fleet.adoption import adopt_database, find_database, label_of
from stonegate.fleet.names import Owner, v1_owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.tenants import create_tenants
from tests.fleet.conftest import Fleet


class Shell:
    """`stonegate …` with the settings of a fleet.

    Attributes:
        apart: each command has a process of its own, as at a prompt; else all run in this one, which saves starts.
    """

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self.fleet = fleet
        self.directory = directory
        self.apart = False

    def environment(self) -> dict[str, str]:
        """As a service has it; so wide that no line is wrapped, however long names and paths are."""
        own = {"DATABASE_URL": self.fleet.url, "DATA_DIR": str(self.fleet.registry.directory), "COLUMNS": "500"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DB_"))}
        root = str(Path(__file__).parents[2])
        return kept | own | {"PYTHONPATH": root}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command line."""
        if not self.apart:
            return self._run_here(arguments, stdin)
        return subprocess.run(
            [sys.executable, "-m", "stonegate", *arguments],
            cwd=self.directory,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def _run_here(self, arguments: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        wanted = self.environment()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.directory)
            for name in os.environ.keys() - wanted.keys():
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = run_command(arguments)
            for stream in (out, err):
                stream.flush()
        printed, told = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(arguments, code, printed, told)

    def done(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Its standard output, once the exit code is as expected."""
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == code, (arguments, result.returncode, result.stdout, result.stderr)
        return result.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Its JSON document."""
        return json.loads(self.done(*arguments, "--format", "json", code=code))


@pytest.fixture
def shell(fleet: Fleet, tmp_path: Path) -> Shell:
    """A command line in an empty directory."""
    work = tmp_path / "work"
    work.mkdir()
    return Shell(fleet, work)


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
    shell.done("plan", folder, *everything, "--exit-code", code=1)
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
    shell.done("tenant", "drop", "x*", "--platform", name, code=2)
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


def test_what_may_not_be_adopted(shell: Shell) -> None:
    fleet, main = shell.fleet, v1_owner(shell.fleet.name, None)

    def adopt(owner: Owner, database: str) -> None:
        asyncio.run(adopt_database(fleet.registry, fleet.url, owner, database))

    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_main")
    assert "no platform" in shell.run("platform", "adopt", fleet.name, f"{fleet.name}_main").stderr
    mould, half = f"{fleet.name}_mould", f"{fleet.name}_half"
    fleet.rows("postgres", f"CREATE DATABASE {mould} IS_TEMPLATE true")
    fleet.rows("postgres", f"CREATE DATABASE {half}")
    fleet.rows("postgres", label_statement(half, replace(label_of(main), unfinished=True)).as_string())
    for database, message in (
        ("postgres", "belongs to no platform"),
        ("template1", "belongs to no platform"),
        ("stonegate_ref_1", "belongs to no platform"),
        (mould, "is a template"),
        (half, "still being made"),
        ("nowhere", "no database nowhere"),
    ):
        with pytest.raises(StonegateError, match=message):
            adopt(main, database)
    assert fleet.registry.platforms() == ()
    for _ in range(2):
        adopt(main, f"{fleet.name}_main")
    with pytest.raises(PlatformIsolationViolation, match=f"{fleet.name}_main belongs to platform {fleet.name}, main"):
        adopt(v1_owner(fleet.name, "x"), f"{fleet.name}_main")
    assert len(fleet.registry.platform(fleet.name).databases) == 1


def test_a_database_that_is_gone_is_forgotten(shell: Shell) -> None:
    name, database = shell.fleet.name, f"{shell.fleet.name}_app_a"
    shell.done("platform", "register", name)
    shell.fleet.write(
        "functions/odd.sql", "CREATE FUNCTION odd() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM nowhere';"
    )
    told = shell.run("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    assert told.returncode == 0 and "functions/odd.sql:1" in told.stderr and "nowhere" in told.stderr
    (shell.fleet.folder / "functions" / "odd.sql").unlink()
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    shell.done("tenant", "create", "a", "b", "--platform", name, "--schema", "app")
    forget = ("platform", "forget", name, database)
    refused = shell.run(*forget)
    assert refused.returncode != 0 and f"the database {database} is there" in refused.stderr
    assert f"stonegate tenant drop {database} --platform {name}" in " ".join(refused.stderr.split())
    assert len(shell.fleet.registry.platform(name).databases) == 2
    shell.fleet.rows("postgres", f"DROP DATABASE {database}")
    shell.done("status", "--platform", name, "--all", code=7)
    assert f"{database} is forgotten; it was that of platform {name}, schema app, tenant a" in shell.done(*forget)
    shell.done("status", "--platform", name, "--all")
    assert [each.database for each in shell.fleet.registry.platform(name).databases] == [f"{name}_app_b"]
    assert f"has no database {database} in its records" in shell.run(*forget).stderr
    kept = shell.json(*forget[:-1], f"{name}_app_b", "--keep-database")
    assert kept == {
        "status": "forgotten",
        "platform": name,
        "database": f"{name}_app_b",
        "id": "b",
        "schema": "app",
    }
    assert shell.fleet.registry.platform(name).databases == ()
    assert shell.fleet.rows("postgres", f"SELECT FROM pg_database WHERE datname = '{name}_app_b'")


@pytest.mark.parametrize("options", [("--schema", "app"), ()], ids=["of a schema", "without one"])
def test_the_advice_to_adopt_is_taken_as_it_is_printed(shell: Shell, options: tuple[str, ...]) -> None:
    """Another schema, or another spelling of the tenant, would make the database somebody else's for good."""
    fleet = shell.fleet
    database = "_".join((fleet.name, *options[1:], "a_1"))
    shell.done("platform", "register", fleet.name)
    shell.done("platform", "upload", fleet.name, str(fleet.folder), "--schema", "app")
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    registry, owner = fleet.registry, Owner(platform=fleet.name, schema="app" if options else None, tenant="A-1")
    if options:
        told = shell.run("tenant", "create", "A-1", "--platform", fleet.name, *options).stderr
    else:
        fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_a_main")  # another platform, to which it may belong
        with pytest.raises(PlatformIsolationViolation) as refused:
            asyncio.run(find_database(registry, fleet.url, owner))
        told = refused.value.hint or ""
    command = shlex.split(told[told.index("stonegate platform adopt") :])  # which may be printed in two lines
    shell.done(*command[1:])
    found = asyncio.run(find_database(registry, fleet.url, owner))
    assert found is not None and found.database == database


def test_what_the_original_deployed_is_adopted(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name)
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_main")
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_t7")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_main")
    shell.apart = True
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_t7")
    shell.apart = False
    assert [one["id"] for one in shell.json("platform", "databases", fleet.name)] == ["main", "t7"]
    shell.apart = True
    shell.done("apply", str(fleet.folder), "--platform", fleet.name, "--yes")
    shell.apart = False
    assert fleet.rows(f"{fleet.name}_main", "SELECT count(*) FROM notes") == [(2,)]
    shell.done("platform", "register", f"{fleet.name}_other")
    shell.done("platform", "adopt", f"{fleet.name}_other", f"{fleet.name}_t7", code=2)


def test_a_database_that_is_given_to_the_role_of_its_platform_has_not_drifted(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("apply", str(fleet.folder), "-d", f"{fleet.name}_main", "--yes")
    shell.done("platform", "register", fleet.name, "--db-user", f"{fleet.name}role")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_main")
    assert shell.json("status", "--platform", fleet.name)["drift"] == []


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
    left = [one["database_name"] for one in shell.json("tenant", "list", "--platform", fleet.name)]
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


def test_an_adoption_for_a_schema_that_is_not_stored_says_so(shell: Shell) -> None:
    """As one that was mistyped."""
    name, database = shell.fleet.name, f"{shell.fleet.name}_by_hand"
    shell.fleet.rows("postgres", f"CREATE DATABASE {database}")
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    told = shell.run("platform", "adopt", name, database, "--schema", "ap", "--tenant", "a")
    assert told.returncode == 0 and f"stonegate platform upload {name} FOLDER --schema ap" in told.stderr
    told = shell.run("platform", "adopt", name, database, "--schema", "app", "--tenant", "a", "--from", name)
    assert (told.returncode, told.stderr) == (0, "")


def test_an_adoption_asks_where_the_name_may_be_that_of_a_stored_folder_s_tenant(shell: Shell) -> None:
    """It became another tenant's, and the folder was not deployed to it."""
    name, database = shell.fleet.name, f"{shell.fleet.name}_app_a"
    shell.fleet.rows("postgres", f"CREATE DATABASE {database}")
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    asked = shell.run("platform", "adopt", name, database)
    assert asked.returncode == 2 and "may be that of" in asked.stderr
    command = shlex.split(asked.stderr[asked.stderr.index("stonegate platform adopt") :].partition(";")[0])
    assert command[5:] == ["--schema", "app", "--tenant", "a"]
    shell.done(*command[1:])
    shell.done("apply", "--platform", name, "--schema", "app")


def test_a_record_that_differs_from_the_label_is_mended_as_the_advice_says(shell: Shell) -> None:
    fleet, name = shell.fleet, shell.fleet.name
    database = f"{name}_app_a"
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(fleet.folder), "--schema", "app")
    shell.done("tenant", "create", "a", "--platform", name, "--schema", "app")
    fleet.write("functions/more.sql", "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    apply = ("apply", str(fleet.folder), "--platform", name, "--schema", "app", "--yes")

    def advice(words: str) -> list[str]:
        """The command of the hint that begins with these words."""
        fleet.registry.forget(name, database)
        wrong = Owner(platform=name, schema="app", tenant="z")
        fleet.registry.record(DatabaseRecord(owner=wrong, database=database))
        told = " ".join(shell.run(*apply).stderr.split())
        command = shlex.split(told[told.index(words) :].partition(";")[0])
        shell.done(*command[1:])
        return command

    assert advice("stonegate platform forget")[-1] == "--keep-database"
    assert fleet.registry.platform(name).databases == ()
    assert advice("stonegate platform adopt")[-4:] == ["--tenant", "z", "--from", name]
    assert [each.owner.tenant for each in fleet.registry.platform(name).databases] == ["z"]
    shell.done(*apply)


def test_an_adoption_for_the_wrong_tenant_is_corrected_as_the_advice_says(shell: Shell) -> None:
    """It could be undone in platform.json and the label alone."""
    fleet, database = shell.fleet, f"{shell.fleet.name}_by_hand"
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    for name in (fleet.name, f"{fleet.name}_other"):
        shell.done("platform", "register", name)
    shell.done("platform", "adopt", fleet.name, database, "--tenant", "a")
    told = shell.run("platform", "adopt", fleet.name, database, "--tenant", "b").stderr
    command = shlex.split(told[told.index("stonegate platform adopt") :])
    assert command[-2:] == ["--from", fleet.name]
    shell.done(*command[1:])
    assert [one["id"] for one in shell.json("platform", "databases", fleet.name)] == ["b"]
    found = asyncio.run(find_database(fleet.registry, fleet.url, v1_owner(fleet.name, "b")))
    assert found is not None and found.database == database
    shell.done("apply", str(fleet.folder), "--platform", fleet.name, "--tenant", "b", "--yes")
    other = shell.run(
        "platform", "adopt", f"{fleet.name}_other", database, "--tenant", "b", "--from", f"{fleet.name}_x"
    )
    assert other.returncode == 2 and "another platform" in other.stderr


@pytest.mark.parametrize(
    ("before", "after"), [(True, True), (True, False), (False, True)], ids=["both", "of wrong", "of right"]
)
def test_an_adoption_for_the_wrong_platform_is_corrected(shell: Shell, before: bool, after: bool) -> None:
    """The role of the wrong one has it no more, nor do its records. The same folder may be deployed again, which
    wanted the owner that everything had before."""
    fleet, database = shell.fleet, f"{shell.fleet.name}_by_hand"
    wrong, right = (f"{fleet.name}{word}" for word in ("wrong", "right"))
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    for name, has_role in ((wrong, before), (right, after)):
        shell.done("platform", "register", name, *(("--db-user", f"{name}role") if has_role else ()))
    shell.done("platform", "adopt", wrong, database, "--tenant", "a")
    shell.done("apply", str(fleet.folder), "--platform", wrong, "--tenant", "a", "--yes")
    told = shell.run("platform", "adopt", right, database, "--tenant", "a")
    assert told.returncode == 2 and wrong not in told.stderr
    command = shlex.split(told.stderr[told.stderr.index("stonegate platform adopt") :])
    shell.done(*(wrong if word == "THAT_PLATFORM" else word for word in command[1:]))
    assert shell.json("platform", "databases", wrong) == []
    assert [one["database_name"] for one in shell.json("platform", "databases", right)] == [database]
    owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'"
    ((owner,),) = fleet.rows(database, owners)
    assert owner == (f"{right}role" if after else "postgres")
    if before:
        assert fleet.rows(database, f"SELECT has_database_privilege('{wrong}role', current_database(), 'CONNECT')") == [
            (False,)
        ]
    shell.done("tenant", "list", "--platform", right)
    shell.done("apply", str(fleet.folder), "--platform", right, "--tenant", "a", "--yes")
    assert shell.run("apply", str(fleet.folder), "--platform", wrong, "--tenant", "a", "--yes").returncode == 2
