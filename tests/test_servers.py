"""The test servers themselves: versions, isolation of databases, crash and recovery of private servers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.programs import find_programs
from tests.servers import RUN, Database, MakeDatabase, MakePrivateServer, Server, begin_run, psql


def test_each_version_answers_over_socket_and_tcp(any_server: Server) -> None:
    for url in (any_server.admin_url, any_server.tcp_url()):
        [(version, encoding)] = psql(
            url, "SELECT current_setting('server_version'), current_setting('server_encoding')"
        )
        assert version.startswith(f"{any_server.major}.")
        assert encoding == "UTF8"


def test_tcp_refuses_a_wrong_password(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psql(server.tcp_url(password="wrong"), "SELECT 1")


def test_the_run_starts_one_server_per_version(server: Server, pytestconfig: pytest.Config) -> None:
    assert pytestconfig.stash[RUN].shared_server(18) == server


def test_15_has_the_extensions_that_18_lacks(server15: Server, make_database: MakeDatabase) -> None:
    database = make_database(server15)
    assert database.rows('CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pgcrypto; SELECT uuid_nil()::text') == [
        ("00000000-0000-0000-0000-000000000000",)
    ]


def test_a_database_is_empty(any_database: Database) -> None:
    found = any_database.rows("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert found == [(0,)]


def test_the_templates_are_as_initdb_leaves_them(any_server: Server) -> None:
    found = psql(
        any_server.admin_url,
        "SELECT datname, datallowconn FROM pg_database WHERE datistemplate AND datname ~ '^template'",
    )
    assert sorted(found) == [("template0", False), ("template1", True)]


def test_a_database_can_be_cloned_and_parameters_are_bound(database: Database, make_database: MakeDatabase) -> None:
    database.rows("CREATE TABLE thing (name text)")
    database.rows("INSERT INTO thing VALUES (%s)", "It's")
    clone = make_database(database.server, database)
    assert clone.name != database.name
    assert clone.rows("SELECT name FROM thing") == [("It's",)]
    assert (clone.rows("SELECT FROM thing"), clone.rows("SELECT FROM thing WHERE false")) == ([()], [])


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_dropped_after_its_test(server: Server, database: Database, turn: int) -> None:
    assert database.rows("SELECT current_database()") == [(database.name,)]
    mine = database.name.rpartition("_")[0] + "\\_%"
    assert psql(server.admin_url, "SELECT datname FROM pg_database WHERE datname LIKE %s", (mine,)) == [
        (database.name,)
    ]


def test_a_missing_version_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STONEGATE_POSTGRES_15", str(tmp_path))
    with pytest.raises(LookupError, match="apt-get install postgresql-15"):
        find_programs(15)


def test_committed_rows_survive_the_kill_of_a_private_server(private_server: MakePrivateServer) -> None:
    server = private_server(18, log_checkpoints="off")
    assert psql(server.admin_url, "SHOW fsync") == [("on",)]
    psql(server.admin_url, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)")
    with psycopg.connect(server.admin_url) as session:
        session.execute("INSERT INTO kept VALUES (2)")
        server.kill()
        assert not server.running
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    address = server.admin_url
    server.start()
    assert server.admin_url == address
    assert psql(server.admin_url, "SELECT id FROM kept") == [(1,)]
    server.stop("immediate")
    assert not server.running
    server.start()
    assert psql(server.tcp_url(), "SELECT id FROM kept") == [(1,)]


KILLED_RUN = """
import os
from tests.servers import begin_run
with begin_run() as run:
    print(run.shared_server(18).admin_url, flush=True)
    os._exit(1)  # like a killed run: stops nothing
"""


def test_the_servers_of_a_killed_run_are_removed_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        monkeypatch.setenv("TMPDIR", root)
        monkeypatch.setattr(tempfile, "tempdir", root)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_RUN],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        url = killed.stdout.strip()
        assert psql(url, "SELECT 1") == [(1,)], killed.stderr
        with begin_run() as run:
            assert list(Path(root).iterdir()) == [run.directory]
            with pytest.raises(psycopg.OperationalError):
                psql(url, "SELECT 1")
        assert list(Path(root).iterdir()) == []
