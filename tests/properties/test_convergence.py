"""Any schema to any other: blocked with nothing changed, or as a fresh build with no row and no value lost.

Each kind of object is the protagonist of some stories: it comes, changes and goes, amid other random changes. A pair is
tried without consent first; what blocks is then forced, and where PostgreSQL refuses the rows, again without them.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from psycopg import sql

from stonegate.errors import MissingSeed
from stonegate.model.catalog import Catalog
from stonegate.model.plan import ChangeClass, Plan
from stonegate.model.report import ApplyReport, Status
from tests.conftest import database_maker
from tests.convergence import Look, Snapshot, between, deploy, lost, options
from tests.properties.coverage import seen, seen_in_files
from tests.properties.files import rows_of, schema_files, write_schema
from tests.properties.kinds import KINDS
from tests.properties.schemas import RELEASES, Schema, stories
from tests.servers import Database, Server, drop_references

#: How many pairs all kinds try together. Each kind has a seed of its own, so that a run can be repeated;
#: STONEGATE_SEED makes it another one, for a hunt by hand.
EXAMPLES = int(os.environ.get("STONEGATE_EXAMPLES", "500"))
SEED = int(os.environ.get("STONEGATE_SEED", "0"))

BY_FORCE = options(force=True, seed_missing=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_converges_or_blocks(server: Server, kind: str) -> None:
    what_was_seen: set[str] = set()
    outcomes: Counter[str] = Counter()

    @seed(SEED * len(KINDS) + list(KINDS).index(kind))
    @settings(
        max_examples=math.ceil(EXAMPLES / len(KINDS) / RELEASES),
        database=None,
        verbosity=Verbosity.quiet,  # a failed release tells its files itself
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(story=stories(kind))
    def follow(story: tuple[Schema, ...]) -> None:
        with contextlib.ExitStack() as made, tempfile.TemporaryDirectory() as directory:
            database = database_maker(made)(server)
            telling = Telling(database, made.enter_context(Look(database.url)), Path(directory), story[0])
            made.callback(telling.forget)
            for schema in story[1:]:
                telling.release(schema)
            what_was_seen.update(telling.seen)
            outcomes.update(telling.outcomes)

    follow()
    print(dict(outcomes))
    if EXAMPLES >= 500:
        assert KINDS[kind].shows <= what_was_seen
        assert outcomes["converged"] + outcomes["forced"] + outcomes["emptied"] > outcomes["refused"]


class Telling:
    """A database that follows a story; what was seen on the way."""

    def __init__(self, database: Database, look: Look, directory: Path, first: Schema) -> None:
        self.seen: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self._database = database
        self._look = look
        self._directory = directory
        self._schema = first
        self._folders = 0
        self._fingerprints: set[str] = set()
        folder = self._write(first)
        report = deploy(database.url, folder)
        assert report.status is Status.APPLIED, report.error
        # The reference database, which is the fresh build of all releases to come, is as a real first deployment.
        plan = look.plan(folder)
        assert not plan.has_changes, [step.sql for step in plan.steps]
        assert plan.desired is not None
        self._catalog = self._look.catalog()
        assert between(plan.desired, self._catalog) == []
        self._desired = plan.desired
        self._fingerprints.add(plan.source.fingerprint)

    def forget(self) -> None:
        """Drop the reference databases of the story."""
        drop_references(self._database.server, *self._fingerprints)

    def release(self, schema: Schema) -> None:
        """The next schema: it converges, or it is refused and nothing changes."""
        try:
            self._release(schema)
        except AssertionError as failure:
            before, after = schema_files(self._schema), schema_files(schema)
            for path in sorted(before.keys() | after.keys()):
                if before.get(path) != after.get(path):
                    failure.add_note(f"--- {path}\n{before.get(path)}\n--- became\n{after.get(path)}")
            raise

    def _release(self, schema: Schema) -> None:
        url, folder = self._database.url, self._write(schema)
        rows, catalog = self._filled(), self._catalog
        outcome, report = "converged", deploy(url, folder)
        if schema_files(schema) == schema_files(self._schema):
            assert report.status is Status.UNCHANGED, report.error
            return
        if self._is_refused(report):
            assert self._stands() == (rows, catalog)
            outcome, report = "forced", deploy(url, folder, BY_FORCE)
        if self._is_refused(report) and report.status is Status.FAILED:
            assert self._stands() == (rows, catalog)
            self._empty(rows)
            outcome, report, rows = "emptied", deploy(url, folder, BY_FORCE), self._look.snapshot()
        assert report.plan is not None and report.plan.desired is not None, report.error
        self._fingerprints.add(report.plan.source.fingerprint)
        self.seen |= seen(self._desired, report.plan.desired)
        self.seen |= seen_in_files(schema_files(self._schema), schema_files(schema))
        if self._is_refused(report):
            assert self._stands() == (rows, catalog)
            self.outcomes["refused"] += 1
            self.outcomes[f"({_why(report)})"] += 1
            return
        self.outcomes[outcome] += 1
        self._compare(folder, report, rows, catalog)
        self._schema, self._desired = schema, report.plan.desired

    def _compare(self, folder: Path, report: ApplyReport, rows: Snapshot, before: Catalog) -> None:
        """As a fresh build, nothing lost, and nothing left to do."""
        assert report.status in (Status.APPLIED, Status.UNCHANGED), report.error
        assert report.plan is not None and report.plan.desired is not None
        desired, live = report.plan.desired, self._look.catalog()
        kept = {f"drop {extension.key}" for extension in live.extensions}  # removed ones are kept (§4)
        found = [text for text in between(desired, live) if text.partition(" (")[0] not in kept]
        assert found == [], [step.id for step in report.plan.steps]
        places = {text.partition(":")[0]: text for text in lost(rows, self._look.snapshot(), desired, {})}
        allowed = _touched(report.plan, before)
        assert [text for place, text in places.items() if not {place, place.partition(".")[0]} & allowed] == []
        again = self._look.plan(folder)
        assert not again.has_changes, [step.sql for step in again.steps]
        self._catalog = live

    def _stands(self) -> tuple[Snapshot, Catalog]:
        """What the database holds now."""
        return self._look.snapshot(), self._look.catalog()

    def _is_refused(self, report: ApplyReport) -> bool:
        """Blocked, seed rows are missing, or PostgreSQL refuses the rows (a forced type, a new unique key)."""
        if report.status is Status.FAILED:
            assert report.error is not None
            rows_refused = (report.error.sqlstate or "")[:2] in ("22", "23")
            assert rows_refused or isinstance(report.error, MissingSeed), report.error
        return report.status in (Status.BLOCKED, Status.FAILED)

    def _filled(self) -> Snapshot:
        """What the database holds, once each table that had no rows has got some."""
        rows = self._look.snapshot()
        statements = [statement for table, statement in rows_of(self._schema).items() if rows.counts.get(table) == 0]
        if not statements:
            return rows
        with psycopg.connect(self._database.url) as conn:
            for statement in statements:
                conn.execute(statement.encode())
        return self._look.snapshot()

    def _empty(self, rows: Snapshot) -> None:
        """What people do about rows that cannot become what is declared."""
        names = sql.SQL(", ").join(sql.Identifier(*table.split(".")) for table in rows.counts)
        with psycopg.connect(self._database.url) as conn:
            conn.execute(sql.SQL("TRUNCATE {}").format(names))

    def _write(self, schema: Schema) -> Path:
        self._folders += 1
        return write_schema(schema, self._directory / str(self._folders))


def _touched(plan: Plan, before: Catalog) -> set[str]:
    """Tables (and columns) whose values may change: by consent, by seeders or by migrations.

    The rows of a partition are its parents' too.
    """
    names = {step.key.owner.name for step in plan.steps if step.change_class is not ChangeClass.SAFE}
    names |= {seeder.table.name for step in plan.steps for seeder in step.seeders}
    parents = {
        table.name: {parent.name for parent in (*table.inherits, table.partition_of) if parent}
        for table in before.tables
    }
    names |= {place for kind in KINDS.values() for place in kind.rewritten}
    return names | {parent for name in names for parent in parents.get(name, ())}


def _why(report: ApplyReport) -> str:
    """Why a release was refused, in a word or two."""
    assert report.error is not None and report.plan is not None
    if report.status is Status.BLOCKED:
        return ", ".join(sorted({blocked.allow or blocked.reason for blocked in report.plan.blocked}))
    return f"{report.error.sqlstate or report.error.code}: {report.error.cause}"
