"""Two hundred databases and everything that can go wrong with some of them: the others finish, the report is true."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.fleet.conftest import Fleet, make_fleet
from tests.fleet.shell import Shell
from tests.servers import FAST, MakePrivateServer, PrivateServer

DATABASES = 200
FEWER = 60  # where their number does not matter
SPECIAL = 3
ORDINARY = DATABASES - SPECIAL

#: Whether the migration's rows are there, the number of indexes, and that of recorded migrations.
STATE = """
    SELECT bool_and(coalesce(to_jsonb(n) ->> 'mark' = '1', false)),
           (SELECT count(*) FROM pg_index WHERE indrelid = 'notes'::regclass),
           (SELECT count(*) FROM _stonescriptdb_gateway_migrations)
      FROM notes AS n
"""


@pytest.fixture
def private(private_server: MakePrivateServer) -> PrivateServer:
    """A server that may be stopped.

    It is killed as a process, not with the machine: what guards against that costs time only, as does a round of
    autovacuum through two hundred databases. What was committed must stay.
    """
    return private_server(18, **(FAST | {"synchronous_commit": "on", "max_connections": "60"}))


@pytest.fixture
def big(private: PrivateServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Fleet, Shell]]:
    """The fleet with so many tenants: one that will be locked, one with rows in the way, one that will be dropped."""
    fleet = make_fleet(private.server, tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    shell = Shell(fleet, work)
    shell.done("platform", "register", fleet.name, "--db-user", "tenant_role")
    shell.done("platform", "upload", fleet.name, str(fleet.folder), "--schema", "app")
    ids = tmp_path / "ids"
    ids.write_text(
        "\n".join(["a_locked", "b_broken", *(f"t{n:03}" for n in range(request.param - SPECIAL)), "z_dropped"])
    )
    shell.done("tenant", "create", "--platform", fleet.name, "--schema", "app", "--from-file", str(ids))
    fleet.rows(f"{fleet.name}_app_b_broken", "INSERT INTO notes (body) VALUES ('first')")
    fleet.write(
        "tables/notes.pssql",
        "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT '' UNIQUE, mark int);",
    )
    fleet.write("migrations/001_mark.pssql", "UPDATE notes SET mark = 1;\n")
    yield fleet, shell


def start(shell: Shell, report: Path) -> subprocess.Popen[str]:
    """`stonegate apply` to all, its progress line by line."""
    everything = ("apply", str(shell.fleet.folder), "--platform", shell.fleet.name, "--all")
    options = ("--lock-timeout", "0.2", "--report", str(report), "--concurrency", "8")
    return subprocess.Popen(
        [sys.executable, "-m", "stonegate", *everything, *options],
        cwd=shell.directory,
        env=shell.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], applied: int) -> None:
    """Read until so many databases more were applied."""
    assert process.stderr is not None
    told: list[str] = []
    for line in process.stderr:
        told.append(line)
        applied -= " applied" in line
        if applied == 0:
            return
    process.communicate(timeout=60)
    pytest.fail(f"the run ended too early: {''.join(told[-40:])}")


def end(process: subprocess.Popen[str]) -> int:
    """Its exit code, when it has finished by itself."""
    _, told = process.communicate(timeout=180)
    assert "Traceback" not in told, told
    return process.returncode


@contextmanager
def held_up(fleet: Fleet, numbers: Iterable[int]) -> Iterator[None]:
    """As many of the tenants as are deployed at a time cannot be meanwhile: no run gets past them."""
    with ExitStack() as sessions:
        for number in numbers:
            url = fleet.server.url(f"{fleet.name}_app_t{number:03}")
            sessions.enter_context(psycopg.connect(url)).execute("SELECT count(*) FROM notes")
        yield


def states(fleet: Fleet, *tenants: str) -> Counter[str]:
    """How many databases, of all or of these tenants, are on the old schema, the new one, or (never) anything else."""
    found: Counter[str] = Counter()
    for name in [f"{fleet.name}_app_{tenant}" for tenant in tenants] or fleet.databases():
        [facts] = fleet.rows(name, STATE)
        found[{(False, 1, 0): "old", (True, 2, 1): "new"}.get(facts, "torn")] += 1
    return found


@pytest.mark.slow
@pytest.mark.parametrize("big", [DATABASES], indirect=True)
def test_two_hundred_databases_in_a_faulted_run(
    big: tuple[Fleet, Shell], private: PrivateServer, tmp_path: Path
) -> None:
    fleet, shell = big
    prefix = f"{fleet.name}_app_"
    report = tmp_path / "report.json"
    with psycopg.connect(fleet.server.url(f"{prefix}a_locked")) as long_transaction:
        long_transaction.execute("SELECT count(*) FROM notes")

        killed = start(shell, report)
        wait_for(killed, 30)
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
        after_kill = states(fleet)
        assert after_kill["torn"] == 0 and 30 <= after_kill["new"] < ORDINARY and not report.exists()

        running = start(shell, report)
        wait_for(running, 25)
        fleet.rows("postgres", f"DROP DATABASE {prefix}z_dropped WITH (FORCE)")
        wait_for(running, 25)
        private.stop("immediate")
        private.start()
        assert end(running) == 7
        long_transaction.close()

    results = {one["database"]: one for one in json.loads(report.read_text())}
    assert len(results) == DATABASES
    failed = {name.removeprefix(prefix): one["error"]["code"] for name, one in results.items() if "error" in one}
    assert failed == {"a_locked": "lock_timeout", "b_broken": "migration_failed", "z_dropped": "database_not_found"}
    assert states(fleet) == {"new": ORDINARY, "old": 2}
    succeeded = Counter(one["status"] for one in results.values() if "error" not in one)
    assert set(succeeded) == {"applied", "unchanged"} and succeeded["unchanged"] >= after_kill["new"]

    fleet.rows(f"{prefix}b_broken", "DELETE FROM notes WHERE id > 2")
    shell.done("tenant", "drop", "z_dropped", "--platform", fleet.name, "--yes")
    again = start(shell, report)
    assert end(again) == 0
    finished = Counter(one["status"] for one in json.loads(report.read_text()))
    assert finished == {"applied": 2, "unchanged": ORDINARY}
    assert states(fleet, "a_locked", "b_broken") == {"new": 2}


@pytest.mark.slow
@pytest.mark.parametrize("big", [FEWER], indirect=True)
def test_an_interrupted_run_finishes_what_is_under_way_and_reports(big: tuple[Fleet, Shell], tmp_path: Path) -> None:
    fleet, shell = big
    report = tmp_path / "report.json"
    with held_up(fleet, range(30, 38)):
        running = start(shell, report)
        wait_for(running, 20)
        running.send_signal(signal.SIGINT)
    assert end(running) == 7
    results = json.loads(report.read_text())
    assert len(results) == FEWER
    applied = sum(one["status"] == "applied" for one in results)
    skipped = [one for one in results if one.get("error", {}).get("code") == "fleet_failed"]
    assert (
        20 <= applied < FEWER - SPECIAL and skipped and "not attempted: interrupted" in skipped[0]["error"]["message"]
    )
    assert states(fleet)["new"] == applied and states(fleet)["torn"] == 0

    report.unlink()
    with held_up(fleet, range(49, 57)):
        running = start(shell, report)
        wait_for(running, 5)
        running.send_signal(signal.SIGHUP)  # the terminal went away
        assert running.stderr is not None
        assert any("once more to roll it back" in line for line in running.stderr)
        running.send_signal(signal.SIGINT)
        assert end(running) == 7
    assert len(json.loads(report.read_text())) == FEWER and states(fleet)["torn"] == 0
