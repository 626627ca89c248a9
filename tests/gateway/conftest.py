"""One gateway per module, with a platform of its own name that the tests deploy to."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import WORKER
from tests.gateway.folders import TYPES
from tests.gateway.gateway import Gateway, start_gateway
from tests.servers import Server, psql

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def gateway(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway; with GATEWAY_URL the one that stands there already (ADMIN_TOKEN in TOKEN of `gateway.py`)."""
    standing = os.environ.get("GATEWAY_URL")
    if standing:
        yield Gateway(url=standing.rstrip("/"))
        return
    with start_gateway(tmp_path_factory.mktemp("gateway"), server.admin_url) as started:
        yield started


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Names of platforms that nobody else uses."""
    return lambda: f"gw{WORKER}{os.getpid()}x{next(NUMBERS)}"


@pytest.fixture(scope="module")
def shop(gateway: Gateway) -> str:
    """A platform with the functions of `folders.TYPES`."""
    name = f"shop{WORKER}{os.getpid()}x{next(NUMBERS)}"
    answer = gateway.upload("/register", TYPES, platform=name)
    assert answer.status_code == 200, answer.text
    return name


@pytest.fixture(scope="module", autouse=True)
def clean_up(server: Server) -> Iterator[None]:
    """Drop the databases that a module's gateway made."""
    yield
    if os.environ.get("GATEWAY_URL"):
        return
    pattern = f"^(gw|shop){WORKER}{os.getpid()}x"
    for (name,) in psql(server.admin_url, "SELECT datname FROM pg_database WHERE datname ~ %s", (pattern,)):
        psql(server.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a gateway of this test's own lives."""
    return tmp_path / "gateway"
