"""The kinds of objects that random schemas have beyond plain tables, views and routines: all of behaviour §4."""

from __future__ import annotations

from tests.properties.kinds.code import CODE
from tests.properties.kinds.history import HISTORY
from tests.properties.kinds.kind import Kind
from tests.properties.kinds.tables import TABLES
from tests.properties.kinds.types import TYPES

__all__ = ["KINDS", "Kind"]

KINDS: dict[str, Kind] = TABLES | TYPES | CODE | HISTORY
