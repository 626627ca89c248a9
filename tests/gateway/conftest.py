"""One gateway per worker, with platforms of each test's own; tests are held to the rows and codes that they show."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.admins import admin_of
from tests.conftest import WORKER
from tests.gateway.contract import SEEN
from tests.gateway.folders import TYPES
from tests.gateway.gateway import Gateway, bearer, start_gateway
from tests.servers import Server

NUMBERS = itertools.count(1)
#: Set by `make test-gateway` for a gateway that stands already.
STANDING = os.environ.get("GATEWAY_URL", "").rstrip("/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passes has met the rows and codes that it is marked with."""
    SEEN.clear()
    result = yield
    marked = {name for mark in item.iter_markers("shows") for name in mark.args}
    assert marked <= SEEN, f"the test never met {', '.join(sorted(marked - SEEN))}"
    return result


@pytest.fixture(scope="session")
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway; with GATEWAY_URL the one that stands there already (and ADMIN_TOKEN, as it has it)."""
    if STANDING:
        yield Gateway(url=STANDING)
        return
    server: Server = request.getfixturevalue("server")
    with start_gateway(tmp_path_factory.mktemp("gateway"), server.admin_url) as started:
        yield started


@pytest.fixture(scope="session")
def administrator(gateway: Gateway) -> dict[str, str]:
    """The header with the token; of a gateway that stands already the environment must have it."""
    header = bearer()
    if STANDING and gateway.get("/admin/platforms", headers=header).status_code != 200:
        pytest.skip("ADMIN_TOKEN is not that of the gateway, or ALLOWED_ADMIN_IPS are others")
    return header


@pytest.fixture
def behind(request: pytest.FixtureRequest, gateway: Gateway) -> Server:
    """The server behind the gateway, for tests that look at it, or change it, without the gateway."""
    if STANDING:
        pytest.skip("the database behind a gateway that stands already is out of reach")
    found: Server = request.getfixturevalue("server")
    return found


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Server:
    """The server for a gateway with settings of the test's own."""
    if STANDING:
        pytest.skip("a gateway that stands already has its settings")
    found: Server = request.getfixturevalue("server")
    return found


@pytest.fixture
def new_name(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Names of platforms that nobody else uses; their databases are dropped after the test."""
    given: list[str] = []
    server: Server | None = None if STANDING else request.getfixturevalue("server")

    def name() -> str:
        given.append(f"gw{WORKER}{os.getpid()}x{next(NUMBERS)}")
        return given[-1]

    yield name
    if given and server is not None:
        pattern = f"^({'|'.join(given)})_"
        admin = admin_of(server.admin_url)
        for (database,) in admin.execute("SELECT datname FROM pg_database WHERE datname ~ %s", (pattern,)).fetchall():
            admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def shop(gateway: Gateway) -> str:
    """A platform with the functions of `folders.TYPES`."""
    name = f"shop{WORKER}{os.getpid()}x{next(NUMBERS)}"
    answer = gateway.upload("/register", TYPES, platform=name)
    assert answer.status_code == 200, answer.text
    return name


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a gateway of this test's own lives."""
    return tmp_path / "gateway"
