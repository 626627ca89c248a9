"""Every case of this folder on every PostgreSQL: plan as recorded, apply, nothing lost, second plan empty, as fresh."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from stonegate.cli.render.plan_json import plan_document
from stonegate.model.catalog import Catalog
from stonegate.model.plan import Plan
from stonegate.model.report import ApplyReport, Status
from tests.conftest import MakeDatabase
from tests.convergence import (
    between,
    catalog_of,
    deploy,
    lost,
    options,
    plan_in_full,
    snapshot,
)
from tests.servers import Server

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/after"))


@dataclass(frozen=True)
class Case:
    """What case.toml says; see README.md."""

    expect: str = "applied"
    allow: tuple[str, ...] = ()
    force: bool = False
    versions: tuple[int, ...] = (15, 16, 18)
    renamed: dict[str, str] = field(default_factory=dict)
    changed_values: bool = False
    reordered: bool = False
    unmanaged: bool = False
    kept_privileges: bool = False


def read_case(folder: Path) -> Case:
    """The case's own settings over the defaults."""
    file = folder / "case.toml"
    return Case(**tomllib.loads(file.read_text())) if file.exists() else Case()


def pytest_ids(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


@pytest.mark.parametrize("folder", CASES, ids=pytest_ids)
def test_case(folder: Path, any_server: Server, make_database: MakeDatabase, request: pytest.FixtureRequest) -> None:
    case = read_case(folder)
    if any_server.major not in case.versions:
        return
    database = make_database(any_server)
    first = deploy(database.url, folder / "before")
    assert first.status is Status.APPLIED, first.error
    rows = folder / "rows.sql"
    if rows.exists():
        with psycopg.connect(database.url) as conn:
            conn.execute(rows.read_bytes())
    before = snapshot(database.url)
    catalog = catalog_of(database.url)
    chosen = options(case.allow, force=case.force)

    if any_server.major == 18:
        plan = plan_in_full(database.url, folder / "after", chosen)
        compare_with_golden(plan, folder / "plan.json", request.config.getoption("--update-golden"))
    report = deploy(database.url, folder / "after", chosen)

    if case.expect != "applied":
        assert report.status is (Status.BLOCKED if case.expect == "blocked" else Status.FAILED), report
        assert catalog_of(database.url) == catalog
        assert snapshot(database.url) == before
        return
    assert report.status in (Status.APPLIED, Status.UNCHANGED), report.error
    desired, live = built_afresh(report, folder / "after", any_server, make_database), catalog_of(database.url)
    if not case.unmanaged and not case.kept_privileges:
        assert between(desired, live) == []
        if not case.renamed:  # an old name is made up on one side only
            assert between(live, desired) == []
        if not case.reordered:
            assert column_order(live) == column_order(desired)
    if not case.changed_values:
        assert lost(before, snapshot(database.url), desired, case.renamed) == []
    again = plan_in_full(database.url, folder / "after")
    assert not again.has_changes, [step.id for step in again.steps]
    assert not again.blocked


def built_afresh(report: ApplyReport, after: Path, server: Server, make_database: MakeDatabase) -> Catalog:
    """The catalog of `after` built from empty: by a deployment on 18, by the reference database elsewhere."""
    if server.major != 18 and report.plan is not None and report.plan.desired is not None:
        return report.plan.desired
    fresh = make_database(server)
    assert deploy(fresh.url, after).status is Status.APPLIED
    return catalog_of(fresh.url)


def column_order(catalog: Catalog) -> dict[str, list[str]]:
    return {str(table.key): [column.name for column in table.columns] for table in catalog.tables}


def compare_with_golden(plan: Plan, file: Path, update: bool) -> None:
    """The plan without what differs from run to run: names of databases, fingerprints, paths."""
    document = plan_document(plan)
    kept = {key: document[key] for key in ("summary", "steps", "blocked", "warnings")}
    text = json.dumps(kept, indent=2, ensure_ascii=False, default=str) + "\n"
    if update:
        file.write_text(text)
    assert file.exists(), "no golden plan: run with --update-golden and read what it wrote"
    assert json.loads(text) == json.loads(file.read_text())
