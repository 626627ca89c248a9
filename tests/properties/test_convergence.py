"""Any schema to any other: blocked with nothing changed, or as a fresh build with no row and no value lost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from stonegate.model.report import Status
from tests.convergence import between, catalog_of, deploy, lost, options, plan_in_full, snapshot
from tests.properties.schemas import Schema, mutated, rows_sql, schemas, write_schema
from tests.servers import Server, create_database, drop_database

#: How many pairs all shards try together. Each shard has a seed of its own, so that a run can be repeated;
#: STONEGATE_SEED makes it another one, for a hunt by hand.
EXAMPLES = int(os.environ.get("STONEGATE_EXAMPLES", "60"))
SEED = int(os.environ.get("STONEGATE_SEED", "0"))
SHARDS = 4


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    first = draw(schemas())
    return first, draw(mutated(first))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_converges_or_blocks(server: Server, shard: int) -> None:
    name = f"property_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{shard}"

    @seed(SEED * SHARDS + shard)
    @settings(
        max_examples=EXAMPLES // SHARDS,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(pair=pairs(), force=st.booleans())
    def one(pair: tuple[Schema, Schema], force: bool) -> None:
        first, second = pair
        database, fresh = (create_database(server, f"{name}_{side}") for side in ("a", "b"))
        try:
            with tempfile.TemporaryDirectory() as directory:
                before, after = write_schema(first, Path(directory) / "a"), write_schema(second, Path(directory) / "b")
                _converge(database.url, fresh.url, before, after, first, force)
        finally:
            drop_database(database)
            drop_database(fresh)

    one()


def _converge(url: str, fresh_url: str, before: Path, after: Path, first: Schema, force: bool) -> None:
    report = deploy(url, before)
    assert report.status is Status.APPLIED, report.error
    assert not plan_in_full(url, before).has_changes
    with psycopg.connect(url) as conn:
        conn.execute(rows_sql(first).encode())
    rows, catalog = snapshot(url), catalog_of(url)
    report = deploy(url, after, options(force=force))
    if report.status is Status.BLOCKED:
        assert catalog_of(url) == catalog
        assert snapshot(url) == rows
        return
    if report.status is Status.FAILED:
        # PostgreSQL refuses the rows themselves (a forced change of type, a new unique key): nothing changed.
        assert report.error is not None and (report.error.sqlstate or "")[:2] in ("22", "23"), report.error
        assert catalog_of(url) == catalog
        assert snapshot(url) == rows
        return
    fresh = deploy(fresh_url, after)
    assert fresh.status is Status.APPLIED, fresh.error
    desired, live = catalog_of(fresh_url), catalog_of(url)
    assert between(desired, live) == [], [step.id for step in report.plan.steps] if report.plan else ""
    if not force:
        assert lost(rows, snapshot(url), desired, {}) == []
    again = plan_in_full(url, after)
    assert not again.has_changes, [step.sql for step in again.steps]
