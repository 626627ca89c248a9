"""What asyncio.run prints of each result, and throws away: it must not be the whole value."""

from __future__ import annotations

from pathlib import Path

from stonegate.model.catalog import Catalog
from stonegate.model.report import ApplyReport, FleetReport, Status
from stonegate.planner.build import build_plan
from stonegate.planner.order.tree import order_tree
from stonegate.source.parse import load_source
from tests.platforms import write_platform


def test_large_values_print_as_one_line(tmp_path: Path) -> None:
    tree = load_source(write_platform(tmp_path))
    plan = build_plan(tree=tree, ordered=order_tree(tree))
    report = ApplyReport(status=Status.APPLIED, database="shop", plan=plan)
    for value in (tree, plan, report, FleetReport(results=(report,)), Catalog()):
        assert len(repr(value)) < 200, type(value)
