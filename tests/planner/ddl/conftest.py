"""The cases of a module are carried out together, in one database for all of them."""

from __future__ import annotations

import pytest

from tests.planner.ddl.support import Outcome, carry_out
from tests.servers import Server


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, any_server: Server) -> dict[str, Outcome]:
    """What became of each of the module's CASES, by name."""
    return carry_out(request.module.CASES, any_server)
