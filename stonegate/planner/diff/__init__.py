"""The diff: two Catalog values of the same origin, and what was last declared, become a list of classified changes."""

from __future__ import annotations

from stonegate.planner.diff.compare import differences
from stonegate.planner.diff.findings import Diff
from stonegate.planner.diff.positions import in_live_positions

__all__ = ["Diff", "differences", "in_live_positions"]
