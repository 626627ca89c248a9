"""Every case of this folder on every PostgreSQL: plan as recorded, apply, nothing lost, second plan empty, as fresh."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from stonegate.cli.render.plan_json import plan_document
from stonegate.model.catalog import Catalog
from stonegate.model.plan import Plan
from stonegate.model.report import Status
from tests.convergence import Look, Snapshot, between, deploy, lost, options
from tests.programs import MAJORS
from tests.servers import Database, MakeDatabase, Server, drop_database, drop_references

HERE = Path(__file__).parent
NEWEST = 18  # whose plans are recorded, unless a case runs on older ones only
CASES = sorted(path.parent for path in HERE.glob("*/*/after"))


@dataclass(frozen=True)
class Case:
    """What case.toml says; see README.md."""

    expect: str = "applied"
    allow: tuple[str, ...] = ()
    force: bool = False
    versions: tuple[int, ...] = tuple(MAJORS)
    renamed: dict[str, str] = field(default_factory=dict)
    changed_values: bool = False
    reordered: bool = False
    unmanaged: bool = False
    kept_privileges: bool = False


@cache
def read_case(folder: Path) -> Case:
    """The case's own settings over the defaults."""
    file = folder / "case.toml"
    return Case(**tomllib.loads(file.read_text())) if file.exists() else Case()


@cache
def content(folder: Path) -> str:
    """What a case begins with: a digest of `before/` and the rows."""
    files = [folder / "rows.sql", *sorted((folder / "before").rglob("*"))]
    texts = [(str(file.relative_to(folder)), file.read_bytes()) for file in files if file.is_file()]
    return sha256(repr(texts).encode()).hexdigest()


#: The cases by what they begin with, and one after the other.
ALIKE: dict[str, list[Path]] = {}
for case_folder in CASES:
    ALIKE.setdefault(content(case_folder), []).append(case_folder)
IN_ORDER = [case_folder for alike in ALIKE.values() for case_folder in alike]


def pytest_ids(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


class Befores:
    """The database that a case begins with: `before/` deployed, its rows inserted.

    Cases that begin alike follow each other and get clones of one database.
    """

    def __init__(self, make: MakeDatabase) -> None:
        self._make = make
        self._last: tuple[object, Database] | None = None

    def of(self, server: Server, folder: Path, make: MakeDatabase) -> Database:
        """A database of the case's own.

        Args:
            make: makes databases that live as long as the case.
        """
        if len(ALIKE[content(folder)]) == 1:
            return self._built(make(server), folder)
        key = (server, content(folder))
        if self._last is None or self._last[0] != key:
            if self._last is not None:
                drop_database(self._last[1])
            self._last = (key, self._built(self._make(server), folder))
        return make(server, self._last[1])

    def _built(self, database: Database, folder: Path) -> Database:
        report = deploy(database.url, folder / "before")
        assert report.status is Status.APPLIED, report.error
        if (rows := folder / "rows.sql").exists():
            with psycopg.connect(database.url) as conn:
                conn.execute(rows.read_bytes())
        return database


@pytest.fixture(scope="module")
def befores(make_template: MakeDatabase) -> Befores:
    return Befores(make_template)


@pytest.mark.parametrize("folder", IN_ORDER, ids=pytest_ids)
def test_case(
    folder: Path,
    any_server: Server,
    befores: Befores,
    make_database: MakeDatabase,
    request: pytest.FixtureRequest,
) -> None:
    case = read_case(folder)
    if any_server.major not in case.versions:
        pytest.skip("made for other versions")
    database = befores.of(any_server, folder, make_database)
    with Look(database.url) as look:
        check(case, folder, database, look, update=request.config.getoption("--update-golden"))


def check(case: Case, folder: Path, database: Database, look: Look, *, update: bool) -> None:
    """Deploy `after/` and see that all is as the case says."""
    server, before = database.server, look.snapshot()
    catalog = None if case.expect == "applied" else look.catalog()
    report = deploy(database.url, folder / "after", options(case.allow, force=case.force))
    assert report.plan is not None, report.error
    try:
        if server.major == min(max(case.versions), NEWEST):
            compare_with_golden(report.plan, folder / "plan.json", update)
        if case.expect == "applied":
            assert report.status in (Status.APPLIED, Status.UNCHANGED), report.error
            compare_with_fresh(look, folder / "after", case, report.plan, before)
        else:
            assert report.status is (Status.BLOCKED if case.expect == "blocked" else Status.FAILED), report
            assert look.catalog() == catalog
            assert look.snapshot() == before
    finally:
        drop_references(server, report.plan.source.fingerprint)


def compare_with_fresh(look: Look, after: Path, case: Case, plan: Plan, before: Snapshot) -> None:
    """Nothing lost, nothing left to do, and the same catalog as a fresh build, which the reference database is."""
    desired, live = plan.desired, look.catalog()
    assert desired is not None
    if not case.unmanaged and not case.kept_privileges:
        assert between(desired, live) == []
        if not case.renamed:  # an old name is made up on one side only
            back = between(live, desired)
            # A NOT NULL does not cease to be a child's own when a parent has one too.
            assert [text for text in back if "not_null_origin" not in text] == []
            assert identity_names(live) == identity_names(desired)
        if not case.reordered:
            assert column_order(live) == column_order(desired)
    assert lost(before, look.snapshot(), desired, case.renamed, with_values=not case.changed_values) == []
    again = look.plan(after)
    assert not again.has_changes, [step.id for step in again.steps]
    assert not again.blocked


def column_order(catalog: Catalog) -> dict[str, list[str]]:
    return {str(table.key): [column.name for column in table.columns] for table in catalog.tables}


def identity_names(catalog: Catalog) -> set[str]:
    return {str(column.identity_name) for table in catalog.tables for column in table.columns if column.identity}


def compare_with_golden(plan: Plan, file: Path, update: bool) -> None:
    """The plan without what differs from run to run: names of databases, fingerprints, paths."""
    document = plan_document(plan)
    kept = {key: document[key] for key in ("summary", "steps", "blocked", "warnings")}
    text = json.dumps(kept, indent=2, ensure_ascii=False, default=str) + "\n"
    if update:
        file.write_text(text)
    assert file.exists(), "no golden plan: run with --update-golden and read what it wrote"
    assert json.loads(text) == json.loads(file.read_text())
