"""Which database a command means, by name, environment, settings or platform; and where references lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from stonegate.fleet.names import Owner
from stonegate.fleet.records import DatabaseRecord
from stonegate.fleet.registry import Registry
from tests.cli.conftest import NOTES, Run, WriteFolder
from tests.servers import Database, MakePrivateServer, psql


def test_a_name_is_a_database_on_the_server_of_the_environment(
    run: Run, notes: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.server.admin_url)
    assert run("plan").out.startswith("Plan for an empty database")  # DATABASE_URL alone is no target
    assert run("apply", "-d", database.name).code == 0
    Path("stonegate.toml").write_text(f'[target]\ndatabase = "{database.name}"\n')
    assert database.name in run("status").out
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DB_HOST", str(database.server.postmaster.sockets))
    monkeypatch.setenv("DB_PORT", str(database.server.postmaster.port))
    monkeypatch.setenv("DB_USER", "postgres")
    assert "unchanged" in run("apply").out


def test_a_tenant_of_a_platform(
    run: Run, notes: Path, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.server.admin_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    registry = Registry(tmp_path / "data")
    registry.register("shop")
    for tenant, name in (("t1", database.name), ("t2", "elsewhere")):
        registry.record(DatabaseRecord(owner=Owner(platform="shop", tenant=tenant), database=name))
    assert run("apply", "--platform", "shop", "--tenant", "t1").code == 0
    assert (
        run("call", "add_note", "x", "--platform", "shop", "--tenant", "t1", "--format", "json").json["row_count"] == 1
    )
    several = run("call", "add_note", "x", "--platform", "shop", "--tenant", "t*")
    assert several.code == 2 and "2 databases" in several.err
    assert run("status", "--platform", "shop").code == 2
    for listing in (("tenant", "list", "--platform", "shop"), ("platform", "databases", "shop")):
        unknown = run(*listing, "--schema", "nosuch")
        assert unknown.code == 2 and "no stored folder nosuch" in unknown.err


def test_a_fact_has_one_name_in_the_json_of_all_commands(
    run: Run, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    registry = Registry(tmp_path / "data")
    registry.register("shop")
    uploaded = run("platform", "upload", "shop", str(notes), "--schema", "app", "--format", "json").json
    digest = run("check", str(notes), "--format", "json").json["digest"]
    assert uploaded == {"status": "registered", "platform": "shop", "schema": "app", "digest": digest}
    registry.record(DatabaseRecord(owner=Owner(platform="shop", tenant="7", schema="app"), database="shop_app_7"))
    (listed,) = run("tenant", "list", "--platform", "shop", "--format", "json").json
    forgotten = run("platform", "forget", "shop", "shop_app_7", "--keep-database", "--format", "json").json
    for name in ("id", "database", "schema"):
        assert listed[name] == forgotten[name]


def test_a_mistyped_shadow_server_is_refused_where_nobody_needs_it(run: Run, notes: Path, database: Database) -> None:
    assert run("apply", "-d", database.url).code == 0  # so that nothing has changed
    for command in ("plan", "apply", "diff"):
        for mistyped, word in (("nosuch://x", "nosuch://"), ("embeded", "the word embedded")):
            refused = run(command, "-d", database.url, "--shadow", mistyped)
            assert refused.code == 2 and "shadow server's URL cannot be read" in refused.err and word in refused.err
    assert "for the plan of a database" in run("plan", "--shadow", "embedded").err


def test_references_are_listed_and_dropped(
    run: Run, write_folder: WriteFolder, private_server: MakePrivateServer
) -> None:
    url = private_server().url("notes")  # on a shared one, other tests' references come and go
    write_folder(NOTES)
    assert run("apply", "-d", url).code == 0
    write_folder(NOTES | {"tables/more.pssql": "CREATE TABLE more (id int);"})
    fingerprint = run("plan", "-d", url, "--format", "json").json["source"]["fingerprint"]
    (stored,) = run("reference", "list", "-d", url, "--format", "json").json
    assert stored["fingerprint"] == fingerprint
    assert fingerprint[:12] in run("reference", "list", "-d", url).out
    prune = ("reference", "prune", "-d", url, "--format", "json")
    assert run(*prune, "--keep", fingerprint).json == {"dropped": []}
    mistyped = run(*prune, "--keep", "0123abc")
    assert mistyped.json == {"dropped": [stored["database"]]}
    assert mistyped.err.startswith("warning: --keep 0123abc kept nothing")
    assert run("reference", "list", "-d", url, "--format", "json").json == []


def test_check_builds_on_a_shadow(run: Run, write_folder: WriteFolder, database: Database) -> None:
    write_folder(NOTES | {"views/v.pssql": f"CREATE VIEW v AS SELECT title, {database.name} FROM notes;"})
    assert run("check").code == 0
    result = run("check", "--shadow", database.server.admin_url)
    assert result.code == 6 and "views/v.pssql:1" in result.err and database.name in result.err
    write_folder(NOTES | {"views/v.pssql": f"CREATE VIEW v AS SELECT title AS {database.name} FROM notes;"})
    built = run("check", "--shadow", database.server.admin_url)
    assert built.code == 0 and "builds" in built.out


def test_rows_that_no_new_database_can_be_given_are_warned_of(
    run: Run, write_folder: WriteFolder, url: str, database: Database
) -> None:
    files = {
        "tables/a.sql": "CREATE DOMAIN filled AS int NOT NULL DEFAULT 1; CREATE TABLE a (id int PRIMARY KEY, n text);",
        "seeders/a.sql": "INSERT INTO a (id) VALUES (1);",
    }
    write_folder(files)
    assert run("apply", "-d", url).code == 0
    others = (
        "i int GENERATED ALWAYS AS IDENTITY, s serial, g int NOT NULL GENERATED ALWAYS AS (1) STORED, f filled NOT NULL"
    )
    files["tables/a.sql"] = files["tables/a.sql"].replace("n text", f"n text, {others}")
    write_folder(files)
    assert run("plan", "-d", url).err == "" and "warning" not in run("check", "--shadow", database.server.admin_url).out
    files["tables/a.sql"] = files["tables/a.sql"].replace("n text", "n text NOT NULL")
    files["migrations/1.sql"] = "UPDATE a SET n = 'x'; ALTER TABLE a ALTER n SET NOT NULL;"
    write_folder(files)
    assert (
        "seeders/a.sql:1: the rows of a have no value for n, NOT NULL without a default" in run("plan", "-d", url).out
    )
    assert run("apply", "-d", url, "--allow", "set_not_null").code == 0
    failed = run("apply", "-d", url.replace(database.name, f"{database.name}_new"))
    assert failed.code == 6 and "null value" in failed.err
    trigger = (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n = 'x'; RETURN NEW; END $$;"
        "CREATE TRIGGER f BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();"
    )
    write_folder(files | {"triggers/a.sql": trigger})
    assert "rows of a" not in run("check", "--shadow", database.server.admin_url).out


KEYED = {
    "tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY, a_id int CONSTRAINT late REFERENCES a DEFERRABLE "
    "INITIALLY DEFERRED, n text NOT NULL CONSTRAINT filled CHECK (n <> ''));\nCREATE TABLE b (id int);"
}
#: Where a migration writes rows, no database is cloned.
EITHER_WAY = pytest.mark.parametrize(
    "more", [{}, {"migrations/1.sql": "-- stonegate: run-on-fresh\nINSERT INTO b VALUES (1);"}], ids=["cloned", "anew"]
)
HAS_ROWS = "SELECT datname FROM pg_database WHERE datname ~ '_rows_'"


@EITHER_WAY
@pytest.mark.parametrize(
    ("seeder", "said"),
    [
        (
            "INSERT INTO a VALUES (1, 1, 'x');\nINSERT INTO a VALUES\n(2, 1, 'x'),\n(3, 1, '');",
            'check constraint "filled"',
        ),
        ("INSERT INTO a VALUES (1, 1, 'x');\n\n\nINSERT INTO a VALUES (1, 1, 'y');", 'unique constraint "a_pkey"'),
        ("INSERT INTO a VALUES (1, 1, 'x');\n\n\nINSERT INTO a VALUES (2, 7, 'x');", 'foreign key constraint "late"'),
        ("INSERT INTO a VALUES (1, 1, 'x');\n\n\nINSERT INTO a (id, a_id) VALUES (2, 1);", "null value"),
    ],
)
def test_check_gives_a_new_database_its_rows(
    seeder: str,
    said: str,
    more: dict[str, str],
    run: Run,
    write_folder: WriteFolder,
    private_server: MakePrivateServer,
) -> None:
    server = private_server()
    write_folder(KEYED | {"seeders/a.sql": seeder} | more)
    refused = run("check", "--shadow", server.admin_url)
    assert refused.code == 6 and said in refused.err
    assert "seeders/a.sql:4" in refused.err or "late" in said
    assert "with its declared rows" in refused.err and "_rows_" not in refused.err
    assert psql(server.admin_url, HAS_ROWS) == []


@EITHER_WAY
def test_check_builds_what_a_new_database_can_be_given(
    more: dict[str, str], run: Run, write_folder: WriteFolder, private_server: MakePrivateServer
) -> None:
    server = private_server()
    write_folder(KEYED | {"seeders/a.sql": "INSERT INTO a VALUES (1, 1, 'x');"} | more)
    built = run("check", "--shadow", server.admin_url)
    assert built.code == 0 and "builds" in built.out
    assert psql(server.admin_url, HAS_ROWS) == []
