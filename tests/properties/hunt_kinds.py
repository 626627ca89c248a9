"""Every form of every kind to every other one, with rows: blocked, or converged with nothing lost.

A hunt of some minutes per server, so no part of `make test`: pytest tests/properties/hunt_kinds.py -k pg15
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.convergence import Look
from tests.properties.kinds import KINDS
from tests.properties.schemas import Schema
from tests.properties.test_convergence import Telling
from tests.servers import MakeDatabase, Server

PAIRS = [
    (name, before, after)
    for name, kind in KINDS.items()
    if not kind.in_order
    for before, after in permutations([*range(len(kind.forms)), None], 2)
]


@pytest.mark.parametrize(("kind", "before", "after"), PAIRS)
def test_pair(
    any_server: Server, make_database: MakeDatabase, tmp_path: Path, kind: str, before: int | None, after: int | None
) -> None:
    database = make_database(any_server)
    with Look(database.url) as look:
        telling = Telling(database, look, tmp_path, Schema().with_kind(kind, before))
        telling.release(Schema().with_kind(kind, after))
        telling.forget()
