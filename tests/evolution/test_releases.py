"""A platform of thirty tables through five releases: nothing more and nothing less than each needs."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from stonegate.model.plan import Action, Plan
from stonegate.model.report import Status
from tests.convergence import between, catalog_of, deploy, options, snapshot
from tests.evolution.support import assert_settled, changes, refused, rows, worked
from tests.platforms import KINDS, noun, write_platform
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import Database, MakeDatabase


def release(root: Path, number: int, database: Database) -> Path:
    """The folder of that release, without the extension where the server lacks it, and without what it removed."""
    shutil.rmtree(root, ignore_errors=True)
    folder = write_platform(root, release=number)
    if not rows(database.url, "SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'"):
        shutil.rmtree(folder / "extensions")
    return folder


def actions(plan: Plan) -> Counter[str]:
    """How many steps of each action and kind."""
    return Counter(
        f"{step.action} {step.kind}" for step in plan.steps if step.action not in (Action.SKIP, Action.VALIDATE)
    )


@OLDEST_AND_NEWEST
@pytest.mark.slow
def test_five_releases(any_database: Database, make_database: MakeDatabase, tmp_path: Path) -> None:
    url, root = any_database.url, tmp_path / "platform"

    def deployed(folder: Path) -> Plan:
        report = deploy(url, folder)
        assert report.error is None and report.plan is not None
        assert_settled(any_database, folder)
        return report.plan

    deployed(release(root, 1, any_database))
    before = snapshot(url)

    _does_what_the_second_release_says(deployed(release(root, 2, any_database)))

    plan = deployed(release(root, 3, any_database))
    assert worked(plan) == [] and not plan.has_changes

    plan = deployed(release(root, 4, any_database))
    assert {name.partition("(")[0] for name in changes(plan)} == {
        f"create routine get_{noun(1)}",
        f"drop routine get_{noun(1)}",
        f"recreate routine get_{noun(2)}",
        f"recreate routine get_{noun(3)}",
        f"drop routine get_{noun(4)}",
        f"create routine fetch_{noun(4)}",
        f"drop routine get_{noun(5)}",
    }

    folder = release(root, 5, any_database)
    _drops_only_with_consent(any_database, folder)
    assert_settled(any_database, folder)
    fresh = make_database(any_database.server)
    assert deploy(fresh.url, folder).status is Status.APPLIED
    assert between(catalog_of(fresh.url), catalog_of(url)) == []
    after = snapshot(url)
    assert after.counts == before.counts | {noun(30): 0}


def _does_what_the_second_release_says(plan: Plan) -> None:
    # Every fifteenth of 76 bodies; those of the third table return BIGINT where they returned INT.
    reworked = {f"replace routine {KINDS[n // 30]}_{noun(n % 30)}" for n in (0, 15, 30, 45, 60, 75)}
    assert {identity.partition("(")[0] for identity in changes(plan) if identity.startswith("replace")} == reworked
    retyped = {name.partition("(")[0] for name in changes(plan) if name.startswith("recreate routine")}
    assert retyped == {f"recreate routine get_{noun(2)}", f"recreate routine list_{noun(2)}"} - reworked
    assert {name for name in changes(plan) if " table " in name or " column " in name} == {
        f"create table {noun(30)}",
        f"create column {noun(1)}.remarks",
        f"alter column {noun(2)}.amount type",
    }
    assert actions(plan)["run migration"] == 1


def _drops_only_with_consent(database: Database, folder: Path) -> None:
    column = f"{noun(3)}.legacy_code"
    said = refused(deploy(database.url, folder), "migration_blocked", 4)
    assert f"--allow drop_column:{column}" in said
    exists = f"SELECT FROM information_schema.columns WHERE table_name = '{noun(3)}' AND column_name = 'legacy_code'"
    assert len(rows(database.url, exists)) == 1
    report = deploy(database.url, folder, options([f"drop_column:{column}"]))
    assert report.status is Status.APPLIED and report.plan is not None, report.error
    assert changes(report.plan) == {f"drop column {column}"}
    assert rows(database.url, exists) == []
    forced = "SELECT object_name FROM _stonescriptdb_gateway_changelog WHERE forced"
    assert rows(database.url, forced) == [(column,)]
