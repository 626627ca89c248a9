"""Every form of the rarer kinds to every other one, with rows: blocked, or converged with nothing lost.

A hunt of minutes for each server, so no part of `make test`: pytest tests/properties/hunt_extras.py -k pg15
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.properties.extras import EXTRAS
from tests.properties.schemas import Schema, write_schema
from tests.properties.test_convergence import _converge
from tests.servers import MakeDatabase, Server

PAIRS = [
    (kind, before, after)
    for kind, (_, forms) in EXTRAS.items()
    for before, after in permutations([*range(len(forms)), None], 2)
]


@pytest.mark.parametrize(("kind", "before", "after"), PAIRS)
def test_pair(
    any_server: Server, make_database: MakeDatabase, tmp_path: Path, kind: str, before: int | None, after: int | None
) -> None:
    first, second = (Schema(extras=() if form is None else ((kind, form),)) for form in (before, after))
    folders = write_schema(first, tmp_path / "a"), write_schema(second, tmp_path / "b")
    for force in (False, True):
        _converge(make_database(any_server).url, make_database(any_server).url, *folders, first, force)
