"""One platform turned into a wholly different one by force: everything goes, everything comes, and it converges."""

from __future__ import annotations

from pathlib import Path

import pytest

from stonegate.model.report import Status
from tests.conftest import MakeDatabase
from tests.convergence import between, catalog_of, deploy, options, plan_in_full
from tests.platforms import write_platform
from tests.servers import Server

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = {
    "todos": EXAMPLES / "todos/postgresql",
    "clinic": EXAMPLES / "clinic/postgresql",
    "clinic v1": EXAMPLES / "clinic/history/v1/postgresql",
}


@pytest.mark.parametrize(("before", "after"), [("clinic v1", "clinic"), ("todos", "clinic"), ("platform", "clinic")])
def test_pair(before: str, after: str, server: Server, make_database: MakeDatabase, tmp_path: Path) -> None:
    folders = FOLDERS | {"platform": write_platform(tmp_path)}
    database = make_database(server)
    first = deploy(database.url, folders[before])
    assert first.status is Status.APPLIED, first.error
    report = deploy(database.url, folders[after], options(force=True))
    assert report.status is Status.APPLIED, report.error
    assert report.plan is not None and report.plan.desired is not None
    assert between(report.plan.desired, catalog_of(database.url)) == []
    again = plan_in_full(database.url, folders[after])
    assert not again.has_changes, [step.id for step in again.steps]
